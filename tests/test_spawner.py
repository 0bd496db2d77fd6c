"""Programs started by a real spawner process: how they begin, how they end, what they leave."""

import asyncio
import hashlib
import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from ptybridge.adapters.spawner import Spawner
from ptybridge.core.errors import PtyError
from ptybridge.core.ports import Launch
from ptybridge.core.values import ExitStatus, WindowSize
from tests.real_pty import PATIENCE, Keeper, gone, start, turns

SIZE = WindowSize(rows=24, cols=80)

GRACE = 0.1
"""Seconds between SIGHUP and SIGKILL where a test waits for both."""


@pytest_asyncio.fixture
async def spawner() -> AsyncIterator[Spawner]:
    async with Spawner() as spawner:
        yield spawner


@pytest_asyncio.fixture
async def hasty_spawner() -> AsyncIterator[Spawner]:
    async with Spawner(grace=GRACE) as spawner:
        yield spawner


async def run(spawner: Spawner, *argv: str, cwd: str | None = None, **env: str) -> bytes:
    """Run a program to its end; what it wrote."""
    keeper = await start(spawner, *argv, cwd=cwd, **env)
    await keeper.ended()
    return bytes(keeper.data)


def descriptors(pid: int | None) -> set[str]:
    return {entry.name for entry in Path(f"/proc/{pid}/fd").iterdir()}


