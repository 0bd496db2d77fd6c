"""Feeding a screen with its terminal's output, without keeping the viewers waiting.

Output is fed where it was read, as soon as the viewers have it: nothing is handed over, and the
bytes are still in the processor's cache. A full read of text takes a tenth of a millisecond. But a
program can also print what takes an emulator a thousand times as long (reset, again and again).
Once it has held the event loop up, its output is fed by a worker thread for a while (the emulator
leaves the interpreter free), in pieces of a few milliseconds, and no more of it is read than such a
piece: whoever needs the screen as it is now, for a snapshot or a resize, has to wait for that.

Plain text costs little, for it is kept until somebody needs the screen, or until nothing comes for
a while (`ptybridge.core.lazy_screen`).
"""

from collections.abc import Callable
from typing import Final

from ptybridge.core.lazy_screen import LazyScreen
from ptybridge.core.ports import Clock, Job, MakeScreen, Timer, Workers
from ptybridge.core.screen import Screen, ScreenEvent, ScreenFailed
from ptybridge.core.tail import Tail
from ptybridge.core.values import WindowSize

AT_ONCE_BYTES: Final = 16 * 1024
"""What is fed without waiting for more, and between two looks at the time that feeding takes."""

AT_ONCE_SECONDS: Final = 0.002
"""How long feeding may hold the event loop up before the rest goes to a thread."""

COSTLY_SECONDS: Final = 10.0
"""How long it all goes to a thread then."""

PIECE_SECONDS: Final = 0.004
LEAST_PIECE: Final = 1024
GREATEST_PIECE: Final = 128 * 1024
"""What a thread's piece should take, and its bounds in bytes."""

PAUSE: Final = 0.004
"""Seconds after a piece in which what is little, or costly, is gathered into the next one."""

ROOM_BYTES: Final = 128 * 1024
"""What must stay free of unfed bytes, so that the tail can take the next reads."""

KEPT_BYTES: Final = 64 * 1024
"""How much text is looked at at once, to see whether it may wait: 25 microseconds of work."""

MUCH_WAITING: Final = 64 * 1024
"""So much plain text that waits is shown to the screen by a thread: it may never have had as many
lines, and the system takes longer to give the memory than the screen to draw them.
"""

QUIET_SECONDS: Final = 0.05
"""How long nothing must have come until it is."""

IDLE_SECONDS: Final = 60.0
"""After so long without output a screen is made small."""


