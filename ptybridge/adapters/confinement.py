"""What keeps a program within bounds: applied in the child, between fork and exec.

The spawner process has one thread, so Python may run there. Each bound is a step with the name of
its setting, which stands before whatever goes wrong: see ``Confinement.apply``.

Both the server and the spawner process import this module, hence its few imports.
"""

import contextlib
import dataclasses
import json
import os
import resource
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from ptybridge.adapters import bubblewrap
from ptybridge.adapters.cgroups import SETTING as CGROUP_SETTING
from ptybridge.adapters.cgroups import Cgroup, CgroupLimits, Place

RUN_AS = "terminals.runAs"
NO_NEW_PRIVS = "terminals.confine.noNewPrivs"
LIMITS = "terminals.confine.limits"

RESOURCES = {
    "openFiles": resource.RLIMIT_NOFILE,
    "processes": resource.RLIMIT_NPROC,
    "fileSize": resource.RLIMIT_FSIZE,
    "cpuSeconds": resource.RLIMIT_CPU,
    "coreSize": resource.RLIMIT_CORE,
}
"""The settings below ``LIMITS``, and what they are to the kernel (getrlimit(2))."""

_PR_SET_NO_NEW_PRIVS = 38


@dataclass(frozen=True, slots=True)
class SystemUser:
    """A user of the machine, by name and numbers."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Confinement:
    """The bounds of every program of one spawner; the default is none at all.

    Attributes:
        user: Whom programs run as, in all of that user's groups; None is the server's own.
        limits: Soft and hard resource limits, by their names in ``RESOURCES``.
        no_new_privs: Whether set-user-ID programs and the like stay without effect.
        cgroup: What one terminal may take.
        places: Where the terminals' cgroups are made; empty is no cgroups.
        wrapper: The words before each command that run it in a sandbox: ``bubblewrap.profile``.
    """

    user: SystemUser | None = None
    limits: Mapping[str, int] = field(default_factory=dict)
    no_new_privs: bool = False
    cgroup: CgroupLimits = field(default_factory=CgroupLimits)
    places: tuple[Place, ...] = ()
    wrapper: tuple[str, ...] = ()

    @property
    def is_off(self) -> bool:
        """Whether nothing is confined."""
        return self == Confinement()

    def to_json(self) -> str:
        """Write it for the spawner process."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Confinement":
        """Read what ``to_json`` has written."""
        values = json.loads(text)
        return cls(
            user=SystemUser(**values["user"]) if values["user"] else None,
            limits=values["limits"],
            no_new_privs=values["no_new_privs"],
            cgroup=CgroupLimits(**values["cgroup"]),
            places=tuple(
                Place(place["folder"], place["version"], tuple(place["controllers"]))
                for place in values["places"]
            ),
            wrapper=tuple(values["wrapper"]),
        )

    def prepare(self) -> None:
        """Import what the steps need: a child that is another user may not be able to."""
        if self.no_new_privs:
            _no_new_privs()

    def wrap(self, program: str, arguments: list[str]) -> list[str]:
        """The command to run instead of this one.

        Raises:
            ValueError: env(1) would take the program for a variable.
        """
        if self.wrapper and "=" in program:
            raise ValueError(f"{bubblewrap.SETTING}: the command's path must not contain =")
        return [*self.wrapper, program, *arguments]

    def apply(self, cgroup: Cgroup | None) -> None:
        """Confine the calling process, which is about to become a program, and all it will start.

        Raises:
            RuntimeError: A bound cannot be set; the message begins with its setting.
        """
        for setting, step in self._steps(cgroup):
            try:
                step()
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                # A built-in exception: ptyprocess tells the parent its name and its text.
                raise RuntimeError(f"{setting}: {reason}") from error

    def _steps(self, cgroup: Cgroup | None) -> Iterator[tuple[str, Callable[[], None]]]:
        """The bounds in an order in which none takes away what another needs."""
        if cgroup is not None:
            yield CGROUP_SETTING, cgroup.join
        if self.wrapper:
            yield bubblewrap.SETTING, bubblewrap.pass_filter
            yield bubblewrap.SETTING, ignore_terminal_signals
        for name, limit in self.limits.items():
            number = RESOURCES[name]
            yield f"{LIMITS}.{name}", lambda n=number, v=limit: resource.setrlimit(n, (v, v))  # type: ignore[misc]
        if (user := self.user) is not None:
            yield RUN_AS, lambda: become(user)
        if self.no_new_privs:
            yield NO_NEW_PRIVS, _no_new_privs()


def become(user: SystemUser) -> None:
    """Take a user's numbers and groups, and give that user the terminal, as login(1) does.

    Standard input that is no terminal may be /dev/null, which stays everybody's.
    """
    if os.isatty(0):
        with contextlib.suppress(PermissionError):  # without CAP_CHOWN it can be used, not opened
            os.fchown(0, user.uid, -1)
    os.initgroups(user.name, user.gid)
    os.setresgid(user.gid, user.gid, user.gid)
    os.setresuid(user.uid, user.uid, user.uid)


def ignore_terminal_signals() -> None:
    """Let the sandbox outlive what its program handles."""
    for number in bubblewrap.TERMINAL_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@cache
def _no_new_privs() -> Callable[[], None]:
    """What sets no_new_privs (prctl(2)), which is inherited and cannot be taken back."""
    import ctypes  # noqa: PLC0415 - not for spawner processes that do not need it

    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def forbid() -> None:
        if prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))

    return forbid
