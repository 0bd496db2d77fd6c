"""``ptybridge serve``: look at the machine, wire the adapters in, run until a signal."""

import asyncio
import signal
import socket
import sys
from functools import partial
from pathlib import Path

import structlog
import uvloop
from aiohttp import web

from ptybridge.adapters.ghostty.library import load
from ptybridge.adapters.ghostty.screen import GhosttyScreen
from ptybridge.adapters.spawner import Spawner
from ptybridge.adapters.tokens import TokenAuthenticator, TokenFileError, load_token
from ptybridge.adapters.workers import ThreadWorkers
from ptybridge.cli import logs
from ptybridge.cli.preparation import (
    BACKLOG,
    ServeError,
    listen,
    page_url,
    state_dir,
    terminal_defaults,
    web_root,
)
from ptybridge.config import Settings
from ptybridge.core.ports import MakeScreen
from ptybridge.core.registry import TerminalDefaults
from ptybridge.core.screen import ScreenUnavailable
from ptybridge.server.app import make_app
from ptybridge.server.door import is_loopback, parse_origin

_log = structlog.get_logger(__name__)

SHUTDOWN_SECONDS = 2.0
"""How long requests that are being answered may take at the end."""


def serve(settings: Settings) -> None:
    """Run the server until SIGINT or SIGTERM.

    Raises:
        ServeError: It cannot start.
    """
    logs.set_up(level=settings.logging.level, format=settings.logging.format)
    for origin in settings.auth.allowed_origins:
        if parse_origin(origin) is None:
            raise ServeError(f"auth.allowedOrigins: {origin} is no origin; correct or remove it")
    root = web_root()
    defaults = terminal_defaults(settings.terminals)
    token = _token(settings.auth.token_file)
    hostname = settings.transport.websocket.hostname
    with listen(hostname, settings.transport.websocket.port) as listener:
        if not is_loopback(hostname):
            print(
                f"ptybridge: warning: {hostname} can be reached from other machines, and nothing "
                "is encrypted; put a TLS proxy in front",
                file=sys.stderr,
            )
        uvloop.run(_run(settings, listener=listener, root=root, defaults=defaults, token=token))


def _token(chosen: str | None) -> str:
    """The token, from the chosen file or from the state directory."""
    state = state_dir()
    try:
        return load_token(Path(chosen).expanduser() if chosen else state / "token")
    except TokenFileError as error:
        raise ServeError(f"auth.tokenFile: {error}") from error


def _screens(scrollback_lines: int) -> MakeScreen | None:
    """What makes the screens of terminals; None, with a warning, where there can be none."""
    try:
        load()
    except ScreenUnavailable as error:
        _log.warning("terminals have no screen; who comes late sees their tail", reason=str(error))
        return None
    return partial(GhosttyScreen.create, scrollback_lines=scrollback_lines)


async def _run(
    settings: Settings,
    *,
    listener: socket.socket,
    root: Path,
    defaults: TerminalDefaults,
    token: str,
) -> None:
    """Serve on ``listener`` until SIGINT or SIGTERM."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    port = listener.getsockname()[1]
    authenticator = TokenAuthenticator(token, ticket_lifetime=settings.auth.ticket_lifetime / 1000)
    async with (
        Spawner(input_limit=settings.limits.input_queue_bytes) as spawner,
        ThreadWorkers() as workers,
    ):
        app = make_app(
            settings,
            web_root=root,
            port=port,
            defaults=defaults,
            authenticator=authenticator,
            spawner=spawner,
            make_screen=_screens(settings.terminals.scrollback_lines),
            workers=workers,
        )
        runner = web.AppRunner(
            app, access_log=None, handler_cancellation=False, shutdown_timeout=SHUTDOWN_SECONDS
        )
        await runner.setup()
        try:
            await web.SockSite(runner, listener, backlog=BACKLOG).start()
            hostname = settings.transport.websocket.hostname
            url = page_url(hostname, port, base_path=settings.server.base_path, token=token)
            print(url, flush=True)
            await stopped.wait()
        finally:
            await runner.cleanup()
