"""A connection to a server in the same process."""

from collections.abc import Callable
from typing import Protocol

from ptybridge.client.links import Carried, LinkLost, TransportName


class Direct(Protocol):
    """A server's end of such a link."""

    def hear(self, item: Carried) -> None:
        """Take a message or frame of the client's."""

    @property
    def end(self) -> tuple[int, str] | None:
        """The close code and the reason, once the link has ended."""

    async def next(self) -> Carried | None:
        """The next message or frame; None when nothing more comes."""

    def leave(self) -> None:
        """The client has gone. Idempotent."""


class DirectLink:
    """The client's end."""

    transport: TransportName = "direct"
    is_idle = True

    def __init__(self, server: Direct) -> None:
        self._server = server

    def post(self, item: Carried) -> None:
        """Hand something to the server."""
        self._server.hear(item)

    async def receive(self) -> Carried:
        """The next message or frame.

        Raises:
            LinkLost: The server has ended the link.
        """
        item = await self._server.next()
        if item is None:
            raise LinkLost(*(self._server.end or ()))
        return item

    async def close(self) -> None:
        """Leave. Idempotent."""
        self._server.leave()


class DirectTransport:
    """Connects to a server in this process, such as ``ptybridge.cli.embedded`` runs."""

    def __init__(self, connect: Callable[[], Direct]) -> None:
        """``connect`` opens a link at the server."""
        self._connect = connect

    async def connect(self) -> DirectLink:
        """A new connection."""
        return DirectLink(self._connect())

    async def better(self) -> None:
        """There is none."""
        return

    async def close(self) -> None:
        """Nothing is held."""
