"""Bounds of programs, by the real kernel: another user, limits, no new privileges, a sandbox."""

import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ptybridge.adapters.bubblewrap import profile
from ptybridge.adapters.cgroups import CgroupLimits, Place
from ptybridge.adapters.confinement import RESOURCES, Confinement, SystemUser
from ptybridge.adapters.spawner import Spawner
from ptybridge.cli.confining import checked_confinement, confinement_of
from ptybridge.cli.preparation import ServeError, terminal_defaults
from ptybridge.config import Terminals, build
from ptybridge.core.errors import PtyError
from ptybridge.core.values import ExitStatus
from tests.real_pty import gone, start
from tests.test_cli import Machine

NOBODY = pwd.getpwnam("nobody")
AS_NOBODY = SystemUser("nobody", NOBODY.pw_uid, NOBODY.pw_gid)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

PYTHON = str(Path(sys.executable).resolve())
"""The interpreter itself: a virtual environment may lie where a sandbox shows nothing of it."""


def terminals(**values: object) -> Terminals:
    return build({"terminals": {"command": "/bin/sh", **values}}).terminals


async def run(
    confinement: Confinement, *argv: str, cwd: str | None = None, **env: str
) -> tuple[str, ExitStatus]:
    """Run a program within these bounds to its end: what it wrote, and how it ended."""
    async with Spawner(grace=0.1, confinement=confinement) as spawner:
        keeper = await start(spawner, *argv, cwd=cwd, **env)
        status = await keeper.ended()
    return keeper.data.decode().replace("\r\n", "\n"), status


def fields(text: str) -> dict[str, str]:
    """The lines of /proc/self/status, by name."""
    return {
        name: value.strip() for name, _, value in (line.partition(":") for line in text.split("\n"))
    }


def test_the_spawner_process_is_told_all_of_it() -> None:
    confinement = Confinement(
        user=AS_NOBODY,
        limits={"openFiles": 64},
        no_new_privs=True,
        cgroup=CgroupLimits(memory_bytes=1 << 30),
        places=(Place("/sys/fs/cgroup", 2, ("memory",)),),
        wrapper=("bwrap", "--"),
    )
    assert Confinement.from_json(confinement.to_json()) == confinement
    assert Confinement.from_json(Confinement().to_json()).is_off


# --- another user


@needs_root
async def test_a_program_has_its_user_and_that_users_groups() -> None:
    output, _ = await run(Confinement(user=AS_NOBODY), "cat", "/proc/self/status")
    status = fields(output)
    assert status["Uid"].split() == [str(NOBODY.pw_uid)] * 4
    assert status["Gid"].split() == [str(NOBODY.pw_gid)] * 4
    groups = {int(number) for number in status["Groups"].split()}
    assert groups == set(os.getgrouplist("nobody", NOBODY.pw_gid))
    assert [status[name] for name in ("CapPrm", "CapEff", "CapInh")] == ["0" * 16] * 3


@needs_root
async def test_the_terminal_belongs_to_the_user() -> None:
    script = "stat -c %u $(tty); echo opened >$(tty)"
    output, _ = await run(Confinement(user=AS_NOBODY), "sh", "-c", script)
    assert output == f"{NOBODY.pw_uid}\nopened\n"


@needs_root
async def test_a_directory_that_the_user_cannot_enter_is_refused(tmp_path: Path) -> None:
    os.chmod(tmp_path, 0o700)
    with pytest.raises(PtyError, match=f"working directory cannot be entered: {tmp_path}"):
        await run(Confinement(user=AS_NOBODY), "true", cwd=str(tmp_path))


@needs_root
async def test_another_users_program_is_ended_as_any_other() -> None:
    async with Spawner(grace=0.1, confinement=Confinement(user=AS_NOBODY)) as spawner:
        keeper = await start(spawner, "sh", "-c", "trap '' HUP; echo ready; sleep 100; :")
        await keeper.output(b"ready")
        keeper.pty.hang_up()
        assert await keeper.ended() == ExitStatus(signal=signal.SIGKILL)


