"""A screen is fed all of the stream, in order, without keeping anybody waiting."""

from collections.abc import Callable, Sequence
from itertools import chain, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptybridge.core.errors import NotFound
from ptybridge.core.feeding import (
    AT_ONCE_BYTES,
    AT_ONCE_SECONDS,
    COSTLY_SECONDS,
    GREATEST_PIECE,
    IDLE_SECONDS,
    KEPT_BYTES,
    LEAST_PIECE,
    MUCH_WAITING,
    PAUSE,
    QUIET_SECONDS,
    ROOM_BYTES,
)
from ptybridge.core.screen import Bell, ScreenFailed, ScreenFormat, ScreenOwner
from ptybridge.core.screen import Snapshot as WrittenSnapshot
from ptybridge.core.values import ExitStatus, Role, WindowSize
from ptybridge.core.viewer import CHUNK_BYTES
from tests.fakes import FOLLOW_BYTES, FakeSink, FakeWorkers, Shown, Stage

CAPACITY = 8 * ROOM_BYTES

COSTLY = b"\xff"
"""Two of these in a piece are more than the event loop has time for."""

QUERY = b"\x05"

X, Y, Z = b"\xfc", b"\xfd", b"\xfe"
"""What a screen is shown at once, for it is not plain text."""


class KeepingScreen:
    """A screen that keeps what it is fed."""

    def __init__(self, size: WindowSize, owner: ScreenOwner) -> None:
        self.size = size
        self.remembered_lines = 1_000_000
        self.scrolls = False
        self.on_resize: Callable[[], None] = lambda: None
        self.fed = bytearray()
        self.compressed = 0
        self.on_work: Callable[[int], None] = lambda _: None
        self._owner = owner

    def is_in_sequence(self) -> bool:
        return False

    def is_scrolling(self) -> bool:
        return self.scrolls

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        self.fed += data
        self.on_work(bytes(data).count(COSTLY))
        for query in range(bytes(data).count(QUERY)):
            self._owner.on_reply(b"%d!" % query)
        if b"\a" in bytes(data):
            self._owner.on_event(Bell())
        if b"BREAK" in bytes(data):
            raise ScreenFailed("broken")

    def resize(self, size: WindowSize) -> None:
        self.size = size
        self.on_resize()

    def snapshot(self, *, history_lines: int | None = None) -> WrittenSnapshot:
        return WrittenSnapshot(self.size, 0, iter([bytes(self.fed[-5:])]))

    def rendered(self, form: ScreenFormat) -> bytes:
        return form.encode()

    def compress(self) -> None:
        self.compressed += 1

    def close(self) -> None:
        self.fed.clear()


class FedStage(Stage):
    """A terminal whose screen is fed by threads that the test lets run."""

    def __init__(self, *, remembered_lines: int = 1_000_000, scrolls: bool = True) -> None:
        self.remembered_lines, self.scrolls = remembered_lines, scrolls
        self.workers = FakeWorkers()
        self.screens: list[KeepingScreen] = []
        super().__init__(tail_bytes=CAPACITY, make_screen=self.make, workers=self.workers)

    def make(self, size: WindowSize, owner: ScreenOwner) -> KeepingScreen:
        screen = KeepingScreen(size, owner)
        screen.remembered_lines, screen.scrolls = self.remembered_lines, self.scrolls
        screen.on_work = self.work
        self.screens.append(screen)
        return screen

    def work(self, costly_bytes: int) -> None:
        """Feeding has taken time, whoever did it."""
        self.workers.worked += costly_bytes * AT_ONCE_SECONDS

    def settle(self) -> None:
        """Let time pass and threads work until nothing is left to do."""
        while self.workers.jobs or len(self.screens[0].fed) < self.terminal.tail.end:
            self.workers.run()
            self.clock.advance(PAUSE)


def assert_feeds_at_once(stage: FedStage, ending: bytes) -> None:
    """The last byte of ``ending`` comes a while later, and to no thread: nothing was costly."""
    stage.clock.advance(PAUSE)
    stage.pty.prints(ending[-1:])
    assert not stage.workers.jobs
    assert stage.screens[0].fed.endswith(ending)


