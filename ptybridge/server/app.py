"""The application: what there is, how it is wired, and the order in which it stops."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

from aiohttp import web

from ptybridge.config import Settings
from ptybridge.core.access import Access
from ptybridge.core.files import FileAccess
from ptybridge.core.keeper import Keeper
from ptybridge.core.ports import Audit, Authenticator, MakeScreen, PtySpawner, Shares, Workers
from ptybridge.core.registry import Registry, TerminalDefaults
from ptybridge.core.responder import Responder
from ptybridge.core.statistics import Statistics
from ptybridge.server.audited import AUDIT
from ptybridge.server.bridge import Bridge, make_bridge
from ptybridge.server.callers import TrustedProxies
from ptybridge.server.door import Door
from ptybridge.server.file_routes import FileRoutes
from ptybridge.server.login_routes import LoginRoutes
from ptybridge.server.metrics_routes import MetricsRoutes
from ptybridge.server.middlewares import PROXY_HEADER, at_the_door, errors_as_json, harden
from ptybridge.server.pool import ConnectionPool
from ptybridge.server.refusals import REFUSALS, Refusals
from ptybridge.server.resources import Resources
from ptybridge.server.revoker import Revoker
from ptybridge.server.routes import Routes
from ptybridge.server.share_routes import ShareRoutes
from ptybridge.server.sockets import Sockets
from ptybridge.server.streams import EventStreams
from ptybridge.server.throttle import THROTTLE, Throttle

BRIDGE = web.AppKey("bridge", Bridge)
REGISTRY = web.AppKey("registry", Registry)
ACCESS = web.AppKey("access", Access)
POOL = web.AppKey("pool", ConnectionPool)

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
    exposition: Callable[[Statistics], bytes] | None = None,
    is_scraper: Callable[[str], bool] = lambda _: False,
    is_proxy_secret: Callable[[str], bool] | None = None,
    files: FileAccess | None = None,
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
        exposition: Makes the text of the server's numbers; without it they are not served.
        is_scraper: Whether a token is the one that opens those numbers, and nothing else.
        is_proxy_secret: Whether that is what trusted proxies show; None: they need nothing.
        files: Reaches the files of whoever runs the terminals; without it nobody moves any.
    """
    websocket = settings.transport.websocket
    bridge = make_bridge(
        settings,
        defaults=defaults,
        spawner=spawner,
        access=access,
        audit=audit,
        make_screen=make_screen,
        workers=workers,
        responder=responder,
        keeper=keeper,
        directory_of=directory_of,
        standing=authenticator.standing,
    )
    patience = settings.limits.handshake / 1000
    door = Door(
        hostname=websocket.hostname if settings.server.unix_socket is None else "localhost",
        port=port,
        allowed_origins=settings.auth.allowed_origins,
        scheme="http" if settings.server.tls.cert is None else "https",
    )
    proxies = TrustedProxies(settings.server.trusted_proxies, is_secret=is_proxy_secret)
    base = settings.server.base_path.rstrip("/")
    file_routes = FileRoutes(
        files,
        max_bytes=settings.files.max_bytes,
        registry=bridge.registry,
        authenticator=authenticator,
        access=access,
        directory_of=directory_of,
        home=defaults.cwd or "/",
        base=base,
    )
    revoker = Revoker(
        bridge.pool,
        authenticator=authenticator,
        access=access,
        audit=bridge.audit,
        also=file_routes.sweep,
    )
    app = web.Application(
        middlewares=[errors_as_json, at_the_door(door, proxies=proxies, patience=patience)],
        client_max_size=MAX_BODY,
    )
    app[BRIDGE] = bridge
    app[REGISTRY] = bridge.registry
    app[POOL] = bridge.pool
    app[THROTTLE] = Throttle(
        limit=settings.limits.login_attempts, time=asyncio.get_running_loop().time
    )
    app[REFUSALS] = Refusals(bridge.audit, time=asyncio.get_running_loop().time)
    app[PROXY_HEADER] = settings.auth.proxy_header
    app[AUDIT] = bridge.audit
    app[ACCESS] = access
    Routes(web_root=web_root, base=base, embedders=settings.auth.allowed_origins).add_to(app)
    LoginRoutes(
        authenticator=authenticator,
        base=base,
        transport=settings.transport.mode,
        on_logout=revoker.sweep,
    ).add_to(app)
    Resources(
        registry=bridge.registry,
        authenticator=authenticator,
        access=access,
        close_session=bridge.close_session,
        base=base,
    ).add_to(app)
    file_routes.add_to(app)
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
        registry=bridge.registry,
        pool=bridge.pool,
        router=bridge.router,
        greeting=bridge.greeting,
        follow=bridge.sessions.follow,
        base=base,
        compresses=websocket.compression == "auto",
    ).add_to(app)
    EventStreams(
        authenticator=authenticator,
        access=access,
        registry=bridge.registry,
        pool=bridge.pool,
        router=bridge.router,
        greeting=bridge.greeting,
        base=base,
    ).add_to(app)
    if exposition is not None:
        MetricsRoutes(
            registry=bridge.registry,
            pool=bridge.pool,
            authenticator=authenticator,
            is_scraper=is_scraper,
            exposition=exposition,
            base=base,
        ).add_to(app)
    app.on_response_prepare.append(harden)
    app.cleanup_ctx.append(_running(bridge.supervisor.run, "supervisor"))
    app.cleanup_ctx.append(_running(revoker.run, "revoker"))
    app.on_shutdown.append(lambda _: file_routes.close())
    app.on_shutdown.append(_stop)
    return app


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
    await app[BRIDGE].close()
