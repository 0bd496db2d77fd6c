"""``ptybridge serve``: look at the machine, wire the adapters in, run until a signal."""

import asyncio
import signal
import socket
import ssl
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import structlog
import uvloop

from ptybridge.adapters.audit import AuditFile
from ptybridge.adapters.confinement import Confinement
from ptybridge.adapters.file_workers import FileWorkers
from ptybridge.adapters.open_files import raise_limit
from ptybridge.adapters.private_files import stamp
from ptybridge.adapters.process_secrecy import SecrecyError, hide_process
from ptybridge.adapters.responders.processes import directory_of
from ptybridge.adapters.spawner import Spawner
from ptybridge.adapters.workers import ThreadWorkers
from ptybridge.cli import garbage, logs
from ptybridge.cli.channel import chosen_store_files, open_store, responder_of
from ptybridge.cli.confining import checked_confinement
from ptybridge.cli.entrance import (
    Entrance,
    check_openness,
    is_local_socket,
    open_audit,
    open_entrance,
    reload_tls,
    secret_files,
    tls_of,
    token_path,
)
from ptybridge.cli.preparation import (
    BACKLOG,
    ServeError,
    files_root,
    listen,
    listen_on_path,
    page_url,
    remove_socket,
    state_dir,
    terminal_defaults,
    web_root,
)
from ptybridge.cli.screens import Screens
from ptybridge.config import Settings
from ptybridge.core.access import Access
from ptybridge.core.registry import TerminalDefaults
from ptybridge.core.responder import Responder
from ptybridge.core.statistics import Statistics
from ptybridge.server.app import POOL, REGISTRY, make_app
from ptybridge.server.runner import Site, make_runner

_log = structlog.get_logger(__name__)

UNIX_PORT = 80
"""The port that ``Host`` means on a Unix socket, where it names none."""

OWN_FILES = 64
"""Open files that are neither connections nor terminals: logs, databases, pipes, the page's."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What was found on the machine before the start."""

    root: Path
    defaults: TerminalDefaults
    confinement: Confinement
    entrance: Entrance
    audit: AuditFile | None
    listener: socket.socket
    state: Path
    files_root: str
    responder: Responder | None

    @property
    def port(self) -> int:
        """The port that is really bound."""
        bound = self.listener.getsockname()
        return bound[1] if isinstance(bound, tuple) else UNIX_PORT


def serve(settings: Settings, *, is_insecure: bool = False) -> None:
    """Run the server until SIGINT or SIGTERM.

    Raises:
        ServeError: It cannot start.
    """
    if settings.transport.mode == "direct":
        raise ServeError(
            "transport.mode: direct is without a network, and a server needs one; set websocket or "
            "sse (ptybridge run --transport direct works without a server)"
        )
    early: list[int] = []
    # Whoever asks to reload a server that is just starting must not end it (signal(7)).
    signal.signal(signal.SIGHUP, lambda number, _: early.append(number))
    logs.set_up(level=settings.logging.level, format=settings.logging.format)
    _check_open_files(settings, raise_limit())
    try:
        hide_process()
    except SecrecyError as error:
        raise ServeError(f"the server cannot hide its memory from programs: {error}") from error
    root = web_root()
    defaults = terminal_defaults(settings.terminals, may_offer=settings.files.enabled)
    tls = tls_of(settings)
    state = state_dir()
    with ExitStack() as undone_at_the_end:
        check_openness(settings, is_local=True, is_insecure=is_insecure)
        entrance = open_entrance(settings, state)
        undone_at_the_end.callback(entrance.store.close)
        audit = open_audit(settings)
        if audit is not None:
            undone_at_the_end.callback(audit.close)
        hidden = [*secret_files(settings, state), *chosen_store_files(settings)]
        confinement = checked_confinement(settings.terminals, defaults, hidden=hidden)
        responder = responder_of(settings, defaults, confinement)
        if settings.server.unix_socket is None:
            websocket = settings.transport.websocket
            listener = listen(websocket.hostname, websocket.port)
        else:
            path = Path(settings.server.unix_socket).expanduser()
            listener = listen_on_path(path)
            undone_at_the_end.callback(remove_socket, path, stamp(path))
        undone_at_the_end.enter_context(listener)
        is_local = is_local_socket(listener.getsockname())
        check_openness(settings, is_local=is_local, is_insecure=is_insecure)
        ground = Ground(
            root,
            defaults,
            confinement,
            entrance,
            audit,
            listener,
            state,
            files_root(settings.files, defaults),
            responder,
        )
        uvloop.run(_run(settings, ground, tls, early))


