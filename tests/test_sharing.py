"""One terminal, many viewers: a machine that does anything in any order, and what always holds."""

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from ptybridge.core.errors import RequestError
from ptybridge.core.feeding import ROOM_BYTES
from ptybridge.core.rules import ControlMode, Rules, Sizing
from ptybridge.core.screen import ScreenFormat, ScreenOwner
from ptybridge.core.screen import Snapshot as WrittenSnapshot
from ptybridge.core.sizing import smallest
from ptybridge.core.values import ExitStatus, Role, WindowSize
from ptybridge.core.viewer import Viewer
from tests.fakes import FakeSink, FakeWorkers, Shown, Stage

TAIL = 4 * ROOM_BYTES
WINDOW = 50_000
ACTIONS = st.sampled_from(["request", "grant", "release", "revoke"])
SIZES = st.builds(WindowSize, st.integers(1, 60), st.integers(1, 200))


class WholeScreen:
    """A screen whose snapshot is all that it was fed, so that a viewer's view can be compared."""

    remembered_lines = 1000

    def __init__(self, size: WindowSize, owner: ScreenOwner) -> None:
        self.size = size
        self.fed = bytearray()

    def is_in_sequence(self) -> bool:
        return False

    def is_scrolling(self) -> bool:
        return False

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        self.fed += data

    def resize(self, size: WindowSize) -> None:
        self.size = size

    def snapshot(self, *, history_lines: int | None = None) -> WrittenSnapshot:
        return WrittenSnapshot(self.size, 0, iter([bytes(self.fed)]))

    def rendered(self, form: ScreenFormat) -> bytes:
        return form.encode()

    def compress(self) -> None:
        """Nothing to give back."""

    def close(self) -> None:
        """Nothing to free."""


def shown(sink: FakeSink) -> bytes:
    """What is on an emulator that was given all that the sink was, checking the offsets."""
    screen = b""
    for entry in sink.log:
        if isinstance(entry, Shown):
            assert entry.offset == len(entry.data)
            screen = entry.data
        elif isinstance(entry, tuple):
            assert entry[0] == len(screen), "output is contiguous"
            screen += entry[1]
    return screen


