"""An audience: one terminal's flood to fifty viewers."""

import selectors
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.figures import Row, Target
from bench.flood import END, LINE, MEGABYTE, memory_directory, script
from bench.peer import Peer
from bench.subjects import READY, Selectable, Subject, Terminal, Unmeasured, limit_to, receive_until

VIEWERS = 50

ROUND_LIMIT = 60.0
"""Seconds that one round of one subject may take."""

ALONE = "bare pty"
"""What can have one viewer only."""


class Audience:
    """``cat`` of a file in memory to all at once; the peer's terminal is shared, too."""

    name = "audience"

    def measure(self, subjects: Sequence[Subject], *, quick: bool) -> list[Row]:
        """Two rows: CPU time by MB delivered, and how evenly it is delivered."""
        rounds, size = (2, 2 * MEGABYTE) if quick else (5, 4 * MEGABYTE)
        shared = [
            Peer(shared=True) if isinstance(subject, Peer) else subject
            for subject in subjects
            if subject.name != ALONE
        ]
        cost: dict[str, list[float]] = {subject.name: [] for subject in shared}
        least: dict[str, list[float]] = {subject.name: [] for subject in shared}
        with tempfile.TemporaryDirectory(dir=memory_directory()) as directory:
            path = Path(directory) / "text"
            lines = size // len(LINE.format(0))
            path.write_text("".join(map(LINE.format, range(lines))))
            size = path.stat().st_size
            for _ in range(rounds):
                for subject in shared:
                    expected = size + lines * (subject.newline_bytes - 1) + len(END)
                    with (
                        limit_to(ROUND_LIMIT, f"audience of {subject.name}"),
                        subject.open(script(path)) as terminal,
                    ):
                        cpu, progress = _flood(terminal, expected)
                    cost[subject.name].append(cpu * 1000 / (VIEWERS * size / MEGABYTE))
                    least[subject.name].append(progress)
        return [
            Row(f"CPU per MB, {VIEWERS} viewers", "ms", cost, (Target(0.4, "terminado"),)),
            Row("  the slowest's share", "%", least, (Target(90, at_least=True),)),
        ]


def _flood(terminal: Terminal, expected: int) -> tuple[float, float]:
    """Have all viewers receive all.

    Returns:
        The server's CPU seconds; and how much of it all the slowest had received when the first was
        done, in percent.

    Raises:
        Unmeasured: One did not get what the program wrote, but a snapshot or something else.
    """
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        received: dict[Selectable, int] = {}
        for _ in range(VIEWERS):
            viewer = stack.enter_context(terminal.view())
            assert isinstance(viewer, Selectable)
            receive_until(viewer, READY)
            selector.register(viewer, selectors.EVENT_READ, viewer)
            received[viewer] = 0
        cpu = terminal.cpu_seconds()
        next(iter(received)).send(b"\n")
        slowest = 0
        waiting = set(received)
        while waiting:
            for key, _ in selector.select():
                ready: Selectable = key.data
                _take(ready, received, expected)
                if received[ready] == expected:
                    slowest = slowest or min(received.values())
                    selector.unregister(ready)
                    waiting.discard(ready)
        return terminal.cpu_seconds() - cpu, 100 * slowest / expected


def _take(viewer: Selectable, received: dict[Selectable, int], expected: int) -> None:
    """Receive what is there for a viewer."""
    while True:
        output = viewer.receive()
        received[viewer] += len(output)
        if received[viewer] > expected:
            raise Unmeasured(f"more than {expected} bytes came to a viewer")
        if not viewer.has_more:
            return
