"""The link to one file process, which ``file_process`` describes."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from ptybridge.adapters import confined_process
from ptybridge.adapters.confinement import Confinement
from ptybridge.adapters.file_process import LENGTHS, MAX_BYTES, MAX_OBJECT
from ptybridge.core.files import CHUNK_BYTES

KILL_SECONDS = 2.0
"""How long a process that was let go may take to end: it may be writing."""

START_SECONDS = 15.0
"""How long one may take to begin, on a machine that is busy."""

_MAIN = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from ptybridge.adapters.file_process import main; main(sys.argv[2])"
)

Argument = str | int | bool
"""What an operation takes."""


def command(confinement: Confinement) -> tuple[str, ...]:
    """The command that runs a file process within bounds.

    In a sandbox it has to be started anew; else it confines itself.
    """
    root = str(Path(__file__).parents[2])
    python = (sys.executable, "-I", "-S", "-X", "utf8", "-c", _MAIN, root)
    if confinement.wrapper:
        inner = (*python, Confinement().to_json())
        return confined_process.command(confinement, inner, "/")
    return (*python, confinement.to_json())


class ProcessEnded(Exception):
    """The file process has ended; the text is what it said last."""


def lengths_of(head: bytes) -> tuple[int, int]:
    """The lengths of what follows in a message.

    Raises:
        ProcessEnded: It is too long. A process is as much the programs' as ours: they may trace it
            (ptrace(2)), and have it say anything.
    """
    of_object, of_bytes = LENGTHS.unpack(head)
    if of_object > MAX_OBJECT or of_bytes > MAX_BYTES:
        raise ProcessEnded("it said more than it may")
    return of_object, of_bytes


class FileProcess:
    """One process, and the link to it.

    Attributes:
        is_closed: It was let go.
    """

    def __init__(self, confinement: Confinement) -> None:
        """Start it; must run in an event loop.

        Raises:
            OSError: It cannot be started, as when too many files are open.
        """
        self._loop = asyncio.get_running_loop()
        self.ended = self._loop.create_future()
        self.is_closed = False
        self._killing: asyncio.TimerHandle | None = None
        self._link, theirs = socket.socketpair()
        self._link.setblocking(False)
        for end in (self._link, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * CHUNK_BYTES)
        with contextlib.ExitStack() as undone, theirs:
            undone.callback(self._link.close)
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command(confinement),
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={},
                cwd="/",
                start_new_session=True,
            )
            undone.enter_context(self._process)  # waited for, and its pipe closed
            undone.callback(self._kill)
            self._end = os.pidfd_open(self._process.pid)
            undone.pop_all()
        self._loop.add_reader(self._end, self._on_end)

    async def begin(self) -> None:
        """Wait until it runs.

        Raises:
            ProcessEnded: It could not be started.
        """
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._receive()
        except TimeoutError as error:
            raise ProcessEnded("it did not begin in time") from error

    async def ask(
        self, operation: str, data: bytes | bytearray | memoryview = b"", /, **arguments: Argument
    ) -> tuple[dict[str, Any], bytes]:
        """Have something done; what it gives. One thing at a time.

        Raises:
            ProcessEnded: It has ended.
        """
        await self.post(operation, data, **arguments)
        return await self.answer()

    async def post(
        self, operation: str, data: bytes | bytearray | memoryview = b"", /, **arguments: Argument
    ) -> None:
        """Have something done, and ask for its ``answer`` later; answers come in order.

        Raises:
            ProcessEnded: It has ended.
        """
        text = json.dumps({"operation": operation, **arguments}).encode("ascii")
        await self._send(LENGTHS.pack(len(text), len(data)) + text, data)

    async def answer(self) -> tuple[dict[str, Any], bytes]:
        """What came of the oldest thing that was posted.

        Raises:
            ProcessEnded: It has ended.
        """
        return await self._receive()

    async def _send(self, *parts: bytes | bytearray | memoryview) -> None:
        try:
            for part in parts:
                if part:
                    await self._loop.sock_sendall(self._link, part)
        except OSError as error:
            raise ProcessEnded(await self._last_words()) from error

    async def _receive(self) -> tuple[dict[str, Any], bytes]:
        of_object, of_bytes = lengths_of(await self._exactly(LENGTHS.size))
        told: dict[str, Any] = json.loads(await self._exactly(of_object))
        return told, await self._exactly(of_bytes) if of_bytes else b""

    async def _exactly(self, count: int) -> bytes:
        """The next bytes of the link; it is read into a buffer of that size, not copied twice."""
        room = bytearray(count)
        rest = memoryview(room)
        while rest:
            try:
                came = await self._loop.sock_recv_into(self._link, rest)
            except OSError:
                came = 0
            if not came:
                raise ProcessEnded(await self._last_words())
            rest = rest[came:]
        return bytes(room)

    async def _last_words(self) -> str:
        """The last line that it wrote before it ended."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self.ended), KILL_SECONDS)
        assert self._process.stderr is not None
        if self._process.stderr.closed:
            return "it was let go"
        os.set_blocking(self._process.stderr.fileno(), False)
        try:
            said = os.read(self._process.stderr.fileno(), 65536).decode(errors="replace")
        except OSError:
            said = ""
        lines = said.strip().splitlines()
        return lines[-1].removeprefix("ptybridge: ") if lines else "it ended"

    def close(self) -> None:
        """Let it go: it ends, and is killed when that takes too long. Idempotent."""
        if self.is_closed:
            return
        self.is_closed = True
        with contextlib.suppress(OSError):  # it has ended
            # Whoever waits for an answer is woken; a descriptor that is closed wakes nobody.
            self._link.shutdown(socket.SHUT_RDWR)
        if not self.ended.done():
            self._killing = self._loop.call_later(KILL_SECONDS, self._kill)

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _on_end(self) -> None:
        self._loop.remove_reader(self._end)
        os.close(self._end)
        if self._killing is not None:
            self._killing.cancel()
        self._process.wait()
        self.ended.set_result(None)
        if self.is_closed:
            self.release()

    def release(self) -> None:
        """Close what led to it, when it has ended and nobody wants to know why. Idempotent."""
        self._link.close()
        if self._process.stderr is not None:
            self._process.stderr.close()
