"""Snapshots: the work of showing 10,000 lines to somebody who comes late.

Measured in this process, by the very code that the server runs: what it takes is the event loop's
own time, of which the kernel's clock for a thread tells no more than there was.
"""

import time
from collections.abc import Callable, Sequence

from bench.bridge import Bridge
from bench.figures import Row, Target
from bench.subjects import COLS, ROWS, Subject, Unmeasured
from ptybridge.adapters.ghostty.screen import GhosttyScreen
from ptybridge.adapters.ghostty.warming import warm
from ptybridge.core.screen import ScreenEvent, ScreenUnavailable
from ptybridge.core.values import WindowSize

LINES = 10_000
"""The default of ``terminals.scrollbackLines``."""

TEXTS: dict[str, Callable[[int], str]] = {
    "plain": "{:07d} the quick brown fox jumps over the lazy dog; pack my box\r\n".format,
    "a word in colour": "{:07d} \x1b[32mINFO\x1b[m the quick brown fox jumps over it\r\n".format,
    "seven words in colour": lambda number: (
        "".join(f"\x1b[1;3{(number + word) % 8}mname{number * word}\x1b[m  " for word in range(7))
        + "\r\n"
    ),
}
"""What each line is; the last is what ``ls --color`` prints."""


class Snapshot:
    """The state is taken and its bytes are made, piece by piece, as for a socket that takes all."""

    name = "snapshot"

    def measure(self, subjects: Sequence[Subject], *, quick: bool) -> list[Row]:
        """Two rows for each kind of text: all the work, and the longest that is done at once."""
        mine = next((subject.name for subject in subjects if isinstance(subject, Bridge)), None)
        if mine is None:
            return []
        try:
            warm()
        except ScreenUnavailable as error:
            raise Unmeasured(f"snapshot: {error}") from error
        rows: list[Row] = []
        for kind, line in TEXTS.items():
            screen = _screen(line)
            rounds = [_write(screen) for _ in range(3 if quick else 15)]
            screen.close()
            target = (Target(20.0),) if kind != "seven words in colour" else ()
            rows += [
                Row(f"snapshot, {kind}", "ms", {mine: [total for total, _ in rounds]}, target),
                Row("  at once", "ms", {mine: [most for _, most in rounds]}, (Target(5.0),)),
            ]
        return rows


class _Nobody:
    """Takes no note of what a screen says."""

    def on_reply(self, data: bytes) -> None: ...

    def on_event(self, event: ScreenEvent) -> None: ...


def _screen(line: Callable[[int], str]) -> GhosttyScreen:
    screen = GhosttyScreen.create(WindowSize(ROWS, COLS), _Nobody(), scrollback_lines=LINES)
    screen.feed("".join(map(line, range(LINES + LINES // 10))).encode())
    return screen


def _write(screen: GhosttyScreen) -> tuple[float, float]:
    """Milliseconds that a snapshot takes in all, and at most without a turn of the loop between."""
    clock = time.thread_time
    began = clock()
    pieces = screen.snapshot().pieces
    times = [clock()]
    while next(pieces, None) is not None:
        times.append(clock())
    spans = [after - before for before, after in zip([began, *times], times, strict=False)]
    return 1000 * (times[-1] - began), 1000 * max(spans)
