"""A client for Python: terminals and channels of a ptybridge server, over any transport.

``connect`` makes one for a server's address; `docs/python.md` tells more, with examples.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Literal

import aiohttp

from ptybridge.client.answers import Answer
from ptybridge.client.client import Client
from ptybridge.client.either import EitherTransport, wants_events
from ptybridge.client.errors import (
    CannotConnect,
    ClientError,
    ConnectionEnded,
    InputInDoubt,
    LinkBroke,
    Refused,
    RequestFailed,
    Unreachable,
)
from ptybridge.client.files import FileChanged, Files
from ptybridge.client.lifeline import State
from ptybridge.client.links import Transport, TransportName
from ptybridge.client.sse import EventStreamTransport
from ptybridge.client.subscriptions import Subscription
from ptybridge.client.views import Output, Snapshot, View
from ptybridge.client.websocket import WebSocketTransport

__all__ = [
    "Answer",
    "CannotConnect",
    "Client",
    "ClientError",
    "ConnectionEnded",
    "FileChanged",
    "Files",
    "InputInDoubt",
    "LinkBroke",
    "Output",
    "Refused",
    "RequestFailed",
    "Snapshot",
    "State",
    "Subscription",
    "Transport",
    "TransportName",
    "Unreachable",
    "View",
    "connect",
]

Choice = Literal["auto", "websocket", "sse"]
"""Which transport.

auto is what the server's ``transport.mode`` says: WebSocket, with server-sent events where it does
not come through, or server-sent events always.
"""


@asynccontextmanager
async def connect(
    url: str,
    *,
    token: str | None = None,
    session: str = "main",
    transport: Choice = "auto",
    on_state: Callable[[State], None] = lambda _: None,
    is_returning: bool = True,
) -> AsyncIterator[Client]:
    """Connect to a server, until the block ends.

    Args:
        url: Its address, such as ``http://127.0.0.1:4096``.
        token: What lets this client in.
        session: The default session; made when missing, where the token allows it.
        transport: What carries the connection.
        on_state: Called when the connection's state changes.
        is_returning: Whether it comes back after a cut.

    Raises:
        Unreachable: Nobody answers there.
        Refused: The server does not let this client in.
    """
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(
        headers=headers, timeout=aiohttp.ClientTimeout(total=None)
    ) as http:
        sockets = WebSocketTransport(http, url, session=session)
        events = EventStreamTransport(http, url, session=session)
        chosen: Transport
        match transport:
            case "websocket":
                chosen = sockets
            case "sse":
                chosen = events
            case "auto" if await wants_events(http, url):
                chosen = events
            case "auto":
                time = asyncio.get_running_loop().time
                chosen = EitherTransport(sockets, events, time=time)
        client = Client(chosen, on_state=on_state, is_returning=is_returning)
        async with client:
            yield client
