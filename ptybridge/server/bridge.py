"""What all transports share: sessions and terminals, the pool, the router, the supervisor."""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import structlog

from ptybridge.config import Settings
from ptybridge.core.access import Access
from ptybridge.core.bus import Bus
from ptybridge.core.identity import Identity
from ptybridge.core.keeper import Forgetful, Keeper
from ptybridge.core.ports import Audit, MakeScreen, PtySpawner, Workers
from ptybridge.core.registry import Limits, Registry, TerminalDefaults
from ptybridge.core.responder import Responder
from ptybridge.core.screen import ScreenFailed
from ptybridge.core.session import Session, Surroundings
from ptybridge.core.terminal import Terminal
from ptybridge.core.values import ConnectionId, Role
from ptybridge.server.audited import NoAudit
from ptybridge.server.connection import Connection
from ptybridge.server.direct import DirectLink
from ptybridge.server.gate import Gate
from ptybridge.server.greeting import Greeting
from ptybridge.server.outlets import BinaryOutlet
from ptybridge.server.pool import ConnectionPool
from ptybridge.server.router import Router
from ptybridge.server.session_handlers import SessionHandlers
from ptybridge.server.supervisor import Supervisor, Timeouts
from ptybridge.server.terminal_handlers import TerminalHandlers
from ptybridge.wire import messages
from ptybridge.wire.codes import CloseCode

_log = structlog.get_logger(__name__)

HANG_UP_SECONDS = 7.0
"""How long the programs may take at the server's end: their grace, and what killing takes."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """The server without any network.

    Attributes:
        registry: All sessions and terminals.
        pool: All connections.
        router: Serves their messages.
        sessions: Serves what concerns a session's channel.
        access: Decides who may do what.
        audit: Writes down who did what.
        greeting: What every client is told.
        supervisor: Watches over the connections, while it is run.
    """

    registry: Registry
    pool: ConnectionPool
    router: Router
    sessions: SessionHandlers
    access: Access
    audit: Audit
    greeting: Greeting
    supervisor: Supervisor

    def connect(self, identity: Identity, *, session: str | None = None) -> DirectLink:
        """Open a connection of somebody in this process; the client's end of it.

        Raises:
            LimitReached: There are too many.
            NotFound: They may not see that session.
        """
        loop = asyncio.get_running_loop()
        chosen = None
        if session is not None:
            self.access.enter(identity, session, Role.WATCHER)
            chosen = self.registry.session(session)
        connection = Connection(
            ConnectionId(secrets.token_hex(8)),
            identity,
            dispatcher=self.router,
            make_sink=BinaryOutlet,
            on_closed=self.pool.discard,
            time=loop.time,
            session=chosen,
            speaks_binary=True,
            address="direct",
        )
        link = DirectLink(connection, max_message=self.greeting.max_message, loop=loop)
        connection.open(link)
        self.pool.add(connection)
        connection.reply(self.greeting.welcome(connection))
        if chosen is not None:
            self.sessions.follow(connection, chosen)
        return link

    def close_session(self, session: Session) -> None:
        """End a session for good, and tell whoever is there; its name is anybody's again.

        Raises:
            Unavailable: That cannot be written down; nothing has ended.
        """
        self.access.forget(session.id)
        self.registry.close_session(session)
        for connection in self.pool:
            connection.session_closed(session)

    async def close(self) -> None:
        """Tell everybody, then end the programs."""
        self.pool.close_all(CloseCode.GOING_AWAY, "the server is going away")
        await self.registry.close(patience=HANG_UP_SECONDS)


def make_bridge(
    settings: Settings,
    *,
    defaults: TerminalDefaults,
    spawner: PtySpawner,
    access: Access,
    audit: Audit | None = None,
    make_screen: MakeScreen | None = None,
    workers: Workers | None = None,
    responder: Responder | None = None,
    keeper: Keeper | None = None,
    directory_of: Callable[[int], str | None] = lambda _: None,
    standing: Callable[[Identity], Identity | None] = lambda identity: identity,
) -> Bridge:
    """Wire the parts together.

    Args:
        settings: What the operator wants.
        defaults: What new terminals are.
        spawner: Starts programs; it must outlive the bridge.
        access: Decides who may do what.
        audit: Writes down who did what; without it nobody does.
        make_screen: Makes the screen of a terminal; without it terminals have none.
        workers: Threads that feed the screens; they must outlive the bridge.
        responder: Answers the prompts of all sessions; without it nobody does.
        keeper: Keeps sessions and messages; without it they end with the bridge.
        directory_of: The working directory of a process by its id, where it can be known.
        standing: What somebody is now who was let in before; None where they are out.
    """
    websocket = settings.transport.websocket
    loop = asyncio.get_running_loop()
    audit = audit or NoAudit()
    bus = Bus(loop)
    registry = Registry(
        spawner,
        defaults=defaults,
        make_screen=make_screen,
        workers=workers,
        on_screen_lost=_warn_of_lost_screen,
        on_ended=partial(_note_end, audit),
        limits=Limits(
            sessions=settings.limits.sessions,
            terminals=settings.limits.terminals,
            terminals_per_user=settings.limits.terminals_per_user,
        ),
        clock=loop,
        surroundings=Surroundings(
            loop,
            time.time,
            bus,
            responder=responder,
            keeper=keeper or Forgetful(),
            directory_of=directory_of,
        ),
    )
    access.know(registry.sessions, per_user=settings.limits.sessions_per_user)
    sessions = SessionHandlers(registry, bus=bus, access=access, standing=standing, audit=audit)
    pool = ConnectionPool(
        limit=settings.limits.connections, per_user=settings.limits.connections_per_user
    )
    router = Router(Gate(access, registry).admit)
    TerminalHandlers(registry, access=access, audit=audit).add_to(router)
    sessions.add_to(router)
    greeting = Greeting(
        ping=messages.PingTimes(websocket.ping.interval, websocket.ping.timeout),
        reconnect=messages.ReconnectTimes(
            websocket.reconnect.max_attempts, websocket.reconnect.delay
        ),
        input_window=settings.limits.input_queue_bytes // 4,
        max_message=settings.limits.message_bytes,
        moves_files=settings.files.enabled,
    )
    timeouts = Timeouts(
        ping_after=websocket.ping.interval / 1000, drop_after=websocket.ping.timeout / 1000
    )
    supervisor = Supervisor(pool, timeouts, time=loop.time, also=registry.sweep)
    return Bridge(registry, pool, router, sessions, access, audit, greeting, supervisor)


def _warn_of_lost_screen(terminal: Terminal, error: ScreenFailed) -> None:
    """Say that a terminal goes on without its screen; never what the screen was fed."""
    _log.warning("a screen was lost", terminal=terminal.id, reason=str(error))


def _note_end(audit: Audit, terminal: Terminal) -> None:
    """Write down that a program has ended, and how."""
    assert terminal.status is not None
    audit.record(
        "terminal.end",
        session=terminal.session_id,
        terminal=terminal.id,
        code=terminal.status.code,
        signal=terminal.status.signal,
    )
