"""A cgroup for each terminal: what it may take of memory and processes, and what it leaves behind.

Version 1 has a tree for each controller, version 2 one for all (cgroups(7)); a machine may have
both, each controller being in one of them. The terminals' cgroups are made beside each other below
the server's own, named for the spawner process and for its key of the launch.

Only the spawner process and the start of the server import this module, hence its few imports.
"""

import contextlib
import errno
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

SETTING = "terminals.confine.cgroup"
"""What the messages of this module are about."""

PREFIX = "ptybridge"
LEAF = "server"
"""Where the server moves to: in version 2 a cgroup that limits others has no processes."""

REMOVE_WITHIN = 5.0
"""Seconds after which a cgroup that cannot be emptied is left to the next start."""

_BUSY = "other processes share the server's cgroup"


class CgroupError(Exception):
    """Cgroups cannot be used; the text is one clause that says why, for people."""


@dataclass(frozen=True, slots=True)
class CgroupLimits:
    """What one terminal may take; None is as much as the server.

    Attributes:
        memory_bytes: Memory, the page cache of its files included; swap is not added to it.
        processes: Processes and threads at once.
    """

    memory_bytes: int | None = None
    processes: int | None = None

    @property
    def controllers(self) -> tuple[str, ...]:
        """The controllers that keep these limits."""
        wanted = {"memory": self.memory_bytes, "pids": self.processes}
        return tuple(name for name, limit in wanted.items() if limit is not None)


@dataclass(frozen=True, slots=True)
class Place:
    """A directory below which terminals' cgroups are made.

    Attributes:
        folder: The server's own cgroup in one tree.
        version: The tree's, 1 or 2.
        controllers: Those of the wanted ones that this tree has.
    """

    folder: str
    version: int
    controllers: tuple[str, ...]


def find_places(
    wanted: Sequence[str], *, memberships: str | None = None, mounts: str | None = None
) -> list[Place]:
    """Find where this process may make cgroups with the wanted controllers.

    Args:
        wanted: Names of controllers, such as ``pids``.
        memberships: The text of /proc/self/cgroup (cgroups(7)); None reads it.
        mounts: The text of /proc/self/mountinfo (proc_pid_mountinfo(5)); None reads it.

    Raises:
        CgroupError: A controller is in no tree that can be seen from here.
    """
    if memberships is None:
        memberships = Path("/proc/self/cgroup").read_text()
    if mounts is None:
        mounts = Path("/proc/self/mountinfo").read_text()
    found: dict[tuple[str, int], list[str]] = {}
    for controller in wanted:
        place = _first_tree(controller, memberships) or _unified_tree(controller, memberships)
        if place is None:
            raise CgroupError(f"the machine has no {controller} controller")
        tree, path = place
        folder = _visible(tree, path, mounts)
        if folder is None:
            raise CgroupError(f"the tree of the {controller} controller is not mounted")
        found.setdefault((folder, 1 if tree else 2), []).append(controller)
    return [Place(folder, version, tuple(names)) for (folder, version), names in found.items()]


def _first_tree(controller: str, memberships: str) -> tuple[str, str] | None:
    """The version 1 tree of a controller, and this process's path in it."""
    for line in memberships.splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return controllers, path
    return None


def _unified_tree(controller: str, memberships: str) -> tuple[str, str] | None:
    """The version 2 tree, if there is one, and this process's path in it."""
    for line in memberships.splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0" and not controllers:
            return "", path
    return None


def _visible(tree: str, path: str, mounts: str) -> str | None:
    """Where a cgroup stands in the file system; a mount may show only a part of its tree."""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        root, mount_point = before.split(" ")[3:5]
        kind, _, options = after.split(" ", 2)
        is_it = (
            kind == "cgroup" and set(tree.split(",")) <= set(options.split(","))
            if tree
            else kind == "cgroup2"
        )
        if is_it and not root.startswith("/.."):
            inside = path == root or path.startswith(root.rstrip("/") + "/")
            if inside:
                return os.path.normpath(f"{mount_point}/{path[len(root.rstrip('/')) :]}")
    return None


def prepare_places(limits: CgroupLimits) -> tuple[Place, ...]:
    """Find the places for these limits, and make those of version 2 able to hold cgroups.

    There this process moves to a cgroup ``server`` of its own, below the one that it was started
    in, for a cgroup with processes cannot hand controllers on ("no internal processes").

    Raises:
        CgroupError: The machine, or its administrator, does not allow it.
    """
    if not limits.controllers:
        return ()
    places = find_places(limits.controllers)
    for place in places:
        if not os.access(place.folder, os.W_OK):
            raise CgroupError(f"{place.folder} cannot be written to")
        if place.version != 1:
            hand_on(Path(place.folder), place.controllers)
    return tuple(places)


