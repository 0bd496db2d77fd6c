"""Commands that hold a connection to a server: which server, which token, which transport."""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

from ptybridge.cli.remote import RemoteError, token_of
from ptybridge.client import Client, ClientError, State, connect

OK = 0
FAILED = 1
_SIGNALLED = 128
INTERRUPTED = _SIGNALLED + 2
"""As shells say it of a program that SIGINT has ended."""


def shell_code(code: int | None, number: int | None) -> int:
    """How a program ended, as shells say it: its exit code, or 128 and the signal's number."""
    return code or 0 if number is None else _SIGNALLED + number


def run(work: Coroutine[None, None, int]) -> int:
    """Do the work of a command; its exit code.

    Raises:
        RemoteError: There is no connection, or it has ended, or the server refuses.
    """
    try:
        return asyncio.run(work)
    except ClientError as error:
        raise RemoteError(str(error)) from error
    except KeyboardInterrupt:
        return INTERRUPTED


@asynccontextmanager
async def connected(
    arguments: argparse.Namespace,
    *,
    session: str = "main",
    on_state: Callable[[State], None] | None = None,
) -> AsyncIterator[Client]:
    """A connection as the arguments say, until the block ends."""
    async with connect(
        arguments.url,
        token=token_of(arguments),
        session=session,
        transport=arguments.transport,
        on_state=on_state or tell,
    ) as client:
        yield client


def tell(state: State) -> None:
    """Say on standard error how the connection is, where that is worth a line."""
    if state.name == "waiting":
        print(f"ptybridge: {state.reason}; trying again", file=sys.stderr)


def printable(text: str) -> str:
    """Others' words, less what would act on the terminal that shows them."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in text)
