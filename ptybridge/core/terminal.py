"""A terminal: a pseudo-terminal, its child, the tail of its output, its viewers.

The hot path runs through here as one synchronous chain: the pseudo-terminal is readable, it is
read into the tail until it is empty, and every viewer with window is sent the same bytes. No task,
no queue, no lock.
"""

from contextlib import suppress
from typing import Protocol

from ptybridge.core.audience import Audience
from ptybridge.core.control import Control
from ptybridge.core.description import Description
from ptybridge.core.errors import Conflict, LimitReached, NotFound
from ptybridge.core.events import Exited, Resized, Snapshot
from ptybridge.core.feeding import ScreenFeed
from ptybridge.core.fitting import Fitting
from ptybridge.core.input_queue import InputQueue
from ptybridge.core.intake import Intake
from ptybridge.core.marks import Marks
from ptybridge.core.occupation import Program
from ptybridge.core.ports import Clock, MakeScreen, Pty, Workers
from ptybridge.core.rules import Rules
from ptybridge.core.screen import Screen, ScreenEvent, ScreenFailed, ScreenUnavailable
from ptybridge.core.tail import Tail
from ptybridge.core.turns import Turns
from ptybridge.core.values import ExitStatus, Role, SessionId, TerminalId, ViewerId, WindowSize
from ptybridge.core.viewer import CHUNK_BYTES, Viewer, ViewerSink
from ptybridge.core.weakly import weakly

DRAIN_BYTES = 1024 * 1024
"""Most that is read after the child's end: a background process may go on printing for ever."""

