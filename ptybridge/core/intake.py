"""Taking in what a program prints: into the tail, and on to the viewers and the screen.

The middle of the hot path: one synchronous chain from the terminal's descriptor to the sockets.
"""

from typing import Final

from ptybridge.core.audience import Audience
from ptybridge.core.feeding import ScreenFeed
from ptybridge.core.ports import Pty
from ptybridge.core.tail import Tail
from ptybridge.core.turns import SLICE_BYTES, Turn, Turns
from ptybridge.core.viewer import CHUNK_BYTES, READ_BYTES

LEAST_TAIL_TO_SIP: Final = SLICE_BYTES + CHUNK_BYTES
"""In a smaller tail a chunk could take the place of what was sipped and not passed on."""


class Intake:
    """The reading side of one terminal: a `ptybridge.core.turns.Output`.

    Attributes:
        is_paused: The output stays in the kernel, which then blocks the program.
    """

    __slots__ = ("_feed", "_has_ended", "_pty", "_tail", "_turn", "_viewers", "is_paused")

    def __init__(self, tail: Tail, viewers: Audience, feed: ScreenFeed, turns: Turns) -> None:
        self.is_paused = False
        self._tail = tail
        self._viewers = viewers
        self._feed = feed
        self._turn = Turn(turns, self)
        self._pty: Pty | None = None
        self._has_ended = False

    def start(self, pty: Pty) -> None:
        """Begin to read; called once."""
        self._pty = pty
        pty.resume_reading()

    def end(self) -> None:
        """Read no more; the pseudo-terminal, which holds its owner, is let go."""
        self._has_ended = True
        self._turn.end()
        self._pty = None

    def on_readable(self) -> None:
        """Take in what is there; where it is much, when others have had their turn."""
        self._turn.take()

    def read(self, limit: int) -> int:
        """Read at most so much into the tail, until it is all; how many bytes came."""
        assert self._pty is not None
        begin = self._tail.end
        follow = self._follow if self._feed.is_keen else None
        count = self._pty.read_into(self._tail.room(limit), follow)
        self._tail.commit(begin + count - self._tail.end)
        return count

    def read_before_resize(self) -> None:
        """Take in what was printed for the old size, so that the mark stands behind it."""
        self._feed.catch_up()
        if not self.is_paused and self.read(min(CHUNK_BYTES, self._feed.room)):
            self._spread()

    def _follow(self, count: int) -> None:
        """Let the screen see what has come of much, while the program prints on."""
        self._tail.commit(count)
        self._feed.keep_up()

    def _spread(self) -> None:
        """Send on what is new; stop reading while every viewer is stalled."""
        if self._viewers.serve():
            self.pause()

    def pause(self) -> None:
        """Leave the output in the kernel. Idempotent."""
        if self._pty is not None and not self.is_paused:
            self.is_paused = True
            self._pty.pause_reading()

    def unpause(self) -> None:
        """Read on unless every viewer is stalled; without viewers the program runs freely."""
        if not self.is_paused or self._pty is None or not self._feed.room:
            return
        if self._viewers and all(viewer.is_stalled for viewer in self._viewers):
            return
        self.is_paused = False
        if not self._turn.is_waiting:  # else it is watched again when its turn is over
            self._pty.resume_reading()

    # --- from its turn

    def take_in(self, limit: int) -> int:
        """Move at most so much into the tail and on to the viewers; how much it was."""
        room = min(limit, self._room())
        count = self.read(room) if room else 0
        if count:
            self.pass_on()
        return count

    def sip(self) -> int:
        """Read once into the tail, without passing it on if that can wait; how much it was."""
        room = min(READ_BYTES, self._room())
        if not room:
            return 0
        assert self._pty is not None
        count = self._pty.read_once(self._tail.room(room)[0])
        self._tail.commit(count)
        if count and self._tail.capacity < LEAST_TAIL_TO_SIP:
            self.pass_on()
        return count

    def pass_on(self) -> None:
        """Show viewers and screen what is new."""
        self._spread()
        self._feed.advance()

    def watch(self, *, is_watched: bool) -> None:
        """Be told of output, or be told no more, unless reading is paused anyway."""
        if self._pty is None or self.is_paused:
            return
        if is_watched:
            self._pty.resume_reading()
        else:
            self._pty.pause_reading()

    def _room(self) -> int:
        """How much may be read now; reading pauses when it is nothing."""
        if self.is_paused or self._has_ended:  # since it began to wait for its turn
            return 0
        room = self._feed.room
        if not room:
            self.pause()
        return room