@given(st.lists(st.tuples(st.binary(max_size=200_000), st.integers(0, 3)), max_size=12))
def test_a_screen_sees_every_byte_once_and_in_order(chunks: list[tuple[bytes, int]]) -> None:
    stage = FedStage()
    _, sink = stage.view()
    for data, then in chunks:
        stage.pty.prints(data.replace(b"BREAK", b"") + X)
        if then == 1:
            stage.clock.advance(PAUSE)
        elif then == 2:
            stage.workers.run()
    stage.settle()
    assert bytes(stage.screens[0].fed) == sink.data
    assert not stage.pty.is_paused


def test_a_keys_echo_and_a_flood_of_text_are_seen_at_once() -> None:
    stage = FedStage()
    _, sink = stage.view()
    stage.pty.prints(QUERY)
    assert bytes(stage.pty.received) == b"0!"
    stage.pty.prints(X * 48 * CHUNK_BYTES)
    assert not stage.workers.jobs
    assert len(stage.screens[0].fed) == stage.terminal.tail.end == len(sink.data)


def test_small_pieces_in_quick_succession_are_gathered() -> None:
    stage = FedStage()
    stage.pty.prints(b"first" + X)
    stage.pty.prints(b"more" + X)
    stage.pty.prints(b"and more" + X)
    assert bytes(stage.screens[0].fed) == b"first" + X
    stage.clock.advance(PAUSE)
    assert bytes(stage.screens[0].fed) == b"first" + X + b"more" + X + b"and more" + X
    stage.pty.prints(X)
    stage.pty.prints(Y * AT_ONCE_BYTES)
    assert len(stage.screens[0].fed) == stage.terminal.tail.end


def test_what_is_costly_goes_to_a_thread_from_the_piece_on_that_showed_it() -> None:
    stage = FedStage()
    stage.pty.prints(COSTLY * 3 + X * 2 * AT_ONCE_BYTES)
    assert len(stage.screens[0].fed) == AT_ONCE_BYTES
    stage.settle()
    stage.clock.advance(PAUSE)
    stage.pty.prints(Y)
    assert not stage.screens[0].fed.endswith(Y)
    stage.settle()
    stage.clock.advance(COSTLY_SECONDS)
    stage.pty.prints(Z)
    assert stage.screens[0].fed.endswith(Y + Z)


def test_a_flood_is_seen_while_it_is_read() -> None:
    stage = FedStage()
    _, sink = stage.view()
    seen: list[tuple[int, int]] = []
    screen = stage.screens[0]
    screen.on_work = lambda _: seen.append((len(screen.fed), len(sink.data)))
    stage.pty.prints(X * 3 * FOLLOW_BYTES + Y)
    assert seen == [
        (FOLLOW_BYTES, 0),
        (2 * FOLLOW_BYTES, 0),
        (3 * FOLLOW_BYTES, 0),
        (3 * FOLLOW_BYTES + 1, 3 * FOLLOW_BYTES + 1),
    ]


def test_what_is_costly_by_and_by_goes_to_a_thread_too() -> None:
    """Otherwise each piece of a read could take as long as all of it may."""
    stage = FedStage()
    piece = COSTLY + X * (FOLLOW_BYTES - 1)
    stage.pty.prints(3 * piece)
    assert len(stage.screens[0].fed) == 2 * FOLLOW_BYTES
    assert len(stage.workers.jobs) == 1
    stage.settle()


def test_what_one_read_took_does_not_count_for_the_next() -> None:
    stage = FedStage()
    piece = COSTLY + X * (FOLLOW_BYTES - 1)
    for _ in range(3):
        stage.pty.prints(piece)
    assert_feeds_at_once(stage, X + Y)


class BusySink(FakeSink):
    """A viewer that takes its time, such as a hundred of them do."""

    def __init__(self, workers: FakeWorkers) -> None:
        super().__init__()
        self._workers = workers

    def output(self, offset: int, parts: Sequence[memoryview]) -> None:
        super().output(offset, parts)
        self._workers.worked += 2 * AT_ONCE_SECONDS