def test_the_environment_is_that_of_a_login() -> None:
    defaults = terminal_defaults(terminals(runAs="nobody", env={"SHELL": "/bin/chosen"}))
    env = defaults.env
    names = (env["HOME"], env["USER"], env["LOGNAME"], env["SHELL"])
    assert names == (NOBODY.pw_dir, "nobody", "nobody", "/bin/chosen")
    assert defaults.cwd == (NOBODY.pw_dir if Path(NOBODY.pw_dir).is_dir() else "/")


def test_the_shell_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/the-servers")
    values = build({"terminals": {"runAs": "root"}}).terminals
    assert terminal_defaults(values).command == (pwd.getpwnam("root").pw_shell,)


def test_the_servers_own_user_needs_no_rights() -> None:
    name = pwd.getpwuid(os.geteuid()).pw_name
    values = terminals(runAs=name)
    assert confinement_of(values, terminal_defaults(values), hidden=()).is_off


def test_the_idle_timeout_becomes_seconds() -> None:
    assert terminal_defaults(terminals(idleTimeout=1500)).idle_timeout == 1.5


# --- limits, privileges


@needs_root
@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("openFiles", "Max open files"),
        ("processes", "Max processes"),
        ("fileSize", "Max file size"),
        ("cpuSeconds", "Max cpu time"),
        ("coreSize", "Max core file size"),
    ],
)
async def test_a_limit_is_there_soft_and_hard(name: str, row: str) -> None:
    confinement = Confinement(user=AS_NOBODY, limits={name: 77})
    output, _ = await run(confinement, "cat", "/proc/self/limits")
    (line,) = (line for line in output.splitlines() if line.startswith(row))
    assert line.removeprefix(row).split()[:2] == ["77", "77"]


def test_every_limit_of_the_settings_is_known() -> None:
    values = terminals(
        runAs="nobody",
        confine={
            "limits": {
                "openFiles": 64,
                "processes": 65,
                "fileSize": 66,
                "cpuSeconds": 67,
                "coreSize": 68,
            }
        },
    )
    limits = confinement_of(values, terminal_defaults(values), hidden=()).limits
    assert limits == dict(zip(RESOURCES, range(64, 69), strict=True))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may be root")
def test_a_limit_that_root_would_not_feel_is_refused() -> None:
    values = terminals(confine={"limits": {"processes": 10}})
    with pytest.raises(ServeError, match=r"^terminals\.confine\.limits\.processes: .*no effect on"):
        confinement_of(values, terminal_defaults(values), hidden=())


async def test_a_limit_above_the_hard_one_is_refused_by_name() -> None:
    with pytest.raises(PtyError, match=r"true: terminals\.confine\.limits\.openFiles: "):
        await run(Confinement(limits={"openFiles": 1 << 40}), "true")


async def test_no_new_privileges_is_set_and_is_not_by_default() -> None:
    for wanted in (True, False):
        output, _ = await run(Confinement(no_new_privs=wanted), "cat", "/proc/self/status")
        assert fields(output)["NoNewPrivs"] == str(int(wanted))


@needs_root
async def test_no_new_privileges_goes_with_another_user() -> None:
    confinement = Confinement(user=AS_NOBODY, no_new_privs=True)
    output, _ = await run(confinement, "cat", "/proc/self/status")
    assert fields(output)["NoNewPrivs"] == "1"


# --- the sandbox