def _check_open_files(settings: Settings, limit: int) -> None:
    """Say if so many open files are too few for what the settings promise."""
    limits = settings.limits
    if limit < limits.connections + limits.terminals + OWN_FILES:
        _log.warning(
            "too few files can be open for limits.connections and limits.terminals; "
            "raise the hard limit (ulimit -Hn, systemd: LimitNOFILE)",
            limit=limit,
        )


def _warn_of_no_screen(reason: str) -> None:
    """Say why terminals go on without a screen."""
    _log.warning("terminals have no screen; who comes late sees their tail", reason=reason)


def _exposition(statistics: Statistics) -> bytes:
    """The text of the server's numbers."""
    # Who asks for no metrics pays neither the time nor the memory of their library.
    from ptybridge.adapters.metrics import exposition  # noqa: PLC0415

    return exposition(statistics)


async def _run(
    settings: Settings, ground: Ground, tls: ssl.SSLContext | None, early: list[int]
) -> None:
    """Serve until SIGINT or SIGTERM; ``early`` are the SIGHUPs that came before."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    loop.add_signal_handler(signal.SIGHUP, _reload, settings, ground, tls)
    if early:
        _reload(settings, ground, tls)
    patience = settings.limits.handshake / 1000
    screens = Screens(
        scrollback_lines=settings.terminals.scrollback_lines, on_trouble=_warn_of_no_screen
    )
    async with (
        Spawner(
            input_limit=settings.limits.input_queue_bytes, confinement=ground.confinement
        ) as spawner,
        ThreadWorkers() as workers,
        FileWorkers(
            root=ground.files_root,
            confinement=ground.confinement,
            limit=settings.files.transfers,
        ) as files,
        open_store(settings, ground.state) as store,
    ):
        app = make_app(
            settings,
            web_root=ground.root,
            port=ground.port,
            defaults=ground.defaults,
            authenticator=ground.entrance.authentication,
            access=Access(ground.entrance.store),
            shares=ground.entrance.store,
            audit=ground.audit,
            spawner=spawner,
            make_screen=screens.make,
            workers=workers,
            responder=ground.responder,
            keeper=store,
            directory_of=directory_of,
            exposition=_exposition,
            is_scraper=ground.entrance.is_scraper,
            is_proxy_secret=ground.entrance.is_proxy_secret,
            files=files if settings.files.enabled else None,
        )
        for kept in store.load():
            app[REGISTRY].restore(kept)
        runner = make_runner(app, patience=patience)
        await runner.setup()
        try:
            site = Site(runner, ground.listener, tls=tls, patience=patience, backlog=BACKLOG)
            await site.start()
            print(_address(settings, ground), flush=True)
            async with asyncio.TaskGroup() as beside:
                beside.create_task(asyncio.to_thread(screens.warm))
                collector = beside.create_task(garbage.collect(lambda: not len(app[POOL])))
                await stopped.wait()
                collector.cancel()
        finally:
            await runner.cleanup()


def _address(settings: Settings, ground: Ground) -> str:
    """The line that says where the page is; no token in it where the line would be kept."""
    token = ground.entrance.token
    if token is None or not logs.is_journal(sys.stdout):
        return page_url(settings, ground.port, token=token)
    page = page_url(settings, ground.port, token=None)
    return f"{page} (open it with #token= and what is in {token_path(settings, ground.state)})"


def _reload(settings: Settings, ground: Ground, tls: ssl.SSLContext | None) -> None:
    """Take note of files that have been replaced: the certificate, and the audit file."""
    if ground.audit is not None:
        ground.audit.reopen()
    if tls is not None:
        reload_tls(settings, tls)
