"""The spawner process: starts programs on pseudo-terminals, and alone knows how they end.

It is a small process of its own (``spawner`` starts it and speaks for it), because a fork copies
the page tables of whoever forks: the server would stall for that long, and its children would begin
with its memory and descriptors in reach. Here a fork takes half a millisecond. It outlives a server
that was killed just long enough to end every child. Nothing else runs in here: no threads, no event
loop library, no configuration.
"""

import contextlib
import errno
import math
import os
import select
import signal
import socket
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from ptyprocess import PtyProcess

from ptybridge.adapters.cgroups import SETTING as CGROUP_SETTING
from ptybridge.adapters.cgroups import Cgroup, CgroupError, Cgroups
from ptybridge.adapters.confinement import Confinement
from ptybridge.adapters.spawner_link import Message, pack, unpack

SWEEP_INTERVAL = 0.05
"""Seconds between two looks at sessions that are being ended; nothing is looked at otherwise."""

LAST_RESORT = 5.0
"""Seconds after which a process that even SIGKILL has not ended (one in the kernel's hands, or
another user's) is given up."""

RECEIVE_BYTES = 64 * 1024

IUTF8 = 0o40000
"""Erase whole characters in canonical mode (termios(3)); Python 3.11 has no name for it."""

_SIGNALS = tuple(signal.valid_signals())


class Refusal(Exception):
    """A program cannot be started; the text says why, for people."""


class Child(PtyProcess):  # type: ignore[misc]
    """A program started by ptyprocess, without the rest of what that class does.

    The original wraps the master in a file object and, when collected, sleeps and kills. Here the
    descriptor and the process id are plain numbers that belong to ``Children``.
    """

    def __init__(self, pid: int, fd: int) -> None:
        """Take the numbers, and not ptyprocess's place for them."""
        self.pid = pid
        self.fd = fd
        self.closed = True  # so that the inherited finalizer leaves both alone


@dataclass(slots=True)
class Children:
    """The children of this process, and the sessions that are being ended.

    Attributes:
        grace: Seconds between SIGHUP and SIGKILL.
        spare: From this descriptor on, this process needs none for itself.
        keys: The server's key of each running child, by process id.
        pids: The process id of each running child, by key.
        ending: The clock time of SIGKILL for each session that has been hung up.
        confinement: The bounds of every child.
        cgroups: Makes and removes their cgroups; None when they have none.
        own_cgroups: The cgroup of each child, by process id, until its session has ended.
    """

    grace: float
    spare: int
    keys: dict[int, int] = field(default_factory=dict)
    pids: dict[int, int] = field(default_factory=dict)
    ending: dict[int, float] = field(default_factory=dict)
    confinement: Confinement = field(default_factory=Confinement)
    cgroups: Cgroups | None = None
    own_cgroups: dict[int, Cgroup] = field(default_factory=dict)

    @property
    def is_busy(self) -> bool:
        """Whether something is being ended, so that ``sweep`` has something to do."""
        return bool(self.ending) or (self.cgroups is not None and self.cgroups.is_busy)

    def start(
        self,
        key: int,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: str | None,
        size: tuple[int, int],
    ) -> Child:
        """Start a program as the leader of a session of its own, its terminal on 0, 1 and 2.

        Raises:
            Refusal: It cannot be started.
        """
        program = locate(argv, env, cwd)
        try:
            command = self.confinement.wrap(program, list(argv[1:]))
            cgroup = self.cgroups.make(key) if self.cgroups is not None else None
        except ValueError as error:
            raise Refusal(str(error)) from error
        except CgroupError as error:
            raise Refusal(f"cannot start {argv[0]}: {CGROUP_SETTING}: {error}") from error

        def prepare() -> None:
            reset_signals()
            erase_whole_characters()
            self.confinement.apply(cgroup)
            if cwd is not None:
                enter(cwd)

        own_pid = os.getpid()
        try:
            child: Child = Child.spawn(command, env=dict(env), preexec_fn=prepare, dimensions=size)
        except BaseException as error:
            if os.getpid() != own_pid:
                os._exit(os.EX_OSERR)  # what was raised in the child must not run on in here
            self.give_up(cgroup)
            if not isinstance(error, Exception):
                raise
            raise Refusal(explain(argv[0], error)) from error
        if cgroup is not None:
            self.own_cgroups[child.pid] = cgroup
        self.keys[child.pid] = key
        self.pids[key] = child.pid
        return child

    def give_up(self, cgroup: Cgroup | None) -> None:
        """End all that is in a cgroup, if there is one, and remove it."""
        if self.cgroups is not None and cgroup is not None:
            self.cgroups.end(cgroup)

    def tidy(self) -> None:
        """Close what a failed start may have left open; ptyprocess closes only some of it."""
        os.closerange(self.spare, os.sysconf("SC_OPEN_MAX"))

    def reap(self) -> list[tuple[int, int]]:
        """Collect the children that have ended: their keys and exit codes (negative: signal)."""
        ended = []
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            key = self.keys.pop(pid, None)  # None: one that failed to start
            if key is not None:
                del self.pids[key]
                ended.append((key, os.waitstatus_to_exitcode(status)))
                if pid not in self.ending:  # what was hung up has its grace
                    self.give_up(self.own_cgroups.pop(pid, None))
        return ended

    def hang_up(self, keys: Sequence[int]) -> None:
        """Send SIGHUP to all processes of these children's sessions; SIGKILL follows later."""
        now = time.monotonic()
        new = {pid for key in keys if (pid := self.pids.get(key)) and pid not in self.ending}
        self.ending |= dict.fromkeys(new, now + self.grace)
        # A stopped process takes the SIGHUP only when it goes on.
        signal_groups(groups_of(new), signal.SIGHUP, signal.SIGCONT)

    def sweep(self) -> None:
        """Send SIGKILL where the grace is over, and forget the sessions that have ended."""
        now = time.monotonic()
        groups = groups_of(self.ending)
        # Nobody gets the number of a session that has members. A leader that is not our child
        # can therefore only be a stranger who was given a number that had become free.
        alive = {session for session, _ in groups} & {
            session for session in self.ending if session in self.keys or not exists(session)
        }
        over = {session for session in alive if self.ending[session] <= now}
        signal_groups({group for group in groups if group[0] in over}, signal.SIGKILL)
        self.ending = {
            session: at
            for session, at in self.ending.items()
            if (session in self.keys or session in alive) and now < at + LAST_RESORT
        }
        for session in [pid for pid in self.own_cgroups if pid not in self.keys]:
            if session not in self.ending:
                self.give_up(self.own_cgroups.pop(session))
        if self.cgroups is not None:
            self.cgroups.sweep()


