"""A connection over WebSocket: docs/wire.md section 4."""

import asyncio
import urllib.parse

import aiohttp

from ptybridge.client.errors import Refused, Unreachable, UpgradeFailed
from ptybridge.client.links import Carried, LinkLost, TransportName
from ptybridge.wire import frames
from ptybridge.wire.errors import MalformedMessage
from ptybridge.wire.frames import SUBPROTOCOL, Frame

REFUSALS = {
    401: "the server does not know this token",
    403: "the server does not let this client in",
    404: "there is no such thing on the server, or not for this client",
    421: "the server does not go by this name",
}
"""Answers that are the server's own, and final."""

PATIENCE = 10.0
"""Seconds until something that does not answer is given up."""

ABNORMAL = 1006
"""Nobody has said why it ended (RFC 6455 section 7.1.5)."""

GOODBYE = 2.0
"""Seconds that a close may take."""


class WebSocketLink:
    """A WebSocket of ``ptybridge.v1``."""

    transport: TransportName = "websocket"

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._first: Carried | None = None
        self._reason = ""
        self._posted: asyncio.Queue[Carried] = asyncio.Queue()
        self._writing = 0
        self._writer = asyncio.create_task(self._write(), name="WebSocket writer")

    @property
    def is_idle(self) -> bool:
        """Whether all that was posted was handed to the kernel."""
        return self._posted.empty() and not self._writing

    def post(self, item: Carried) -> None:
        """Send something, behind all that was posted before."""
        self._posted.put_nowait(item)

    async def _write(self) -> None:
        while True:
            item = await self._posted.get()
            self._writing = 1
            try:
                if isinstance(item, Frame):
                    await self._socket.send_bytes(frames.encode(item))
                else:
                    await self._socket.send_frame(item, aiohttp.WSMsgType.TEXT)
            except (aiohttp.ClientError, OSError):
                return  # whoever receives learns of it
            finally:
                self._writing = 0

    async def greeted(self) -> None:
        """Wait until something has come.

        Raises:
            UpgradeFailed: Nothing does: what answered is no server of this kind, or in its way.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                self._first = await self.receive()
        except (TimeoutError, LinkLost) as error:
            if isinstance(error, LinkLost) and error.code != ABNORMAL:
                return  # the server itself has spoken: ``receive`` says it again
            await self.close()
            raise UpgradeFailed("a WebSocket opens, but nothing comes through it") from error

    async def receive(self) -> Carried:
        """The next message or frame.

        Raises:
            LinkLost: The socket is closed, or something came that is none of either.
        """
        if self._first is not None:
            first, self._first = self._first, None
            return first
        message = await self._socket.receive()
        if message.type is aiohttp.WSMsgType.TEXT:
            text: str = message.data
            return text.encode()
        if message.type is aiohttp.WSMsgType.BINARY:
            try:
                return frames.decode(message.data)
            except MalformedMessage as error:
                raise LinkLost(1002, str(error)) from error
        if message.type is aiohttp.WSMsgType.CLOSE:
            self._reason = message.extra or ""
        raise LinkLost(self._socket.close_code or ABNORMAL, self._reason)

    async def close(self) -> None:
        """Say goodbye, and end it. Idempotent."""
        self._writer.cancel()
        try:
            async with asyncio.timeout(GOODBYE):
                await self._socket.close()
        except TimeoutError:
            pass


class WebSocketTransport:
    """Connects to ``/ws`` of one server."""

    def __init__(
        self, http: aiohttp.ClientSession, url: str, *, session: str | None = None
    ) -> None:
        """``url`` is the server's address, ``session`` the default session.

        ``http`` carries the token; whoever made it closes it.
        """
        self._http = http
        query = "" if session is None else f"?sessionID={urllib.parse.quote(session, safe='')}"
        self._url = f"{url.rstrip('/')}/ws{query}"

    async def connect(self) -> WebSocketLink:
        """A new connection.

        Raises:
            Unreachable: Nobody answers.
            UpgradeFailed: Somebody does, but no WebSocket comes of it.
            Refused: The server does not let this client in.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                socket = await self._http.ws_connect(
                    self._url,
                    protocols=[SUBPROTOCOL],
                    max_msg_size=0,
                    timeout=aiohttp.ClientWSTimeout(ws_close=GOODBYE),
                )
        except aiohttp.WSServerHandshakeError as error:
            if error.status in REFUSALS:
                raise Refused(error.status, REFUSALS[error.status]) from error
            raise UpgradeFailed(f"WebSocket does not come through ({error.status})") from error
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(str(error.os_error)) from error
        except aiohttp.InvalidURL as error:
            raise Unreachable("that is no address") from error
        except TimeoutError as error:
            raise UpgradeFailed("no answer came") from error
        except (aiohttp.ClientError, OSError) as error:
            raise UpgradeFailed(f"WebSocket does not come through ({error})") from error
        if socket.protocol != SUBPROTOCOL:
            await socket.close()
            raise UpgradeFailed(f"the server does not speak {SUBPROTOCOL}")
        link = WebSocketLink(socket)
        await link.greeted()
        return link

    async def better(self) -> None:
        """There is none."""
        return

    async def close(self) -> None:
        """Nothing is held."""
