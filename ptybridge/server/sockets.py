"""The routes that become sockets: ``/ws`` and ``/pty`` (docs/wire.md sections 2 to 4)."""

import asyncio
import secrets
from collections.abc import Callable
from functools import partial

from aiohttp import web

from ptybridge.core.access import Access
from ptybridge.core.errors import BadRequest, LimitReached
from ptybridge.core.ports import Authenticator
from ptybridge.core.registry import Registry
from ptybridge.core.session import Session
from ptybridge.core.terminal import Terminal
from ptybridge.core.values import ConnectionId, Role, TerminalId, WindowSize, is_name
from ptybridge.core.viewer import ViewerSink
from ptybridge.server import upgrade
from ptybridge.server.audited import note
from ptybridge.server.callers import CALLER
from ptybridge.server.connection import Connection, MakeSink
from ptybridge.server.greeting import Greeting
from ptybridge.server.links import Link
from ptybridge.server.middlewares import IDENTITY, authenticated
from ptybridge.server.outlets import BinaryOutlet, TextOutlet
from ptybridge.server.pool import ConnectionPool
from ptybridge.server.router import Router
from ptybridge.server.websocket import WebSocketLink
from ptybridge.wire.codes import CloseCode
from ptybridge.wire.deflate import Deflater, negotiate
from ptybridge.wire.frames import SUBPROTOCOL

PLAIN_SIZE = WindowSize(24, 80)
"""Size of a terminal whose plain client has not said its own yet."""


def _alone(link: Link, _: int, terminal_id: TerminalId) -> ViewerSink:
    """The outlet of a connection that is one terminal's alone."""
    return TextOutlet(link, None, terminal_id)


class Sockets:
    """Opens connections over WebSocket."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        access: Access,
        registry: Registry,
        pool: ConnectionPool,
        router: Router,
        greeting: Greeting,
        follow: Callable[[Connection, Session], None],
        base: str,
        compresses: bool,
    ) -> None:
        """``base`` is the path below which all routes lie: empty, or beginning with a slash.

        ``follow`` subscribes a connection to its default session. With ``compresses``, messages
        may be compressed for clients that are not on this machine.
        """
        self._authenticator = authenticator
        self._access = access
        self._registry = registry
        self._pool = pool
        self._discard = pool.discard  # bound once, not for each connection
        self._time = asyncio.get_running_loop().time
        self._router = router
        self._greeting = greeting
        self._follow = follow
        self._base = base
        self._compresses = compresses
        self._deflaters: dict[int, Deflater] = {}

    def add_to(self, app: web.Application) -> None:
        """Add both routes."""
        known = partial(authenticated, self._authenticator)
        app.router.add_get(f"{self._base}/ws", known(self.many), allow_head=False)
        app.router.add_get(f"{self._base}/pty", known(self.one), allow_head=False)

    async def many(self, request: web.Request) -> web.StreamResponse:
        """``/ws``: JSON messages, and binary frames with the subprotocol."""
        accept = upgrade.check_handshake(request)
        name = request.query.get("sessionID")
        session = None
        if name is not None:
            self._access.enter(request[IDENTITY], name, Role.WATCHER)
            session = self._registry.session(name)
        connection = self._connection(request, session)
        return self._open(request, connection, accept)

    async def one(self, request: web.Request) -> web.StreamResponse:
        """``/pty``: one terminal, attached at once and made when missing."""
        accept = upgrade.check_handshake(request)
        identity = request[IDENTITY]
        terminal = await self._terminal(request, request.query.get("sessionID", ""))
        connection = self._connection(request, None, terminal)
        response = self._open(request, connection, accept)
        if connection in self._pool:
            viewer = terminal.attach(
                connection.sink(0, terminal.id),
                name=connection.identity.name,
                role=self._access.granted(identity, terminal.session_id, None),
                size=terminal.size,
            )
            viewer.visible = False  # it has a say in the size once it has said its own
            connection.viewers[0] = viewer
            viewer.begin()
        return response

    async def _terminal(self, request: web.Request, name: str) -> Terminal:
        """The terminal of that name, a new one when there is none that runs."""
        if not is_name(name):
            raise BadRequest("sessionID: 1 to 64 of A-Z a-z 0-9 . _ - are allowed")
        identity = request[IDENTITY]
        terminal = self._registry.terminals.get(TerminalId(name))
        if terminal is not None:
            self._access.require_terminal(identity, terminal, Role.WATCHER)
        if terminal is None or terminal.status is not None:
            self._access.enter(identity, name, Role.WRITER)
            session = self._registry.session(name)
            terminal = await self._registry.open(
                session, size=PLAIN_SIZE, name=name, opened_by=identity.account
            )
            note(request, "terminal.open", identity, session=session.id, terminal=terminal.id)
        return terminal

    def _connection(
        self, request: web.Request, session: Session | None, terminal: Terminal | None = None
    ) -> Connection:
        speaks_binary = terminal is None and SUBPROTOCOL in upgrade.offered_subprotocols(request)
        make_sink: MakeSink = TextOutlet
        if terminal is not None:
            make_sink = _alone
        elif speaks_binary:
            make_sink = BinaryOutlet
        return Connection(
            ConnectionId(secrets.token_hex(8)),
            request[IDENTITY],
            dispatcher=self._router,
            make_sink=make_sink,
            on_closed=self._discard,
            time=self._time,
            session=session,
            speaks_binary=speaks_binary,
            address=request[CALLER].address,
        )

    def _open(
        self, request: web.Request, connection: Connection, accept: str
    ) -> web.StreamResponse:
        """Answer the handshake and take the connection into the pool, if that has room."""
        extension, deflater = self._compression(request)

        def open_link(transport: asyncio.Transport, head: bytes) -> WebSocketLink:
            loop = asyncio.get_running_loop()
            max_message = self._greeting.max_message
            link = WebSocketLink(
                connection,
                transport,
                head=head,
                max_message=max_message,
                loop=loop,
                deflater=deflater,
            )
            connection.open(link)
            try:
                self._pool.add(connection)
            except LimitReached as error:
                connection.close(CloseCode.OVER_LIMIT, str(error))
            else:
                session = connection.session
                name = None if session is None else session.id
                note(request, "join", connection.identity, session=name)
                if connection.speaks_binary:
                    connection.reply(self._greeting.welcome(connection))
                if session is not None:
                    self._follow(connection, session)
            return link

        subprotocol = SUBPROTOCOL if connection.speaks_binary else None
        return upgrade.take_over(
            request, open_link, accept=accept, subprotocol=subprotocol, extension=extension
        )

    def _compression(self, request: web.Request) -> tuple[str | None, Deflater | None]:
        """What is agreed to of the client's extensions, and what then compresses for it.

        Between two processes of one machine nothing would be gained.
        """
        offers = upgrade.offered_extensions(request) if self._compresses else []
        agreed = negotiate(offers) if offers and not request[CALLER].is_local else None
        if agreed is None:
            return None, None
        answer, window_bits = agreed
        deflater = self._deflaters.get(window_bits)
        if deflater is None:
            deflater = self._deflaters[window_bits] = Deflater(window_bits)
        return answer, deflater