def locate(argv: Sequence[str], env: Mapping[str, str], cwd: str | None) -> str:
    """Find the program's file as execvp(3) would with this environment and directory.

    Raises:
        Refusal: There is none, or the launch holds what no program can be given.
    """
    texts = [*argv, *env, *env.values(), cwd or ""]
    if any("\0" in text for text in texts) or any("=" in name or not name for name in env):
        raise Refusal("an argument, a variable or the directory contains an illegal character")
    if not argv or not argv[0]:
        raise Refusal("there is no command to start")
    start = Path(cwd) if cwd is not None else Path.cwd()
    if not start.is_dir():
        raise Refusal(f"the working directory does not exist: {start}")
    if not os.access(start, os.X_OK):
        raise Refusal(f"the working directory cannot be entered: {start}")
    name = argv[0]
    places = [""] if "/" in name else env.get("PATH", os.defpath).split(os.pathsep)
    found = [file for place in places if (file := start / place / name).is_file()]
    for file in found:
        if os.access(file, os.X_OK):
            return str(file)
    if found:
        raise Refusal(f"the command is not executable: {found[0]}")
    raise Refusal(f"the command was not found: {name}")


def enter(folder: str) -> None:
    """Make it the working directory, as the user that the program will be.

    Raises:
        RuntimeError: It cannot be entered.
    """
    try:
        os.chdir(folder)
    except OSError as error:
        # A built-in exception: ptyprocess tells the parent its name and its text.
        raise RuntimeError(f"the working directory cannot be entered: {folder}") from error


def explain(name: str, error: Exception) -> str:
    """Say why a program could not be started."""
    if isinstance(error, OSError) and error.errno == errno.ENOENT:  # execve(2): the file exists
        return f"cannot start {name}: its interpreter does not exist"
    if isinstance(error, OSError) and error.errno:
        return f"cannot start {name}: {os.strerror(error.errno)}"
    return f"cannot start {name}: {error}"


def reset_signals() -> None:
    """Give the program the dispositions and the mask that a login shell begins with.

    Python ignores SIGPIPE and SIGXFSZ, and a job that a script starts in the background begins
    with SIGINT ignored; both are inherited through exec (signal(7)).
    """
    for number in _SIGNALS:
        with contextlib.suppress(OSError):  # SIGKILL and SIGSTOP have no other
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def erase_whole_characters() -> None:
    """Tell the terminal that its input is UTF-8."""
    modes = termios.tcgetattr(0)
    modes[0] |= IUTF8
    termios.tcsetattr(0, termios.TCSANOW, modes)


