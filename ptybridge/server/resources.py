"""Sessions and terminals as HTTP resources: what there is, beginning, ending, screens."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, TypeVar

import msgspec
from aiohttp import web

from ptybridge.core.access import Access
from ptybridge.core.errors import BadRequest, Conflict, Denied, NotFound
from ptybridge.core.identity import Identity
from ptybridge.core.ports import Authenticator
from ptybridge.core.registry import Registry
from ptybridge.core.screen import ScreenFormat
from ptybridge.core.session import Session
from ptybridge.core.session_events import ChatMessage
from ptybridge.core.terminal import Terminal
from ptybridge.core.values import Role, SessionId, WindowSize, is_name
from ptybridge.server.audited import note
from ptybridge.server.middlewares import IDENTITY, UNREADABLE, authenticated, json_response
from ptybridge.server.session_states import history_page, member_state, message_state
from ptybridge.server.terminal_handlers import program, terminal_state
from ptybridge.wire.fields import Cols, Name, RoleName, Rows, wire_name
from ptybridge.wire.messages import TerminalState
from ptybridge.wire.session_messages import MemberState, MessageState

PREVIEW_CHARACTERS = 200
"""Characters of a session's newest message in a list of sessions."""

LISTED_A_TURN = 64
"""Sessions that are looked at in one turn of the loop: two milliseconds."""

MAX_DIGITS = 15
"""Of a number in a query: as many as every JSON reader keeps exactly."""

SCREEN_TYPES: dict[ScreenFormat, str] = {
    "text": "text/plain",
    "html": "text/html",
    "vt": "text/plain",
    "cells": "application/json",
}
"""Formats of a screen, and their content types."""


class NewSession(msgspec.Struct, frozen=True):
    """Body of ``POST /api/sessions``; without ``id`` the server finds a name."""

    id: Name | None = None


class NewTerminal(msgspec.Struct, frozen=True):
    """Body of ``POST /api/sessions/{id}/terminals``; what is left out is as configured.

    ``like`` names a terminal of the session whose command and directory are taken.
    """

    rows: Rows = 24
    cols: Cols = 80
    command: Annotated[list[str], msgspec.Meta(min_length=1, max_length=256)] | None = None
    cwd: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)] | None = None
    id: Name | None = None
    like: Name | None = None


class NewTitle(msgspec.Struct, frozen=True):
    """Body of ``PATCH`` of a session or a terminal; an empty title takes it back."""

    title: Annotated[str, msgspec.Meta(max_length=1024)]


class SessionState(msgspec.Struct, frozen=True, rename=wire_name, omit_defaults=True):
    """A session as clients see it; ``created`` in milliseconds since the Unix epoch.

    ``role`` is what whoever asks is in it, ``unread`` how many messages they have not read,
    ``newest`` the last one, of a long text its beginning.
    """

    id: str
    created: int
    terminals: list[TerminalState]
    members: list[MemberState]
    seq: int
    role: RoleName
    unread: int
    waiting: int
    answering: bool
    title: str = ""
    newest: MessageState | None = None


def session_state(session: Session, identity: Identity, role: Role) -> SessionState:
    """A session as clients see it."""
    chat = session.chat
    newest = chat.recent.newest(limit=1, characters=0)[-1:]
    return SessionState(
        id=session.id,
        created=int(session.created * 1000),
        terminals=[terminal_state(terminal) for terminal in session.terminals.values()],
        members=[member_state(member) for member in session.members],
        seq=session.log.seq,
        role=role.label,
        unread=session.unread(identity),
        waiting=len(chat.waiting),
        answering=chat.is_answering,
        title=session.title,
        newest=message_state(_beginning(newest[0])) if newest else None,
    )


def _beginning(message: ChatMessage) -> ChatMessage:
    """Enough of a message to be recognised by."""
    return replace(message, text=message.text[:PREVIEW_CHARACTERS], tools=())