def sandbox(
    *writable: Path, hidden: tuple[Path, ...] = (), user: SystemUser | None = None
) -> Confinement:
    """The bubblewrap profile, where this machine can make one."""
    bwrap, env = shutil.which("bwrap"), shutil.which("env")
    if bwrap is None or env is None:
        pytest.skip("bwrap is not installed (package bubblewrap)")
    trial = subprocess.run(
        (bwrap, "--unshare-pid", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true"),
        capture_output=True,
        text=True,
        check=False,
    )
    if trial.returncode:
        pytest.skip(f"bwrap can make no namespaces here: {trial.stderr.strip()}")
    wrapper = profile(bwrap, env, writable=[str(path) for path in writable], hidden=hidden)
    return Confinement(user=user, wrapper=wrapper)


@pytest.fixture
def box(tmp_path: Path) -> Confinement:
    return sandbox(tmp_path)


async def test_a_sandboxed_program_sees_only_its_own_processes(box: Confinement) -> None:
    output, status = await run(box, "sh", "-c", "readlink /proc/self; ls -d /proc/[0-9]*; :")
    own, *seen = output.split()
    assert int(own) < 10
    assert {f"/proc/{number}" for number in range(1, 3)} <= set(seen)
    assert len(seen) <= 4
    assert status == ExitStatus(code=0)


async def test_a_sandboxed_program_has_mounts_of_its_own(box: Confinement, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    script = (
        "touch /etc/made 2>/dev/null || echo kept; touch /tmp/made && ls /tmp; "
        f"echo text >{mine}; readlink /proc/self/ns/mnt /proc/self/ns/ipc /proc/self/ns/pid"
    )
    output, _ = await run(box, "sh", "-c", script)
    kept, *listed, mnt, ipc, pid = output.split()
    assert kept == "kept"
    assert "made" in listed
    for name, link in (("mnt", mnt), ("ipc", ipc), ("pid", pid)):
        assert link != os.readlink(f"/proc/self/ns/{name}")
    assert mine.read_text() == "text\n"
    assert "made" not in os.listdir("/etc")


OPEN = """
import os
for folder, _, names in os.walk("/proc"):
    if folder == "/proc" or folder.startswith(("/proc/sys", "/proc/irq", "/proc/bus")):
        for name in names:
            try:
                os.close(os.open(f"{folder}/{name}", os.O_WRONLY | os.O_NONBLOCK))
            except OSError:
                continue
            print("open", f"{folder}/{name}")
print("looked", flush=True)
"""


async def test_a_sandboxed_program_cannot_change_the_kernels_settings(box: Confinement) -> None:
    """Root, whose they are, included. Nothing is written here: to open them is enough."""
    output, _ = await run(box, PYTHON, "-I", "-S", "-c", OPEN)
    assert output == "looked\n"


async def test_a_sandbox_can_be_written_to_in_few_places(box: Confinement, tmp_path: Path) -> None:
    output, _ = await run(box, "cat", "/proc/self/mountinfo")
    rows = [line.split() for line in output.splitlines()]  # proc_pid_mountinfo(5)
    writable = {row[4] for row in rows if "rw" in row[5].split(",")}
    home = {path for path in writable if path.startswith(str(tmp_path))}
    devices = {path for path in writable if path == "/dev" or path.startswith("/dev/")}
    assert writable - home - devices == {"/tmp", "/run"}
    assert home == {str(tmp_path)}


async def test_a_sandboxed_program_has_no_capability_and_can_get_none(box: Confinement) -> None:
    output, _ = await run(box, "cat", "/proc/self/status")
    status = fields(output)
    names = ("CapInh", "CapPrm", "CapEff", "CapAmb")
    assert {status[name] for name in names} == {"0" * 16}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


async def test_a_sandboxed_program_begins_with_default_signals(box: Confinement) -> None:
    output, _ = await run(box, "cat", "/proc/self/status")
    for name in ("SigBlk", "SigIgn"):
        # 32 and 33 are the C library's own (nptl(7)): no program can set or see them.
        assert int(fields(output)[name], 16) & ~(0b11 << 31) == 0


async def test_a_sandboxed_program_has_no_other_descriptor(box: Confinement) -> None:
    async with Spawner(grace=0.1, confinement=box) as spawner:
        keeper = await start(spawner, "sh", "-c", "echo ready; read line")
        await keeper.output(b"ready")
        program = descendants(keeper.pty.pid)[-1]
        assert set(os.listdir(f"/proc/{program}/fd")) == {"0", "1", "2"}
        keeper.pty.hang_up()
        await keeper.ended()


async def test_what_is_hidden_cannot_be_read(tmp_path: Path) -> None:
    state, secret = tmp_path / "state", tmp_path / "secret"
    state.mkdir()
    (state / "token").write_text("canary")
    secret.write_text("canary")
    box = sandbox(tmp_path, hidden=(state, secret))
    output, _ = await run(
        box, "sh", "-c", f"ls -A {state}; cat {secret}; umount {state}; ls {state}"
    )
    assert "canary" not in output
    assert "token" not in output


TYPE = """
import ctypes
for request in (0x5412, 0x541C, 0x1_0000_5412):
    libc = ctypes.CDLL(None, use_errno=True)
    failed = libc.ioctl(0, ctypes.c_ulong(request), b"x\\0")
    print("refused" if failed and ctypes.get_errno() == 1 else "done", flush=True)
"""


async def test_a_sandboxed_program_cannot_type_into_its_terminal(box: Confinement) -> None:
    """TIOCSTI and TIOCLINUX; the kernel ignores the high half of a request."""
    output, _ = await run(box, PYTHON, "-I", "-S", "-c", TYPE)
    assert output.split() == ["refused"] * 3
    output, _ = await run(box, "stty", "-a")  # other requests work
    assert "rows 24; columns 80" in output


def may_type() -> bool:
    """Whether this kernel lets root's programs type into their terminal at all."""
    try:
        return Path("/proc/sys/dev/tty/legacy_tiocsti").read_text().strip() == "1"
    except OSError:
        return True


@pytest.mark.skipif(not may_type(), reason="this kernel has TIOCSTI switched off")
async def test_a_program_without_a_sandbox_can() -> None:
    """So that the test above tests the sandbox."""
    output, _ = await run(Confinement(), PYTHON, "-I", "-S", "-c", TYPE)
    assert "done" in output


CATCH = """
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
print("ready", flush=True)
signal.sigwait({signal.SIGINT})
print("caught", flush=True)
sys.exit(5)
"""


async def test_a_sandboxed_program_may_handle_ctrl_c(box: Confinement) -> None:
    """The sandbox's own processes are in the same group and must not end by it."""
    async with Spawner(grace=0.1, confinement=box) as spawner:
        keeper = await start(spawner, PYTHON, "-I", "-S", "-c", CATCH)
        await keeper.output(b"ready")
        keeper.pty.write(b"\x03")
        assert await keeper.ended() == ExitStatus(code=5)
        assert b"caught" in keeper.data


async def test_a_sandboxed_shell_has_job_control(box: Confinement) -> None:
    async with Spawner(grace=0.1, confinement=box) as spawner:
        keeper = await start(spawner, "bash", "--norc", "--noprofile", "-i", PS1="$ ")
        keeper.pty.write(b"set -o | grep monitor; sh -c 'kill -STOP $$'; jobs; exit; exit\n")
        await keeper.ended()
    said = keeper.data.decode()
    assert re.search(r"monitor\s+on", said)
    assert re.search(r"\[1\]\+ +Stopped", said)
    assert "no job control" not in said


async def test_the_end_of_a_sandboxed_terminal_leaves_no_process(box: Confinement) -> None:
    async with Spawner(grace=0.1, confinement=box) as spawner:
        script = "(trap '' HUP; exec setsid sleep 1234) & trap '' HUP; echo ready; sleep 1235; :"
        keeper = await start(spawner, "sh", "-c", script)
        await keeper.output(b"ready")
        inside = descendants(keeper.pty.pid)
        assert len(inside) >= 3
        keeper.pty.hang_up()
        await keeper.ended()
        for pid in inside:
            await gone(pid)


def descendants(pid: int) -> list[int]:
    """The children of a process, theirs, and so on."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [found for child in children for found in (int(child), *descendants(int(child)))]


@needs_root
async def test_a_sandbox_goes_with_another_user() -> None:
    box = sandbox(user=AS_NOBODY)
    output, status = await run(box, "id", "-u")
    if "bwrap: " in output:
        pytest.skip(f"this machine lets only root make namespaces: {output.strip()}")
    assert (output, status) == (f"{NOBODY.pw_uid}\n", ExitStatus(code=0))


async def test_a_program_that_env_would_misread_is_refused(
    box: Confinement, tmp_path: Path
) -> None:
    program = tmp_path / "a=b"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    with pytest.raises(PtyError, match="must not contain ="):
        await run(box, str(program))


def test_a_sandboxed_terminal_cannot_read_the_servers_token(tmp_path: Path) -> None:
    """Though it is in the home, which can be read and written."""
    sandbox()
    state = tmp_path / "state"
    env = {"PYTHONPATH": str(Path(__file__).parents[1]), "PTYBRIDGE_STATE_DIR": str(state)}
    machine = Machine(tmp_path, {**os.environ, **env, "HOME": str(tmp_path), "SHELL": "/bin/sh"})
    (tmp_path / "there").touch()
    script = f"ls {tmp_path}; ls -A {state}; cat {state}/token; echo done; cat"
    with machine.serving("--set", "terminals.confine.bubblewrap=true") as server:
        there = ("--url", server.printed.partition("/#")[0])
        name = machine.run("new", *there, "--", "sh", "-c", script).stdout.strip()
        while "done" not in (shown := machine.run("screen", *there, name).stdout):
            assert name
    token = (state / "token").read_text().strip()
    assert "there" in shown
    assert token not in shown


def test_a_sandboxed_terminal_cannot_read_what_was_said_in_other_sessions(tmp_path: Path) -> None:
    """Though the database is in the home."""
    sandbox()
    env = {"PYTHONPATH": str(Path(__file__).parents[1]), "PTYBRIDGE_STATE_DIR": f"{tmp_path}/state"}
    machine = Machine(tmp_path, {**os.environ, **env, "HOME": str(tmp_path), "SHELL": "/bin/sh"})
    store = tmp_path / "chat.db"
    script = f"cat {store} {store}-wal {store}-shm 2>/dev/null | wc -c; echo done; cat"
    bounds = ("--set", "terminals.confine.bubblewrap=true", "--set", f"store.path={store}")
    with machine.serving(*bounds) as server:
        there = ("--url", server.printed.partition("/#")[0])
        assert sum(path.stat().st_size for path in tmp_path.glob("chat.db*")) > 0
        name = machine.run("new", *there, "--", "sh", "-c", script).stdout.strip()
        while "done" not in (shown := machine.run("screen", *there, name).stdout):
            assert name
    assert shown.split()[:2] == ["0", "done"]


# --- tried at the start


def refusal(values: Terminals) -> str:
    with pytest.raises(ServeError) as refused:
        checked_confinement(values, terminal_defaults(values), hidden=())
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_an_unknown_user_is_refused() -> None:
    with pytest.raises(
        ServeError, match=r"^terminals\.runAs: there is no user no-such-user here; "
    ):
        terminal_defaults(terminals(runAs="no-such-user"))


def test_a_missing_sandbox_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    values = terminals(confine={"bubblewrap": True})
    defaults = terminal_defaults(values)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        ServeError, match=r"^terminals\.confine\.bubblewrap: bwrap was not found; in"
    ):
        checked_confinement(values, defaults, hidden=())


def test_a_sandbox_that_fails_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bwrap = tmp_path / "bwrap"
    bwrap.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2; exit 1\n")
    bwrap.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    line = refusal(terminals(confine={"bubblewrap": True}))
    assert line.startswith("terminals.confine.bubblewrap: setting up uid map: Permission denied; ")


@needs_root
def test_a_directory_for_nobody_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    line = refusal(terminals(runAs="nobody", cwd=str(tmp_path)))
    assert line.startswith("terminals.cwd: ")
    assert line.endswith("; set one that the user may enter")


@needs_root
def test_what_this_machine_can_do_passes() -> None:
    values = terminals(
        runAs="nobody", confine={"noNewPrivs": True, "limits": {"openFiles": 64, "coreSize": 0}}
    )
    found = checked_confinement(values, terminal_defaults(values), hidden=())
    assert found == Confinement(AS_NOBODY, {"openFiles": 64, "coreSize": 0}, no_new_privs=True)


@needs_root
def test_the_command_line_refuses_what_its_rights_do_not_allow(tmp_path: Path) -> None:
    """Root without the capability to be somebody else (capabilities(7))."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("setpriv is not installed (package util-linux)")
    bounds = "--bounding-set=-setuid,-setgid"
    settings = ("--set", "terminals.runAs=nobody", "--set", "terminals.command=/bin/sh")
    done = subprocess.run(
        (setpriv, bounds, sys.executable, "-m", "ptybridge", "serve", *settings),
        cwd=Path(__file__).parents[1],
        env={**os.environ, "PTYBRIDGE_STATE_DIR": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "ptybridge: terminals.runAs: Operation not permitted; start the server as root, or leave "
        "it out\n"
    )