def test_what_the_viewers_took_does_not_count() -> None:
    stage = FedStage()
    sink = BusySink(stage.workers)
    stage.terminal.attach(sink, name="a", role=Role.OWNER, size=stage.terminal.size).begin()
    stage.pty.prints(X * FOLLOW_BYTES + Y)
    assert_feeds_at_once(stage, X + Y + Z)


def test_what_a_read_before_a_resize_took_does_not_count_for_the_next() -> None:
    """What is read then is fed by ``catch_up``."""
    stage = FedStage()
    piece = COSTLY + X * (FOLLOW_BYTES - 1)
    stage.pty.prints_unheard(piece)
    stage.view(size=WindowSize(30, 90))
    assert stage.pty.sizes == [WindowSize(30, 90)]
    stage.work(2)
    stage.pty.prints(piece)
    assert_feeds_at_once(stage, X + Y)


def test_of_what_is_costly_no_more_is_read_than_one_can_wait_for() -> None:
    stage = FedStage()
    _, sink = stage.view()
    stage.pty.prints(COSTLY * 3 + X * CAPACITY)
    first_read = stage.terminal.tail.end
    while stage.pty.unread:
        stage.workers.run()
        stage.clock.advance(PAUSE)
        stage.pty.turn()
        if stage.screens[0].fed:
            waiting = stage.terminal.tail.end - len(stage.screens[0].fed)
            assert waiting <= max(first_read - AT_ONCE_BYTES, GREATEST_PIECE)
    stage.settle()
    assert len(sink.data) == len(stage.screens[0].fed) == 3 + CAPACITY


def test_pieces_become_what_takes_a_thread_a_few_milliseconds() -> None:
    stage = FedStage()
    stage.pty.prints(COSTLY * 3)
    pieces = []
    for _ in range(40):
        stage.pty.prints(COSTLY * 20 * LEAST_PIECE)
        stage.workers.run()
        fed = len(stage.screens[0].fed)
        stage.clock.advance(PAUSE)
        stage.workers.run()
        pieces.append(len(stage.screens[0].fed) - fed)
    assert max(pieces) == LEAST_PIECE


@given(st.lists(st.sampled_from("pcuta"), max_size=40))
def test_reading_never_stops_for_good(steps: list[str]) -> None:
    """Whatever time, threads and people who look at the screen do meanwhile."""
    stage = FedStage()
    stage.view()
    stage.pty.prints(COSTLY * 3)
    for step in steps:
        match step:
            case "p":
                stage.pty.prints(X * 3 * LEAST_PIECE)
            case "c":
                stage.pty.prints(COSTLY * 3)
            case "u":
                assert len(stage.screens[0].fed) <= stage.terminal.tail.end
                stage.terminal.screen()
                assert len(stage.screens[0].fed) == stage.terminal.tail.end
            case "t":
                stage.workers.run()
            case _:
                stage.clock.advance(PAUSE)
    stage.clock.advance(COSTLY_SECONDS)
    for _ in range(1000):
        stage.workers.run()
        stage.clock.advance(PAUSE)
        stage.pty.turn()
    assert stage.pty.unread == 0
    assert len(stage.screens[0].fed) == stage.terminal.tail.end


