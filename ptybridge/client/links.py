"""What carries a client's connection, whichever transport it is."""

from typing import Literal, Protocol

from ptybridge.wire.frames import Frame

TransportName = Literal["websocket", "sse", "direct"]
"""The transports, as ``transport.mode`` names them."""

Carried = bytes | Frame
"""One thing on the link: a JSON message as text (UTF-8), or a binary frame."""


class LinkLost(Exception):
    """The link is gone.

    Attributes:
        code: A close code (docs/wire.md section 6); 1006 where nobody said why.
        reason: What the server said, if it did.
    """

    def __init__(self, code: int = 1006, reason: str = "") -> None:
        super().__init__(reason or f"the link broke ({code})")
        self.code = code
        self.reason = reason


class Link(Protocol):
    """One connection. Messages and frames arrive in the order in which they were sent."""

    @property
    def transport(self) -> TransportName:
        """What it is."""

    @property
    def is_idle(self) -> bool:
        """Whether all that was posted has left, as far as can be known."""

    def post(self, item: Carried) -> None:
        """Send something, behind all that was posted before; dropped once the link is lost."""

    async def receive(self) -> Carried:
        """The next thing that comes.

        Raises:
            LinkLost: Nothing more will come.
        """

    async def close(self) -> None:
        """End it. Idempotent."""


class Transport(Protocol):
    """Makes connections to one server."""

    async def connect(self) -> Link:
        """A new connection.

        Raises:
            CannotConnect: None came about.
        """

    async def better(self) -> Link | None:
        """Wait until a better way than the present one works; None: there is none to wait for."""

    async def close(self) -> None:
        """Let go of what it holds. Idempotent."""
