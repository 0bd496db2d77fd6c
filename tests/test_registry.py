"""Sessions and terminals by name, within limits, ended in order."""

import asyncio
import gc
import weakref
from contextlib import suppress

import pytest

from ptybridge.core.errors import BadRequest, LimitReached, NotFound, PtyError, Unavailable
from ptybridge.core.feeding import MUCH_WAITING, QUIET_SECONDS, ROOM_BYTES
from ptybridge.core.ports import Launch, MakeScreen, PtyOwner, Workers
from ptybridge.core.registry import (
    ENDED_LINGER,
    MAX_ENDED,
    Limits,
    Registry,
    TerminalDefaults,
)
from ptybridge.core.screen import ScreenOwner
from ptybridge.core.terminal import Terminal
from ptybridge.core.values import ExitStatus, WindowSize
from tests.fakes import FakePty, FakeSpawner, FakeWorkers, ManualClock
from tests.test_feeding import KeepingScreen

SIZE = WindowSize(24, 80)
ENDED = ExitStatus(code=0)


class BrokenSpawner(FakeSpawner):
    """A machine without the program."""

    async def spawn(self, launch: Launch, owner: PtyOwner) -> FakePty:
        raise PtyError("no such program: sh")


class StuckSpawner(FakeSpawner):
    """A machine on which no program ever begins."""

    async def spawn(self, launch: Launch, owner: PtyOwner) -> FakePty:
        await asyncio.Event().wait()
        raise AssertionError


class ClosedScreen(KeepingScreen):
    """A screen that tells when it is freed."""

    def __init__(self, size: WindowSize, owner: ScreenOwner, closed: list[bool]) -> None:
        super().__init__(size, owner)
        self._closed = closed

    def close(self) -> None:
        self._closed.append(True)


class Stage:
    """A registry with fake programs."""

    def __init__(
        self,
        *,
        sessions: int = 10,
        terminals: int = 10,
        keep_detached: float = 100.0,
        idle_timeout: float = 0.0,
        spawner: FakeSpawner | None = None,
        may_offer: bool = True,
        tail_bytes: int = 4096,
        make_screen: MakeScreen | None = None,
        workers: Workers | None = None,
    ) -> None:
        self.clock = ManualClock()
        self.spawner = spawner or FakeSpawner()
        self.registry = Registry(
            self.spawner,
            defaults=TerminalDefaults(
                command=("/bin/sh", "-l"),
                cwd="/home",
                env={"A": "b"},
                tail_bytes=tail_bytes,
                keep_detached=keep_detached,
                idle_timeout=idle_timeout,
                may_offer=may_offer,
            ),
            limits=Limits(sessions=sessions, terminals=terminals),
            clock=self.clock,
            make_screen=make_screen,
            workers=workers,
            wall_clock=lambda: 5.0,
        )

    async def open(self, session: str = "main", name: str | None = None) -> Terminal:
        return await self.registry.open(self.registry.session(session), size=SIZE, name=name)


async def test_where_files_are_off_no_program_can_offer_any() -> None:
    stage = Stage(may_offer=False)
    terminal = await stage.open()
    assert stage.spawner.launches[0].env == {"A": "b", "PTYBRIDGE_TERMINAL": terminal.id}


async def test_a_terminal_is_started_as_configured_and_found_by_its_name() -> None:
    stage = Stage()
    terminal = await stage.open()
    key = terminal.description.offers.key
    env = {"A": "b", "PTYBRIDGE_TERMINAL": terminal.id, "PTYBRIDGE_TERMINAL_KEY": key}
    assert stage.spawner.launches == [
        Launch(argv=("/bin/sh", "-l"), env=env, size=SIZE, cwd="/home")
    ]
    assert stage.registry.terminal(terminal.id) is terminal
    assert terminal.description.title == "sh"
    assert not stage.spawner.ptys[0].is_paused


async def test_what_does_not_exist_is_not_found() -> None:
    with pytest.raises(NotFound):
        Stage().registry.terminal("nowhere")


@pytest.mark.parametrize("name", ["", "..", "a/b", "a" * 65, "-a", "a b", "é", "a\n"])
def test_what_is_no_name_names_no_session(name: str) -> None:
    with pytest.raises(BadRequest):
        Stage().registry.session(name)