@pytest.mark.parametrize("looks", range(5))
def test_reading_goes_on_whenever_what_was_costly_is_so_no_longer(
    looks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between any two looks at the clock; nobody views it, whose taking it would go on by."""
    stage = FedStage()
    stage.pty.prints(COSTLY * 3 + X * CAPACITY)
    assert stage.pty.is_paused
    now = stage.clock.now
    times = chain([now] * looks, repeat(now + COSTLY_SECONDS))
    with monkeypatch.context() as patched:
        patched.setattr(stage.clock, "time", lambda: next(times))
        stage.workers.run()
    stage.clock.advance(COSTLY_SECONDS)
    stage.settle()
    assert not stage.pty.unread


def test_reading_waits_for_a_thread() -> None:
    stage = FedStage()
    stage.view()
    stage.pty.prints(COSTLY * 3 + X * (3 * CAPACITY))
    assert len(stage.workers.jobs) == 1
    assert stage.pty.is_paused
    assert stage.pty.unread


def test_answers_from_a_thread_reach_the_program_in_order() -> None:
    stage = FedStage()
    stage.pty.prints(COSTLY * 3 + QUERY + Z * AT_ONCE_BYTES)
    stage.settle()
    stage.pty.prints(3 * QUERY)
    stage.settle()
    assert bytes(stage.pty.received) == b"0!0!1!2!"


def test_a_snapshot_waits_for_what_is_being_fed_and_feeds_the_rest() -> None:
    stage = FedStage()
    stage.pty.prints(COSTLY * 3 + X * CAPACITY)
    stage.clock.advance(PAUSE)
    stage.pty.prints(b"12345")
    stage.settle()
    stage.pty.prints(b"67890")
    _, sink = stage.view(since=1)
    assert sink.log == [Shown(stage.terminal.tail.end, stage.terminal.size, b"67890")]
    stage.workers.run()
    assert len(stage.screens[0].fed) == stage.terminal.tail.end


@pytest.mark.parametrize("size", [5, AT_ONCE_BYTES * 2])
def test_a_screen_that_breaks_is_dropped_whoever_feeds_it(size: int) -> None:
    stage = FedStage()
    _, sink = stage.view()
    stage.pty.prints(COSTLY * (size - 5) + b"BREAK" + X * size)
    for _ in range(size // LEAST_PIECE):
        stage.workers.run()
        stage.clock.advance(PAUSE)
    assert stage.ended.lost == ["broken"]
    stage.pty.prints(Y * 2 * CAPACITY)
    assert len(sink.data) == 2 * size + 2 * CAPACITY


def test_an_idle_screen_is_made_small_once() -> None:
    stage = FedStage()
    stage.pty.prints(X)
    stage.clock.advance(IDLE_SECONDS)
    for _ in range(3):
        stage.terminal.tidy()
        stage.workers.run()
    assert stage.screens[0].compressed == 1
    stage.pty.prints(Y)
    assert bytes(stage.screens[0].fed) == X + Y
    stage.terminal.tidy()
    assert not stage.workers.jobs


def test_a_terminal_is_forgotten_in_the_middle_of_a_piece() -> None:
    stage = FedStage()
    stage.pty.prints(COSTLY * 3 + X * CAPACITY)
    (job,) = stage.workers.jobs
    stage.terminal.forget()
    job.done(job.wait())
    assert not stage.terminal.has_screen


def test_what_turns_out_costly_while_somebody_waits_is_not_fed_twice() -> None:
    stage = FedStage()
    stage.pty.prints(X)
    stage.clock.advance(IDLE_SECONDS)
    stage.terminal.tidy()  # a thread makes the screen small
    printed = COSTLY * 3 + X * (2 * AT_ONCE_BYTES)
    stage.pty.prints(printed)
    stage.terminal.screen()
    assert bytes(stage.screens[0].fed) == X + printed
    assert not any(job.is_undone for job in stage.workers.jobs)


LINE = b"a line of plain text\r\n"
MUCH = LINE * (2 * MUCH_WAITING // len(LINE))


def test_plain_text_is_not_shown_before_somebody_looks() -> None:
    stage = FedStage()
    stage.pty.prints(MUCH)
    stage.pty.prints(b"and more")
    assert not stage.screens[0].fed
    assert not stage.workers.jobs
    stage.terminal.screen()
    assert not stage.workers.jobs
    assert stage.terminal.screen().rendered("text") == b"text"
    assert bytes(stage.screens[0].fed) == MUCH + b"and more"


def test_of_a_flood_of_text_the_screen_sees_the_end() -> None:
    stage = FedStage(remembered_lines=1000, scrolls=True)
    _, sink = stage.view()
    for _ in range(20):
        stage.pty.prints(MUCH)
    stage.terminal.screen().rendered("text")
    fed = bytes(stage.screens[0].fed)
    assert sink.data.endswith(fed)
    assert fed.count(b"\n") >= stage.screens[0].remembered_lines
    assert len(fed) <= stage.screens[0].remembered_lines * len(LINE) + KEPT_BYTES


def test_a_read_is_not_interrupted_for_text_behind_text_that_waits() -> None:
    stage = FedStage()
    stage.pty.prints(X * 3 * FOLLOW_BYTES)
    follows = stage.pty.follows
    assert follows > 0
    stage.clock.advance(PAUSE)
    stage.pty.prints(LINE)
    assert len(stage.screens[0].fed) == 3 * FOLLOW_BYTES
    stage.pty.prints(MUCH)
    assert stage.pty.follows == follows


def test_much_that_waits_is_shown_by_a_thread_when_nothing_more_comes() -> None:
    stage = FedStage()
    stage.pty.prints(MUCH)
    for _ in range(3):
        stage.clock.advance(QUIET_SECONDS * 0.6)
        stage.pty.prints(LINE)
        assert not stage.workers.jobs
    stage.clock.advance(QUIET_SECONDS)
    stage.clock.advance(QUIET_SECONDS)
    assert len(stage.workers.jobs) == 1
    assert not stage.screens[0].fed
    stage.settle()
    assert bytes(stage.screens[0].fed) == MUCH + 3 * LINE
    stage.clock.advance(10 * QUIET_SECONDS)
    assert not stage.workers.jobs


def test_what_waits_is_shown_whoever_let_it_wait() -> None:
    stage = FedStage()
    stage.pty.prints(COSTLY * 3 + X)  # a thread takes what comes now
    stage.pty.prints(MUCH)
    for _ in range(100):
        stage.workers.run()
        stage.clock.advance(PAUSE)
    assert bytes(stage.screens[0].fed).endswith(MUCH)


def test_what_is_printed_last_is_shown_too() -> None:
    stage = FedStage()
    stage.pty.prints_unheard(MUCH)
    stage.pty.exits(ExitStatus(0, None))
    stage.clock.advance(2 * QUIET_SECONDS)
    stage.workers.run()
    assert bytes(stage.screens[0].fed) == MUCH


def test_who_looks_at_a_screen_that_breaks_over_what_waits_finds_none() -> None:
    stage = FedStage()
    stage.pty.prints(b"BREAK" + LINE)
    with pytest.raises(NotFound):
        stage.terminal.screen()
    assert stage.ended.lost == ["broken"]


def test_little_that_waits_needs_no_thread() -> None:
    stage = FedStage()
    stage.pty.prints(LINE)
    stage.clock.advance(10 * QUIET_SECONDS)
    assert not stage.workers.jobs
    stage.pty.prints(QUERY)
    stage.clock.advance(PAUSE)
    assert bytes(stage.screens[0].fed) == LINE + QUERY
    assert bytes(stage.pty.received) == b"0!"


@pytest.mark.parametrize("size", [1, AT_ONCE_BYTES])
def test_a_thread_shows_much_that_waits_when_other_output_comes(size: int) -> None:
    stage = FedStage()
    stage.pty.prints(MUCH)
    stage.clock.advance(2 * PAUSE)
    stage.pty.prints(QUERY + X * (size - 1))
    assert len(stage.workers.jobs) == 1
    assert not stage.screens[0].fed
    stage.pty.prints(QUERY)
    stage.settle()
    assert bytes(stage.screens[0].fed) == MUCH + QUERY + X * (size - 1) + QUERY
    assert bytes(stage.pty.received) == b"0!0!"
    assert_feeds_at_once(stage, X)  # it was much, not costly


def test_text_that_may_take_long_does_not_wait() -> None:
    """Whoever needs the screen would wait for all of it."""
    stage = FedStage(scrolls=False)
    for _ in range(4):
        stage.pty.prints(MUCH)
        stage.clock.advance(PAUSE)
    assert bytes(stage.screens[0].fed) == 4 * MUCH
    assert not stage.workers.jobs


def test_a_screen_that_breaks_over_what_waits_is_dropped() -> None:
    stage = FedStage()
    stage.pty.prints(b"BREAK" + MUCH)
    stage.clock.advance(2 * QUIET_SECONDS)
    stage.workers.run()
    assert stage.ended.lost == ["broken"]
    stage.clock.advance(2 * QUIET_SECONDS)
    stage.pty.prints(MUCH)
    assert not stage.workers.jobs


def test_a_terminal_is_forgotten_while_text_waits() -> None:
    stage = FedStage()
    stage.pty.prints(MUCH)
    stage.terminal.forget()
    stage.clock.advance(2 * QUIET_SECONDS)
    assert not stage.workers.jobs
