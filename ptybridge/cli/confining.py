"""The bounds of programs: from the settings, and tried on this machine before the server starts.

What a machine allows depends on its kernel, its rights, its containers and its security modules.
Nothing of that is guessed: a program is started within all the bounds, through a spawner process,
just as a terminal's will be.
"""

import asyncio
import errno
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from ptybridge.adapters import bubblewrap, cgroups, confinement
from ptybridge.adapters.confinement import RESOURCES, Confinement, SystemUser
from ptybridge.adapters.pty import PosixPty
from ptybridge.adapters.spawner import Spawner
from ptybridge.cli.preparation import ServeError, system_user
from ptybridge.config import ProcessLimits, Terminals
from ptybridge.core.errors import PtyError
from ptybridge.core.ports import Launch
from ptybridge.core.registry import TerminalDefaults
from ptybridge.core.values import ExitStatus, WindowSize

PATIENCE = 15.0
"""Seconds that a program which does nothing may take within its bounds."""

_NO_MORE_PROCESSES = os.strerror(errno.EAGAIN)

_WAYS_OUT = {
    confinement.RUN_AS: "start the server as root, or leave it out",
    confinement.LIMITS: "set no more than the server's own hard limit (ulimit -H)",
    confinement.NO_NEW_PRIVS: "set it to false",
    cgroups.SETTING: "start the server as a systemd service with Delegate=yes, or leave it out",
    bubblewrap.SETTING: "install bubblewrap, allow it namespaces, or set it to false",
}
"""What to do, by what stands in the message of a failure."""


def checked_confinement(
    terminals: Terminals, defaults: TerminalDefaults, *, hidden: Iterable[Path]
) -> Confinement:
    """What the settings ask for, having been tried.

    Args:
        terminals: The settings.
        defaults: What a new terminal is.
        hidden: Files and directories of the server that a sandboxed program must not see.

    Raises:
        ServeError: The machine cannot do it; the line names the setting and the way out.
    """
    wanted = confinement_of(terminals, defaults, hidden=hidden)
    if not wanted.is_off:
        asyncio.run(_try(wanted, defaults))
    return wanted


def confinement_of(
    terminals: Terminals, defaults: TerminalDefaults, *, hidden: Iterable[Path]
) -> Confinement:
    """What the settings ask for on this machine; as ``checked_confinement``, but not tried."""
    entry = system_user(terminals.run_as)
    uid = os.geteuid() if entry is None else entry.pw_uid
    user = None
    if entry is not None and uid != os.geteuid():
        user = SystemUser(entry.pw_name, entry.pw_uid, entry.pw_gid)
    confine = terminals.confine
    limits = _resource_limits(confine.limits, uid=uid)
    cgroup = confine.cgroup
    bounds = cgroups.CgroupLimits(cgroup.memory_bytes, cgroup.processes)
    try:
        places = cgroups.prepare_places(bounds)
    except cgroups.CgroupError as error:
        raise _refusal(f"{cgroups.SETTING}: {error}") from error
    wrapper: tuple[str, ...] = ()
    if confine.bubblewrap:
        # Another user's programs are kept away from them by their modes, and bwrap as that user
        # could not reach them to put something in front.
        wrapper = _wrapper(defaults, terminals.cwd, hidden if user is None else ())
    return Confinement(user, limits, confine.no_new_privs, bounds, places, wrapper)


def _resource_limits(limits: ProcessLimits, *, uid: int) -> dict[str, int]:
    """The resource limits that are set, by name."""
    values = (
        limits.open_files,
        limits.processes,
        limits.file_size,
        limits.cpu_seconds,
        limits.core_size,
    )
    chosen = {
        name: value for name, value in zip(RESOURCES, values, strict=True) if value is not None
    }
    if uid == 0 and "processes" in chosen:  # getrlimit(2): not enforced with CAP_SYS_RESOURCE
        raise ServeError(
            f"{confinement.LIMITS}.processes: it has no effect on root; set terminals.runAs to "
            "another user, or terminals.confine.cgroup.processes"
        )
    return chosen