def children(pid: int | None) -> list[int]:
    return [int(name) for name in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


# --- how a program begins


async def test_a_program_has_its_terminal_and_no_other_descriptor(spawner: Spawner) -> None:
    keeper = await start(spawner, "sh", "-c", "echo ready; read line")
    await keeper.output(b"ready")
    links = {name: os.readlink(f"/proc/{keeper.pty.pid}/fd/{name}") for name in ("0", "1", "2")}
    assert descriptors(keeper.pty.pid) == set(links)
    (terminal,) = set(links.values())
    assert terminal.startswith("/dev/pts/")
    keeper.pty.hang_up()
    await keeper.ended()


async def test_a_program_leads_a_session_with_a_controlling_terminal(spawner: Spawner) -> None:
    keeper = await start(spawner, "sh", "-c", "cat /proc/$$/stat; echo >/dev/tty && echo tty")
    await keeper.ended()
    group, session, device, foreground = keeper.data.split()[4:8]  # proc_pid_stat(5)
    assert int(group) == int(session) == int(foreground) == keeper.pty.pid
    assert int(device) != 0
    assert keeper.data.endswith(b"tty\r\n")


async def test_a_program_begins_with_default_signals(spawner: Spawner) -> None:
    status = await run(spawner, "grep", "^Sig[BI]", "/proc/self/status")
    masks = [int(line.split()[1], 16) for line in status.splitlines()]
    # 32 and 33 are the C library's own (nptl(7)): no program can set or see them.
    assert [mask & ~(0b11 << 31) for mask in masks] == [0, 0]


async def test_a_pipe_that_is_closed_early_ends_its_writer_quietly(spawner: Spawner) -> None:
    assert await run(spawner, "sh", "-c", "yes | head -1; echo $?") == b"y\r\n0\r\n"


async def test_ctrl_c_works_when_the_server_was_started_in_the_background() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a script's ``&`` does
    try:
        async with Spawner() as spawner:
            keeper = await start(spawner, "sleep", "100")
            keeper.pty.write(b"\x03")
            assert await keeper.ended() == ExitStatus(signal=signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


async def test_a_program_has_exactly_the_given_environment(spawner: Spawner) -> None:
    keeper = Keeper()
    env = {"TERM": "xterm-256color", "ODD": "a=b\nc", "BYTES": "\udcff\u00e9"}
    keeper.start(await spawner.spawn(Launch(("/usr/bin/env", "-0"), env, WindowSize(1, 1)), keeper))
    await keeper.ended()
    listed = bytes(keeper.data).replace(b"\r\n", b"\n").rstrip(b"\0").split(b"\0")
    assert sorted(listed) == [b"BYTES=\xff\xc3\xa9", b"ODD=a=b\nc", b"TERM=xterm-256color"]


async def test_an_environment_larger_than_a_sockets_buffer_arrives(spawner: Spawner) -> None:
    env = {f"V{number}": "x" * 10_000 for number in range(100)}
    assert int(await run(spawner, "sh", "-c", "env | tr -cd x | wc -c", **env)) == 1_000_000


async def test_a_command_is_looked_up_in_its_own_path(spawner: Spawner, tmp_path: Path) -> None:
    program = tmp_path / "greet"
    program.write_text("#!/bin/sh\necho hello $1\n")
    program.chmod(0o755)
    assert await run(spawner, "greet", "you", PATH=f"/nowhere:{tmp_path}") == b"hello you\r\n"


async def test_a_relative_command_is_looked_up_in_its_directory(
    spawner: Spawner, tmp_path: Path
) -> None:
    program = tmp_path / "greet"
    program.write_text("#!/bin/sh\npwd\n")
    program.chmod(0o755)
    assert await run(spawner, "./greet", cwd=str(tmp_path)) == f"{tmp_path}\r\n".encode()


async def test_the_terminal_has_its_size_and_takes_utf_8_from_the_start(spawner: Spawner) -> None:
    keeper = Keeper()
    launch = Launch(("stty", "-a"), {"PATH": os.defpath}, WindowSize(rows=33, cols=111))
    keeper.start(await spawner.spawn(launch, keeper))
    await keeper.ended()
    assert b"rows 33; columns 111;" in keeper.data
    assert b" iutf8" in keeper.data


async def test_the_umask_is_the_servers(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        async with Spawner() as spawner:
            await run(spawner, "sh", "-c", "umask; >made", cwd=str(tmp_path))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == 0o640


# --- what cannot be started


@pytest.mark.parametrize(
    ("argv", "cwd", "complaint"),
    [
        pytest.param(("no-such-command",), None, "not found: no-such-command", id="no-command"),
        pytest.param(("/no/such",), None, "not found: /no/such", id="no-file"),
        pytest.param(("/etc/passwd",), None, "not executable: /etc/passwd", id="not-executable"),
        pytest.param(("true",), "/no/such", "directory does not exist: /no/such", id="no-cwd"),
        pytest.param((), None, "no command", id="no-argv"),
        pytest.param(("echo", "a\0b"), None, "illegal character", id="nul"),
        pytest.param(("echo", "x" * (1 << 18)), None, "echo: Argument list too long", id="too-big"),
    ],
)
async def test_the_message_names_what_cannot_be_started(
    spawner: Spawner, argv: tuple[str, ...], cwd: str | None, complaint: str
) -> None:
    with pytest.raises(PtyError, match=complaint):
        await start(spawner, *argv, cwd=cwd)
    assert await run(spawner, "echo", "next") == b"next\r\n"


async def test_a_script_without_its_interpreter_cannot_be_started(
    spawner: Spawner, tmp_path: Path
) -> None:
    program = tmp_path / "script"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o755)
    await run(spawner, "true")
    before = descriptors(spawner.pid)
    with pytest.raises(PtyError, match="interpreter does not exist"):
        await start(spawner, str(program))
    assert await run(spawner, "echo", "next") == b"next\r\n"
    assert descriptors(spawner.pid) == before
    assert children(spawner.pid) == []


@pytest.mark.parametrize("room", range(4))
async def test_a_spawner_process_without_free_descriptors_says_so_and_loses_none(
    spawner: Spawner, room: int
) -> None:
    """A start needs five; each number of free ones fails at another place."""
    await run(spawner, "true")
    assert spawner.pid is not None
    before = descriptors(spawner.pid)
    limits = resource.prlimit(spawner.pid, resource.RLIMIT_NOFILE)
    low = max(int(name) for name in before) + 1 + room
    holes = set(range(low)) - {int(name) for name in before}
    low -= len(holes)
    resource.prlimit(spawner.pid, resource.RLIMIT_NOFILE, (low, limits[1]))
    with pytest.raises(PtyError, match=r"Too many open files|out of pty devices"):
        await start(spawner, "true")
    resource.prlimit(spawner.pid, resource.RLIMIT_NOFILE, limits)
    assert await run(spawner, "echo", "next") == b"next\r\n"
    assert descriptors(spawner.pid) == before


@contextmanager
def no_free_descriptor() -> Iterator[None]:
    """Use this process's descriptors up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in descriptors(os.getpid()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 2, hard))
    taken = []
    try:
        while True:
            taken.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_server_without_a_free_descriptor_says_so_and_leaves_no_child(
    spawner: Spawner,
) -> None:
    await run(spawner, "true")
    with no_free_descriptor(), pytest.raises(PtyError, match="too many open files"):
        await start(spawner, "sleep", "100")
    assert await run(spawner, "echo", "next") == b"next\r\n"


# --- how a program ends


@pytest.mark.parametrize("code", [0, 1, 255])
async def test_an_exit_code_is_reported(spawner: Spawner, code: int) -> None:
    keeper = await start(spawner, "sh", "-c", f"exit {code}")
    assert await keeper.ended() == ExitStatus(code=code)


async def test_a_fatal_signal_is_reported(spawner: Spawner) -> None:
    keeper = await start(spawner, "sh", "-c", "kill -SEGV $$")
    assert await keeper.ended() == ExitStatus(signal=signal.SIGSEGV)


async def test_all_output_can_be_read_after_the_end(spawner: Spawner) -> None:
    """Also what the kernel could not hand over while nobody read."""
    keeper = Keeper()
    argv = ("sh", "-c", "head -c 60000 /dev/zero | tr '\\0' x & wait; printf end")
    launch = Launch(argv, {"PATH": os.defpath}, SIZE)
    keeper.start(await spawner.spawn(launch, keeper))
    await keeper.ended()
    assert keeper.data == b"x" * 60_000 + b"end"


async def test_a_background_process_that_holds_the_terminal_does_not_hide_the_end(
    spawner: Spawner,
) -> None:
    keeper = await start(spawner, "sh", "-c", "trap '' HUP; sleep 100 & echo pid $!; exit 3")
    async with asyncio.timeout(1):
        await keeper.until(lambda: keeper.status is not None)
    holder = int((await keeper.output(b"pid")).split()[1])
    assert not keeper.pty.is_eof
    assert await keeper.ended() == ExitStatus(code=3)
    os.kill(holder, signal.SIGTERM)  # it lives on, as in any terminal
    await gone(holder)


async def test_a_hang_up_ends_a_program_at_once(spawner: Spawner) -> None:
    keeper = await start(spawner, "sleep", "100")
    keeper.pty.hang_up()
    assert await keeper.ended() == ExitStatus(signal=signal.SIGHUP)


async def test_a_program_that_ignores_the_hang_up_is_killed(hasty_spawner: Spawner) -> None:
    keeper = await start(hasty_spawner, "sh", "-c", "trap '' HUP; echo ready; sleep 100; sleep 100")
    await keeper.output(b"ready")
    keeper.pty.hang_up()
    assert await keeper.ended() == ExitStatus(signal=signal.SIGKILL)


async def test_a_hang_up_reaches_every_job_of_the_session(spawner: Spawner) -> None:
    """Background jobs are groups of their own, and a stopped one must go on to take it."""
    script = "set -m; sleep 100 & echo job $!; sleep 101 & kill -STOP $!; echo stopped $!; wait"
    keeper = await start(spawner, "sh", "-c", script)
    job = int((await keeper.output(b"job")).split()[1])
    stopped = int((await keeper.output(b"stopped")).split()[1])
    assert os.getpgid(job) == job != keeper.pty.pid
    keeper.pty.hang_up()
    assert await keeper.ended() == ExitStatus(signal=signal.SIGHUP)
    await gone(job)
    await gone(stopped)


async def test_a_stopped_program_takes_the_hang_up(spawner: Spawner) -> None:
    keeper = await start(spawner, "sh", "-c", "(kill -STOP $$; echo stopped); exit 7")
    await keeper.output(b"stopped")
    keeper.pty.hang_up()
    assert await keeper.ended() == ExitStatus(signal=signal.SIGHUP)


async def test_what_outlives_its_hung_up_shell_is_killed(hasty_spawner: Spawner) -> None:
    script = "set -m; (trap '' HUP; echo job $(exec sh -c 'echo $PPID'); sleep 100) & wait"
    keeper = await start(hasty_spawner, "sh", "-c", script)
    job = int((await keeper.output(b"job")).split()[1])
    keeper.pty.hang_up()
    assert await keeper.ended() == ExitStatus(signal=signal.SIGHUP)
    await gone(job)


async def test_closing_the_spawner_ends_every_program_and_reports_it() -> None:
    async with Spawner(grace=GRACE) as spawner:
        pid = spawner.pid
        keepers = [await start(spawner, "sleep", "100") for _ in range(3)]
        stubborn = await start(spawner, "sh", "-c", "trap '' HUP; echo ready; sleep 100; :")
        await stubborn.output(b"ready")
    assert [await keeper.ended() for keeper in keepers] == [ExitStatus(signal=signal.SIGHUP)] * 3
    assert await stubborn.ended() == ExitStatus(signal=signal.SIGKILL)
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


# --- input


async def test_a_large_paste_arrives_whole_at_a_program_in_raw_mode(spawner: Spawner) -> None:
    paste = os.urandom(10 << 20)
    script = f"""
import hashlib, os, tty
tty.setraw(0)
print("ready", end="\\r\\n", flush=True)
digest, left = hashlib.sha256(), {len(paste)}
while left:
    data = os.read(0, 65536)
    digest.update(data)
    left -= len(data)
print("digest", digest.hexdigest(), end="\\r\\n", flush=True)
"""
    keeper = await start(spawner, sys.executable, "-I", "-S", "-c", script)
    await keeper.output(b"ready")
    pty = keeper.pty
    for at in range(0, len(paste), 65_536):
        await keeper.until(lambda: pty.input_queued - pty.input_taken <= 500_000)
        pty.write(memoryview(paste)[at : at + 65_536])
    digest = (await keeper.output(b"digest")).split()[1]
    assert digest.decode() == hashlib.sha256(paste).hexdigest()
    assert await keeper.ended() == ExitStatus(code=0)


# --- when one of the two processes is killed


async def test_a_killed_spawner_process_ends_its_terminals_and_is_replaced(
    spawner: Spawner,
) -> None:
    keeper = await start(spawner, "sh", "-c", "echo ready; sleep 100; :")
    await keeper.output(b"ready")
    before = spawner.pid
    assert before is not None
    with capture_logs() as logs:
        os.kill(before, signal.SIGKILL)
        await keeper.until(lambda: keeper.status is not None)
    assert keeper.status == ExitStatus(signal=signal.SIGHUP)
    assert [entry["log_level"] for entry in logs] == ["error"]
    await gone(keeper.pty.pid)
    assert await run(spawner, "echo", "again") == b"again\r\n"
    assert spawner.pid != before


async def test_a_program_that_was_being_started_when_the_spawner_process_died(
    spawner: Spawner,
) -> None:
    assert spawner.pid is not None
    os.kill(spawner.pid, signal.SIGSTOP)
    starting = asyncio.create_task(start(spawner, "true"))
    await asyncio.sleep(0)
    os.kill(spawner.pid, signal.SIGKILL)
    with pytest.raises(PtyError, match="spawner process"):
        await starting


@pytest.mark.parametrize("count", range(4))
async def test_a_start_that_is_cancelled_leaves_no_program(
    spawner: Spawner, tmp_path: Path, count: int
) -> None:
    """Before and after the answer came in, and before whoever awaits it has seen it."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    keeper = Keeper()
    launch = Launch(("sh", "-c", f"exec >{fifo}; sleep 100"), {"PATH": os.defpath}, SIZE)
    starting = asyncio.create_task(spawner.spawn(launch, keeper))
    await turns(1)
    reader = os.open(fifo, os.O_RDONLY)  # the loop stands still until the program runs
    await turns(count)
    if starting.done():
        starting.result().hang_up()
        starting.result().close()
    starting.cancel()
    await asyncio.wait([starting])
    assert await run(spawner, "true") == b""
    for pid in children(spawner.pid):
        await gone(pid)
    assert os.read(reader, 1) == b""
    os.close(reader)


async def test_a_program_that_ends_at_once_does_so_after_its_start_was_told(
    spawner: Spawner, tmp_path: Path
) -> None:
    """Both answers are there when the loop, which stands still meanwhile, looks for the first."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    first = asyncio.create_task(start(spawner, "sh", "-c", "exit 3"))
    wait = "while [ $(wc -w </proc/$PPID/task/$PPID/children) != 1 ]; do :; done"
    second = asyncio.create_task(start(spawner, "sh", "-c", f"{wait}; >{fifo}"))
    await turns(1)
    os.close(os.open(fifo, os.O_RDONLY))
    assert await (await first).ended() == ExitStatus(code=3)
    await (await second).ended()


async def test_a_killed_server_leaves_no_process() -> None:
    """Also none that ignores the hang-up which the kernel sends when the master is closed."""
    script = f"""
import asyncio
from ptybridge.adapters.spawner import Spawner
from tests.real_pty import start

async def main():
    async with Spawner(grace={GRACE}) as spawner:
        keepers = [
            await start(spawner, "sh", "-c", "trap '' HUP; echo ready; sleep 100; :"),
            await start(spawner, "sh", "-c", "set -m; trap '' HUP; sleep 100 & echo ready; wait"),
        ]
        for keeper in keepers:
            await keeper.output(b"ready")
        print(spawner.pid, *(keeper.pty.pid for keeper in keepers), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1]
    )
    assert server.stdout is not None
    async with asyncio.timeout(PATIENCE):
        pids = [int(pid) for pid in (await server.stdout.readline()).split()]
    assert len(pids) == 3
    left = set(pids[1:]) | {pid for leader in pids[1:] for pid in children(leader)}
    server.kill()
    await server.wait()
    for pid in [*left, pids[0]]:
        await gone(pid)


# --- many


async def test_many_programs_can_be_started_at_once(spawner: Spawner) -> None:
    outputs = await asyncio.gather(*(run(spawner, "echo", str(n)) for n in range(50)))
    assert outputs == [f"{n}\r\n".encode() for n in range(50)]


@pytest.mark.parametrize("cycles", [50, pytest.param(1000, marks=pytest.mark.slow)])
async def test_nothing_is_left_of_programs_that_have_come_and_gone(
    spawner: Spawner, cycles: int
) -> None:
    await run(spawner, "true")
    before = descriptors(os.getpid()), descriptors(spawner.pid)
    for number in range(cycles):
        match number % 5:
            case 0:
                keeper = await start(spawner, "sleep", "100")
                keeper.pty.hang_up()
                assert await keeper.ended() == ExitStatus(signal=signal.SIGHUP)
            case 1:
                with pytest.raises(PtyError):
                    await start(spawner, "no-such-command")
            case _:
                assert await run(spawner, "echo", "x") == b"x\r\n"
    assert (descriptors(os.getpid()), descriptors(spawner.pid)) == before
    assert children(spawner.pid) == []


async def test_where_a_program_is_can_be_shown_whatever_the_name_until_it_is_removed(
    spawner: Spawner, tmp_path: Path
) -> None:
    os.mkdir(os.fsencode(tmp_path) + b"/\xff")
    script = "cd ./*; echo there; read line; rmdir ../*; echo removed; cat"
    keeper = await start(spawner, "sh", "-c", script, cwd=str(tmp_path))
    await keeper.output(b"there")
    assert keeper.pty.directory() == f"{tmp_path}/\ufffd"
    keeper.pty.write(b"\n")
    await keeper.output(b"removed")
    assert keeper.pty.directory() is None
    keeper.pty.hang_up()
    await keeper.ended()
    assert keeper.pty.directory() is None