def groups_of(sessions: Sequence[int] | Mapping[int, float] | set[int]) -> set[tuple[int, int]]:
    """List the living process groups of these sessions, as pairs of session and group."""
    groups: set[tuple[int, int]] = set()
    if not sessions:
        return groups
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb", buffering=0) as file:
                    stat = file.read(1024)
            except OSError:  # it has ended meanwhile
                continue
            # proc_pid_stat(5): pid (name) state ppid group session; a name may hold brackets
            state, _, group, session = stat[stat.rindex(b")") + 2 :].split(b" ", 4)[:4]
            if int(session) in sessions and state not in b"ZX":
                groups.add((int(session), int(group)))
    return groups


def exists(pid: int) -> bool:
    """Whether a process has this number."""
    return Path(f"/proc/{pid}").exists()


def signal_groups(groups: set[tuple[int, int]], *signals: signal.Signals) -> None:
    """Send signals to process groups; one that has ended or is another user's is passed over.

    The leaders come first: a shell that waits for its jobs then ends by the signal, too, and not
    because its jobs did.
    """
    for _, group in sorted(groups, key=lambda pair: pair[0] != pair[1]):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            for number in signals:
                os.killpg(group, number)


def serve(link: socket.socket, grace: float, confinement: Confinement) -> None:
    """Do what the server asks until it has hung up, or died, and all sessions have ended."""
    wake_receiver, wake_sender = socket.socketpair()
    for end in (wake_receiver, wake_sender):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_sender.fileno(), warn_on_full_buffer=False)
    # A Ctrl-C in the server's terminal and a service manager's SIGTERM reach this process too;
    # the server decides what they mean for the children.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    # No hole below: the link is descriptor 0, and the server has left nothing else open.
    confinement.prepare()
    children = Children(
        grace=grace,
        spare=1 + max(wake_receiver.fileno(), wake_sender.fileno()),
        confinement=confinement,
        cgroups=Cgroups(confinement.cgroup, confinement.places) if confinement.places else None,
    )
    received = bytearray()
    poll = select.poll()
    poll.register(link, select.POLLIN)
    poll.register(wake_receiver, select.POLLIN)
    is_linked = True
    sweep_at: float | None = None
    while is_linked or children.is_busy:
        wait = None if sweep_at is None else max(0.0, sweep_at - time.monotonic())
        ready = {fd for fd, _ in poll.poll(None if wait is None else math.ceil(wait * 1000))}
        if link.fileno() in ready:
            if data := receive(link):
                received += data
                obey(list(unpack(received)), children, link)
            else:
                is_linked = False
                poll.unregister(link)
                children.hang_up(list(children.pids))
        if wake_receiver.fileno() in ready:
            with contextlib.suppress(BlockingIOError):
                wake_receiver.recv(RECEIVE_BYTES)
        for key, code in children.reap():
            answer(link, pack("exited", key, code))
        # Not at each turn: a sweep looks at every process of the machine.
        if not children.is_busy:
            sweep_at = None
        elif sweep_at is None:
            sweep_at = time.monotonic() + SWEEP_INTERVAL
        elif time.monotonic() >= sweep_at:
            children.sweep()
            sweep_at = time.monotonic() + SWEEP_INTERVAL


def obey(requests: Sequence[Message], children: Children, link: socket.socket) -> None:
    """Carry out the server's requests and answer them."""
    doomed = []
    for request in requests:
        match request:
            case [
                "spawn",
                int(key),
                list(argv),
                dict(env),
                str() | None as cwd,
                int(rows),
                int(cols),
            ]:
                try:
                    child = children.start(key, argv, env, cwd, (rows, cols))
                except Refusal as refusal:
                    children.tidy()
                    answer(link, pack("refused", key, str(refusal)))
                else:
                    answer(link, pack("started", key, child.pid), child.fd)
                    os.close(child.fd)
            case ["hang up", int(key)]:
                doomed.append(key)
            case _:
                raise ValueError(f"no such request: {request[0]}")
    children.hang_up(doomed)


def receive(link: socket.socket) -> bytes:
    """Receive what the server sent; empty when it has hung up or died."""
    try:
        return link.recv(RECEIVE_BYTES)
    except ConnectionResetError:
        return b""


def answer(link: socket.socket, message: bytes, *descriptors: int) -> None:
    """Send to the server, which may have died: the next receive tells."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        if descriptors:
            sent = socket.send_fds(link, [message], descriptors)
            message = message[sent:]
        link.sendall(message)


def main() -> NoReturn:
    """Run as a process: the link is standard input, grace and confinement the arguments."""
    with socket.socket(fileno=0) as link:
        serve(link, float(sys.argv[1]), Confinement.from_json(sys.argv[2]))
    sys.exit(0)
