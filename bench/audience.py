"""An audience: one terminal's flood to fifty viewers."""

import selectors
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.figures import Row, Target
from bench.flood import END, LINE, MEGABYTE, memory_directory, script
from bench.orders import orders
from bench.peer import Peer
from bench.subjects import READY, Selectable, Subject, Terminal, limit_to, receive_until

VIEWERS = 50

END_BYTES = 1024
"""Where the end is looked for: behind it a snapshot has some sequences."""

ROUND_LIMIT = 60.0
"""Seconds that one round of one subject may take."""

ALONE = "bare pty"
"""What can have one viewer only."""


class Audience:
    """``cat`` of a file in memory to all at once; the peer's terminal is shared, too."""

    name = "audience"

    def measure(self, subjects: Sequence[Subject], *, quick: bool) -> list[Row]:
        """Two rows: CPU time by MB delivered, and to how many all was."""
        rounds, size = (2, 2 * MEGABYTE) if quick else (6, 4 * MEGABYTE)
        shared = [
            Peer(shared=True) if isinstance(subject, Peer) else subject
            for subject in subjects
            if subject.name != ALONE
        ]
        cost: dict[str, list[float]] = {subject.name: [] for subject in shared}
        whole: dict[str, list[float]] = {subject.name: [] for subject in shared}
        with tempfile.TemporaryDirectory(dir=memory_directory()) as directory:
            path = Path(directory) / "text"
            lines = size // len(LINE.format(0))
            path.write_text("".join(map(LINE.format, range(lines))))
            size = path.stat().st_size
            for order in orders(shared, rounds):
                for subject in order:
                    expected = size + lines * (subject.newline_bytes - 1) + len(END)
                    with (
                        limit_to(ROUND_LIMIT, f"audience of {subject.name}"),
                        subject.open(script(path)) as terminal,
                    ):
                        cpu, share = _flood(terminal, expected)
                    cost[subject.name].append(cpu * 1000 / (VIEWERS * size / MEGABYTE))
                    whole[subject.name].append(share)
        return [
            Row(f"CPU per MB, {VIEWERS} viewers", "ms", cost, (Target(0.4, "terminado"),)),
            Row("  given every byte", "%", whole, (Target(100, at_least=True),)),
        ]


def _flood(terminal: Terminal, expected: int) -> tuple[float, float]:
    """Have all viewers see the end.

    Returns:
        The server's CPU seconds; and the percentage of viewers that were given every byte, and no
        snapshot in between because they had fallen behind.
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
        ends = dict.fromkeys(received, b"")
        cpu = terminal.cpu_seconds()
        next(iter(received)).send(b"\n")
        while selector.get_map():
            for key, _ in selector.select():
                ready: Selectable = key.data
                size, end = _take(ready)
                received[ready] += size
                ends[ready] = (ends[ready] + end)[-END_BYTES:]
                if END in ends[ready]:
                    selector.unregister(ready)
        whole = sum(size == expected for size in received.values())
        return terminal.cpu_seconds() - cpu, 100 * whole / VIEWERS


def _take(viewer: Selectable) -> tuple[int, bytes]:
    """Receive what is there for a viewer, to the end: how many bytes, and the last of them.

    What is left may be no output but a notice, behind which nothing comes.
    """
    size, end = 0, b""
    while True:
        output = viewer.receive()
        size += len(output)
        end = (end + bytes(output[-END_BYTES:]))[-END_BYTES:]
        if END in end or not viewer.has_more:
            return size, end