class Sharing(RuleBasedStateMachine):
    """Attach, detach, type, promote, demote, resize, print, lag, catch up, come back, exit."""

    viewers = Bundle("viewers")

    def __init__(self) -> None:
        super().__init__()
        self.printed = bytearray()
        self.typed = bytearray()
        self.sinks: dict[str, FakeSink] = {}
        self.made: Stage | None = None
        self.workers = FakeWorkers()

    @initialize(sizing=st.sampled_from(Sizing), mode=st.sampled_from(ControlMode))
    def begin(self, sizing: Sizing, mode: ControlMode) -> None:
        self.sizing = sizing
        self.made = Stage(
            tail_bytes=TAIL,
            rules=Rules(sizing, mode),
            make_screen=WholeScreen,
            workers=self.workers,
        )

    @property
    def stage(self) -> Stage:
        assert self.made is not None
        return self.made

    @rule(
        target=viewers,
        role=st.sampled_from(Role),
        size=SIZES,
        window=st.sampled_from([0, WINDOW]),
        since=st.one_of(st.none(), st.integers(0, 1 << 21)),
    )
    def attach(
        self,
        role: Role,
        size: WindowSize,
        window: int,
        since: int | None,
    ) -> Viewer:
        stage = self.stage
        viewer, sink = stage.view(role=role, size=size, window=window)
        self.sinks[viewer.id] = sink
        if since is not None:  # somebody who was cut off comes back with what it has rendered
            known = shown(sink)[:since]
            viewer.detach()
            viewer, again = stage.view(role=role, size=size, window=window, since=len(known))
            again.log[:0] = [(0, known)] if known else []
            self.sinks[viewer.id] = again
        return viewer

    @rule(viewer=consumes(viewers))
    def detach(self, viewer: Viewer) -> None:
        viewer.detach()
        viewer.detach()
        del self.sinks[viewer.id]

    @rule(data=st.binary(min_size=1, max_size=2000), times=st.sampled_from([1, 1, 1, 50, 300]))
    def program_prints(self, data: bytes, times: int) -> None:
        stage = self.stage
        if stage.terminal.status is None:
            self.printed += data * times
            stage.pty.prints(data * times)

    @rule(viewer=viewers)
    def socket_fills(self, viewer: Viewer) -> None:
        self.sinks[viewer.id].is_ready = False

    @rule(viewer=viewers)
    def socket_drains(self, viewer: Viewer) -> None:
        self.sinks[viewer.id].drains()

    @rule(viewer=viewers)
    def ack(self, viewer: Viewer) -> None:
        viewer.ack(viewer.sent)

    @rule(viewer=viewers, data=st.binary(min_size=1, max_size=5))
    def type(self, viewer: Viewer, data: bytes) -> None:
        may = viewer.info.controls and viewer.terminal.status is None
        try:
            viewer.write(data)
        except RequestError:
            assert not may
        else:
            assert may
            self.typed += data

    @rule(viewer=viewers, size=SIZES, visible=st.booleans())
    def resize(self, viewer: Viewer, size: WindowSize, visible: bool) -> None:
        viewer.resize(size, visible=visible)

    @rule(
        viewer=viewers,
        other=viewers,
        action=st.sampled_from(["request", "grant", "release", "revoke"]),
    )
    def control(self, viewer: Viewer, other: Viewer, action: str) -> None:
        control = viewer.terminal.control
        role, holder = other.role, control.holder
        try:
            match action:
                case "request":
                    control.request(viewer)
                case "grant":
                    control.grant(viewer, other)
                case "release":
                    control.release(viewer)
                case _:
                    control.revoke(viewer, other)
        except RequestError:
            assert other.role is role
            assert control.holder is holder
        else:
            assert viewer.role > Role.WATCHER or viewer is other

    @rule(seconds=st.sampled_from([0.001, 0.01, 0.3, 70.0]))
    def time_passes(self, seconds: float) -> None:
        stage = self.stage
        self.workers.run()
        stage.clock.advance(seconds)

    @rule()
    def threads_work(self) -> None:
        self.workers.run()

    @rule()
    def exits(self) -> None:
        stage = self.stage
        if stage.terminal.status is None:
            stage.pty.exits(ExitStatus(code=0))

    @invariant()
    def nobody_reaches_the_program_who_may_not(self) -> None:
        if self.made is not None:
            assert bytes(self.stage.pty.received) == bytes(self.typed)
            holder = self.stage.terminal.control.holder
            assert holder is None or (holder.role >= Role.WRITER and holder.id in self.sinks)

    @invariant()
    def reading_stops_only_while_nobody_can_take_output_or_the_screen_is_behind(self) -> None:
        if self.made is None or self.stage.terminal.status is not None:
            return
        terminal = self.stage.terminal
        if self.stage.pty.is_paused and not self.workers.jobs:
            assert self.sinks
            assert all(viewer.is_stalled for viewer in terminal.viewers)

    @invariant()
    def no_more_than_the_window_is_in_flight(self) -> None:
        if self.made is not None:
            for viewer in self.stage.terminal.viewers:
                snapshots = [e for e in self.sinks[viewer.id].log if isinstance(e, Shown)]
                if viewer._window and not snapshots:
                    assert viewer.sent - viewer.acked <= viewer._window

    def teardown(self) -> None:
        """All that was held back comes, and every viewer sees what the program printed."""
        if self.made is None:
            return
        terminal = self.stage.terminal
        for viewer in terminal.viewers:
            self.sinks[viewer.id].drains()
        while any(viewer.is_stalled for viewer in terminal.viewers) or self.workers.jobs:
            self.workers.run()
            self.stage.clock.advance(1)
            for viewer in terminal.viewers:
                viewer.ack(viewer.sent)
                self.sinks[viewer.id].drains()
        self.stage.clock.advance(1)
        roster = {viewer.id: viewer.info for viewer in terminal.viewers}
        for viewer in terminal.viewers:
            sink = self.sinks[viewer.id]
            assert shown(sink) == self.printed[: terminal.tail.end]
            assert sink.roster == roster or terminal.status is not None
            assert [str(event) for event in sink.events].count(str(terminal.status)) <= 1
        if terminal.status is None and self.sizing is Sizing.SMALLEST:
            voices = [v for v in terminal.viewers if v.visible and v.role >= Role.WRITER]
            if (size := smallest(viewer.size for viewer in voices)) is not None:
                assert terminal.size == size


TestSharing = Sharing.TestCase