class ScreenFeed:
    """The screen of one terminal, and how far it has seen the terminal's output.

    Replies and events come out on the event loop, in the stream's order, up to ``PAUSE`` and a
    piece's work after the bytes that caused them.

    Attributes:
        screen: The emulator; None where there is none or it was lost.
        fed: Offset of the first byte that the screen was not given.
    """

    def __init__(
        self,
        tail: Tail,
        *,
        clock: Clock,
        workers: Workers | None,
        on_reply: Callable[[bytes], None],
        on_event: Callable[[ScreenEvent], None],
        on_lost: Callable[[ScreenFailed], None],
        on_room: Callable[[], None],
    ) -> None:
        """``on_room`` is called when there may be ``room`` again."""
        self.screen: LazyScreen | None = None
        self.fed = tail.end
        self._tail = tail
        self._clock = clock
        self._workers = workers if tail.capacity >= 4 * ROOM_BYTES else None
        self._tell_reply = on_reply
        self._tell_event = on_event
        self._tell_lost = on_lost
        self._tell_room = on_room
        self._told: list[bytes | ScreenEvent] = []
        self._job: Job | None = None
        self._job_number = 0
        self._feeds_until = 0
        self._timer: Timer | None = None
        self._quiet_timer: Timer | None = None
        self._fed_at = float("-inf")
        self._costly_until = float("-inf")
        self._began: float | None = None
        self._piece = GREATEST_PIECE
        self._piece_took = 0.0
        self._made_small_at = 0

    def begin(self, make_screen: MakeScreen, size: WindowSize) -> None:
        """Make the screen.

        Raises:
            ScreenUnavailable: There can be none here.
        """
        self.screen = LazyScreen(make_screen(size, self))

    # --- from the screen, in whichever thread feeds it

    def on_reply(self, data: bytes) -> None:
        """Keep an answer to the program until the piece is fed."""
        self._told.append(data)

    def on_event(self, event: ScreenEvent) -> None:
        """Keep an event until the piece is fed."""
        self._told.append(event)

    # --- from the terminal

    @property
    def room(self) -> int:
        """How many bytes may be read before the screen has seen more."""
        if self.screen is None or self._workers is None:
            return self._tail.capacity
        most = self._tail.capacity - ROOM_BYTES
        if self._clock.time() < self._costly_until:
            most = self._piece
        return max(0, most - (self._tail.end - self.fed))

    def advance(self) -> None:
        """Show the screen what is new: at once or, where that takes long, beside the loop.

        What comes in small pieces, one soon after the other, is gathered.
        """
        has_kept_up, self._began = self._began is not None, None
        backlog = self._tail.end - self.fed
        if self.screen is None or self._job is not None or not backlog:
            return
        if self._workers is None:
            self._feed_now()
            return
        now = self._clock.time()
        is_costly = now < self._costly_until
        may_wait = not has_kept_up and (is_costly or backlog < AT_ONCE_BYTES)
        if may_wait and now - self._fed_at < PAUSE:
            if self._timer is None:
                self._timer = self._clock.call_later(PAUSE, self._go_on)
        elif is_costly:
            self._hand_over(self._workers)
        else:
            # What was fed in the middle of the read had its time; since then it was the viewers'.
            self._feed_on_loop(self._workers, now, self._workers.cpu_seconds())

    @property
    def is_keen(self) -> bool:
        """Whether to ``keep_up``: what follows text that waits may wait, too."""
        return self.screen is not None and not self.screen.waiting_bytes

    def keep_up(self) -> None:
        """Show the screen what has come of a read that goes on; ``advance`` is called behind it."""
        workers = self._workers
        if self.screen is None or self._job is not None or workers is None:
            return
        now = self._clock.time()
        if now >= self._costly_until:
            if self._began is None:
                self._began = workers.cpu_seconds()
            self._feed_on_loop(workers, now, self._began)

    def catch_up(self) -> None:
        """Show the screen all there is before this returns."""
        self._began = None
        while self._job is not None:  # what it left may have been handed over, too
            self._settle(self._job_number, self._job.wait())
        was_waiting = self._timer is not None
        self._stop_timer()
        if self.screen is not None and self.fed < self._tail.end:
            self._feed_now()
            self._watch_for_quiet()
        if was_waiting and self.screen is not None:
            # Reading may have been stopped, and must not go on before this returns.
            self._timer = self._clock.call_later(PAUSE, self._go_on)

    def use(self) -> Screen | None:
        """The screen when it has seen everything; nobody else touches it until the next call."""
        self.catch_up()
        if self.screen is not None:
            self._try(self.screen.show_all)
            self._tell()
        return self.screen

    def resize(self, size: WindowSize) -> None:
        """Change the screen's size, when it has seen everything; a program may be told by it."""
        screen = self.use()
        if screen is not None:
            self._try(lambda: screen.resize(size))
            self._tell()

    def make_small(self) -> None:
        """Give memory back if the terminal has been idle for long."""
        if self.screen is None or self._job is not None or self._made_small_at == self.fed:
            return
        if self._clock.time() - self._fed_at < IDLE_SECONDS:
            return
        self._made_small_at = self.fed
        if self._workers is None:
            self._try(self.screen.compress)
        else:
            self._submit(self._workers, self.screen.compress, until=self.fed)

    def lose(self, error: ScreenFailed) -> None:
        """Go on without the screen, which is broken. Idempotent."""
        if self.screen is not None:
            self.close()
            self._tell_lost(error)

    def close(self) -> None:
        """Free the screen. Idempotent."""
        if self._job is not None:
            self._job.wait()
            self._job = None
        self._stop_timer()
        if self._quiet_timer is not None:
            self._quiet_timer.cancel()
            self._quiet_timer = None
        if self.screen is not None:
            self.screen.close()
            self.screen = None
            self._tell_room()

    # --- pieces

    def _feed_now(self) -> None:
        self._feed_to(self._tail.end)
        self._fed_at = self._clock.time()
        self._tell()

    def _feed_on_loop(self, workers: Workers, now: float, began: float) -> None:
        """Feed all that is there, unless it turns out to be costly.

        ``began`` is when that began, in pieces perhaps, by ``Workers.cpu_seconds``.
        """
        self._stop_timer()
        end = self._tail.end
        while self.screen is not None and self.fed < end:
            if self.screen.waiting_bytes:
                if self._keep(self.screen, min(end, self.fed + KEPT_BYTES)):
                    continue
                if self.screen.waiting_bytes >= MUCH_WAITING:
                    break
            self._feed_to(min(end, self.fed + AT_ONCE_BYTES))
            if workers.cpu_seconds() - began > AT_ONCE_SECONDS:
                self._costly_until = now + COSTLY_SECONDS
                self._piece = LEAST_PIECE
                break
        self._fed_at = now
        self._tell()
        if self.screen is None:
            return
        if self.fed < end:
            self._hand_over(workers)
        else:
            self._watch_for_quiet()

    def _keep(self, screen: LazyScreen, until: int) -> bool:
        """Let what comes next wait behind what waits already; False where it may not."""
        try:
            for part in self._tail.slices(self.fed, limit=until - self.fed):
                if not screen.keep(part):
                    return False
                self.fed += len(part)
        except ScreenFailed as error:
            self.lose(error)
        return True

    def _feed_to(self, until: int) -> None:
        self._try(lambda: self._feed(until))
        self.fed = until

    def _feed(self, until: int) -> None:
        """Feed up to ``until``; runs in any thread."""
        assert self.screen is not None
        for part in self._tail.slices(self.fed, limit=until - self.fed):
            self.screen.feed(part)

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except ScreenFailed as error:
            self.lose(error)

    def _hand_over(self, workers: Workers) -> None:
        """Have a thread feed a piece, and measure it."""
        self._stop_timer()
        until = min(self._tail.end, self.fed + self._piece)

        def work() -> None:
            began = workers.cpu_seconds()
            self._feed(until)
            self._piece_took = workers.cpu_seconds() - began

        self._submit(workers, work, until=until)

    def _watch_for_quiet(self) -> None:
        """Have a thread show the screen much that waits when nothing has come for a while."""
        workers = self._workers
        if workers is None or self.screen is None or self._quiet_timer is not None:
            return
        if self.screen.waiting_bytes < MUCH_WAITING:
            return
        end = self._tail.end

        def look() -> None:
            self._quiet_timer = None
            if self.screen is None or self._tail.end != end or self._job is not None:
                self._watch_for_quiet()
            elif self.screen.waiting_bytes >= MUCH_WAITING:
                self._submit(workers, self.screen.show_all, until=self.fed)

        self._quiet_timer = self._clock.call_later(QUIET_SECONDS, look)

    def _submit(self, workers: Workers, work: Callable[[], None], *, until: int) -> None:
        self._feeds_until = until
        self._job_number = number = self._job_number + 1
        self._job = workers.submit(work, lambda error: self._settle(number, error))

    def _settle(self, number: int, error: BaseException | None) -> None:
        """Take back what was handed over; whoever comes second finds nothing to do."""
        if self._job is None or self._job_number != number:
            return
        self._job = None
        if isinstance(error, ScreenFailed):
            self.lose(error)
            return
        if error is not None:
            raise error
        if self._feeds_until > self.fed:
            self._fit_piece(self._feeds_until - self.fed)
            self.fed = self._feeds_until
            self._fed_at = self._clock.time()
        self._tell()
        self.advance()
        self._watch_for_quiet()
        self._tell_room()  # behind it: feeding that costs no more is done at once

    def _fit_piece(self, size: int) -> None:
        """Make the next piece one of ``PIECE_SECONDS``, as far as the last one tells."""
        if self._piece_took * 2 * self._piece < PIECE_SECONDS * size:
            self._piece = min(2 * self._piece, GREATEST_PIECE)
        else:
            fitting = int(size * PIECE_SECONDS / self._piece_took)
            self._piece = min(max(fitting, LEAST_PIECE), GREATEST_PIECE)

    def _go_on(self) -> None:
        self._timer = None
        self._fed_at = float("-inf")
        self.advance()
        self._tell_room()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell(self) -> None:
        """Pass on what the screen said."""
        told, self._told = self._told, []
        for item in told:
            if isinstance(item, bytes):
                self._tell_reply(item)
            else:
                self._tell_event(item)
