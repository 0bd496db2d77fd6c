"""The routes that carry a connection without WebSocket (docs/wire.md section 5)."""

import asyncio
import secrets
from functools import partial

import msgspec
from aiohttp import web

from ptybridge.core.access import Access
from ptybridge.core.errors import BadRequest, NotFound
from ptybridge.core.ports import Authenticator
from ptybridge.core.registry import Registry
from ptybridge.core.session import Session
from ptybridge.core.values import ConnectionId, Role
from ptybridge.server.answers import AnswerLink
from ptybridge.server.audited import note
from ptybridge.server.callers import CALLER
from ptybridge.server.connection import Connection
from ptybridge.server.event_stream import CHANNEL, EventStreamLink
from ptybridge.server.greeting import Greeting
from ptybridge.server.middlewares import IDENTITY, SECURITY_HEADERS, authenticated
from ptybridge.server.outlets import BinaryOutlet
from ptybridge.server.pool import ConnectionPool
from ptybridge.server.router import Router
from ptybridge.server.sockets import PLAIN_SIZE
from ptybridge.server.upgrade import hand_over
from ptybridge.wire import event_stream, messages
from ptybridge.wire.codes import CloseCode
from ptybridge.wire.errors import MalformedMessage
from ptybridge.wire.event_stream import Envelope, Position

_HEADERS = {
    "Content-Type": event_stream.CONTENT_TYPE,
    "Cache-Control": "no-store, no-transform",
    "Connection": "close",
    "X-Accel-Buffering": "no",  # nginx would collect what belongs on the screen now
    **SECURITY_HEADERS,
}
_HEAD = "\r\n".join(["HTTP/1.1 200 OK", *(f"{k}: {v}" for k, v in _HEADERS.items()), "", ""])

SUBSCRIBE = "subscribe"
"""What a stream asks for by itself, where the session has a channel."""

_NUMBERS = ("rows", "cols", "since", "window")
"""What of an ``attach`` stands in the address as a number."""


