"""Terminals' cgroups: found in every arrangement of trees, and real ones where that is allowed."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from ptybridge.adapters.cgroups import (
    CgroupError,
    CgroupLimits,
    Cgroups,
    Place,
    find_places,
    hand_on,
    prepare_places,
    stale,
)
from ptybridge.adapters.confinement import Confinement
from ptybridge.adapters.spawner import Spawner
from ptybridge.core.values import ExitStatus
from tests.real_pty import PATIENCE, gone, start

LIMITS = CgroupLimits(memory_bytes=48 << 20, processes=30)

# --- where they are

FIRST = (
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:5 - cgroup cgroup rw,memory\n"
    "39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids\n"
    "40 31 0:37 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
)
SECOND = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
UNIT = "/system.slice/ptybridge.service"


@pytest.mark.parametrize(
    ("memberships", "mounts", "places"),
    [
        pytest.param(
            f"9:pids:{UNIT}\n4:memory:/\n0::{UNIT}\n",
            FIRST,
            [
                Place("/sys/fs/cgroup/memory", 1, ("memory",)),
                Place(f"/sys/fs/cgroup/pids{UNIT}", 1, ("pids",)),
            ],
            id="version-1",
        ),
        pytest.param(
            f"0::{UNIT}\n",
            SECOND,
            [Place(f"/sys/fs/cgroup{UNIT}", 2, ("memory", "pids"))],
            id="version-2",
        ),
        pytest.param(
            f"9:pids:/\n0::{UNIT}\n",
            FIRST,
            [
                Place(f"/sys/fs/cgroup/unified{UNIT}", 2, ("memory",)),
                Place("/sys/fs/cgroup/pids", 1, ("pids",)),
            ],
            id="one-each",
        ),
        pytest.param(
            "0::/docker/1234\n",
            "30 23 0:26 /docker/1234 /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
            [Place("/sys/fs/cgroup", 2, ("memory", "pids"))],
            id="a-container-sees-its-part",
        ),
        pytest.param(
            "4:cpu,memory,pids:/a\n",
            "30 23 0:26 / /cg rw - cgroup cgroup rw,cpu,memory,pids\n",
            [Place("/cg/a", 1, ("memory", "pids"))],
            id="several-in-one-tree",
        ),
    ],
)
def test_a_controller_is_found_in_its_tree(
    memberships: str, mounts: str, places: list[Place]
) -> None:
    assert find_places(("memory", "pids"), memberships=memberships, mounts=mounts) == places


@pytest.mark.parametrize(
    ("memberships", "mounts", "complaint"),
    [
        pytest.param("4:memory:/\n", FIRST, "no pids controller", id="no-controller"),
        pytest.param("0::/\n", "", "pids controller is not mounted", id="not-mounted"),
        pytest.param(
            "0::/outside\n",
            "30 23 0:26 /elsewhere /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
            "not mounted",
            id="another-part-is-mounted",
        ),
    ],
)
def test_what_is_missing_is_named(memberships: str, mounts: str, complaint: str) -> None:
    with pytest.raises(CgroupError, match=complaint):
        find_places(("pids",), memberships=memberships, mounts=mounts)


def test_without_limits_nothing_is_looked_for() -> None:
    assert prepare_places(CgroupLimits()) == ()


def unified(folder: Path, *, controllers: str) -> Path:
    """Plain files named and filled as those of a version 2 cgroup."""
    (folder / "cgroup.controllers").write_text(controllers + "\n")
    (folder / "cgroup.subtree_control").write_text("\n")
    (folder / "cgroup.type").write_text("domain\n")
    return folder


def test_the_server_moves_aside_before_it_hands_controllers_on(tmp_path: Path) -> None:
    folder = unified(tmp_path, controllers="cpu memory pids")
    hand_on(folder, ("memory", "pids"))
    assert (folder / "server" / "cgroup.procs").read_text() == "0"
    assert (folder / "cgroup.subtree_control").read_text() == "+memory +pids"


def test_the_root_hands_on_without_moving(tmp_path: Path) -> None:
    folder = unified(tmp_path, controllers="memory")
    (folder / "cgroup.type").unlink()
    hand_on(folder, ("memory",))
    assert not (folder / "server").exists()
    assert (folder / "cgroup.subtree_control").read_text() == "+memory"


def test_a_controller_that_was_not_given_is_named(tmp_path: Path) -> None:
    with pytest.raises(CgroupError, match="not given the pids controller"):
        hand_on(unified(tmp_path, controllers="memory"), ("memory", "pids"))


def test_a_cgroup_that_cannot_be_made_leaves_none_of_its_parts(tmp_path: Path) -> None:
    places = [Place(str(tmp_path), 1, ()), Place(str(tmp_path / "missing"), 1, ())]
    with pytest.raises(CgroupError, match="missing"):
        Cgroups(CgroupLimits(), places).make(1)
    assert list(tmp_path.iterdir()) == []


# --- real ones


def real_places() -> tuple[Place, ...]:
    """Where this machine lets tests make cgroups with both limits; else they are skipped."""
    try:
        return prepare_places(LIMITS)
    except CgroupError as error:
        pytest.skip(f"no cgroups with limits can be made here: {error}")


def unified_place() -> Place:
    """The version 2 tree, with or without controllers."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        if " - cgroup2 " in line and os.access(folder := line.split()[4], os.W_OK):
            return Place(folder, 2, ())
    pytest.skip("there is no version 2 tree here that can be written to")


def left(places: tuple[Place, ...], pid: int | None) -> list[Path]:
    """The cgroups of a spawner process."""
    return [path for place in places for path in Path(place.folder).glob(f"ptybridge-{pid}-*")]