def _wrapper(
    defaults: TerminalDefaults, chosen_cwd: str | None, hidden: Iterable[Path]
) -> tuple[str, ...]:
    """The sandbox's words; the home and the chosen working directory can be written to."""
    machine = os.uname().machine
    if not bubblewrap.is_known(machine):
        raise ServeError(f"{bubblewrap.SETTING}: not made for {machine} machines; set it to false")
    bwrap, env = shutil.which("bwrap"), shutil.which("env")
    if bwrap is None or env is None:
        missing = "bwrap" if bwrap is None else "env"
        raise _refusal(f"{bubblewrap.SETTING}: {missing} was not found")
    writable = [
        folder
        for folder in (defaults.env.get("HOME"), defaults.cwd if chosen_cwd else None)
        if folder and os.path.isabs(folder)
    ]
    there = [path.absolute() for path in hidden if path.exists()]
    return bubblewrap.profile(bwrap, env, writable=writable, hidden=there)


async def _try(wanted: Confinement, defaults: TerminalDefaults) -> None:
    """Start a program that does nothing within all the bounds."""
    trial = _Trial()
    async with Spawner(confinement=wanted) as spawner:
        launch = Launch(("true",), defaults.env, WindowSize(24, 80), defaults.cwd)
        try:
            async with asyncio.timeout(PATIENCE):
                trial.start(await spawner.spawn(launch, trial))
                status = await trial.ended
        except PtyError as error:
            raise _refusal(str(error)) from error
        except TimeoutError as error:
            raise ServeError(
                f"terminals.confine: a program that does nothing took over {PATIENCE:g} s in it; "
                "allow it more"
            ) from error
    if status != ExitStatus(code=0):
        raise _refusal(_blame(wanted, status, trial.said))


def _blame(wanted: Confinement, status: ExitStatus, said: str) -> str:
    """What ended the program, most likely."""
    if _NO_MORE_PROCESSES in said:
        return f"terminals.confine: too few processes are allowed ({said})"
    if said.startswith("bwrap: "):
        return f"{bubblewrap.SETTING}: {said.removeprefix('bwrap: ')}"
    setting = cgroups.SETTING if wanted.places else "terminals.confine"
    return f"{setting}: a program that does nothing ended with {status}{said and f' ({said})'}"


def _refusal(reason: str) -> ServeError:
    """One line for people: the setting, what is wrong with it here, and the way out."""
    for key, way_out in _WAYS_OUT.items():
        if key in reason:
            return ServeError(f"{reason[reason.index(key) :]}; {way_out}")
    if "working directory" in reason:
        said = reason[reason.index("the working directory") :]
        return ServeError(f"terminals.cwd: {said}; set one that the user may enter")
    return ServeError(f"{reason}; allow more, or leave terminals.confine out")


class _Trial:
    """The owner of the trial's pseudo-terminal.

    Attributes:
        ended: How the program ended, once it has.
    """

    def __init__(self) -> None:
        self.ended: asyncio.Future[ExitStatus] = asyncio.get_running_loop().create_future()
        self._pty: PosixPty | None = None
        self._output = bytearray()
        self._buffer = memoryview(bytearray(4096))

    @property
    def said(self) -> str:
        """The last line that it wrote."""
        lines = self._output.decode(errors="replace").split("\r\n")
        return next((line for line in reversed(lines) if line), "")

    def start(self, pty: PosixPty) -> None:
        """Begin to read."""
        self._pty = pty
        pty.resume_reading()

    def on_readable(self) -> None:
        """Keep what it says."""
        self._read()

    def _read(self) -> int:
        assert self._pty is not None
        count = self._pty.read_into((self._buffer,))
        self._output += self._buffer[:count]
        return count

    def on_input_taken(self) -> None:
        """It is given none."""

    def on_exit(self, status: ExitStatus) -> None:
        """Read what is left."""
        assert self._pty is not None
        while self._read():
            pass
        self._pty.close()
        self.ended.set_result(status)
