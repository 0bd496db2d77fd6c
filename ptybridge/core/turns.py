"""Turns at reading: so that a key does not wait for all that other programs print.

An event loop reads whatever can be read before it looks again. Where many programs print much,
and the server had to wait for a processor, that is milliseconds of work, and a key typed meanwhile
waits for it twice: to be read, and for its echo. So those who print much go by turns, one in each
turn of the loop, which looks for keys and echoes in between. A single one never waits.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from ptybridge.core.ports import Clock
from ptybridge.core.viewer import CHUNK_BYTES, READ_BYTES

BULK_BYTES: Final = READ_BYTES
"""Who has read so much at once prints much: it fills a terminal's buffer."""

BULK_SECONDS: Final = 0.1
"""For how long that is believed."""

SLICE_BYTES: Final = 4 * READ_BYTES
"""What is read in a turn while others wait for theirs: a tenth of a millisecond or two."""


class Turns:
    """Whose turn it is, among all terminals of one event loop."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._last: Turn | None = None
        self._waiting: deque[Turn] = deque()

    def take(self, turn: "Turn") -> None:
        """Let one who prints much read now, if nobody else waits or may be reading, else later."""
        if not self._waiting and (self._last is None or self._last is turn):
            self._last = turn
            turn.read(CHUNK_BYTES)
            return
        if not self._waiting:
            self.clock.call_later(0, self._next)
        self._waiting.append(turn)
        turn.is_waiting = True

    def leave(self, turn: "Turn") -> None:
        """Forget one. Idempotent."""
        if turn.is_waiting:
            turn.is_waiting = False
            self._waiting.remove(turn)
        if self._last is turn:
            self._last = None

    def _next(self) -> None:
        """Let who has waited longest read."""
        if not self._waiting:  # they have left
            return
        turn = self._last = self._waiting.popleft()
        turn.is_waiting = False
        if self._waiting:
            self.clock.call_later(0, self._next)
        turn.read(SLICE_BYTES if self._waiting else CHUNK_BYTES)


class Turn:
    """One terminal among them.

    Attributes:
        is_waiting: Its turn comes; until then there is nothing to do.
    """

    __slots__ = ("_bulk_until", "_read", "_turns", "is_waiting")

    def __init__(self, turns: Turns, read: Callable[[int], int]) -> None:
        """``read`` reads at most so many bytes, if it still is to, and says how many."""
        self.is_waiting = False
        self._turns = turns
        self._read = read
        self._bulk_until = float("-inf")

    def take(self) -> None:
        """Read at once or, where much is printed here, when it is its turn."""
        if self.is_waiting:
            return
        if self._turns.clock.time() < self._bulk_until:
            self._turns.take(self)
        else:
            self.read(CHUNK_BYTES)

    def read(self, limit: int) -> None:
        """Read now; only ``Turns`` calls this."""
        if self._read(limit) >= BULK_BYTES:
            self._bulk_until = self._turns.clock.time() + BULK_SECONDS

    def leave(self) -> None:
        """Read no more. Idempotent."""
        self._turns.leave(self)