class EventStreams:
    """Opens connections whose messages come down as events and go up by POST."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        access: Access,
        registry: Registry,
        pool: ConnectionPool,
        router: Router,
        greeting: Greeting,
        base: str,
    ) -> None:
        """``base`` is the path below which all routes lie: empty, or beginning with a slash."""
        self._authenticator = authenticator
        self._access = access
        self._registry = registry
        self._pool = pool
        self._router = router
        self._greeting = greeting
        self._base = base

    def add_to(self, app: web.Application) -> None:
        """Add both routes."""
        known = partial(authenticated, self._authenticator)
        session = f"{self._base}/api/sessions/{{id}}"
        app.router.add_get(f"{session}/events", known(self.events), allow_head=False)
        app.router.add_post(f"{session}/messages", known(self.messages))

    # --- down

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Open a connection and stream its events."""
        position = self._position(request)
        attach = self._attach(request, position)
        session = self._session(request)
        connection = self._connection(request, session)
        self._pool.add(connection)
        note(request, "join", connection.identity, session=session.id)
        greeting = self._greeting

        def open_link(transport: asyncio.Transport) -> EventStreamLink:
            link = EventStreamLink(
                connection,
                transport,
                head=f"{_HEAD}retry: {greeting.reconnect.delay}\n\n".encode("ascii"),
                session_id=session.id,
                position=position,
                keep_alive=greeting.ping.interval / 1000,
                loop=asyncio.get_running_loop(),
            )
            connection.open(link)
            connection.reply(greeting.welcome(connection))
            return link

        try:
            response = hand_over(request, open_link, status=200)
        except BaseException:
            self._pool.discard(connection)
            raise
        if SUBSCRIBE in self._router.served:
            connection.on_text(_request(SUBSCRIBE, {"since": position.seq}))
        if attach is not None:
            connection.on_text(attach)
        return response

    def _position(self, request: web.Request) -> Position:
        """Where the client's last stream broke off; nowhere for a first one."""
        text = request.headers.get("Last-Event-ID", "")
        try:
            return Position.parse(text) if text else Position()
        except MalformedMessage as error:
            raise BadRequest(str(error)) from error

    def _attach(self, request: web.Request, position: Position) -> bytes | None:
        """The ``attach`` that the address asks for; checked here, while there is a status.

        Raises:
            BadRequest: A number is not one, or out of range.
            NotFound: There is no such terminal.
        """
        name = request.query.get("terminalID")
        if name is None:
            return None
        data: dict[str, object] = {"rows": PLAIN_SIZE.rows, "cols": PLAIN_SIZE.cols}
        for field in _NUMBERS:
            if field in request.query:
                data[field] = _number(field, request.query[field])
        if position.offset is not None:
            data["since"] = position.offset
        attach = _request("attach", {**data, "channel": CHANNEL, "terminalID": name})
        try:
            messages.decode(attach)
        except MalformedMessage as error:
            raise BadRequest(str(error)) from error
        terminal = self._registry.terminal(name)
        self._access.require_terminal(request[IDENTITY], terminal, Role.WATCHER)
        return attach

    def _session(self, request: web.Request) -> Session:
        """The session in the path, made when missing, if whoever asks may see or make it."""
        name = request.match_info["id"]
        self._access.enter(request[IDENTITY], name, Role.WATCHER)
        return self._registry.session(name)

    def _connection(self, request: web.Request, session: Session) -> Connection:
        return Connection(
            ConnectionId(secrets.token_hex(16)),
            request[IDENTITY],
            dispatcher=self._router,
            make_sink=BinaryOutlet,
            on_closed=self._pool.discard,
            time=asyncio.get_running_loop().time,
            session=session,
            address=request[CALLER].address,
        )

    # --- up

    async def messages(self, request: web.Request) -> web.StreamResponse:
        """Serve the messages of one POST, in their order, and answer with their replies."""
        try:
            texts, is_list = event_stream.split(await request.read())
        except MalformedMessage as error:
            raise BadRequest(str(error)) from error
        limit = self._greeting.max_message
        if any(len(text) > limit for text in texts):
            raise web.HTTPRequestEntityTooLarge(limit, max(map(len, texts)))
        name = request.match_info["id"]
        stream = request.query.get("connectionID")
        if stream is not None:
            connection = self._stream(request, stream, name)
            answers = await _serve(connection, texts)
        else:
            connection = self._connection(request, self._session(request))
            self._pool.add(connection)
            connection.open(AnswerLink(connection, loop=asyncio.get_running_loop()))
            try:
                answers = await _serve(connection, texts)
            finally:
                connection.close(CloseCode.DONE, "")
        if not answers and not is_list:
            return web.Response(status=204)
        return web.Response(
            body=event_stream.join(answers, is_list=is_list),
            content_type="application/json",
            headers={"Cache-Control": "no-store"},
        )

    def _stream(self, request: web.Request, connection_id: str, name: str) -> Connection:
        """The open stream that a POST belongs to; another's is not found."""
        connection = self._pool.get(ConnectionId(connection_id))
        if (
            connection is None
            or not isinstance(connection.link, EventStreamLink)
            or connection.identity.id != request[IDENTITY].id
            or connection.session is None
            or connection.session.id != name
        ):
            raise NotFound("connection", connection_id)
        return connection


async def _serve(connection: Connection, texts: list[bytes]) -> list[Envelope]:
    """Serve messages in their order; the replies of those that have one, in the same order.

    Raises:
        Unavailable: The connection ended before the last reply.
    """
    link = connection.link
    assert isinstance(link, EventStreamLink | AnswerLink)
    answers = link.answers
    asked: list[tuple[int, int | None, asyncio.Future[Envelope]]] = []
    try:
        for text in texts:
            outside = event_stream.envelope(text)
            number, reply = answers.ask()
            asked.append((number, outside.id, reply))
            connection.on_text(text, answer_as=number)
            if outside.type in event_stream.UNANSWERED and not reply.done():
                answers.forget(number)
                asked.pop()
        connection.on_heard()
        whole = [(await reply, own_id) for _, own_id, reply in asked]
    finally:
        for number, _, _ in asked:
            answers.forget(number)
    return [Envelope(reply.type, reply.data, own_id) for reply, own_id in whole]


def _request(message_type: str, data: dict[str, object]) -> bytes:
    """A client's message, as the stream's address asks for it."""
    given = {name: value for name, value in data.items() if value is not None}
    return msgspec.json.encode({"type": message_type, "data": given})


def _number(field: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 16:  # noqa: PLR2004 - of 2**53
        raise BadRequest(f"{field}: a number is expected")
    return int(text)
