"""Turns at reading: so that a key does not wait for all that other programs print.

An event loop reads whatever can be read before it looks again. Where many programs print much,
and the server had to wait for a processor, that is milliseconds of work, and a key typed meanwhile
waits for it twice: to be read, and for its echo. So those who print much go by turns, one in each
turn of the loop, which looks for keys and echoes in between. A single one never waits.

Among several a turn is one read. A second one at once may wait, and the loop with it, until the
kernel has moved what the program wrote (``n_tty_read`` flushes the work of the terminal's buffer),
and for that it may want a processor which others have: milliseconds were seen. By the next turn
it has moved it.
"""

from collections import deque
from typing import Final, Protocol

from ptybridge.core.ports import Clock
from ptybridge.core.viewer import CHUNK_BYTES, READ_BYTES

BULK_BYTES: Final = READ_BYTES
"""Who has read so much at once prints much: it fills a terminal's buffer."""

BULK_SECONDS: Final = 0.1
"""For how long that is believed."""

SLICE_BYTES: Final = 4 * READ_BYTES
"""After so much what was read by turns is passed on, also where more comes."""


class Output(Protocol):
    """What a program has printed and nobody has read yet."""

    def take_in(self, limit: int) -> int:
        """Read at most so many bytes, until it is all, and pass them on; how many they were."""

    def sip(self) -> int:
        """Read once and pass nothing on that can wait; how many bytes they were."""

    def pass_on(self) -> None:
        """Pass on what was sipped."""

    def watch(self, *, is_watched: bool) -> None:
        """Be told of output, or be told no more; not while reading is stopped altogether."""


class _Silence:
    """What a program that has ended prints."""

    def take_in(self, limit: int) -> int:
        return 0

    def sip(self) -> int:
        return 0

    def pass_on(self) -> None: ...

    def watch(self, *, is_watched: bool) -> None: ...


SILENCE = _Silence()


class Turns:
    """Whose turn it is, among all terminals of one event loop."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._last: Turn | None = None
        self._waiting: deque[Turn] = deque()
        self._is_next_due = False

    def take(self, turn: "Turn") -> None:
        """Let one who prints much read now, if nobody else waits or may be reading, else later."""
        if not self._waiting and (self._last is None or self._last is turn):
            self._last = turn
            turn.read()
            return
        turn.begin_waiting()
        self._line_up(turn)

    def leave(self, turn: "Turn") -> None:
        """Forget one. Idempotent."""
        if turn.is_waiting:
            turn.is_waiting = False
            self._waiting.remove(turn)
        if self._last is turn:
            self._last = None

    def _line_up(self, turn: "Turn") -> None:
        self._waiting.append(turn)
        self._call_next()

    def _call_next(self) -> None:
        """Have one read in the next turn of the loop: one only, whoever has come or gone."""
        if self._waiting and not self._is_next_due:
            self._is_next_due = True
            self.clock.call_later(0, self._next)

    def _next(self) -> None:
        """Let who has waited longest read."""
        self._is_next_due = False
        if not self._waiting:  # they have left
            return
        turn = self._waiting.popleft()
        self._call_next()
        if turn is self._last and not self._waiting:  # the others print no more
            turn.end_waiting()
            turn.read()
            return
        self._last = turn
        is_more = False
        try:
            is_more = turn.sip()
        finally:  # who fails must not wait for ever
            if is_more:
                self._line_up(turn)
            else:
                turn.end_waiting()


class Turn:
    """One terminal among them.

    Attributes:
        is_waiting: Its turn comes; until then there is nothing to do.
    """

    __slots__ = ("_bulk_until", "_output", "_sipped", "_turns", "is_waiting")

    def __init__(self, turns: Turns, output: Output) -> None:
        self.is_waiting = False
        self._turns = turns
        self._output = output
        self._bulk_until = float("-inf")
        self._sipped = 0

    def take(self) -> None:
        """Read at once or, where much is printed here, when it is its turn."""
        if self.is_waiting:
            return
        if self._turns.clock.time() < self._bulk_until:
            self._turns.take(self)
        else:
            self.read()

    def leave(self) -> None:
        """Read no more for now. Idempotent."""
        self._turns.leave(self)

    def end(self) -> None:
        """Read no more, and let go of what is read, which holds this. Idempotent."""
        self.leave()
        self._output = SILENCE

    # --- from ``Turns``

    def read(self) -> None:
        """Read all there is, or a chunk."""
        self._is_much(self._output.take_in(CHUNK_BYTES))

    def begin_waiting(self) -> None:
        """Take no part in the loop until it is its turn."""
        self.is_waiting = True
        self._output.watch(is_watched=False)

    def sip(self) -> bool:
        """Read once; whether there is likely to be more."""
        count = self._output.sip()
        self._sipped += count
        is_more = self._is_much(count)
        if self._sipped >= SLICE_BYTES:
            self._pass_on()
        return is_more

    def end_waiting(self) -> None:
        """Be told of output again."""
        self.is_waiting = False
        self._output.watch(is_watched=True)
        self._pass_on()

    def _is_much(self, count: int) -> bool:
        """Whether so many bytes at once are much, which is believed of it for a while then."""
        is_much = count >= BULK_BYTES
        if is_much:
            self._bulk_until = self._turns.clock.time() + BULK_SECONDS
        return is_much

    def _pass_on(self) -> None:
        if self._sipped:
            self._sipped = 0
            self._output.pass_on()
