"""An owner of a real pseudo-terminal that keeps all its output, and what to await with it."""

import asyncio
import os
from collections.abc import Callable

from ptybridge.adapters.pty import PosixPty
from ptybridge.adapters.spawner import Spawner
from ptybridge.core.ports import Launch
from ptybridge.core.values import ExitStatus, WindowSize

PATIENCE = 5.0
"""Seconds after which something that should have happened never will."""


class Keeper:
    """Reads all output, and drains what is left when the program has ended.

    Attributes:
        data: The output so far.
        status: How the program ended; None while it runs.
        readable_calls, taken_calls: How often the owner was told so.
    """

    def __init__(self) -> None:
        self.data = bytearray()
        self.status: ExitStatus | None = None
        self.readable_calls = 0
        self.taken_calls = 0
        self._pty: PosixPty | None = None
        self._buffer = memoryview(bytearray(64 * 1024))
        self._changed = asyncio.Event()

    @property
    def pty(self) -> PosixPty:
        """The pseudo-terminal, once it has been started."""
        assert self._pty is not None
        return self._pty

    def start(self, pty: PosixPty) -> None:
        self._pty = pty
        pty.resume_reading()

    def on_readable(self) -> None:
        self.readable_calls += 1
        self.read()

    def read(self) -> int:
        count = self.pty.read_into((self._buffer,))
        self.data += self._buffer[:count]
        self._changed.set()
        return count

    def on_input_taken(self) -> None:
        self.taken_calls += 1
        self._changed.set()

    def on_exit(self, status: ExitStatus) -> None:
        while self.read():
            pass
        assert self.status is None, "on_exit is called once"
        self.status = status

    async def until(self, claim: Callable[[], bool]) -> None:
        """Wait for what this owner is told to make ``claim`` true."""
        async with asyncio.timeout(PATIENCE):
            while not claim():
                self._changed.clear()
                await self._changed.wait()

    async def output(self, text: bytes) -> bytes:
        """Wait for the first line that holds ``text``."""
        await self.until(lambda: b"\n" in self.data[self.data.find(text) :] and text in self.data)
        return next(bytes(line) for line in self.data.split(b"\r\n") if text in line)

    async def ended(self) -> ExitStatus:
        """Wait for the program's end, and give the descriptor up."""
        await self.until(lambda: self.status is not None)
        self.pty.close()
        assert self.status is not None
        return self.status


async def start(spawner: Spawner, *argv: str, cwd: str | None = None, **env: str) -> Keeper:
    """Start a program whose output is kept."""
    keeper = Keeper()
    launch = Launch(argv, {"PATH": os.defpath} | env, WindowSize(24, 80), cwd)
    keeper.start(await spawner.spawn(launch, keeper))
    return keeper


async def gone(pid: int) -> None:
    """Wait for the end of a process, whosever child it is (pidfd_open(2))."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        async with asyncio.timeout(PATIENCE):
            await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def turns(count: int = 5) -> None:
    """Let the event loop look at its descriptors a few times."""
    for _ in range(count):
        await asyncio.sleep(0)