@pytest.fixture(params=["limits", "version-2"])
def confinement(request: pytest.FixtureRequest) -> Confinement:
    """Both limits by the machine's own arrangement, and a cgroup in the version 2 tree."""
    if request.param == "limits":
        return Confinement(cgroup=LIMITS, places=real_places())
    return Confinement(places=(unified_place(),))


@pytest_asyncio.fixture
async def spawner(confinement: Confinement) -> AsyncIterator[Spawner]:
    async with Spawner(grace=0.1, confinement=confinement) as spawner:
        yield spawner


async def cgroups_gone(confinement: Confinement, pid: int | None) -> None:
    async with asyncio.timeout(PATIENCE):
        while left(confinement.places, pid):
            await asyncio.sleep(0.01)


async def test_a_program_runs_in_a_cgroup_of_its_own(
    spawner: Spawner, confinement: Confinement
) -> None:
    one = await start(spawner, "sh", "-c", "cat /proc/self/cgroup; echo ready; read x")
    two = await start(spawner, "sh", "-c", "cat /proc/self/cgroup; echo ready; read x")
    names = []
    for keeper in (one, two):
        await keeper.output(b"ready")
        mine = [line for line in keeper.data.splitlines() if b"/ptybridge-" in line]
        assert len(mine) == len(confinement.places)
        names.append({bytes(line).rpartition(b"/")[2] for line in mine})
    assert all(len(name) == 1 for name in names)
    assert names[0] != names[1]
    for keeper in (one, two):
        keeper.pty.hang_up()
        await keeper.ended()


@pytest.mark.parametrize("end", ["hang-up", "exit"])
async def test_the_end_of_a_terminal_leaves_no_process_and_no_cgroup(
    spawner: Spawner, confinement: Confinement, end: str
) -> None:
    """Also none that has a session of its own and ignores the hang-up."""
    script = "(trap '' HUP; exec setsid sleep 1000) & echo stray $!; echo ready; read line; exit 3"
    keeper = await start(spawner, "sh", "-c", script)
    stray = int((await keeper.output(b"stray")).split()[1])
    await keeper.output(b"ready")
    assert len(left(confinement.places, spawner.pid)) == len(confinement.places)
    if end == "hang-up":
        keeper.pty.hang_up()
        assert await keeper.ended() == ExitStatus(signal=signal.SIGHUP)
    else:
        keeper.pty.write(b"\n")
        assert await keeper.ended() == ExitStatus(code=3)
    await gone(stray)
    await cgroups_gone(confinement, spawner.pid)


async def test_closing_the_spawner_leaves_no_cgroup(confinement: Confinement) -> None:
    async with Spawner(grace=0.1, confinement=confinement) as spawner:
        pid = spawner.pid
        keeper = await start(spawner, "sh", "-c", "trap '' HUP; echo ready; sleep 1000; :")
        await keeper.output(b"ready")
    assert left(confinement.places, pid) == []
    await keeper.ended()


async def test_what_cannot_be_started_leaves_no_cgroup(
    spawner: Spawner, confinement: Confinement, tmp_path: Path
) -> None:
    program = tmp_path / "script"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o755)
    with pytest.raises(Exception, match="interpreter does not exist"):
        await start(spawner, str(program))
    await cgroups_gone(confinement, spawner.pid)


async def test_the_next_spawner_process_removes_what_a_killed_one_left(
    spawner: Spawner, confinement: Confinement
) -> None:
    keeper = await start(
        spawner, "sh", "-c", "setsid sleep 1000 & echo stray $!; echo ready; read x"
    )
    stray = int((await keeper.output(b"stray")).split()[1])
    await keeper.output(b"ready")
    before = spawner.pid
    assert before is not None
    os.kill(before, signal.SIGKILL)
    await keeper.ended()
    assert stale(confinement.places) != []
    again = await start(spawner, "echo", "again")
    await again.ended()
    await gone(stray)
    await cgroups_gone(confinement, before)


async def test_a_fork_bomb_leaves_the_other_terminals_usable_and_can_be_ended() -> None:
    places = real_places()
    (pids,) = (place.folder for place in places if "pids" in place.controllers)
    async with Spawner(grace=0.1, confinement=Confinement(cgroup=LIMITS, places=places)) as spawner:
        other = await start(spawner, "sh", "-c", "stty -echo; echo ready; read x; echo got $x")
        await other.output(b"ready")
        bomb = await start(spawner, "bash", "-c", "b() { b | b & }; b 2>/dev/null; wait; read x")
        (folder,) = (
            path
            for path in left(places, spawner.pid)
            if path.parent == Path(pids)
            and str(bomb.pty.pid) in (path / "cgroup.procs").read_text().split()
        )
        async with asyncio.timeout(PATIENCE):
            while "max 0" in (folder / "pids.events").read_text():
                await asyncio.sleep(0.01)
        assert int((folder / "pids.current").read_text()) <= 30
        other.pty.write(b"a line\n")
        await other.output(b"got a line")
        third = await start(spawner, "sh", "-c", "echo third | cat")
        await third.output(b"third")
        for keeper in (bomb, other, third):
            keeper.pty.hang_up()
            await keeper.ended()
        await cgroups_gone(Confinement(places=places), spawner.pid)


async def test_a_program_that_takes_too_much_memory_is_killed_and_its_shell_lives_on() -> None:
    confinement = Confinement(cgroup=LIMITS, places=real_places())
    async with Spawner(grace=0.1, confinement=confinement) as spawner:
        keeper = await start(spawner, "sh", "-c", "tail /dev/zero; echo status $?")
        assert await keeper.output(b"status") == b"status 137"
        assert await keeper.ended() == ExitStatus(code=0)
