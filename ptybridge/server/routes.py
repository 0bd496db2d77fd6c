"""The HTTP routes that are no sockets: the page, health, logging in, tickets."""

from pathlib import Path
from typing import Annotated

import msgspec
from aiohttp import web

from ptybridge import __version__
from ptybridge.core.errors import BadRequest
from ptybridge.core.ports import Authenticator
from ptybridge.server.middlewares import COOKIE, IDENTITY, authenticated, json_response

STATIC_FOLDERS = ("js", "css", "vendor", "img")
"""Folders of the page that are served; what else lies beside them is for development."""


class Login(msgspec.Struct, frozen=True):
    """Body of ``POST /api/login``."""

    token: Annotated[str, msgspec.Meta(max_length=1024)]


class Routes:
    """The handlers and what they need."""

    def __init__(self, *, web_root: Path, authenticator: Authenticator, base: str) -> None:
        """``base`` is the path below which all routes lie: empty, or beginning with a slash."""
        self._web_root = web_root
        self._authenticator = authenticator
        self._base = base

    def add_to(self, app: web.Application) -> None:
        """Add all routes."""
        base = self._base
        app.router.add_get(f"{base}/", self.page)
        app.router.add_get(f"{base}/healthz", self.health)
        app.router.add_post(f"{base}/api/login", self.login)
        app.router.add_post(f"{base}/api/logout", self.logout)
        app.router.add_get(f"{base}/api/whoami", authenticated(self._authenticator, self.whoami))
        app.router.add_post(f"{base}/api/tickets", authenticated(self._authenticator, self.ticket))
        for folder in STATIC_FOLDERS:
            if (self._web_root / folder).is_dir():
                app.router.add_static(f"{base}/static/{folder}", self._web_root / folder)

    async def page(self, _: web.Request) -> web.StreamResponse:
        """The page; it is the same for everybody and holds no secret."""
        return web.FileResponse(
            self._web_root / "index.html", headers={"Cache-Control": "no-cache"}
        )

    async def health(self, _: web.Request) -> web.StreamResponse:
        """Say that the server answers."""
        return json_response({"status": "ok", "version": __version__})

    async def login(self, request: web.Request) -> web.StreamResponse:
        """Trade a token for the login cookie."""
        try:
            login = msgspec.json.decode(await request.read(), type=Login)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadRequest('the body must be {"token": "..."}') from error
        identity = self._authenticator.authenticate(login.token)
        if identity is None:
            raise web.HTTPUnauthorized(text="the token is wrong: use the URL the server printed")
        response = web.Response(status=204)
        response.set_cookie(
            COOKIE,
            self._authenticator.issue_cookie(identity),
            path=f"{self._base}/",
            httponly=True,
            secure=request.secure,
            samesite="Strict",
        )
        return response

    async def logout(self, _: web.Request) -> web.StreamResponse:
        """Take the login cookie back."""
        response = web.Response(status=204)
        response.del_cookie(COOKIE, path=f"{self._base}/")
        return response

    async def whoami(self, request: web.Request) -> web.StreamResponse:
        """Say whom the server takes the client for."""
        identity = request[IDENTITY]
        return json_response({"id": identity.id, "name": identity.name})

    async def ticket(self, request: web.Request) -> web.StreamResponse:
        """Give out a ticket, for clients that cannot send headers."""
        return json_response({"ticket": self._authenticator.issue_ticket(request[IDENTITY])})