SHARED_FREELY = Rules()


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
        description: What its output says of it: title, working directory, ...
        program: What was started, and where, if that is known.
        control: Who may type.
        viewers: Who views it now.
        created: When it was started, in seconds since the Unix epoch.
        status: How its program ended; None while it runs.
        typed_at: When a viewer typed last (clock time).
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
        rules: Rules = SHARED_FREELY,
        make_screen: MakeScreen | None = None,
        workers: Workers | None = None,
        turns: Turns | None = None,
        program: Program | None = None,
    ) -> None:
        self.id = terminal_id
        self.session_id = session_id
        self.tail = Tail(capacity=tail_bytes)
        self.marks = Marks(size)
        self.size = size
        self.description = Description(title)
        self.program = program
        self.control = Control(
            rules.control, clock=clock, changed=weakly(self.viewers_changed, None)
        )
        self.created = created
        self.status: ExitStatus | None = None
        self.typed_at = float("-inf")
        self.viewers = Audience(clock=clock, control=self.control)
        self.idle_since: float | None = clock.time()
        self._clock = clock
        self._observer = observer
        self._pty: Pty | None = None
        self._viewer_count = 0
        self._is_forgotten = False
        self._input: InputQueue | None = None
        audience = self.viewers
        self._feed = feed = ScreenFeed(
            self.tail,
            clock=clock,
            workers=workers,
            on_reply=weakly(self._answer, None),
            on_event=weakly(self._on_screen_event, None),
            on_lost=weakly(self._on_screen_lost, None),
            on_room=weakly(self._on_room, None),
        )
        self._fitting = Fitting(
            rules.sizing,
            clock=clock,
            control=self.control,
            viewers=lambda: tuple(audience),
            resize=weakly(self._resize, otherwise=False),
            has_screen=lambda: feed.screen is not None,
        )
        self._intake = Intake(self.tail, self.viewers, self._feed, turns or Turns(clock))
        if make_screen is not None:
            with suppress(ScreenUnavailable):
                self._feed.begin(make_screen, size)

    def start(self, pty: Pty) -> None:
        """Begin to relay; called once, when the program has been started."""
        self._pty = pty
        self._input = InputQueue(pty)
        self._intake.start(pty)

    @property
    def traffic(self) -> int:
        """A count that changes with every byte of output or of input."""
        return self.tail.end + (0 if self._pty is None else self._pty.input_queued)

    # --- output

    def on_readable(self) -> None:
        """Take in what is there; where it is much, when others have had their turn."""
        self._intake.on_readable()

    def drain(self, viewer: Viewer) -> None:
        """Go on with ``viewer``, which may be able to take output again."""
        viewer.pump()
        if viewer.is_lagging:
            self.viewers.watch_lag(viewer)
        self._intake.unpause()

    def _on_room(self) -> None:
        """Read on, where that has waited for the screen."""
        self._intake.unpause()

    # --- the screen

    @property
    def has_screen(self) -> bool:
        """Whether a screen follows the stream, and answers what the program asks of it."""
        return self._feed.screen is not None

    def screen(self) -> Screen:
        """The screen, which has seen all output so far; to be used at once.

        Raises:
            NotFound: The terminal has none.
        """
        screen = self._feed.use()
        if screen is None:
            raise NotFound("screen of terminal", self.id)
        return screen

    def _answer(self, data: bytes) -> None:
        """Answer a query of the program; one that reads nothing is not answered."""
        if self._pty is not None and self.status is None:
            with suppress(LimitReached):
                self._pty.write(data)

    def _on_screen_event(self, event: ScreenEvent) -> None:
        """Take note of what the stream says of itself, and tell who should know."""
        told = self.description.note(event)
        if told is not None:
            self.viewers.tell(told)

    def _on_screen_lost(self, error: ScreenFailed) -> None:
        """Tell whoever observes that the terminal goes on without a screen."""
        self._observer.screen_lost(self, error)

    def snapshot(self) -> Snapshot:
        """What rebuilds the terminal on a reset emulator.

        The screen writes it; without one it is the tail from its oldest whole line.
        """
        screen = self._feed.use()
        if screen is not None:
            try:
                written = screen.snapshot()
            except ScreenFailed as error:
                self._feed.lose(error)
            else:
                return Snapshot(self.tail.end - written.held_back, written.size, written.pieces)
        offset = self.tail.oldest_line()
        data = self.tail.read(offset, limit=self.tail.capacity)
        return Snapshot(self.tail.end, self.size, iter((data,)))

    def tidy(self) -> None:
        """Give memory back where it is idle."""
        self._feed.make_small()

    # --- the end

    def on_exit(self, status: ExitStatus) -> None:
        """Drain what the program has left, then tell everybody, behind the last byte."""
        assert self._pty is not None
        drained = 0
        while drained < DRAIN_BYTES and (count := self._intake.read(CHUNK_BYTES)):
            drained += count
            self._feed.catch_up()
            for viewer in self.viewers:
                viewer.pump()
        self.status = status
        self._intake.end()
        self.marks.append(self.tail.end, Exited(status))
        self._pty.close()
        self.on_input_taken()
        self._fitting.close()
        self.control.close()
        self._feed.catch_up()
        self.viewers.flush()
        for viewer in self.viewers:
            viewer.pump()
        self._observer.terminal_ended(self)

    def forget(self) -> None:
        """Give up what it holds: it has ended, or never began. Idempotent.

        Its output stays while somebody views it.
        """
        self._is_forgotten = True
        self._intake.end()
        self.cease()
        self._pty = self._input = None  # which hold it
        self._let_output_go()

    def cease(self) -> None:
        """Do nothing of what was put off, and have no screen any more. Idempotent."""
        self._feed.close()
        self.viewers.close()

    def _let_output_go(self) -> None:
        """Free the output of a forgotten terminal, once nobody is behind who has yet to see it.

        Not when the last reference goes: there are cycles, which are collected late.
        """
        if self._is_forgotten and not self.viewers:
            self.tail.empty()

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
        if self._input is None or self.status is not None:
            raise Conflict("the program has ended")
        self.typed_at = self._clock.time()
        self._input.write(viewer, data)

    def type_for_responder(self, data: bytes) -> None:
        """Give the program what a responder types, with a writer's approval or by the settings.

        Raises:
            Conflict: The program has ended.
            LimitReached: It has left too much input unread; nothing was written.
        """
        if self._pty is None or self.status is not None:
            raise Conflict("the program has ended")
        self._pty.write(data)

    @property
    def pty(self) -> Pty | None:
        """Its pseudo-terminal; None before its program runs."""
        return self._pty

    def on_input_taken(self) -> None:
        """Tell those whose queued input has now been taken."""
        if self._input is not None:
            self._input.acknowledge()

    def stop_input(self, viewer: Viewer) -> None:
        """Take back what ``viewer`` has typed and the program has not taken."""
        if self._input is not None and self.status is None:
            self._input.drop(viewer)

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
        highest_role: Role | None = None,
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
        elif self._feed.screen is None:
            position = tail.oldest_line()
        self._viewer_count += 1
        viewer = Viewer(
            self,
            sink,
            viewer_id=ViewerId(f"{self.id}/{self._viewer_count}"),
            name=name,
            role=role,
            highest_role=highest_role or role,
            size=size,
            window=window,
            position=position,
        )
        self.viewers.add(viewer)
        self.idle_since = None
        return viewer

    def joined(self, viewer: Viewer) -> None:
        """Let ``viewer`` take part; only ``Viewer.begin`` calls this."""
        self.control.join(viewer)
        self.viewers_changed()

    def detach(self, viewer: Viewer) -> None:
        """Remove a viewer. Idempotent."""
        if not self.viewers.remove(viewer):
            return
        if not self.viewers:
            self.idle_since = self._clock.time()
        self.control.leave(viewer)
        self.viewers_changed()
        self._intake.unpause()
        self._let_output_go()

    def viewers_changed(self) -> None:
        """Let all viewers know who views, and give the terminal the size that they call for."""
        self.viewers.changed()
        if self.status is None:
            self._fitting.fit()

    # --- size

    def _resize(self, size: WindowSize) -> bool:
        """Change the size here and in the stream; whether it was another."""
        if size == self.size or self._pty is None or self.status is not None:
            return False
        self._intake.read_before_resize()
        self.size = size
        self._pty.resize(size)
        self._feed.resize(size)
        self.marks.forget_before(self.tail.start)
        self.marks.append(self.tail.end, Resized(size, self.tail.end))
        for viewer in self.viewers:
            viewer.pump()
        return True
