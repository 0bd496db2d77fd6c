"""Logging in and out, asking who one is, and tickets."""

import asyncio
from collections.abc import Callable
from typing import Annotated

import msgspec
from aiohttp import web

from ptybridge.core.access import home_session
from ptybridge.core.errors import BadRequest
from ptybridge.core.identity import Identity
from ptybridge.core.ports import Authenticator
from ptybridge.server import cookies
from ptybridge.server.audited import note
from ptybridge.server.callers import CALLER
from ptybridge.server.middlewares import (
    IDENTITY,
    authenticated,
    error_response,
    identify,
    json_response,
)
from ptybridge.server.throttle import THROTTLE

Secret = Annotated[str, msgspec.Meta(max_length=1024)]


class TokenLogin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``POST /api/login`` with the server's token."""

    token: Secret


class PasswordLogin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``POST /api/login`` with a name and a password."""

    user: Secret
    password: Secret


class ShareLogin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``POST /api/login`` with a share link's secret."""

    share: Secret


Login = TokenLogin | PasswordLogin | ShareLogin

_DECODERS: tuple[msgspec.json.Decoder[Login], ...] = (
    msgspec.json.Decoder(TokenLogin),
    msgspec.json.Decoder(PasswordLogin),
    msgspec.json.Decoder(ShareLogin),
)
_WRONG = {
    TokenLogin: "the token is wrong: use the URL that the server printed",
    PasswordLogin: "the name or the password is wrong",
    ShareLogin: "this link has been used up, revoked, or has expired",
}
_HOW = {TokenLogin: "token", PasswordLogin: "password", ShareLogin: "share"}


def _login_of(body: bytes) -> Login:
    for decoder in _DECODERS:
        try:
            return decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    raise BadRequest("the body must be a token, a user and a password, or a share, each a text")


class LoginRoutes:
    """The handlers and what they need."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        base: str,
        transport: str,
        on_logout: Callable[[], None],
    ) -> None:
        """Take what the handlers need.

        Args:
            authenticator: Knows who is asking.
            base: The path below which all routes lie: empty, or beginning with a slash.
            transport: What clients that choose by themselves use first.
            on_logout: Called when a login has ended, and its connections have to.
        """
        self._authenticator = authenticator
        self._base = base
        self._on_logout = on_logout
        self._transport = transport

    def add_to(self, app: web.Application) -> None:
        """Add all routes."""
        base, authenticator = self._base, self._authenticator
        app.router.add_get(f"{base}/api/auth", self.mode)
        app.router.add_post(f"{base}/api/login", self.login)
        app.router.add_post(f"{base}/api/logout", self.logout)
        app.router.add_get(f"{base}/api/whoami", authenticated(authenticator, self.whoami))
        app.router.add_post(f"{base}/api/tickets", authenticated(authenticator, self.ticket))

    async def mode(self, _: web.Request) -> web.StreamResponse:
        """Say how people show who they are, so that the page can ask for it."""
        return json_response({"mode": self._authenticator.mode})

    async def login(self, request: web.Request) -> web.StreamResponse:
        """Trade a token, a password or a share link for a new login's cookie."""
        login = _login_of(await request.read())
        how, address = _HOW[type(login)], request[CALLER].address
        throttle = request.config_dict[THROTTLE]
        with throttle.attempt(address) as attempt:
            identity = await self._identity(login)
            attempt.is_right = identity is not None
        if identity is None:
            note(request, "login.refused", None, how=how)
            await asyncio.sleep(throttle.delay(address))
            return error_response(401, "denied", _WRONG[type(login)])
        note(request, "login", identity, how=how, session=identity.session)
        self._end_login(request)
        response = web.Response(status=204)
        value = self._authenticator.issue_cookie(identity)
        cookies.give(request, response, value, path=f"{self._base}/")
        return response

    async def _identity(self, login: Login) -> Identity | None:
        match login:
            case TokenLogin(token):
                return self._authenticator.authenticate(token)
            case PasswordLogin(user, password):
                return await self._authenticator.check_password(user, password)
            case ShareLogin(share):
                return self._authenticator.redeem_share(share)

    def _end_login(self, request: web.Request) -> None:
        """End the login whose cookie came along: each has one of its own."""
        if cookie := cookies.login_cookie(request):
            self._authenticator.revoke_cookie(cookie)
            self._on_logout()

    async def logout(self, request: web.Request) -> web.StreamResponse:
        """End the login, and all connections that came by it."""
        identity = identify(request, self._authenticator)
        if identity is not None:
            note(request, "logout", identity)
        self._end_login(request)
        response = web.Response(status=204)
        cookies.take_back(request, response, path=f"{self._base}/")
        return response

    async def whoami(self, request: web.Request) -> web.StreamResponse:
        """Say whom the server takes the client for, and where it is at home."""
        identity = request[IDENTITY]
        return json_response(
            {
                "id": identity.id,
                "name": identity.name,
                "session": home_session(identity),
                "transport": self._transport,
            }
        )

    async def ticket(self, request: web.Request) -> web.StreamResponse:
        """Give out a ticket, for clients that cannot send headers."""
        return json_response({"ticket": self._authenticator.issue_ticket(request[IDENTITY])})
