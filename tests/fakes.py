"""Fulfil the core's ports without a kernel or a network; strict where the real ones are."""

import heapq
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ptybridge.core.errors import LimitReached
from ptybridge.core.events import Notice, Snapshot, TerminalEvent, ViewerInfo, Viewers
from ptybridge.core.ports import Launch, MakeScreen, PtyOwner
from ptybridge.core.rules import Rules
from ptybridge.core.screen import ScreenFailed
from ptybridge.core.terminal import SHARED_FREELY, Terminal
from ptybridge.core.turns import Turns
from ptybridge.core.values import ExitStatus, Role, SessionId, TerminalId, WindowSize
from ptybridge.core.viewer import Viewer

FOLLOW_BYTES = 16 * 1024
"""After so many bytes whoever reads is let follow, as the real one does after its own number."""


class ManualTimer:
    """A timer of a ``ManualClock``."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class ManualClock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._order = itertools.count()
        self._timers: list[tuple[float, int, ManualTimer]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], None]) -> ManualTimer:
        timer = ManualTimer(callback)
        heapq.heappush(self._timers, (self.now + delay, next(self._order), timer))
        return timer

    def advance(self, seconds: float) -> None:
        """Let time pass, and what is due happen in order."""
        until = self.now + seconds
        while self._timers and self._timers[0][0] <= until:
            self.now, _, timer = heapq.heappop(self._timers)
            if timer.callback is not None:
                timer.callback()
        self.now = until

    def turn(self) -> None:
        """Let what is due now happen, as in one turn of a loop: not what comes of it."""
        due: list[ManualTimer] = []
        while self._timers and self._timers[0][0] <= self.now:
            due.append(heapq.heappop(self._timers)[2])
        for timer in due:
            if timer.callback is not None:
                timer.callback()


class FakePty:
    """A program that prints what the test says and reads when the test says."""

    def __init__(self, owner: PtyOwner, *, input_limit: int = 1 << 20) -> None:
        self.pid = 4242
        self.is_eof = False
        self.is_paused = True
        self.is_closed = False
        self.hang_ups = 0
        self.sizes: list[WindowSize] = []
        self.in_front: str | None = None
        self.received = bytearray()
        self.takes_input = True
        self.follows = 0
        self._owner = owner
        self._printed = bytearray()
        self._queue = bytearray()
        self._input_limit = input_limit

    @property
    def input_taken(self) -> int:
        return len(self.received)

    @property
    def input_queued(self) -> int:
        return len(self.received) + len(self._queue)

    def foreground(self) -> str | None:
        return self.in_front

    def directory(self) -> str | None:
        return None

    def read_into(
        self, buffers: Sequence[memoryview], follow: Callable[[int], None] | None = None
    ) -> int:
        count = followed = 0
        for buffer in buffers:
            for at in range(0, len(buffer), FOLLOW_BYTES):
                part = self._printed[: len(buffer[at : at + FOLLOW_BYTES])]
                buffer[at : at + len(part)] = part
                del self._printed[: len(part)]
                count += len(part)
                if follow is not None and count - followed >= FOLLOW_BYTES:
                    follow(count - followed)
                    self.follows += 1
                    followed = count
        return count

    def read_once(self, buffer: memoryview) -> int:
        return self.read_into((buffer,))

    def write(self, data: bytes | memoryview) -> None:
        if len(self._queue) + len(data) > self._input_limit:
            raise LimitReached("unread input", self._input_limit)
        self._queue += data
        if self.takes_input:
            self._take()

    def _take(self) -> None:
        self.received += self._queue
        self._queue.clear()

    def drop_input(self, start: int, end: int) -> int:
        taken, before = len(self.received), len(self._queue)
        del self._queue[max(start - taken, 0) : max(end - taken, 0)]
        return before - len(self._queue)

    def resize(self, size: WindowSize) -> None:
        self.sizes.append(size)

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False
        self.turn()

    def hang_up(self) -> None:
        self.hang_ups += 1

    def close(self) -> None:
        self.is_closed = True

    # --- what the test does

    def prints_unheard(self, data: bytes) -> None:
        """The program prints; the owner has yet to be told."""
        self._printed += data

    def prints(self, data: bytes) -> None:
        """The program prints; the owner reads unless reading is paused."""
        self._printed += data
        self.turn()

    def turn(self) -> None:
        """Be a level-triggered event loop until nothing is left, or nothing more is read."""
        before = len(self._printed) + 1
        while before > len(self._printed) > 0 and not self.is_paused:
            before = len(self._printed)
            self._owner.on_readable()

    @property
    def unread(self) -> int:
        """Bytes printed but still in the kernel."""
        return len(self._printed)

    def reads_input(self) -> None:
        """The program reads all that was queued for it."""
        self._take()
        self._owner.on_input_taken()

    def exits(self, status: ExitStatus) -> None:
        """The program ends."""
        self._owner.on_exit(status)


class FakeSpawner:
    """Starts fake programs."""

    def __init__(self) -> None:
        self.launches: list[Launch] = []
        self.ptys: list[FakePty] = []

    async def spawn(self, launch: Launch, owner: PtyOwner) -> FakePty:
        self.launches.append(launch)
        self.ptys.append(FakePty(owner))
        return self.ptys[-1]


@dataclass(frozen=True)
class Shown:
    """A snapshot that a viewer was sent, whole."""

    offset: int
    size: WindowSize
    data: bytes


class FakeWorkers:
    """Threads that work when the test says, or when somebody waits."""

    def __init__(self) -> None:
        self.jobs: list[FakeJob] = []
        self.worked = 0.0

    def cpu_seconds(self) -> float:
        return self.worked

    def submit(
        self, work: Callable[[], None], done: Callable[[BaseException | None], None]
    ) -> "FakeJob":
        self.jobs.append(FakeJob(work, done))
        return self.jobs[-1]

    def run(self) -> None:
        """Do all the work there is, then tell."""
        jobs, self.jobs = self.jobs, []
        for job in jobs:
            job.done(job.wait())


class FakeJob:
    """A job of ``FakeWorkers``."""

    def __init__(
        self, work: Callable[[], None], done: Callable[[BaseException | None], None]
    ) -> None:
        self.done = done
        self._work: Callable[[], None] | None = work
        self._error: BaseException | None = None

    @property
    def is_undone(self) -> bool:
        """Whether a thread may still be at it."""
        return self._work is not None

    def wait(self) -> BaseException | None:
        work, self._work = self._work, None
        if work is not None:
            try:
                work()
            except Exception as error:
                self._error = error
        return self._error


class FakeSink:
    """Keeps what a viewer was sent, as one stream with its events."""

    redraws = True

    def __init__(self) -> None:
        self.is_ready = True
        self.viewer: Viewer | None = None
        self.log: list[tuple[int, bytes] | TerminalEvent | Shown] = []
        self.notices: list[Notice] = []
        self.taken: list[int] = []
        self.frame_limit: int | None = None

    def output(self, offset: int, parts: Sequence[memoryview]) -> None:
        assert self.is_ready
        self.log.append((offset, b"".join(parts)))
        if self.frame_limit is not None:
            self.frame_limit -= 1
            self.is_ready = self.frame_limit > 0

    def snapshot(self, snapshot: Snapshot) -> None:
        assert self.is_ready
        self.log.append(Shown(snapshot.offset, snapshot.size, b"".join(snapshot.pieces)))

    def event(self, event: TerminalEvent) -> None:
        self.log.append(event)

    def notice(self, notice: Notice) -> None:
        assert self.is_ready
        self.notices.append(notice)

    def input_taken(self, count: int) -> None:
        self.taken.append(count)

    # --- what the test asks

    @property
    def data(self) -> bytes:
        """All output, in order."""
        return b"".join(entry[1] for entry in self.log if isinstance(entry, tuple))

    @property
    def roster(self) -> dict[str, ViewerInfo]:
        """Who views the terminal as far as this viewer was told."""
        told = [notice for notice in self.notices if isinstance(notice, Viewers)]
        return {info.id: info for info in told[-1].viewers} if told else {}

    @property
    def events(self) -> list[TerminalEvent]:
        """All events, in order."""
        return [entry for entry in self.log if not isinstance(entry, (tuple, Shown))]

    def drains(self) -> None:
        """The socket takes bytes again."""
        assert self.viewer is not None
        self.frame_limit = None
        self.is_ready = True
        self.viewer.terminal.drain(self.viewer)


class Ended:
    """An observer that keeps which terminals have ended."""

    def __init__(self) -> None:
        self.terminals: list[Terminal] = []
        self.lost: list[str] = []

    def terminal_ended(self, terminal: Terminal) -> None:
        self.terminals.append(terminal)

    def screen_lost(self, terminal: Terminal, error: ScreenFailed) -> None:
        self.lost.append(str(error))


class Stage:
    """A terminal with a fake program, and viewers with fake sinks."""

    def __init__(
        self,
        *,
        tail_bytes: int = 1 << 20,
        size: WindowSize | None = None,
        rules: Rules = SHARED_FREELY,
        make_screen: MakeScreen | None = None,
        workers: FakeWorkers | None = None,
        clock: ManualClock | None = None,
        turns: Turns | None = None,
    ) -> None:
        self.clock = clock or ManualClock()
        self.ended = Ended()
        self.terminal = Terminal(
            TerminalId("t1"),
            session_id=SessionId("main"),
            size=size or WindowSize(24, 80),
            tail_bytes=tail_bytes,
            title="sh",
            created=0.0,
            clock=self.clock,
            observer=self.ended,
            rules=rules,
            make_screen=make_screen,
            workers=workers,
            turns=turns,
        )
        self.pty = FakePty(self.terminal)
        self.terminal.start(self.pty)

    def view(
        self,
        *,
        role: Role = Role.OWNER,
        size: WindowSize | None = None,
        window: int = 0,
        since: int | None = None,
        is_ready: bool = True,
    ) -> tuple[Viewer, FakeSink]:
        """Attach a viewer."""
        sink = FakeSink()
        sink.is_ready = is_ready
        viewer = self.terminal.attach(
            sink,
            name="somebody",
            role=role,
            size=size or self.terminal.size,
            window=window,
            since=since,
        )
        sink.viewer = viewer
        viewer.begin()
        return viewer, sink
