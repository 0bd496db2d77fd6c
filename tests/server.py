"""A whole server in this process, with real shells and real sockets, and clients for it."""

import json
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from ptybridge.adapters.access_store import AccessStore
from ptybridge.adapters.authentication import Authentication
from ptybridge.adapters.file_workers import FileWorkers
from ptybridge.adapters.ghostty.screen import GhosttyScreen
from ptybridge.adapters.metrics import exposition
from ptybridge.adapters.responders.processes import directory_of
from ptybridge.adapters.responders.shell import ShellResponder
from ptybridge.adapters.spawner import Spawner
from ptybridge.adapters.tokens import Token
from ptybridge.adapters.workers import ThreadWorkers
from ptybridge.config import Settings, build
from ptybridge.core.access import Access
from ptybridge.core.environment import child_environment
from ptybridge.core.ports import Audit, Authenticator
from ptybridge.core.registry import TerminalDefaults
from ptybridge.core.responder import Responder
from ptybridge.core.rules import ControlMode, Rules, Sizing
from ptybridge.core.shell_integration import integration
from ptybridge.server.app import POOL, REGISTRY, make_app
from ptybridge.server.runner import Site, make_runner
from ptybridge.wire.frames import SUBPROTOCOL, Frame, Kind, decode, encode

TOKEN = "a-token-for-tests-only"
PROMPT = {"PS1": "sh> "}  # root's would be another than everybody else's
WEB_ROOT = Path(__file__).parents[1] / "web"


class WholeResponse(aiohttp.ClientResponse):
    """A response that has arrived with its body, so that nobody has to release it."""

    async def start(self, connection: aiohttp.connector.Connection) -> "WholeResponse":
        await super().start(connection)
        if self.headers.get("Content-Length"):
            await self.read()
        return self


def stranger(**options: Any) -> aiohttp.ClientSession:
    """A client without a token, which keeps cookies for addresses too."""
    jar = aiohttp.CookieJar(unsafe=True)
    return aiohttp.ClientSession(cookie_jar=jar, response_class=WholeResponse, **options)


class Server:
    """A server that runs.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        http: A client that is the owner.
        routes: Method and path of every route; what varies stands in braces.
    """

    scheme = "http"

    def __init__(self, app: web.Application, port: int, http: aiohttp.ClientSession) -> None:
        self.app = app
        self.registry = app[REGISTRY]
        self.pool = app[POOL]
        self.port = port
        self.http = http
        self.routes = sorted(
            (route.method, route.resource.canonical)
            for route in app.router.routes()
            if route.resource is not None
        )

    def url(self, path: str) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"

    @asynccontextmanager
    async def plain(self, path: str = "/ws?sessionID=main") -> AsyncIterator["Client"]:
        """A plain client: JSON only."""
        async with self.http.ws_connect(self.url(path), max_msg_size=0) as ws:
            yield Client(ws)

    @asynccontextmanager
    async def binary(self, path: str = "/ws?sessionID=main") -> AsyncIterator["Client"]:
        """A client of ``ptybridge.v1``, past its ``welcome``."""
        async with self.http.ws_connect(
            self.url(path), protocols=[SUBPROTOCOL], max_msg_size=0
        ) as ws:
            client = Client(ws)
            client.welcome = (await client.receive("welcome"))["data"]
            yield client


