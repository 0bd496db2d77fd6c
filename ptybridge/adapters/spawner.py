"""Programs on pseudo-terminals, started through a small process of their own.

This is the server's half; ``spawner_process`` is the other and says why there is one.
"""

import asyncio
import itertools
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import ptyprocess
import structlog

from ptybridge.adapters.confinement import Confinement
from ptybridge.adapters.open_files import restore_limit
from ptybridge.adapters.pty import MAX_UNREAD_INPUT, PosixPty
from ptybridge.adapters.spawner_link import Message, pack, unpack
from ptybridge.core.errors import PtyError
from ptybridge.core.ports import Launch, PtyOwner
from ptybridge.core.values import ExitStatus

HANGUP_GRACE = 5.0
"""Seconds that a program has between SIGHUP and SIGKILL."""

RECEIVE_BYTES = 64 * 1024
MAX_DESCRIPTORS = 8
"""Descriptors that one receive has room for; the process sends one at a time."""

_MAIN = (
    "import sys; sys.path += sys.argv[3:]; "
    "from ptybridge.adapters.spawner_process import main; main()"
)

StartProcess = Callable[[socket.socket], "subprocess.Popen[bytes]"]

log = structlog.get_logger(__name__)


class Spawner:
    """Starts programs through a spawner process; see ``core.ports.PtySpawner``.

    The process is started by ``start``, by entering the block, or by the first ``spawn``; when it
    has died, by the next ``spawn``. ``close`` ends every program, and then the process.
    """

    def __init__(
        self,
        *,
        grace: float = HANGUP_GRACE,
        input_limit: int = MAX_UNREAD_INPUT,
        confinement: Confinement | None = None,
    ) -> None:
        """Store how programs are ended, how much input waits for each, and their bounds.

        Args:
            grace: Seconds between SIGHUP and SIGKILL.
            input_limit: Bytes of unread input for each pseudo-terminal.
            confinement: The bounds of every program; None is none.
        """
        self._grace = grace
        self._confinement = confinement or Confinement()
        self._input_limit = input_limit
        self._line: SpawnerLine | None = None

    @property
    def pid(self) -> int | None:
        """The spawner process's id; None while there is none."""
        return None if self._line is None else self._line.process.pid

    def start(self) -> None:
        """Start the process, so that the first program need not wait for it. Idempotent."""
        self._started()

    def _started(self) -> "SpawnerLine":
        """The line to the process, started when there is none."""
        if self._line is None or self._line.is_closed:
            process = partial(start_process, grace=self._grace, confinement=self._confinement)
            self._line = SpawnerLine(process, input_limit=self._input_limit)
        return self._line

    async def spawn(self, launch: Launch, owner: PtyOwner) -> PosixPty:
        """Start a program; reading is paused until the owner resumes it.

        Raises:
            PtyError: It cannot be started; the message names what is wrong.
        """
        return await self._started().spawn(launch, owner)

    async def close(self) -> None:
        """End every program, tell their owners, then end the process. Idempotent."""
        if self._line is not None:
            line, self._line = self._line, None
            await line.close()

    async def __aenter__(self) -> Self:
        """Start the process."""
        self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        await self.close()


