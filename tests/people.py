"""Servers with users, and people who log in there."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from ptybridge.adapters.access_store import AccessStore
from ptybridge.adapters.authentication import Authentication
from ptybridge.adapters.passwords import hash_password
from ptybridge.adapters.users import RoleWord, UserEditor, Users
from ptybridge.core.identity import AuthMode
from ptybridge.core.ports import Authenticator
from tests.server import Client, Server, stranger

PASSWORD = "correct horse"
_HASH = hash_password(PASSWORD)


def editor_in(folder: Path, **roles: RoleWord) -> UserEditor:
    """The users file in ``folder``, with users of these roles who all have ``PASSWORD``."""
    editor = UserEditor(folder / "users.json")
    for name, role in roles.items():
        editor.add(name, password_hash=_HASH, role=role)
    return editor


def by_users(
    folder: Path, mode: AuthMode = "password", **options: Any
) -> Callable[[AccessStore], Authenticator]:
    """Make the authenticator of a server whose users are in ``folder``."""
    return lambda store: Authentication(
        mode, store=store, users=Users(folder / "users.json"), **options
    )


@asynccontextmanager
async def logged_in(server: Server, **body: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A browser that has logged in."""
    async with stranger() as http:
        response = await http.post(server.url("/api/login"), json=body)
        assert response.status == 204, await response.text()
        yield http


@asynccontextmanager
async def person(server: Server, name: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A user who has logged in."""
    async with logged_in(server, user=name, password=PASSWORD) as http:
        yield http


@asynccontextmanager
async def connected(
    server: Server, http: aiohttp.ClientSession, path: str = "/ws?sessionID=main"
) -> AsyncIterator[Client]:
    """A plain client of somebody's."""
    async with http.ws_connect(server.url(path), max_msg_size=0) as ws:
        yield Client(ws)


async def share(server: Server, session: str = "main", **body: Any) -> dict[str, Any]:
    """Have the server's owner make a share link; the answer."""
    response = await server.http.post(server.url(f"/api/sessions/{session}/shares"), json=body)
    assert response.status == 201, await response.text()
    made: dict[str, Any] = await response.json()
    return made
