"""What programs print comes whole and in order, also where several print much at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptybridge.core.ports import MakeScreen
from ptybridge.core.screen import ScreenOwner
from ptybridge.core.turns import SLICE_BYTES, Turns
from ptybridge.core.values import ExitStatus, WindowSize
from ptybridge.core.viewer import CHUNK_BYTES, READ_BYTES
from tests.fakes import FakeSink, ManualClock, Stage
from tests.test_feeding import KeepingScreen, X, Y, Z


class Crowd:
    """Terminals of one event loop, each with a viewer."""

    def __init__(
        self, count: int, *, tail_bytes: int = 1 << 20, make_screen: MakeScreen | None = None
    ) -> None:
        self.clock = ManualClock()
        turns = Turns(self.clock)
        self.stages = [
            Stage(clock=self.clock, turns=turns, tail_bytes=tail_bytes, make_screen=make_screen)
            for _ in range(count)
        ]
        self.sinks: list[FakeSink] = [stage.view()[1] for stage in self.stages]

    def turn(self) -> None:
        """One turn of the loop."""
        self.clock.turn()
        for stage in self.stages:
            stage.pty.turn()

    def settle(self) -> None:
        """Turn until nobody gets on."""
        left = -1
        while left != (left := sum(stage.pty.unread for stage in self.stages)):
            for _ in range(2 * len(self.stages)):
                self.turn()


SIZES = st.sampled_from([1, 100, READ_BYTES, READ_BYTES + 1, 5 * READ_BYTES, CHUNK_BYTES + 1])
STEPS = st.lists(
    st.tuples(st.integers(0, 2), SIZES, st.sampled_from(["", "turn", "stall", "resize", "exit"])),
    max_size=12,
)


@given(STEPS)
def test_who_views_gets_every_byte_however_many_print(steps: list[tuple[int, int, str]]) -> None:
    crowd = Crowd(3)
    printed = [b"", b"", b""]
    for step, (number, size, then) in enumerate(steps):
        stage, sink = crowd.stages[number], crowd.sinks[number]
        assert sink.viewer is not None
        if stage.terminal.status is not None:
            continue
        text = bytes([97 + step]) * size
        printed[number] += text
        stage.pty.prints(text)
        if then == "turn":
            crowd.turn()
        elif then == "stall":
            sink.is_ready = not sink.is_ready
            stage.terminal.drain(sink.viewer)
        elif then == "resize":
            sink.viewer.resize(WindowSize(30 + step, 90), visible=True)
        elif then == "exit":
            stage.pty.exits(ExitStatus(0, None))
    for stage, sink in zip(crowd.stages, crowd.sinks, strict=True):
        sink.is_ready = True
        assert sink.viewer is not None
        stage.terminal.drain(sink.viewer)
    crowd.settle()
    assert [sink.data for sink in crowd.sinks] == printed


def test_what_waits_for_its_turn_is_read_when_the_program_ends() -> None:
    crowd = Crowd(2)
    for stage in crowd.stages:
        stage.pty.prints(b"x" * CHUNK_BYTES)
    for stage in crowd.stages:
        stage.pty.prints(b"y" * CHUNK_BYTES)
    late = crowd.stages[1].pty
    assert late.unread == CHUNK_BYTES
    crowd.turn()
    assert late.unread == CHUNK_BYTES - READ_BYTES
    late.exits(ExitStatus(0, None))
    assert crowd.sinks[1].data == b"x" * CHUNK_BYTES + b"y" * CHUNK_BYTES
    late.prints_unheard(b"z")
    crowd.stages[1].terminal.on_readable()
    crowd.settle()
    assert crowd.stages[1].terminal.tail.end == 2 * CHUNK_BYTES


def test_who_cannot_take_more_stops_its_terminal_only() -> None:
    crowd = Crowd(2)
    for _ in range(2):
        for stage in crowd.stages:
            stage.pty.prints(b"x" * CHUNK_BYTES)
    crowd.sinks[1].is_ready = False
    crowd.settle()
    for stage in crowd.stages:
        stage.pty.prints(b"y" * CHUNK_BYTES)
    crowd.settle()
    assert [stage.pty.unread > 0 for stage in crowd.stages] == [False, True]
    assert [stage.pty.is_paused for stage in crowd.stages] == [False, True]
    assert crowd.sinks[0].data.endswith(b"y")


@pytest.mark.parametrize("turns", range(0, 12, 2))
@pytest.mark.parametrize("tail_bytes", [4096, SLICE_BYTES, CHUNK_BYTES, CHUNK_BYTES + SLICE_BYTES])
def test_what_waits_to_be_passed_on_is_not_lost_however_small_the_tail(
    tail_bytes: int, turns: int
) -> None:
    screens: list[KeepingScreen] = []

    def make(size: WindowSize, owner: ScreenOwner) -> KeepingScreen:
        screens.append(KeepingScreen(size, owner))
        return screens[-1]

    crowd = Crowd(2, tail_bytes=tail_bytes, make_screen=make)
    for text in (X, Y, Z):
        for stage in crowd.stages:
            stage.pty.prints(text * CHUNK_BYTES)
    for _ in range(turns):
        crowd.turn()
    for stage in crowd.stages:
        stage.pty.exits(ExitStatus(0, None))
    printed = b"".join(text * CHUNK_BYTES for text in (X, Y, Z))
    assert [sink.data for sink in crowd.sinks] == [printed] * 2
    assert [bytes(screen.fed) for screen in screens] == [printed] * 2


def test_who_waits_is_not_watched_when_its_viewer_takes_more() -> None:
    crowd = Crowd(2)
    for _ in range(4):
        for stage in crowd.stages:
            stage.pty.prints(b"x" * CHUNK_BYTES)
    late, sink = crowd.stages[1], crowd.sinks[1]
    sink.is_ready = False
    while not late.terminal._intake.is_paused:
        crowd.turn()
    assert late.pty.unread
    sink.drains()
    assert late.pty.is_paused
    crowd.settle()
    assert len(sink.data) == 4 * CHUNK_BYTES
