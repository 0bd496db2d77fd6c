"""``python -m bench.soak``: hours in minutes, and then everything has to be as it was.

Two hundred terminals, of which some print; viewers that come, type, lag, are cut off, and go;
people who talk. Afterwards, when all of them have gone and all terminals have been closed, memory,
descriptors, tasks, threads and pseudo-terminals have to be back where they were, and nothing may
stand in the log. Exit code 1 when something is not.
"""

import argparse
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path

from bench import bridge, processes
from bench.bridge import Bridge
from bench.guests import Stock, Visitor, talk_at_length
from bench.subjects import Unmeasured

TERMINALS = 200
"""How many there are."""

COSTLY = "while :; do head -c 30000 /dev/zero | tr '\\0' '\\033' | sed 's/./&c/g'; sleep 1; done"
"""Resets by the thousand, for which the server takes threads, that it keeps."""

VISITORS = 24
"""How many come and go at the same time."""

SETTLING_SECONDS = 90.0
"""How long it may take until all is as it was: supervisors and collectors have their rounds."""

MEMORY_SLACK = 1.1
"""How much more memory is still the same: what is given back leaves holes."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a server holds.

    Attributes:
        memory: Resident bytes, of the server.
        descriptors: Open descriptors, of the server and of its spawner.
        threads: Threads of the server.
        tasks: Tasks of its event loop.
        children: Programs that the spawner has not reaped.
        pseudo_terminals: Masters that the server holds.
    """

    memory: int
    descriptors: int
    threads: int
    tasks: int
    children: int
    pseudo_terminals: int

    @classmethod
    def of(cls, server: Bridge) -> "Held":
        """Look now."""
        main, spawner = server.pids
        open_files = [link for pid in server.pids for link in _open_files(pid)]
        return cls(
            memory=processes.resident_bytes(main),
            descriptors=len(open_files),
            threads=len(list(Path(f"/proc/{main}/task").iterdir())),
            tasks=int(_metric(server, "ptybridge_tasks")),
            children=len(processes.Server(spawner, "").children()),
            pseudo_terminals=sum(link.endswith("/ptmx") for link in open_files),
        )

    def excess(self, before: "Held") -> list[str]:
        """What there is more of than ``before``."""
        found = []
        for name in (field.name for field in fields(self)):
            now, then = getattr(self, name), getattr(before, name)
            if now > then * (MEMORY_SLACK if name == "memory" else 1):
                found.append(f"{name.replace('_', ' ')}: {then} before, {now} after")
        return found


def _open_files(pid: int) -> list[str]:
    links = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # it was closed meanwhile
            links.append(str(entry.readlink()))
    return links


def _metric(server: Bridge, name: str) -> float:
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/metrics",
        headers={"Authorization": f"Bearer {server.token}"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        for line in response.read().decode().splitlines():
            if line.startswith(f"{name} "):
                return float(line.split()[1])
    raise Unmeasured(f"the server has no metric {name}")


def soak(minutes: float, count: int, log: Path) -> list[str]:
    """Run it all; what is not as it should be."""
    with bridge.start(log=log) as server:
        terminals = Stock(server)
        # Once around, so that what is made once and kept is there before.
        terminals.fill(count)
        terminals.ids += server.leave_running(COSTLY, 4)
        if minutes >= 1:  # before that, what is said weighs nothing
            talk_at_length(server)
        _visit(server, terminals, seconds=min(20.0, 4 + 20 * minutes))
        terminals.close()
        before = _settled(server, None)
        began = time.monotonic()
        terminals.fill(count)
        visits = 0
        while (left := began + 60 * minutes - time.monotonic()) > 0:
            visits += _visit(server, terminals, seconds=min(60.0, left))
            print(f"{time.monotonic() - began:5.0f} s {visits:6} visits  {Held.of(server)}")
            terminals.close(keep=count // 2)
            terminals.fill(count)
        terminals.close()
        after = _settled(server, before)
    print(f"before: {before}\nafter:  {after}")
    return after.excess(before) + [f"in the log: {line}" for line in log.read_text().splitlines()]


def _visit(server: Bridge, terminals: Stock, *, seconds: float) -> int:
    """Have all visitors come and go for so long; how often they did.

    Raises:
        Unmeasured: One of them was treated as it should not be.
    """
    until = time.monotonic() + seconds
    visitors = [Visitor(server, terminals, until, seed) for seed in range(VISITORS)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join(seconds + 60)
        if visitor.is_alive() or visitor.error is not None:
            raise Unmeasured(f"{visitor.name} did not come to an end: {visitor.error!r}")
    return sum(visitor.visits for visitor in visitors)


def _settled(server: Bridge, before: Held | None) -> Held:
    """What is held when it is as ``before``, or when it is as it stays."""
    until = time.monotonic() + SETTLING_SECONDS
    held = Held.of(server)
    same = 0
    while time.monotonic() < until and same < 3:
        time.sleep(1.0)
        now = Held.of(server)
        same = same + 1 if now == held and (before is None or not now.excess(before)) else 0
        held = now
    return held


def main(argv: Sequence[str] | None = None) -> int:
    """Run what the arguments say; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.soak", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (10)")
    parser.add_argument("--terminals", type=int, default=TERMINALS, help=f"({TERMINALS})")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="ptybridge-soak-") as directory:
        try:
            wrong = soak(arguments.minutes, arguments.terminals, Path(directory) / "log")
        except Unmeasured as error:
            wrong = [str(error)]
    for line in wrong:
        print(line, file=sys.stderr)
    if not wrong:
        print("all is as it was")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