def hand_on(folder: Path, controllers: Sequence[str]) -> None:
    """Let a version 2 cgroup limit the ones below it with these controllers.

    Raises:
        CgroupError: It lacks a controller, or other processes are in it.
    """
    try:
        there = (folder / "cgroup.controllers").read_text().split()
        if missing := [name for name in controllers if name not in there]:
            raise CgroupError(f"{folder} was not given the {' and '.join(missing)} controller")
        handed = (folder / "cgroup.subtree_control").read_text().split()
        if all(name in handed for name in controllers):
            return
        if (folder / "cgroup.type").exists():  # only the root has none, and no such rule
            leaf = folder / LEAF
            leaf.mkdir(exist_ok=True)
            (leaf / "cgroup.procs").write_text("0")
        (folder / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in controllers))
    except OSError as error:
        reason = _BUSY if error.errno == errno.EBUSY else f"{folder}: {error.strerror}"
        raise CgroupError(reason) from error


@dataclass(slots=True)
class Cgroup:
    """One terminal's cgroup: a directory in each place.

    Attributes:
        folders: The directories, with their trees' versions.
        remove_by: The clock time at which a removal that does not succeed is given up.
    """

    folders: list[tuple[Path, int]] = field(default_factory=list)
    remove_by: float = float("inf")

    def join(self) -> None:
        """Move the calling process here, before it becomes the program."""
        for folder, _ in self.folders:
            (folder / "cgroup.procs").write_text("0")

    def kill(self) -> None:
        """Send SIGKILL to all that is in here; what forks meanwhile needs another call."""
        for folder, version in self.folders:
            with contextlib.suppress(OSError):
                if version != 1 and (folder / "cgroup.kill").exists():  # since Linux 5.14
                    (folder / "cgroup.kill").write_text("1")
                    continue
                if (folder / "pids.max").exists():  # a fork bomb is not outrun, but starved
                    (folder / "pids.max").write_text("0")
                for pid in (folder / "cgroup.procs").read_text().split():
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.kill(int(pid), signal.SIGKILL)

    def remove(self) -> bool:
        """Remove what is empty by now; whether nothing is left. The cgroups inside go first."""
        left = []
        for folder, version in self.folders:
            try:
                for inside, _, _ in os.walk(folder, topdown=False):
                    os.rmdir(inside)
            except FileNotFoundError:
                continue
            except OSError:
                left.append((folder, version))
        self.folders = [entry for entry in left if entry[0].exists()]
        return not self.folders


class Cgroups:
    """The cgroups of one spawner process's programs."""

    def __init__(self, limits: CgroupLimits, places: Sequence[Place]) -> None:
        """Begin without any; what spawner processes that were killed left is removed."""
        self._limits = limits
        self._places = places
        self._ending = stale(places)
        for cgroup in self._ending:
            cgroup.remove_by = time.monotonic() + REMOVE_WITHIN

    @property
    def is_busy(self) -> bool:
        """Whether some wait to be removed, so that ``sweep`` has something to do."""
        return bool(self._ending)

    def make(self, key: int) -> Cgroup:
        """Make a cgroup with the limits, without processes.

        Raises:
            CgroupError: It cannot be made; nothing is left of it.
        """
        cgroup = Cgroup()
        try:
            for place in self._places:
                folder = Path(place.folder) / f"{PREFIX}-{os.getpid()}-{key}"
                folder.mkdir()
                cgroup.folders.append((folder, place.version))
                for name, value in self._files(folder, place):
                    (folder / name).write_text(str(value))
        except OSError as error:
            cgroup.remove()
            raise CgroupError(f"{error.filename}: {error.strerror}") from error
        return cgroup

    def _files(self, folder: Path, place: Place) -> list[tuple[str, int]]:
        """Which files take which limits, in the order in which they must be written."""
        files: list[tuple[str, int]] = []
        if "pids" in place.controllers and self._limits.processes is not None:
            files.append(("pids.max", self._limits.processes))
        if "memory" in place.controllers and self._limits.memory_bytes is not None:
            memory = self._limits.memory_bytes
            if place.version == 1:
                files += [
                    ("memory.limit_in_bytes", memory),
                    ("memory.memsw.limit_in_bytes", memory),
                ]
            else:
                files += [("memory.max", memory), ("memory.swap.max", 0)]
        optional = ("memory.memsw.limit_in_bytes", "memory.swap.max")  # a kernel without swap
        return [
            (name, limit)
            for name, limit in files
            if name not in optional or (folder / name).exists()
        ]

    def end(self, cgroup: Cgroup) -> None:
        """Kill what is left in a cgroup, and have it removed."""
        cgroup.remove_by = time.monotonic() + REMOVE_WITHIN
        self._ending.append(cgroup)
        self.sweep()

    def sweep(self) -> None:
        """Kill and remove what is ending."""
        now = time.monotonic()
        for cgroup in self._ending:
            cgroup.kill()
        self._ending = [
            cgroup for cgroup in self._ending if not cgroup.remove() and now < cgroup.remove_by
        ]


def stale(places: Sequence[Place]) -> list[Cgroup]:
    """The cgroups of spawner processes that are no more."""
    found = []
    for place in places:
        for folder in Path(place.folder).glob(f"{PREFIX}-*-*"):
            pid = folder.name.split("-")[1]
            if pid.isdigit() and not Path(f"/proc/{pid}").exists():
                found.append(Cgroup([(folder, place.version)]))
    return found
