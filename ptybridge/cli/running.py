"""``ptybridge run``: a command in a fresh terminal, its output and exit code here."""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress

from ptybridge.cli.connecting import connected, shell_code
from ptybridge.client import Client, ClientError, Output, Snapshot, View
from ptybridge.wire import messages

INTERRUPT = b"\x03"
"""What the terminal's line discipline makes SIGINT of (termios(3), VINTR)."""


@asynccontextmanager
async def _client(arguments: argparse.Namespace) -> AsyncIterator[Client]:
    """The connection that the arguments ask for."""
    if arguments.transport != "direct":
        async with connected(arguments, session=arguments.session) as client:
            yield client
        return
    # Imported by need: only who runs without a server pays for the server's libraries.
    from ptybridge.cli.embedded import client_of, embedded  # noqa: PLC0415
    from ptybridge.config import Settings  # noqa: PLC0415

    async with embedded(Settings()) as bridge, client_of(bridge) as client:
        yield client


async def run_command(arguments: argparse.Namespace) -> int:
    """Run the command in a fresh terminal; its exit code."""
    argv: list[str] = arguments.argv
    if argv[:1] == ["--"]:
        del argv[0]
    rows, cols = _size()
    async with _client(arguments) as client:
        view = await client.open_view(
            session=arguments.session,
            command=argv or None,
            cwd=arguments.cwd or (os.getcwd() if arguments.transport == "direct" else None),
            rows=rows,
            cols=cols,
        )
        ending = _Ending(client, view)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, ending.interrupt)
        loop.add_signal_handler(signal.SIGTERM, ending.hang_up)
        try:
            exited = await _show(view, is_kept=arguments.json)
        finally:
            await ending.end()
    code = exited.status
    if arguments.json:
        print(json.dumps({"terminalID": view.terminal_id, "exit": code, "output": exited.output}))
    return code


class _Exited:
    """How the command ended, as a shell's exit code, and its output if that is kept."""

    def __init__(self, status: int, output: str) -> None:
        self.status = status
        self.output = output


async def _show(view: View, *, is_kept: bool) -> _Exited:
    """Hand the output on, or keep it, until the command has ended."""
    kept = bytearray()
    out = sys.stdout.buffer
    status = 1
    async for item in view:
        match item:
            case Output(data=data) | Snapshot(data=data):
                if is_kept:
                    kept += data
                else:
                    out.write(data)
                    out.flush()
            case messages.Exited(code=code, signal=number):
                status = shell_code(code, number)
            case _:
                pass
    return _Exited(status, kept.decode(errors="replace"))


class _Ending:
    """Ends the command when we are asked to end, and does not leave it behind."""

    def __init__(self, client: Client, view: View) -> None:
        self._client = client
        self._view = view
        self._tasks: set[asyncio.Task[None]] = set()

    def interrupt(self) -> None:
        """Type what interrupts it."""
        self._do(self._type())

    def hang_up(self) -> None:
        """End it."""
        self._do(self.end())

    def _do(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _type(self) -> None:
        with suppress(ClientError):
            await self._view.write(INTERRUPT)

    async def end(self) -> None:
        """End the terminal, unless it has ended."""
        if self._view.is_live:
            with suppress(ClientError):
                await self._client.close_terminal(self._view.terminal_id)


def _size() -> tuple[int, int]:
    """The size of the terminal that shows the output; 24 by 80 where there is none."""
    with suppress(OSError):
        if sys.stdout.isatty():
            size = os.get_terminal_size(sys.stdout.fileno())
            return max(1, size.lines), max(1, size.columns)
    return 24, 80