class Client:
    """One WebSocket, written from the wire's text alone."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self.welcome: dict[str, Any] = {}
        self.sent = 0

    async def send(self, message_type: str, request_id: int | None = None, **data: Any) -> None:
        message: dict[str, Any] = {"type": message_type}
        if data:
            message["data"] = data
        if request_id is not None:
            message["id"] = request_id
        await self.ws.send_str(json.dumps(message))

    async def next(self) -> dict[str, Any] | Frame:
        """The next message or frame."""
        message = await self.ws.receive(timeout=20)
        if message.type is aiohttp.WSMsgType.BINARY:
            return decode(message.data)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        decoded: dict[str, Any] = json.loads(message.data)
        return decoded

    async def receive(self, *types: str) -> dict[str, Any]:
        """The next JSON message of one of these types; frames and others are passed over."""
        while True:
            message = await self.next()
            if isinstance(message, dict) and message["type"] in types:
                return message

    async def frame(self, kind: Kind) -> Frame:
        """The next frame of that kind."""
        while True:
            message = await self.next()
            if isinstance(message, Frame) and message.kind is kind:
                return message

    async def open(self, *command: str, rows: int = 24, cols: int = 80) -> str:
        """Start a terminal; its name."""
        data: dict[str, Any] = {"rows": rows, "cols": cols}
        if command:
            data["command"] = list(command)
        await self.send("terminal.open", **data)
        reply = await self.receive("terminal.opened", "error")
        assert reply["type"] == "terminal.opened", reply
        name: str = reply["data"]["terminal"]["id"]
        return name

    async def attach(self, terminal: str, *, channel: int = 1, **data: Any) -> dict[str, Any]:
        """View a terminal; the ``data`` of ``attached``."""
        size = {"rows": 24, "cols": 80}
        await self.send("attach", channel=channel, terminalID=terminal, **{**size, **data})
        reply = await self.receive("attached", "error")
        assert reply["type"] == "attached", reply
        attached: dict[str, Any] = reply["data"]
        return attached

    async def type(self, data: bytes, *, channel: int = 1) -> None:
        """Send an INPUT frame."""
        await self.ws.send_bytes(encode(Frame(Kind.INPUT, channel, self.sent, data)))
        self.sent += len(data)

    async def output_until(self, marker: bytes, *, offset: int | None = None) -> bytes:
        """Collect output until it holds ``marker``, checking that it is contiguous."""
        collected = bytearray()
        while marker not in collected:
            frame = await self.frame(Kind.OUTPUT)
            assert offset is None or frame.offset == offset
            offset = frame.offset + len(frame.payload)
            collected += frame.payload
        return bytes(collected)

    async def output_to_the_end(self, *, offset: int) -> tuple[bytes, dict[str, Any]]:
        """All output until ``exited``, and that message's data."""
        collected = bytearray()
        while True:
            message = await self.next()
            if isinstance(message, Frame):
                assert message.kind is not Kind.SNAPSHOT
                if message.kind is Kind.OUTPUT:
                    assert message.offset == offset + len(collected)
                    collected += message.payload
            elif message["type"] == "exited":
                return bytes(collected), message["data"]


def settings_of(**sections: Any) -> Settings:
    return build(sections)


def by_token(store: AccessStore) -> Authenticator:
    """Who has ``TOKEN`` is the owner."""
    return Authentication("token", store=store, token=Token(TOKEN))


@asynccontextmanager
async def running(
    settings: Settings | None = None,
    *,
    grace: float = 0.3,
    web_root: Path = WEB_ROOT,
    make_authenticator: Callable[[AccessStore], Authenticator] = by_token,
    audit: Audit | None = None,
    tls: ssl.SSLContext | None = None,
    responder: Responder | None = None,
    is_scraper: Callable[[str], bool] = lambda _: False,
    is_proxy_secret: Callable[[str], bool] | None = None,
    command: tuple[str, ...] = ("/bin/sh",),
) -> AsyncIterator[Server]:
    """Run a server until the block ends."""
    settings = settings or Settings()
    added = {**PROMPT, **integration(command[0])}
    env = child_environment({"PATH": "/usr/local/bin:/usr/bin:/bin"}, passed=["PATH"], added=added)
    defaults = TerminalDefaults(
        command=command,
        cwd="/",
        env=env,
        tail_bytes=settings.terminals.tail_bytes,
        keep_detached=settings.terminals.keep_detached / 1000,
        rules=Rules(Sizing(settings.terminals.sizing), ControlMode(settings.terminals.control)),
        may_offer=settings.files.enabled,
    )
    lines = settings.terminals.scrollback_lines
    with closing(AccessStore()) as store, socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        async with (
            Spawner(grace=grace, input_limit=settings.limits.input_queue_bytes) as spawner,
            ThreadWorkers() as workers,
            FileWorkers(root=settings.files.root or "/", limit=settings.files.transfers) as files,
        ):
            app = make_app(
                settings,
                web_root=web_root,
                port=port,
                defaults=defaults,
                authenticator=make_authenticator(store),
                access=Access(store),
                shares=store,
                audit=audit,
                spawner=spawner,
                make_screen=partial(GhosttyScreen.create, scrollback_lines=lines),
                workers=workers,
                responder=responder or ShellResponder("/bin/sh", env=env, cwd="/"),
                directory_of=directory_of,
                exposition=exposition,
                is_scraper=is_scraper,
                is_proxy_secret=is_proxy_secret,
                files=files if settings.files.enabled else None,
            )
            patience = settings.limits.handshake / 1000
            runner = make_runner(app, patience=patience, shutdown=1)
            await runner.setup()
            await Site(runner, listener, tls=tls, patience=patience, backlog=1024).start()
            headers = {"Authorization": f"Bearer {TOKEN}"}
            connector = None if tls is None else aiohttp.TCPConnector(ssl=False)
            async with stranger(headers=headers, connector=connector) as http:
                try:
                    server = Server(app, port, http)
                    server.scheme = "http" if tls is None else "https"
                    yield server
                finally:
                    await runner.cleanup()
