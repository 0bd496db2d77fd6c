"""A terminal: a pseudo-terminal, its child, the tail of its output, its viewers.

The hot path runs through here as one synchronous chain: the pseudo-terminal is readable, it is
read into the tail until it is empty, and every viewer with window is sent the same bytes. No task,
no queue, no lock.
"""

from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Protocol

from ptybridge.core.errors import Conflict, LimitReached
from ptybridge.core.events import Exited, Resized, Snapshot
from ptybridge.core.marks import Marks
from ptybridge.core.ports import Clock, MakeScreen, Pty, Timer
from ptybridge.core.screen import Screen, ScreenEvent, ScreenFailed, ScreenUnavailable, Title
from ptybridge.core.sizing import smallest
from ptybridge.core.tail import Tail
from ptybridge.core.values import ExitStatus, Role, SessionId, TerminalId, ViewerId, WindowSize
from ptybridge.core.viewer import CHUNK_BYTES, Viewer, ViewerSink

MAX_TITLE = 256
"""Characters of a program's title that are kept."""

RESIZE_INTERVAL = 0.05
"""Seconds between two changes of size: a program gets at most 20 SIGWINCH a second."""

DRAIN_BYTES = 1024 * 1024
"""Most that is read after the child's end: a background process may go on printing for ever."""


class TerminalObserver(Protocol):
    """Who wants to know how a terminal fares."""

    def terminal_ended(self, terminal: "Terminal") -> None:
        """The program has ended and all its output is in the tail."""

    def screen_lost(self, terminal: "Terminal", error: ScreenFailed) -> None:
        """The screen broke; the terminal goes on with its tail alone."""


