"""From an HTTP request to a link: the opening handshake (RFC 6455 section 4.2), the handover."""

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from aiohttp import web

from ptybridge.server.unsent import limit_unread_of
from ptybridge.server.websocket import WebSocketLink

if TYPE_CHECKING:
    from aiohttp.http_websocket import WebSocketReader

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY_BYTES = 16
_VERSION = "13"


class HandedOver(web.StreamResponse):
    """What a handler returns when the transport is no longer aiohttp's."""

    def __init__(self, status: int) -> None:
        super().__init__(status=status)

    async def prepare(self, request: web.BaseRequest) -> None:
        """Send nothing: the link has sent the response's head."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Send nothing."""


def offered_subprotocols(request: web.BaseRequest) -> list[str]:
    """The client's subprotocols, in its order of preference."""
    values = request.headers.getall("Sec-WebSocket-Protocol", [])
    return [name.strip() for value in values for name in value.split(",") if name.strip()]


def offered_extensions(request: web.BaseRequest) -> list[str]:
    """The extensions that the client offers, as its headers say it (section 9.1)."""
    return request.headers.getall("Sec-WebSocket-Extensions", [])


def _tokens(request: web.BaseRequest, header: str) -> set[str]:
    values = request.headers.getall(header, [])
    return {token.strip().lower() for value in values for token in value.split(",")}


def check_handshake(request: web.BaseRequest) -> str:
    """The value of ``Sec-WebSocket-Accept`` for a proper handshake.

    Raises:
        web.HTTPBadRequest: It is not a WebSocket handshake.
        web.HTTPUpgradeRequired: It is one of another version (section 4.4).
    """
    if "websocket" not in _tokens(request, "Upgrade") or "upgrade" not in _tokens(
        request, "Connection"
    ):
        raise web.HTTPBadRequest(text="this address speaks WebSocket only")
    if request.headers.getall("Sec-WebSocket-Version", []) != [_VERSION]:
        raise web.HTTPUpgradeRequired(
            text="WebSocket version 13 is needed",
            headers={"Sec-WebSocket-Version": _VERSION, "Upgrade": "websocket"},
        )
    keys = request.headers.getall("Sec-WebSocket-Key", [])
    try:
        is_valid = len(keys) == 1 and len(base64.b64decode(keys[0], validate=True)) == _KEY_BYTES
    except (binascii.Error, ValueError):
        is_valid = False
    if not is_valid:
        raise web.HTTPBadRequest(text="Sec-WebSocket-Key is missing or malformed")
    digest = hashlib.sha1(keys[0].encode() + _GUID, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


def take_over(
    request: web.Request,
    open_link: Callable[[asyncio.Transport, bytes], WebSocketLink],
    *,
    accept: str,
    subprotocol: str | None = None,
    extension: str | None = None,
) -> HandedOver:
    """Answer 101 and make the request's transport a WebSocket's.

    ``open_link`` is given the answer, which the link sends first. ``subprotocol`` and
    ``extension`` are what was agreed to.

    Raises:
        ConnectionResetError: The client has gone already.
    """
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {accept}",
    ]
    if subprotocol is not None:
        lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
    if extension is not None:
        lines.append(f"Sec-WebSocket-Extensions: {extension}")

    head = "\r\n".join([*lines, "", ""]).encode("ascii")
    return hand_over(request, lambda transport: open_link(transport, head), status=101)


def hand_over(
    request: web.Request,
    open_link: Callable[[asyncio.Transport], asyncio.Protocol],
    *,
    status: int,
) -> HandedOver:
    """Take the request's transport from aiohttp; the link that is opened on it answers.

    The request, its headers and its task are free to go when the handler returns; what the
    client sent behind its request is fed to the link.

    Raises:
        ConnectionResetError: The client has gone already.
    """
    transport = request.transport
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the client has gone")
    handler = request.protocol
    limit_unread_of(transport, 0)  # the supervisor decides from now on
    link = open_link(transport)
    # aiohttp keeps what followed the request until it is given a parser; it forgets a connection
    # when told that it is lost, and then closes the transport, if it has one.
    handler.set_parser(cast("WebSocketReader", link))
    transport.set_protocol(link)
    handler.transport = None
    handler.connection_lost(None)
    return HandedOver(status)