async def test_terminals_that_run_are_limited_and_ended_ones_make_room() -> None:
    stage = Stage(terminals=1)
    await stage.open()
    with pytest.raises(LimitReached):
        await stage.open()
    stage.spawner.ptys[0].exits(ENDED)
    await stage.open()


async def test_terminals_being_started_count() -> None:
    stage = Stage(terminals=1)
    results = await asyncio.gather(stage.open(), stage.open(), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["LimitReached", "Terminal"]


async def test_sessions_in_use_are_limited_and_empty_ones_make_room() -> None:
    stage = Stage(sessions=2)
    await stage.open("first")
    for number in range(5):
        stage.registry.session(f"empty-{number}")
    await stage.open("second")
    with pytest.raises(LimitReached):
        stage.registry.session("third")
    assert set(stage.registry.sessions) == {"first", "second"}


async def test_a_session_that_was_dropped_while_empty_comes_back_with_a_terminal() -> None:
    stage = Stage(sessions=1)
    held = stage.registry.session("held")
    stage.registry.session("other")
    assert set(stage.registry.sessions) == {"other"}
    await stage.registry.open(held, size=SIZE)
    assert stage.registry.sessions[held.id] is held


async def test_a_program_that_cannot_be_started_says_why_and_leaves_nothing() -> None:
    stage = Stage(terminals=1, spawner=BrokenSpawner())
    for _ in range(2):
        with pytest.raises(Unavailable, match="no such program"):
            await stage.open()
    assert not stage.registry.terminals


async def test_an_ended_terminal_can_be_looked_at_for_a_while() -> None:
    stage = Stage()
    terminal = await stage.open()
    stage.spawner.ptys[0].exits(ENDED)
    stage.clock.advance(ENDED_LINGER - 1)
    assert stage.registry.terminal(terminal.id) is terminal
    stage.clock.advance(1)
    with pytest.raises(NotFound):
        stage.registry.terminal(terminal.id)


async def test_ended_terminals_do_not_pile_up(request: pytest.FixtureRequest) -> None:
    gc.disable()
    request.addfinalizer(gc.enable)
    stage = Stage(make_screen=scrolling_screen, workers=FakeWorkers())
    terminal = await stage.open()
    parts = [weakref.ref(it) for it in (terminal, terminal.viewers, terminal.control)]
    del terminal
    stage.spawner.ptys[-1].exits(ENDED)
    for _ in range(MAX_ENDED + 20):
        await stage.open()
        stage.spawner.ptys.pop().exits(ENDED)
    stage.spawner.ptys.clear()
    assert [part() for part in parts] == [None] * 3  # at once, without the garbage collector
    assert len(stage.registry.terminals) == MAX_ENDED
    assert len(stage.registry.session("main").terminals) == MAX_ENDED


@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_a_terminal_that_cannot_be_started_leaves_nothing(
    request: pytest.FixtureRequest, *, is_cancelled: bool
) -> None:
    gc.disable()
    request.addfinalizer(gc.enable)
    screens: list[weakref.ref[ClosedScreen]] = []
    closed: list[bool] = []

    def make_screen(size: WindowSize, owner: ScreenOwner) -> ClosedScreen:
        screen = ClosedScreen(size, owner, closed)
        screens.append(weakref.ref(screen))
        return screen

    spawner = StuckSpawner() if is_cancelled else BrokenSpawner()
    stage = Stage(spawner=spawner, make_screen=make_screen)
    opening = asyncio.create_task(stage.open())
    await asyncio.sleep(0)
    opening.cancel()
    with suppress(Unavailable, asyncio.CancelledError):
        await opening
    del opening
    assert closed == [True]
    assert [screen() for screen in screens] == [None]  # at once, with the tail


async def test_a_name_can_be_used_again_after_the_end_and_stays_with_the_new_one() -> None:
    stage = Stage()
    await stage.open(name="build")
    stage.spawner.ptys[0].exits(ENDED)
    second = await stage.open(name="build")
    stage.clock.advance(ENDED_LINGER)
    assert stage.registry.terminal("build") is second


async def test_a_name_that_another_session_uses_again_leaves_the_first_one() -> None:
    stage = Stage()
    await stage.open("first", name="build")
    stage.spawner.ptys[0].exits(ENDED)
    second = await stage.open("second", name="build")
    stage.clock.advance(ENDED_LINGER)
    first = stage.registry.session("first")
    assert not first.terminals
    stage.registry.close_session(first)
    assert stage.registry.terminal("build") is second


async def test_what_went_through_a_closed_session_s_terminals_still_counts() -> None:
    stage = Stage()
    for pty in range(2):
        await stage.open()
        stage.spawner.ptys[pty].prints(b"12345")
    stage.spawner.ptys[0].exits(ENDED)
    stage.registry.close_session(stage.registry.session("main"))
    assert stage.registry.statistics().output_bytes == 10
    stage.spawner.ptys[1].exits(ENDED)
    assert stage.registry.statistics().output_bytes == 10


async def test_terminals_that_nobody_views_are_ended_in_time() -> None:
    stage = Stage(keep_detached=100)
    await stage.open()
    stage.clock.advance(99)
    stage.registry.sweep()
    assert stage.spawner.ptys[0].hang_ups == 0
    stage.clock.advance(1)
    stage.registry.sweep()
    assert stage.spawner.ptys[0].hang_ups == 1


async def test_zero_keeps_terminals_for_ever() -> None:
    stage = Stage(keep_detached=0)
    await stage.open()
    stage.clock.advance(10**9)
    stage.registry.sweep()
    assert stage.spawner.ptys[0].hang_ups == 0


async def test_a_terminal_in_which_nothing_happens_is_hung_up_in_time() -> None:
    stage = Stage(keep_detached=0, idle_timeout=60)
    await stage.open()
    for _ in range(60):
        stage.registry.sweep()
        stage.clock.advance(1)
    assert stage.spawner.ptys[0].hang_ups == 0
    stage.registry.sweep()
    assert stage.spawner.ptys[0].hang_ups == 1


@pytest.mark.parametrize("direction", ["input", "output"])
async def test_a_byte_in_either_direction_keeps_a_terminal(direction: str) -> None:
    stage = Stage(keep_detached=0, idle_timeout=60)
    await stage.open()
    await stage.open()
    used, silent = stage.spawner.ptys
    stage.registry.sweep()
    for _ in range(3):
        stage.clock.advance(59)
        used.write(b"x") if direction == "input" else used.prints(b"x")
        stage.registry.sweep()
    assert used.hang_ups == 0
    assert silent.hang_ups > 0


async def test_terminals_may_be_silent_for_ever_by_default() -> None:
    stage = Stage(keep_detached=0)
    await stage.open()
    stage.registry.sweep()
    stage.clock.advance(10**9)
    stage.registry.sweep()
    assert stage.spawner.ptys[0].hang_ups == 0


async def test_closing_hangs_up_every_program_and_waits_for_the_last() -> None:
    stage = Stage()
    await stage.open()
    await stage.open()
    closing = asyncio.create_task(stage.registry.close(patience=10))
    await asyncio.sleep(0)
    assert [pty.hang_ups for pty in stage.spawner.ptys] == [1, 1]
    stage.spawner.ptys[0].exits(ENDED)
    await asyncio.sleep(0)
    assert not closing.done()
    stage.spawner.ptys[1].exits(ENDED)
    await closing
    with pytest.raises(Unavailable):
        await stage.open()


def scrolling_screen(size: WindowSize, owner: ScreenOwner) -> KeepingScreen:
    """A screen for which any plain text may wait."""
    screen = KeepingScreen(size, owner)
    screen.scrolls = True
    return screen


async def test_much_text_is_shown_to_the_screen_when_nothing_more_comes() -> None:
    workers = FakeWorkers()
    stage = Stage(tail_bytes=8 * ROOM_BYTES, make_screen=scrolling_screen, workers=workers)
    await stage.open()
    stage.spawner.ptys[0].prints(MUCH_WAITING * b"x")
    stage.clock.advance(2 * QUIET_SECONDS)
    assert len(workers.jobs) == 1


@pytest.mark.parametrize("is_patient", [True, False], ids=["ended", "too-slow-to-end"])
async def test_nothing_of_a_terminal_is_done_after_the_closing(is_patient: bool) -> None:
    workers = FakeWorkers()
    stage = Stage(tail_bytes=8 * ROOM_BYTES, make_screen=scrolling_screen, workers=workers)
    terminal = await stage.open()
    (pty,) = stage.spawner.ptys
    pty.prints(MUCH_WAITING * b"x")
    stage.clock.advance(0.9 * QUIET_SECONDS)
    pty.prints(MUCH_WAITING * b"x")
    closing = asyncio.create_task(stage.registry.close(patience=10 if is_patient else 0))
    await asyncio.sleep(0)
    if is_patient:
        pty.exits(ENDED)
    await closing
    stage.clock.advance(2 * QUIET_SECONDS)
    assert workers.jobs == []
    assert not terminal.has_screen
    if not is_patient:
        pty.prints(b"still here")
        assert terminal.tail.read(terminal.tail.end - 10, limit=10) == b"still here"
        pty.exits(ENDED)


# --- the end of a session


async def test_a_session_s_end_frees_its_names_at_once_and_its_programs_get_their_grace() -> None:
    stage = Stage(terminals=2)
    registry = stage.registry
    old = await stage.open(name="t1")
    ended = await stage.open(name="t2")
    stage.spawner.ptys[1].exits(ENDED)
    session = registry.session("main")
    registry.close_session(session)
    assert (dict(registry.sessions), dict(registry.terminals)) == ({}, {})
    assert [pty.hang_ups for pty in stage.spawner.ptys] == [1, 0]
    with pytest.raises(NotFound):
        registry.terminal("t1")
    new = await stage.open(name="t1")
    assert registry.terminal("t1") is new
    with pytest.raises(LimitReached):  # the old one's program still runs
        await stage.open()
    stage.spawner.ptys[0].exits(ENDED)
    await stage.open()
    assert registry.terminal("t1") is new
    assert registry.session("main") is not session
    stage.clock.advance(ENDED_LINGER)
    assert registry.terminal("t1") is new
    assert old.status == ended.status == ENDED


class SlowSpawner(FakeSpawner):
    """A machine on which starting takes until the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.may_start = asyncio.Event()

    async def spawn(self, launch: Launch, owner: PtyOwner) -> FakePty:
        await self.may_start.wait()
        return await super().spawn(launch, owner)


async def test_a_terminal_that_was_starting_when_its_session_ended_is_hung_up() -> None:
    spawner = SlowSpawner()
    stage = Stage(spawner=spawner)
    opening = asyncio.create_task(stage.open())
    await asyncio.sleep(0)
    stage.registry.close_session(stage.registry.session("main"))
    spawner.may_start.set()
    with pytest.raises(NotFound):
        await opening
    assert spawner.ptys[0].hang_ups == 1
    assert (dict(stage.registry.sessions), dict(stage.registry.terminals)) == ({}, {})
    closing = asyncio.create_task(stage.registry.close(patience=5))
    await asyncio.sleep(0)
    assert not closing.done()
    spawner.ptys[0].exits(ENDED)
    await closing


async def test_a_terminal_that_was_starting_when_the_server_ended_does_nothing_later() -> None:
    spawner, workers = SlowSpawner(), FakeWorkers()
    stage = Stage(
        spawner=spawner,
        tail_bytes=8 * ROOM_BYTES,
        make_screen=scrolling_screen,
        workers=workers,
    )
    opening = asyncio.create_task(stage.open())
    await asyncio.sleep(0)
    await stage.registry.close(patience=5)
    spawner.may_start.set()
    terminal = await opening
    (pty,) = spawner.ptys
    assert pty.hang_ups == 1
    pty.prints(MUCH_WAITING * b"x")
    stage.clock.advance(2 * QUIET_SECONDS)
    assert workers.jobs == []
    assert not terminal.has_screen


async def test_what_people_have_named_is_not_forgotten() -> None:
    stage = Stage(sessions=1)
    stage.registry.session("kept").rename("Mine")
    with pytest.raises(LimitReached):
        stage.registry.session("other")
    stage.registry.session("kept").rename("")
    stage.registry.session("other")
    assert set(stage.registry.sessions) == {"other"}