class Terminal:
    """One terminal and its viewers.

    Attributes:
        id: Its name.
        session_id: The session that it belongs to.
        tail: The newest part of its output.
        marks: What happened at which place of its output.
        size: Its size now.
        title: Its title.
        created: When it was started, in seconds since the Unix epoch.
        status: How its program ended; None while it runs.
        idle_since: When its last viewer left or, while it has viewers, None (clock time).
    """

    def __init__(
        self,
        terminal_id: TerminalId,
        *,
        session_id: SessionId,
        size: WindowSize,
        tail_bytes: int,
        title: str,
        created: float,
        clock: Clock,
        observer: TerminalObserver,
        make_screen: MakeScreen | None = None,
    ) -> None:
        self.id = terminal_id
        self.session_id = session_id
        self.tail = Tail(capacity=tail_bytes)
        self.marks = Marks(size)
        self.size = size
        self.title = title
        self.created = created
        self.status: ExitStatus | None = None
        self.idle_since: float | None = clock.time()
        self._clock = clock
        self._observer = observer
        self._pty: Pty | None = None
        self._viewers: dict[ViewerId, Viewer] = {}
        self._viewer_count = 0
        self._is_paused = False
        self._awaiting: deque[tuple[int, Viewer, int]] = deque()
        self._resized_at = float("-inf")
        self._resize_timer: Timer | None = None
        self._screen: Screen | None = None
        self._screen_fed = 0
        if make_screen is not None:
            with suppress(ScreenUnavailable):
                self._screen = make_screen(size, self)

    def start(self, pty: Pty) -> None:
        """Begin to relay; called once, when the program has been started."""
        self._pty = pty
        pty.resume_reading()

    @property
    def viewers(self) -> Iterable[Viewer]:
        """Who views it now."""
        return self._viewers.values()

    # --- output

    def on_readable(self) -> None:
        """Move what is there into the tail and on to the viewers."""
        if self._read(CHUNK_BYTES):
            self._spread()
            self._feed_screen()

    def _read(self, limit: int) -> int:
        """Read once into the tail; how many bytes came."""
        assert self._pty is not None
        count = self._pty.read_into(self.tail.room(limit))
        if count:
            self.tail.commit(count)
        return count

    def _spread(self) -> None:
        """Send on what is new; stop reading while every viewer is stalled."""
        if len(self._viewers) == 1:
            for viewer in self._viewers.values():
                viewer.pump()
                if viewer.is_stalled:
                    self._pause()
                return
        if not self._viewers:
            return
        stalled = 0
        for viewer in tuple(self._viewers.values()):  # a failing sink may detach its viewer
            viewer.pump()
            stalled += viewer.is_stalled
        if stalled and stalled >= len(self._viewers):
            self._pause()

    def drain(self, viewer: Viewer) -> None:
        """Go on with ``viewer``, which may be able to take output again."""
        viewer.pump()
        self._unpause()

    def _pause(self) -> None:
        """Leave the output in the kernel, which then blocks the child."""
        if self._pty is not None and not self._is_paused:
            self._is_paused = True
            self._pty.pause_reading()

    def _unpause(self) -> None:
        """Read on unless every viewer is stalled; without viewers the program runs freely."""
        if not self._is_paused or self._pty is None:
            return
        if self._viewers and all(viewer.is_stalled for viewer in self._viewers.values()):
            return
        self._is_paused = False
        self._pty.resume_reading()

    # --- the screen

    @property
    def has_screen(self) -> bool:
        """Whether a screen follows the stream, and answers what the program asks of it."""
        return self._screen is not None

    def _feed_screen(self) -> None:
        """Show the screen what it has not seen; viewers come first, they wait for it."""
        if self._screen is None:
            return
        fed, self._screen_fed = self._screen_fed, self.tail.end
        try:
            for part in self.tail.slices(fed, limit=self.tail.capacity):
                self._screen.feed(part)
        except ScreenFailed as error:
            self._lose_screen(error)

    def _lose_screen(self, error: ScreenFailed) -> None:
        if self._screen is not None:
            self._screen.close()
            self._screen = None
            self._observer.screen_lost(self, error)

    def on_reply(self, data: bytes) -> None:
        """Answer a query of the program; one that reads nothing is not answered."""
        if self._pty is not None and self.status is None:
            with suppress(LimitReached):
                self._pty.write(data)

    def on_event(self, event: ScreenEvent) -> None:
        """Take note of what the stream says of itself."""
        if isinstance(event, Title):
            self.title = event.text[:MAX_TITLE]

    def snapshot(self) -> Snapshot:
        """What rebuilds the terminal on a reset emulator.

        The screen writes it; without one it is the tail from its oldest whole line.
        """
        self._feed_screen()
        if self._screen is not None:
            try:
                written = self._screen.snapshot()
                data = written.to_bytes()
            except ScreenFailed as error:
                self._lose_screen(error)
            else:
                return Snapshot(self.tail.end - written.held_back, written.size, data)
        offset = self.tail.oldest_line()
        data = self.tail.read(offset, limit=self.tail.capacity)
        return Snapshot(self.tail.end, self.marks.size_at(offset), data)

    # --- the end

    def on_exit(self, status: ExitStatus) -> None:
        """Drain what the program has left, then tell everybody, behind the last byte."""
        assert self._pty is not None
        drained = 0
        while drained < DRAIN_BYTES and (count := self._read(CHUNK_BYTES)):
            drained += count
            self._feed_screen()
            for viewer in tuple(self._viewers.values()):
                viewer.pump()
        self.status = status
        self.marks.append(self.tail.end, Exited(status))
        self._pty.close()
        self._acknowledge()
        if self._resize_timer is not None:
            self._resize_timer.cancel()
        for viewer in tuple(self._viewers.values()):
            viewer.pump()
        self._observer.terminal_ended(self)

    def forget(self) -> None:
        """Give up what the ended terminal still holds. Idempotent."""
        if self._screen is not None:
            self._screen.close()
            self._screen = None

    def hang_up(self) -> None:
        """Begin to end the program. Idempotent."""
        if self._pty is not None and self.status is None:
            self._pty.hang_up()

    # --- input

    def write(self, viewer: Viewer, data: bytes) -> None:
        """Give a viewer's input to the program; only ``Viewer.write`` calls this.

        Raises:
            Conflict: The program has ended.
            LimitReached: It has left too much input unread; nothing was written.
        """
        pty = self._pty
        if pty is None or self.status is not None:
            raise Conflict("the program has ended")
        pty.write(data)
        viewer.input_received += len(data)
        if pty.input_taken == pty.input_queued:
            viewer.input_taken(viewer.input_received)
        else:
            self._awaiting.append((pty.input_queued, viewer, viewer.input_received))

    def on_input_taken(self) -> None:
        """Tell those whose queued input has now been taken."""
        assert self._pty is not None
        self._acknowledge()

    def _acknowledge(self) -> None:
        """Acknowledge each viewer's input as far as the program's terminal has taken it."""
        assert self._pty is not None
        taken = self._pty.input_taken
        while self._awaiting and self._awaiting[0][0] <= taken:
            _, viewer, count = self._awaiting.popleft()
            if viewer.id in self._viewers:
                viewer.input_taken(count)

    # --- viewers

    def attach(
        self,
        sink: ViewerSink,
        *,
        name: str,
        role: Role,
        size: WindowSize,
        window: int = 0,
        since: int | None = None,
    ) -> Viewer:
        """Add a viewer, which takes part from its ``begin`` on.

        It starts at ``since``, or at the very beginning, if the tail still holds that; else with
        a snapshot or, without a screen, at the tail's oldest whole line.
        """
        tail = self.tail
        since = since or 0
        position: int | None = None
        if tail.start <= since <= tail.end:
            position = since
        elif self._screen is None:
            position = tail.oldest_line()
        self._viewer_count += 1
        viewer = Viewer(
            self,
            sink,
            viewer_id=ViewerId(f"{self.id}/{self._viewer_count}"),
            name=name,
            role=role,
            size=size,
            window=window,
            position=position,
        )
        self._viewers[viewer.id] = viewer
        self.idle_since = None
        return viewer

    def detach(self, viewer: Viewer) -> None:
        """Remove a viewer. Idempotent."""
        if self._viewers.pop(viewer.id, None) is None:
            return
        if not self._viewers:
            self.idle_since = self._clock.time()
        self.fit()
        self._unpause()

    # --- size

    def fit(self) -> None:
        """Give the terminal the size its viewers call for, at most 20 times a second."""
        if self.status is not None or self._resize_timer is not None:
            return
        wait = self._resized_at + RESIZE_INTERVAL - self._clock.time()
        if wait > 0:
            self._resize_timer = self._clock.call_later(wait, self._fit_late)
        else:
            self._fit_now()

    def _fit_late(self) -> None:
        self._resize_timer = None
        self._fit_now()

    def _fit_now(self) -> None:
        """Resize when the visible viewers who may type have another size in common."""
        size = smallest(
            viewer.size
            for viewer in self._viewers.values()
            if viewer.visible and viewer.role >= Role.WRITER
        )
        if size is None or size == self.size or self._pty is None:
            return
        self._resized_at = self._clock.time()
        self._read_before_resize()
        self.size = size
        self._pty.resize(size)
        if self._screen is not None:
            try:
                self._screen.resize(size)
            except ScreenFailed as error:
                self._lose_screen(error)
        self.marks.forget_before(self.tail.start)
        self.marks.append(self.tail.end, Resized(size, self.tail.end))
        for viewer in tuple(self._viewers.values()):
            viewer.pump()

    def _read_before_resize(self) -> None:
        """Take in what was printed for the old size, so that the mark stands behind it."""
        if not self._is_paused and self._read(CHUNK_BYTES):
            self._spread()
        self._feed_screen()
