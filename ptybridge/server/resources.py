"""Sessions and terminals as HTTP resources: what there is, beginning, ending, screens."""

from typing import Annotated, TypeVar

import msgspec
from aiohttp import web

from ptybridge.core.access import Access
from ptybridge.core.errors import BadRequest, NotFound
from ptybridge.core.ports import Authenticator
from ptybridge.core.registry import Registry
from ptybridge.core.screen import ScreenFormat
from ptybridge.core.session import Session
from ptybridge.core.terminal import Terminal
from ptybridge.core.values import Role, SessionId, WindowSize, is_name
from ptybridge.server.audited import note
from ptybridge.server.middlewares import IDENTITY, authenticated, json_response
from ptybridge.server.terminal_handlers import terminal_state
from ptybridge.wire.fields import Cols, Name, Rows
from ptybridge.wire.messages import TerminalState

SCREEN_TYPES: dict[ScreenFormat, str] = {
    "text": "text/plain",
    "html": "text/html",
    "vt": "text/plain",
}
"""Formats of a screen, and their content types."""


class NewSession(msgspec.Struct, frozen=True):
    """Body of ``POST /api/sessions``; without ``id`` the server finds a name."""

    id: Name | None = None


class NewTerminal(msgspec.Struct, frozen=True):
    """Body of ``POST /api/sessions/{id}/terminals``; what is left out is as configured."""

    rows: Rows = 24
    cols: Cols = 80
    command: Annotated[list[str], msgspec.Meta(min_length=1, max_length=256)] | None = None
    cwd: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)] | None = None
    id: Name | None = None


class SessionState(msgspec.Struct, frozen=True):
    """A session as clients see it; ``created`` in milliseconds since the Unix epoch."""

    id: str
    created: int
    terminals: list[TerminalState]


def session_state(session: Session) -> SessionState:
    """A session as clients see it."""
    return SessionState(
        session.id,
        int(session.created * 1000),
        [terminal_state(terminal) for terminal in session.terminals.values()],
    )


class Resources:
    """The handlers and what they need."""

    def __init__(
        self, *, registry: Registry, authenticator: Authenticator, access: Access, base: str
    ) -> None:
        """``base`` is the path below which all routes lie: empty, or beginning with a slash."""
        self._registry = registry
        self._access = access
        self._authenticator = authenticator
        self._base = f"{base}/api"

    def add_to(self, app: web.Application) -> None:
        """Add all routes."""
        for method, path, handler in (
            ("GET", "/sessions", self.sessions),
            ("POST", "/sessions", self.make_session),
            ("GET", "/sessions/{id}", self.session),
            ("GET", "/sessions/{id}/terminals", self.terminals),
            ("POST", "/sessions/{id}/terminals", self.open_terminal),
            ("GET", "/terminals/{id}", self.terminal),
            ("DELETE", "/terminals/{id}", self.close_terminal),
            ("GET", "/terminals/{id}/screen", self.screen),
        ):
            known = authenticated(self._authenticator, handler)
            app.router.add_route(method, self._base + path, known)

    async def sessions(self, request: web.Request) -> web.StreamResponse:
        """All sessions that exist for whoever asks."""
        sessions = [
            session_state(session)
            for session in self._registry.sessions.values()
            if self._access.role(request[IDENTITY], session.id) is not None
        ]
        return json_response({"sessions": sessions})

    async def make_session(self, request: web.Request) -> web.StreamResponse:
        """Make a session, or give the one of that name."""
        body = await _body(request, NewSession)
        name = body.id or self._registry.new_name()
        self._access.enter(request[IDENTITY], name, Role.WATCHER)
        session = self._registry.session(name)
        return json_response({"session": session_state(session)}, status=201)

    async def session(self, request: web.Request) -> web.StreamResponse:
        """One session."""
        return json_response({"session": session_state(self._named(request))})

    async def terminals(self, request: web.Request) -> web.StreamResponse:
        """The terminals of a session."""
        return json_response({"terminals": session_state(self._named(request)).terminals})

    def _named(self, request: web.Request) -> Session:
        name = request.match_info["id"]
        session = self._registry.sessions.get(SessionId(name))
        if session is None:
            raise NotFound("session", name if is_name(name) else "(not a name)")
        self._access.require(request[IDENTITY], name, Role.WATCHER)
        return session

    def _terminal(self, request: web.Request, needed: Role) -> Terminal:
        """The terminal in the path, which whoever asks may do that with."""
        terminal = self._registry.terminal(request.match_info["id"])
        self._access.require_terminal(request[IDENTITY], terminal, needed)
        return terminal

    async def open_terminal(self, request: web.Request) -> web.StreamResponse:
        """Start a terminal in a session, which is made when missing."""
        body = await _body(request, NewTerminal)
        if body.id is not None and not is_name(body.id):
            raise BadRequest("id: 1 to 64 of A-Z a-z 0-9 . _ - are allowed")
        name, identity = request.match_info["id"], request[IDENTITY]
        self._access.enter(identity, name, Role.WRITER)
        terminal = await self._registry.open(
            self._registry.session(name),
            size=WindowSize(body.rows, body.cols),
            command=tuple(body.command) if body.command else None,
            cwd=body.cwd,
            name=body.id,
            opened_by=identity.account,
        )
        note(request, "terminal.open", identity, session=name, terminal=terminal.id)
        return json_response({"terminal": terminal_state(terminal)}, status=201)

    async def terminal(self, request: web.Request) -> web.StreamResponse:
        """One terminal."""
        terminal = self._terminal(request, Role.WATCHER)
        return json_response({"terminal": terminal_state(terminal)})

    async def close_terminal(self, request: web.Request) -> web.StreamResponse:
        """Hang a terminal up; it ends within the programs' grace."""
        terminal = self._terminal(request, Role.WRITER)
        note(
            request,
            "terminal.close",
            request[IDENTITY],
            session=terminal.session_id,
            terminal=terminal.id,
        )
        terminal.hang_up()
        return web.Response(status=204)

    async def screen(self, request: web.Request) -> web.StreamResponse:
        """What is on a terminal's screen now."""
        form = request.query.get("format", "text")
        if form not in SCREEN_TYPES:
            raise BadRequest("format: one of text, html, vt")
        screen = self._terminal(request, Role.WATCHER).screen()
        rendered = screen.rendered(form)
        headers = {"Cache-Control": "no-store"}
        if form == "html":
            headers["Content-Security-Policy"] = _SCREEN_POLICY
        return web.Response(
            body=_PAGE % rendered if form == "html" else rendered,
            content_type=SCREEN_TYPES[form],
            charset="utf-8",
            headers=headers,
        )


# What a program has printed is no page of ours, however well it is escaped.
_SCREEN_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox"
)
_PAGE = b"<!doctype html>\n<meta charset=utf-8>\n<title>Screen</title>\n%s\n"


B = TypeVar("B", NewSession, NewTerminal)


async def _body(request: web.Request, kind: type[B]) -> B:
    """The body of a request; an empty one says nothing.

    Raises:
        BadRequest: It is no such thing.
    """
    try:
        return msgspec.json.decode(await request.read() or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        problem = "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise BadRequest(f"the body is not right: {problem}") from error