class SpawnerLine:
    """One spawner process and the line to it, for as long as both last.

    Attributes:
        process: The spawner process.
        is_closed: The process has ended; nothing more can be asked of it.
    """

    def __init__(self, start: StartProcess, *, input_limit: int) -> None:
        """Start the process with its end of the line; must run in an event loop."""
        self._loop = asyncio.get_running_loop()
        self._input_limit = input_limit
        self._keys = itertools.count(1)
        self._launches: dict[int, tuple[asyncio.Future[PosixPty], PtyOwner]] = {}
        self._ptys: dict[int, PosixPty] = {}
        self._masters: deque[int | None] = deque()
        self._received = bytearray()
        self._unsent = bytearray()
        self._is_closing = False
        self._ended = self._loop.create_future()
        self._link, theirs = socket.socketpair()
        with theirs:
            self.process = start(theirs)
        self._link.setblocking(False)
        self._loop.add_reader(self._link, self._on_readable)

    @property
    def is_closed(self) -> bool:
        """See Attributes."""
        return self._ended.done()

    async def spawn(self, launch: Launch, owner: PtyOwner) -> PosixPty:
        """Ask for a program and wait until it has been started; as ``Spawner.spawn``."""
        key = next(self._keys)
        started: asyncio.Future[PosixPty] = self._loop.create_future()
        self._launches[key] = (started, owner)
        size = launch.size
        env = dict(launch.env)
        self._send(pack("spawn", key, list(launch.argv), env, launch.cwd, size.rows, size.cols))
        try:
            return await started
        except asyncio.CancelledError:
            if started.done() and not started.cancelled() and not started.exception():
                del self._ptys[key]
                abandon(started.result())
            raise

    def hang_up(self, key: int) -> None:
        """Ask to end a program; its end is reported as any other."""
        self._send(pack("hang up", key))

    async def close(self) -> None:
        """Have every program ended, and wait until the process has nothing left to do."""
        if not self.is_closed:
            self._is_closing = True
            if not self._unsent:
                self._link.shutdown(socket.SHUT_WR)
        await self._ended

    def _send(self, message: bytes) -> None:
        """Send without waiting; what the socket does not take at once follows."""
        if self.is_closed:
            return
        if not self._unsent:
            self._loop.add_writer(self._link, self._flush)
        self._unsent += message
        self._flush()

    def _flush(self) -> None:
        """Send on; when all is sent and the line is closing, say so."""
        try:
            sent = self._link.send(self._unsent)
        except BlockingIOError:
            return
        except OSError:  # the process has died: the reader is told, too
            sent = len(self._unsent)
        del self._unsent[:sent]
        if not self._unsent:
            self._loop.remove_writer(self._link)
            if self._is_closing:
                self._link.shutdown(socket.SHUT_WR)

    def _on_readable(self) -> None:
        """Receive once and act on it."""
        try:
            data, masters, flags, _ = socket.recv_fds(
                self._link, RECEIVE_BYTES, MAX_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            return
        except ConnectionResetError:
            data, masters, flags = b"", [], 0
        self._masters.extend(masters)
        if flags & socket.MSG_CTRUNC:  # this process has no descriptor left for it
            self._masters.append(None)
        if not data:
            self._on_end()
            return
        self._received += data
        for message in unpack(self._received):
            self._obey(message)

    def _obey(self, message: Message) -> None:
        """Pass on what the process tells."""
        match message:
            case ["started", int(key), int(pid)]:
                self._on_started(key, pid)
            case ["refused", int(key), str(reason)]:
                started, _ = self._launches.pop(key)
                if not started.done():
                    started.set_exception(PtyError(reason))
            case ["exited", int(key), int(code)] if pty := self._ptys.pop(key, None):
                # Behind the wake-up of whoever awaits spawn(), which may have come just before.
                self._loop.call_soon(pty.end, ExitStatus.of(code))

    def _on_started(self, key: int, pid: int) -> None:
        """Hand a started program's pseudo-terminal over to whoever awaits it."""
        started, owner = self._launches.pop(key)
        master = self._masters.popleft()
        if master is None:
            self.hang_up(key)
            if not started.done():
                started.set_exception(PtyError("the server has too many open files"))
            return
        pty = PosixPty(
            master,
            pid=pid,
            owner=owner,
            hang_up=lambda: self.hang_up(key),
            input_limit=self._input_limit,
        )
        if started.done():
            abandon(pty)
        else:
            self._ptys[key] = pty
            started.set_result(pty)

    def _on_end(self) -> None:
        """Take leave of a process that has ended, and of all that depended on it."""
        self._loop.remove_reader(self._link)
        self._loop.remove_writer(self._link)
        self._link.close()
        self.process.kill()  # without effect unless it closed the link and lives on
        code = self.process.wait()  # which it does not: no wait
        if not self._is_closing:
            log.error("spawner process ended", pid=self.process.pid, code=code)
        self._ended.set_result(None)
        for started, _ in self._launches.values():
            if not started.done():
                started.set_exception(PtyError("the spawner process ended"))
        self._launches.clear()
        for master in self._masters:
            if master is not None:
                os.close(master)
        self._masters.clear()
        ptys, self._ptys = list(self._ptys.values()), {}
        for pty in ptys:
            self._loop.call_soon(self._lose, pty)

    @staticmethod
    def _lose(pty: PosixPty) -> None:
        """Report the end of a program whose parent is gone, and let the kernel hang it up."""
        try:
            pty.end(ExitStatus(signal=signal.SIGHUP))
        finally:
            pty.close()


def start_process(
    link: socket.socket, *, grace: float, confinement: Confinement
) -> subprocess.Popen[bytes]:
    """Start the spawner process: isolated, without site packages, with an empty environment."""
    places = (Path(__file__).parents[2], Path(ptyprocess.__file__).parents[1])
    roots = dict.fromkeys(str(place) for place in places)
    flags = ("-I", "-S", "-X", "utf8", "-c", _MAIN)
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and constant arguments
        (sys.executable, *flags, str(grace), confinement.to_json(), *roots),
        stdin=link.fileno(),
        stdout=subprocess.DEVNULL,
        env={},
        start_new_session=True,  # a Ctrl-C in the server's terminal is the server's
    )
    restore_limit(process.pid)
    return process


def abandon(pty: PosixPty) -> None:
    """End a program that nobody awaits any more."""
    pty.hang_up()
    pty.close()
