"""A terminal and its viewers, with a fake program: order, flow control, resume, the end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptybridge.core.errors import BadRequest, Conflict, Denied, LimitReached
from ptybridge.core.events import Exited, Resized
from ptybridge.core.fitting import REFLOW_SECONDS, RESIZE_INTERVAL
from ptybridge.core.ports import MakeScreen
from ptybridge.core.screen import ScreenFailed, ScreenFormat, ScreenOwner, ScreenUnavailable, Title
from ptybridge.core.screen import Snapshot as WrittenSnapshot
from ptybridge.core.values import ExitStatus, Role, WindowSize
from ptybridge.core.viewer import CHUNK_BYTES
from tests.fakes import FakeSink, Shown, Stage

SIZE = WindowSize(24, 80)


@given(st.lists(st.binary(max_size=300_000), max_size=5))
def test_what_a_program_prints_reaches_a_viewer_unchanged(chunks: list[bytes]) -> None:
    stage = Stage()
    _, sink = stage.view()
    for chunk in chunks:
        stage.pty.prints(chunk)
    assert sink.data == b"".join(chunks)


def test_output_offsets_are_contiguous() -> None:
    stage = Stage()
    _, sink = stage.view()
    for size in (1, 70_000, 200_000, 3):
        stage.pty.prints(b"x" * size)
    offset = 0
    for entry in sink.log:
        assert isinstance(entry, tuple)
        assert entry[0] == offset
        offset += len(entry[1])
    assert offset == stage.terminal.tail.end


@given(st.binary(min_size=1, max_size=2000), st.data())
def test_a_viewer_that_comes_back_gets_exactly_what_it_missed(
    printed: bytes, data: st.DataObject
) -> None:
    stage = Stage()
    stage.pty.prints(printed)
    since = data.draw(st.integers(0, len(printed)))
    _, sink = stage.view(since=since)
    assert sink.data == printed[since:]


def test_an_attach_that_the_tail_cannot_serve_starts_with_its_oldest_whole_line() -> None:
    stage = Stage(tail_bytes=8)
    stage.pty.prints(b"one\ntwo\nthree\n")
    viewer, sink = stage.view(since=1)
    assert sink.data == b"three\n"
    assert viewer.sent == 14


def test_no_more_than_the_window_is_in_flight() -> None:
    stage = Stage()
    viewer, sink = stage.view(window=10)
    stage.pty.prints(b"a" * 25)
    assert sink.data == b"a" * 10
    viewer.ack(4)
    assert sink.data == b"a" * 14
    viewer.ack(14)
    viewer.ack(24)
    assert sink.data == b"a" * 25


def test_an_ack_of_what_was_never_sent_is_refused() -> None:
    stage = Stage()
    viewer, _ = stage.view(window=10)
    with pytest.raises(BadRequest):
        viewer.ack(1)


def test_old_and_repeated_acks_are_harmless() -> None:
    stage = Stage()
    viewer, sink = stage.view(window=10)
    stage.pty.prints(b"a" * 30)
    viewer.ack(8)
    viewer.ack(3)
    viewer.ack(8)
    assert sink.data == b"a" * 18


def test_reading_stops_only_while_every_viewer_is_stalled() -> None:
    stage = Stage()
    first, _ = stage.view(window=10)
    second, _ = stage.view(window=10)
    stage.pty.prints(b"a" * 10)
    second.ack(10)
    stage.pty.prints(b"b" * 5)
    assert not stage.pty.is_paused
    stage.pty.prints(b"c" * 10)
    assert stage.pty.is_paused
    stage.pty.prints(b"d" * 100)
    assert stage.pty.unread == 100
    first.ack(10)
    assert stage.pty.is_paused  # it still lacks window for all there is
    second.ack(20)
    assert stage.pty.unread == 0


def test_a_program_without_viewers_runs_freely() -> None:
    stage = Stage(tail_bytes=100)
    viewer, _ = stage.view(window=1)
    stage.pty.prints(b"a" * 50)
    assert stage.pty.is_paused
    viewer.detach()
    assert not stage.pty.is_paused
    stage.pty.prints(b"b" * 1000)
    assert stage.terminal.tail.end == 1050


def test_a_viewer_that_fell_off_the_tail_is_given_a_snapshot_when_it_can_take_bytes() -> None:
    stage = Stage(tail_bytes=100)
    stage.view()  # one that keeps up
    _, slow = stage.view(is_ready=False)
    stage.pty.prints(b"line\n" * 50)
    assert slow.log == []
    slow.drains()
    (snapshot,) = slow.log
    assert isinstance(snapshot, Shown)
    assert snapshot.offset == 250
    assert snapshot.data == b"line\n" * 19
    stage.pty.prints(b"more")
    assert slow.log[1:] == [(250, b"more")]


def test_a_full_socket_holds_back_one_viewer_only() -> None:
    stage = Stage()
    _, live = stage.view()
    _, slow = stage.view()
    slow.frame_limit = 1
    stage.pty.prints(b"a" * 70_000)
    assert len(live.data) == 70_000
    assert len(slow.data) == CHUNK_BYTES
    slow.drains()
    assert slow.data == live.data


def test_typing_reaches_the_program_and_is_acknowledged_when_taken() -> None:
    stage = Stage()
    viewer, sink = stage.view()
    viewer.write(b"ls", offset=0)
    assert (bytes(stage.pty.received), sink.taken) == (b"ls", [2])
    stage.pty.takes_input = False
    viewer.write(b"\r", offset=2)
    viewer.write(b"x", offset=3)
    assert sink.taken == [2]
    stage.pty.reads_input()
    assert sink.taken == [2, 3, 4]
    assert bytes(stage.pty.received) == b"ls\rx"


def test_a_watcher_cannot_type() -> None:
    stage = Stage()
    viewer, _ = stage.view(role=Role.WATCHER)
    with pytest.raises(Denied):
        viewer.write(b"rm", offset=99)
    assert not stage.pty.received


def test_input_that_was_lost_or_sent_twice_is_refused() -> None:
    stage = Stage()
    viewer, _ = stage.view()
    viewer.write(b"abc", offset=0)
    for offset in (0, 2, 4):
        with pytest.raises(BadRequest):
            viewer.write(b"x", offset=offset)
    assert bytes(stage.pty.received) == b"abc"


def test_too_much_unread_input_is_refused_whole() -> None:
    stage = Stage()
    viewer, _ = stage.view()
    stage.pty.takes_input = False
    viewer.write(b"a" * (1 << 20))
    with pytest.raises(LimitReached):
        viewer.write(b"b")
    assert viewer.input_received == 1 << 20


def test_the_end_comes_behind_the_last_byte_even_for_a_stalled_viewer() -> None:
    stage = Stage()
    viewer, sink = stage.view(window=4)
    stage.pty.prints(b"hello ")
    stage.pty.prints(b"world")
    stage.pty.exits(ExitStatus(code=3))
    assert sink.events == []
    viewer.ack(4)
    viewer.ack(8)
    assert sink.log[-1] == Exited(ExitStatus(code=3))
    assert sink.data == b"hello world"
    assert stage.ended.terminals == [stage.terminal]
    assert stage.pty.is_closed


def test_who_comes_after_the_end_sees_the_output_and_the_end() -> None:
    stage = Stage()
    stage.pty.prints(b"bye")
    stage.pty.exits(ExitStatus(signal=9))
    viewer, sink = stage.view()
    assert sink.log == [(0, b"bye"), Exited(ExitStatus(signal=9))]
    with pytest.raises(Conflict):
        viewer.write(b"x")


def test_a_change_of_size_stands_at_its_place_in_the_stream() -> None:
    stage = Stage()
    viewer, sink = stage.view(window=5)
    stage.pty.prints(b"before")
    viewer.resize(WindowSize(30, 100), visible=True)
    assert stage.pty.sizes == [WindowSize(30, 100)]
    viewer.ack(5)
    stage.pty.prints(b"after")
    viewer.ack(6)
    viewer.ack(11)
    assert sink.log == [
        (0, b"befor"),
        (5, b"e"),
        Resized(WindowSize(30, 100), 6),
        (6, b"afte"),
        (10, b"r"),
    ]


def test_who_resumes_learns_of_the_sizes_it_missed() -> None:
    stage = Stage()
    viewer, _ = stage.view()
    stage.pty.prints(b"before")
    viewer.resize(WindowSize(30, 100), visible=True)
    stage.pty.prints(b"after")
    assert stage.terminal.marks.size_at(3) == WindowSize(24, 80)
    assert stage.terminal.marks.size_at(6) == WindowSize(30, 100)
    _, sink = stage.view(since=3, size=WindowSize(30, 100))
    assert sink.log == [(3, b"ore"), Resized(WindowSize(30, 100), 6), (6, b"after")]


def test_without_a_screen_a_snapshot_has_the_size_that_follows_it() -> None:
    stage = Stage(tail_bytes=100)
    viewer, _ = stage.view()
    stage.pty.prints(b"line\n" * 30)
    _, slow = stage.view(role=Role.WATCHER, is_ready=False)
    viewer.resize(WindowSize(30, 100), visible=True)
    stage.pty.prints(b"line\n" * 10)  # the place of the change is still in the tail, not behind it
    assert slow.viewer is not None
    slow.viewer.start_over()
    slow.drains()
    (snapshot,) = slow.log
    assert isinstance(snapshot, Shown)
    assert snapshot.size == stage.terminal.size


def test_a_program_is_resized_at_most_twenty_times_a_second() -> None:
    stage = Stage()
    viewer, _ = stage.view()
    for rows in range(30, 60):
        viewer.resize(WindowSize(rows, 80), visible=True)
    assert stage.pty.sizes == [WindowSize(30, 80)]
    stage.clock.advance(RESIZE_INTERVAL)
    assert stage.pty.sizes == [WindowSize(30, 80), WindowSize(59, 80)]


def test_hidden_viewers_and_watchers_have_no_say_in_the_size() -> None:
    stage = Stage()
    viewer, _ = stage.view(size=WindowSize(40, 100))
    stage.clock.advance(1)
    hidden, _ = stage.view(size=WindowSize(10, 10), role=Role.WATCHER)
    stage.clock.advance(1)
    hidden.resize(WindowSize(5, 5), visible=True)
    stage.clock.advance(1)
    assert stage.terminal.size == WindowSize(40, 100)
    other, _ = stage.view(size=WindowSize(30, 120))
    stage.clock.advance(1)
    assert stage.terminal.size == WindowSize(30, 100)
    other.resize(WindowSize(30, 120), visible=False)
    stage.clock.advance(1)
    assert stage.terminal.size == WindowSize(40, 100)
    viewer.detach()
    stage.clock.advance(1)
    assert stage.terminal.size == WindowSize(40, 100)


def test_a_storm_of_resizes_does_not_grow_the_terminal() -> None:
    stage = Stage()
    viewer, _ = stage.view()
    for turn in range(2000):
        viewer.resize(WindowSize(20 + turn % 2, 80), visible=True)
        stage.clock.advance(1)
    assert stage.terminal.marks.end - stage.terminal.marks.start <= 256
    _, late = stage.view(since=0)
    assert late.events[-1:] == [Resized(stage.terminal.size, 0)]


def test_leaving_twice_is_leaving_once() -> None:
    stage = Stage()
    viewer, _ = stage.view()
    viewer.detach()
    viewer.detach()
    assert list(stage.terminal.viewers) == []
    assert stage.terminal.idle_since == stage.clock.now


QUERY = b"\x05"


class ScriptedScreen:
    """A screen that keeps what it is fed, and says and breaks as it is told by the stream."""

    remembered_lines = 1000

    def __init__(self, size: WindowSize, owner: ScreenOwner) -> None:
        self.size = size
        self.fed = b""
        self.is_closed = False
        self._owner = owner

    def is_in_sequence(self) -> bool:
        return False

    def is_scrolling(self) -> bool:
        return False

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        self.fed += bytes(data)
        if QUERY in bytes(data):
            self._owner.on_reply(b"!")
        if b"BREAK" in bytes(data):
            raise ScreenFailed("broken")
        self._owner.on_event(Title(f"fed {len(self.fed)}"))

    def resize(self, size: WindowSize) -> None:
        self.size = size

    def snapshot(self, *, history_lines: int | None = None) -> WrittenSnapshot:
        return WrittenSnapshot(self.size, 1, iter([b"SNAP ", self.fed[-9:-1]]))

    def rendered(self, form: ScreenFormat) -> bytes:
        return f"{form} of {len(self.fed)} bytes".encode()

    def compress(self) -> None:
        """Nothing to give back."""

    def close(self) -> None:
        self.is_closed = True


def test_a_screen_follows_the_stream_and_answers_once_whatever_the_viewers() -> None:
    for viewers in (0, 1, 3):
        stage = Stage(make_screen=ScriptedScreen)
        for _ in range(viewers):
            stage.view()
        stage.pty.prints(b"what" + QUERY)
        assert bytes(stage.pty.received) == b"!"
        assert stage.terminal.description.title == "fed 5"


def test_who_comes_too_late_for_the_tail_gets_the_screens_snapshot() -> None:
    stage = Stage(tail_bytes=8, make_screen=ScriptedScreen)
    stage.pty.prints(b"0123456789abcdef")
    viewer, sink = stage.view(since=1)
    # The last byte is held back: it is the beginning of a character, and comes whole with the rest.
    assert sink.log == [Shown(15, SIZE, b"SNAP 789abcde"), (15, b"f")]
    stage.pty.prints(b"gh")
    assert sink.data == b"fgh"
    assert viewer.sent == 18


def test_a_window_holds_a_snapshot_back_too() -> None:
    stage = Stage(tail_bytes=8, make_screen=ScriptedScreen)
    stage.view()
    _, slow = stage.view(is_ready=False)
    stage.pty.prints(b"0123456789abcdef")
    slow.drains()
    assert isinstance(slow.log[0], Shown)
    assert not stage.pty.is_paused


def test_a_screen_that_breaks_is_dropped_and_the_terminal_goes_on() -> None:
    stage = Stage(tail_bytes=8, make_screen=ScriptedScreen)
    _, sink = stage.view()
    stage.pty.prints(b"BREAK\a")
    assert stage.ended.lost == ["broken"]
    assert not stage.terminal.has_screen
    stage.pty.prints(b"\nline\nmore")
    assert sink.data == b"BREAK\a\nline\nmore"
    _, late = stage.view(since=1)
    assert late.data == b"more"


def test_where_there_is_no_screen_a_terminal_lives_without() -> None:
    def unavailable(size: WindowSize, owner: ScreenOwner) -> ScriptedScreen:
        raise ScreenUnavailable("not here")

    stage = Stage(make_screen=unavailable)
    _, sink = stage.view()
    stage.pty.prints(b"hello" + QUERY)
    assert sink.data == b"hello" + QUERY
    assert not stage.pty.received


def test_a_program_that_reads_nothing_is_not_answered_for_ever() -> None:
    stage = Stage(make_screen=ScriptedScreen)
    viewer, _ = stage.view()
    stage.pty.takes_input = False
    viewer.write(b"a" * (1 << 20))
    stage.pty.prints(QUERY)
    assert stage.pty.input_queued == 1 << 20


def test_answers_and_keys_are_acknowledged_apart() -> None:
    stage = Stage(make_screen=ScriptedScreen)
    viewer, sink = stage.view()
    stage.pty.takes_input = False
    stage.pty.prints(QUERY)
    viewer.write(b"ab")
    stage.pty.prints(QUERY)
    assert sink.taken == []
    stage.pty.reads_input()
    assert bytes(stage.pty.received) == b"!ab!"
    assert sink.taken == [2]


def test_the_screen_has_the_programs_size_and_goes_with_its_terminal() -> None:
    screens: list[ScriptedScreen] = []

    def make(size: WindowSize, owner: ScreenOwner) -> ScriptedScreen:
        screens.append(ScriptedScreen(size, owner))
        return screens[-1]

    stage = Stage(make_screen=make)
    viewer, _ = stage.view()
    viewer.resize(WindowSize(30, 100), visible=True)
    assert screens[0].size == WindowSize(30, 100)
    stage.pty.exits(ExitStatus(code=0))
    stage.terminal.forget()
    stage.terminal.forget()
    assert screens[0].is_closed


def test_a_slow_viewer_sees_the_end_of_a_terminal_that_is_forgotten() -> None:
    stage = Stage()
    viewer, sink = stage.view(window=4)
    stage.pty.prints(b"12345678")
    stage.pty.exits(ExitStatus(code=0))
    stage.terminal.forget()
    viewer.ack(4)
    viewer.ack(8)
    assert sink.log == [(0, b"1234"), (4, b"5678"), Exited(ExitStatus(code=0))]
    assert stage.terminal.tail.capacity
    viewer.detach()
    assert not stage.terminal.tail.capacity  # nobody is left to whom it could be shown


class ExactScreen(ScriptedScreen):
    """One that holds nothing back, and reports its sizes."""

    def resize(self, size: WindowSize) -> None:
        super().resize(size)
        self._owner.on_reply(b"%dx%d " % (size.rows, size.cols))

    def snapshot(self, *, history_lines: int | None = None) -> WrittenSnapshot:
        return WrittenSnapshot(self.size, 0, iter([self.fed]))


LAST = WindowSize(24, 80)


def made_narrow_and_wide_again(make_screen: MakeScreen) -> tuple[Stage, FakeSink]:
    stage = Stage(make_screen=make_screen)
    viewer, _ = stage.view()
    _, sink = stage.view(role=Role.WATCHER)
    stage.pty.prints(b"text")
    for size in (WindowSize(24, 40), WindowSize(24, 10), LAST):
        viewer.resize(size, visible=True)
        stage.clock.advance(RESIZE_INTERVAL)
    assert [event.size.cols for event in sink.events if isinstance(event, Resized)] == [40, 10, 80]
    sink.log.clear()
    return stage, sink


def test_who_begins_with_a_size_does_not_follow_those_before_it() -> None:
    """An emulator that became narrow and wide again would have lost what the snapshot shows."""
    stage, sink = made_narrow_and_wide_again(ExactScreen)
    stage.clock.advance(REFLOW_SECONDS)
    assert sink.log == [Shown(4, LAST, b"text"), Resized(LAST, 4)]
    assert stage.terminal.marks.size_at(4) == LAST
    _, late = stage.view(since=4)
    assert late.log == [Resized(LAST, 4)]


def test_nor_does_who_is_given_a_snapshot_in_the_middle_of_a_character() -> None:
    stage, sink = made_narrow_and_wide_again(ScriptedScreen)
    stage.clock.advance(REFLOW_SECONDS)
    assert sink.log == [Shown(3, LAST, b"SNAP tex"), (3, b"t"), Resized(LAST, 4)]


def test_a_screen_that_reports_its_new_size_is_heard_at_once() -> None:
    """The program may wait for that, and print nothing before."""
    stage = Stage(make_screen=ExactScreen)
    viewer, _ = stage.view()
    viewer.resize(WindowSize(30, 100), visible=True)
    assert bytes(stage.pty.received) == b"30x100 "
