"""Flood: how fast a program's output reaches one viewer, and what that costs the server."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.figures import Row, Target
from bench.orders import orders
from bench.subjects import READY, Subject, Terminal, Unmeasured, Viewer, limit_to, receive_until

LINE = "{:07d} the quick brown fox jumps over the lazy dog; pack my box with jugs\n"
"""Plain text, so that no subject has anything to escape but newlines."""

END = b"flood-is-over"
ROUND_LIMIT = 60.0
"""Seconds that one round of one subject may take."""

MEGABYTE = 1_000_000


class Flood:
    """``cat`` of a file in memory, by turns of rounds; each starts when the viewer says so."""

    name = "flood"

    def measure(self, subjects: Sequence[Subject], *, quick: bool) -> list[Row]:
        """Two rows: throughput and CPU time, both per MB that the program wrote."""
        rounds, size = (3, 16 * MEGABYTE) if quick else (12, 32 * MEGABYTE)
        speed: dict[str, list[float]] = {subject.name: [] for subject in subjects}
        cost: dict[str, list[float]] = {subject.name: [] for subject in subjects}
        with tempfile.TemporaryDirectory(dir=memory_directory()) as directory:
            path = Path(directory) / "text"
            lines = size // len(LINE.format(0))
            path.write_text("".join(map(LINE.format, range(lines))))
            for order in orders(subjects, rounds):
                for subject in order:
                    with (
                        limit_to(ROUND_LIMIT, f"flood of {subject.name}"),
                        subject.open(script(path)) as terminal,
                        terminal.view() as viewer,
                    ):
                        receive_until(viewer, READY)
                        written = path.stat().st_size
                        expected = written + lines * (subject.newline_bytes - 1) + len(END)
                        seconds, cpu = _flood(terminal, viewer, expected)
                    speed[subject.name].append(written / MEGABYTE / seconds)
                    cost[subject.name].append(cpu * 1000 / (written / MEGABYTE))
        return [
            Row("flood", "MB/s", speed, (Target(0.85, "bare pty", at_least=True),)),
            Row("CPU per MB", "ms", cost, (Target(0.55, "terminado"),)),
        ]


def memory_directory() -> str | None:
    """Where files are in memory, on Linux; None for the usual place."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def script(path: Path) -> str:
    """The program: prints the file when it gets a line, then waits."""
    end = END.decode()
    return (
        f"stty -echo; printf {READY.decode()}; read _; cat {path}; "
        f"printf %s%s {end[:5]} {end[5:]}; read _"
    )


def _flood(terminal: Terminal, viewer: Viewer, expected: int) -> tuple[float, float]:
    """Receive all; the seconds that it took, and the server's CPU seconds.

    Raises:
        Unmeasured: It was not what the program wrote.
    """
    cpu = terminal.cpu_seconds()
    began = time.perf_counter()
    viewer.send(b"\n")
    received = 0
    output = memoryview(b"")
    while received < expected:
        output = viewer.receive()
        received += len(output)
    seconds = time.perf_counter() - began
    cpu = terminal.cpu_seconds() - cpu
    if received != expected or output[-len(END) :] != END[-len(output) :]:
        raise Unmeasured(f"flood: {received} bytes came, expected {expected}")
    return seconds, cpu
