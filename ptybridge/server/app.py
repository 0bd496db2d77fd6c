"""The application: what there is, how it is wired, and the order in which it stops."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from pathlib import Path

import structlog
from aiohttp import web

from ptybridge.config import Settings
from ptybridge.core.access import Access
from ptybridge.core.bus import Bus
from ptybridge.core.chat import Forgetful, Keeper
from ptybridge.core.ports import Audit, Authenticator, MakeScreen, PtySpawner, Shares, Workers
from ptybridge.core.registry import Limits, Registry, TerminalDefaults
from ptybridge.core.responder import Responder
from ptybridge.core.screen import ScreenFailed
from ptybridge.core.session import Surroundings
from ptybridge.core.terminal import Terminal
from ptybridge.server.audited import AUDIT, NoAudit
from ptybridge.server.callers import TrustedProxies
from ptybridge.server.door import Door
from ptybridge.server.gate import Gate
from ptybridge.server.login_routes import LoginRoutes
from ptybridge.server.middlewares import PROXY_HEADER, at_the_door, errors_as_json, harden
from ptybridge.server.pool import ConnectionPool
from ptybridge.server.resources import Resources
from ptybridge.server.revoker import Revoker
from ptybridge.server.router import Router
from ptybridge.server.routes import Routes
from ptybridge.server.session_handlers import SessionHandlers
from ptybridge.server.share_routes import ShareRoutes
from ptybridge.server.sockets import Greeting, Sockets
from ptybridge.server.streams import EventStreams
from ptybridge.server.supervisor import Supervisor, Timeouts
from ptybridge.server.terminal_handlers import TerminalHandlers
from ptybridge.server.throttle import THROTTLE, Throttle
from ptybridge.wire import messages
from ptybridge.wire.codes import CloseCode

_log = structlog.get_logger(__name__)

REGISTRY = web.AppKey("registry", Registry)
ACCESS = web.AppKey("access", Access)
POOL = web.AppKey("pool", ConnectionPool)

HANG_UP_SECONDS = 7.0
"""How long the programs may take at the server's end: their grace, and what killing takes."""

MAX_BODY = 1024 * 1024
"""Bytes that the body of a request may have."""


def make_app(
    settings: Settings,
    *,
    web_root: Path,
    port: int,
    defaults: TerminalDefaults,
    authenticator: Authenticator,
    spawner: PtySpawner,
    access: Access,
    shares: Shares,
    audit: Audit | None = None,
    make_screen: MakeScreen | None = None,
    workers: Workers | None = None,
    responder: Responder | None = None,
    keeper: Keeper | None = None,
    directory_of: Callable[[int], str | None] = lambda _: None,
) -> web.Application:
    """Wire the parts together.

    Args:
        settings: What the operator wants.
        web_root: The page's folder.
        port: The port that is really bound, which ``Host`` headers must name.
        defaults: What new terminals are.
        authenticator: Knows who is asking.
        spawner: Starts programs; it must outlive the application.
        access: Decides who may do what.
        shares: The share links.
        audit: Writes down who did what; without it nobody does.
        make_screen: Makes the screen of a terminal; without it terminals have none.
        workers: Threads that feed the screens; they must outlive the application.
        responder: Answers the prompts of all sessions; without it nobody does.
        keeper: Keeps sessions and messages; without it they end with the application.
        directory_of: The working directory of a process by its id, where it can be known.
    """
    websocket = settings.transport.websocket
    audit = audit or NoAudit()
    loop = asyncio.get_running_loop()
    patience = settings.limits.handshake / 1000
    door = Door(
        hostname=websocket.hostname if settings.server.unix_socket is None else "localhost",
        port=port,
        allowed_origins=settings.auth.allowed_origins,
        scheme="http" if settings.server.tls.cert is None else "https",
    )
    proxies = TrustedProxies(settings.server.trusted_proxies)
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
    sessions = SessionHandlers(registry, bus=bus, access=access)
    pool = ConnectionPool(limit=settings.limits.connections)
    router = Router(Gate(access, registry).admit)
    TerminalHandlers(registry, access=access, audit=audit).add_to(router)
    sessions.add_to(router)
    revoker = Revoker(pool, authenticator=authenticator, access=access, audit=audit)
    base = settings.server.base_path.rstrip("/")
    greeting = Greeting(
        ping=messages.PingTimes(websocket.ping.interval, websocket.ping.timeout),
        reconnect=messages.ReconnectTimes(
            websocket.reconnect.max_attempts, websocket.reconnect.delay
        ),
        input_window=settings.limits.input_queue_bytes // 4,
        max_message=settings.limits.message_bytes,
    )
    app = web.Application(
        middlewares=[errors_as_json, at_the_door(door, proxies=proxies, patience=patience)],
        client_max_size=MAX_BODY,
    )
    app[REGISTRY] = registry
    app[POOL] = pool
    app[THROTTLE] = Throttle(limit=settings.limits.login_attempts, time=loop.time)
    app[PROXY_HEADER] = settings.auth.proxy_header
    app[AUDIT] = audit
    app[ACCESS] = access
    Routes(web_root=web_root, base=base).add_to(app)
    LoginRoutes(authenticator=authenticator, base=base, on_logout=revoker.sweep).add_to(app)
    Resources(registry=registry, authenticator=authenticator, access=access, base=base).add_to(app)
    ShareRoutes(
        authenticator=authenticator,
        access=access,
        shares=shares,
        base=base,
        on_revoked=revoker.sweep,
    ).add_to(app)
    Sockets(
        authenticator=authenticator,
        access=access,
        registry=registry,
        pool=pool,
        router=router,
        greeting=greeting,
        follow=sessions.follow,
        base=base,
    ).add_to(app)
    EventStreams(
        authenticator=authenticator,
        access=access,
        registry=registry,
        pool=pool,
        router=router,
        greeting=greeting,
        base=base,
    ).add_to(app)
    app.on_response_prepare.append(harden)
    timeouts = Timeouts(
        ping_after=websocket.ping.interval / 1000, drop_after=websocket.ping.timeout / 1000
    )
    supervisor = Supervisor(pool, timeouts, time=loop.time, also=registry.sweep)
    app.cleanup_ctx.append(_running(supervisor.run, "supervisor"))
    app.cleanup_ctx.append(_running(revoker.run, "revoker"))
    app.on_shutdown.append(_stop)
    return app


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


def _running(
    run: Callable[[], Coroutine[None, None, None]], name: str
) -> Callable[[web.Application], AsyncIterator[None]]:
    """Own a task for as long as the application runs (a cleanup context)."""

    async def context(_: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(run(), name=name)
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    return context


async def _stop(app: web.Application) -> None:
    """Tell everybody, then end the programs; new requests are not accepted any more."""
    app[POOL].close_all(CloseCode.GOING_AWAY, "the server is going away")
    await app[REGISTRY].close(patience=HANG_UP_SECONDS)