class Resources:
    """The handlers and what they need."""

    def __init__(
        self,
        *,
        registry: Registry,
        authenticator: Authenticator,
        access: Access,
        close_session: Callable[[Session], None],
        base: str,
    ) -> None:
        """``base`` is the path below which all routes lie: empty, or beginning with a slash."""
        self._registry = registry
        self._close_session = close_session
        self._access = access
        self._authenticator = authenticator
        self._rendering = asyncio.Lock()
        self._base = f"{base}/api"

    def add_to(self, app: web.Application) -> None:
        """Add all routes."""
        for method, path, handler in (
            ("GET", "/sessions", self.sessions),
            ("POST", "/sessions", self.make_session),
            ("GET", "/sessions/{id}", self.session),
            ("PATCH", "/sessions/{id}", self.rename_session),
            ("DELETE", "/sessions/{id}", self.close_session),
            ("GET", "/sessions/{id}/messages", self.messages),
            ("GET", "/sessions/{id}/terminals", self.terminals),
            ("POST", "/sessions/{id}/terminals", self.open_terminal),
            ("GET", "/terminals/{id}", self.terminal),
            ("PATCH", "/terminals/{id}", self.rename_terminal),
            ("DELETE", "/terminals/{id}", self.close_terminal),
            ("GET", "/terminals/{id}/screen", self.screen),
        ):
            known = authenticated(self._authenticator, handler)
            app.router.add_route(method, self._base + path, known)

    async def sessions(self, request: web.Request) -> web.StreamResponse:
        """All sessions that exist for whoever asks."""
        identity = request[IDENTITY]
        sessions = []
        for count, session in enumerate(tuple(self._registry.sessions.values()), 1):
            role = self._access.role(identity, session.id)
            if role is not None and not session.is_closed:
                sessions.append(session_state(session, identity, role))
            if count % LISTED_A_TURN == 0:
                await asyncio.sleep(0)
        return json_response({"sessions": sessions})

    async def make_session(self, request: web.Request) -> web.StreamResponse:
        """Make a session, or give the one of that name."""
        body = await _body(request, NewSession)
        name = body.id or self._registry.new_name()
        self._access.enter(request[IDENTITY], name, Role.WATCHER)
        session = self._registry.session(name)
        return json_response({"session": self._state(request, session)}, status=201)

    async def session(self, request: web.Request) -> web.StreamResponse:
        """One session."""
        return json_response({"session": self._state(request, self._named(request))})

    async def rename_session(self, request: web.Request) -> web.StreamResponse:
        """Give a session a title."""
        body = await _body(request, NewTitle)
        session, identity = self._named(request, Role.OWNER), request[IDENTITY]
        session.rename(body.title)
        note(request, "session.rename", identity, session=session.id)
        return json_response({"session": self._state(request, session)})

    async def close_session(self, request: web.Request) -> web.StreamResponse:
        """End a session for good, with its terminals, its messages and its share links."""
        session, identity = self._named(request, Role.OWNER), request[IDENTITY]
        self._access.require_account(identity, session.id)
        self._close_session(session)
        note(request, "session.close", identity, session=session.id)
        return web.Response(status=204)

    async def messages(self, request: web.Request) -> web.StreamResponse:
        """Messages of a session's chat, the newest or those before a number."""
        session = self._named(request)
        query = request.query
        page = await history_page(
            session,
            before=_number(query["before"], "before") if "before" in query else None,
            limit=_number(query.get("limit", "50"), "limit"),
        )
        return json_response({"messages": page.messages, "more": page.more})

    def _state(self, request: web.Request, session: Session) -> SessionState:
        """A session as whoever asks sees it."""
        identity = request[IDENTITY]
        role = self._access.require(identity, session.id, Role.WATCHER)
        return session_state(session, identity, role)

    async def terminals(self, request: web.Request) -> web.StreamResponse:
        """The terminals of a session."""
        terminals = self._named(request).terminals.values()
        return json_response({"terminals": [terminal_state(terminal) for terminal in terminals]})

    def _named(self, request: web.Request, needed: Role = Role.WATCHER) -> Session:
        """The session in the path, with which whoever asks may do that."""
        name = request.match_info["id"]
        session = self._registry.sessions.get(SessionId(name))
        if session is None:
            raise NotFound("session", name if is_name(name) else "(not a name)")
        self._access.require(request[IDENTITY], name, needed)
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
        if body.id is not None and not self._access.may_name_terminal(identity, body.id):
            raise Conflict("id: another's session has that name; choose one of your own")
        session = self._registry.session(name)
        command, cwd = program(session, like=body.like, command=body.command, cwd=body.cwd)
        terminal = await self._registry.open(
            session,
            size=WindowSize(body.rows, body.cols),
            command=command,
            cwd=cwd,
            name=body.id,
            opened_by=identity.account,
        )
        note(request, "terminal.open", identity, session=name, terminal=terminal.id)
        return json_response({"terminal": terminal_state(terminal)}, status=201)

    async def terminal(self, request: web.Request) -> web.StreamResponse:
        """One terminal."""
        terminal = self._terminal(request, Role.WATCHER)
        return json_response({"terminal": terminal_state(terminal)})

    async def rename_terminal(self, request: web.Request) -> web.StreamResponse:
        """Give a terminal a title in the place of its program's."""
        body = await _body(request, NewTitle)
        terminal = self._terminal(request, Role.WRITER)
        session = self._registry.sessions[terminal.session_id]
        session.rename_terminal(terminal, body.title)
        note(
            request,
            "terminal.rename",
            request[IDENTITY],
            session=session.id,
            terminal=terminal.id,
        )
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
            raise BadRequest("format: one of text, html, vt, cells")
        async with self._rendering:
            if self._authenticator.standing(request[IDENTITY]) is None:  # by now
                raise Denied("you are not let in any more")
            rendered = self._terminal(request, Role.WATCHER).screen().rendered(form)
            await asyncio.sleep(0)  # it takes milliseconds: the next has a turn of its own
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


def _number(text: str, name: str) -> int:
    """A positive number of the query.

    Raises:
        BadRequest: It is none.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS and int(text) > 0):
        raise BadRequest(f"{name}: a whole number from 1")
    return int(text)


B = TypeVar("B", NewSession, NewTerminal, NewTitle)


async def _body(request: web.Request, kind: type[B]) -> B:
    """The body of a request; an empty one says nothing.

    Raises:
        BadRequest: It is no such thing.
    """
    try:
        return msgspec.json.decode(await request.read() or b"{}", type=kind)
    except UNREADABLE as error:
        problem = str(error)
        if isinstance(error, UnicodeDecodeError):
            problem = "not UTF-8"
        elif isinstance(error, RecursionError):
            problem = "nested too deep"
        raise BadRequest(f"the body is not right: {problem}") from error
