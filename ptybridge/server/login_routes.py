"""Logging in and out, by cookie or by bearer, asking who one is, and tickets."""

import asyncio
from collections.abc import Callable, Sequence
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
    BEARER,
    IDENTITY,
    UNREADABLE,
    authenticated,
    error_response,
    identify,
    json_response,
    login_bearer_of,
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


class TicketLogin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``POST /api/bearer`` with a ticket."""

    ticket: Secret


Login = TokenLogin | PasswordLogin | ShareLogin | TicketLogin

_BY_COOKIE: tuple[type[Login], ...] = (TokenLogin, PasswordLogin, ShareLogin)
_BY_BEARER: tuple[type[Login], ...] = (ShareLogin, TicketLogin)
_WRONG = {
    TokenLogin: "the token is wrong: use the URL that the server printed",
    PasswordLogin: "the name or the password is wrong",
    ShareLogin: "this link has been used up, revoked, or has expired",
    TicketLogin: "that ticket is no longer good",
}
_HOW = {TokenLogin: "token", PasswordLogin: "password", ShareLogin: "share", TicketLogin: "ticket"}


def _login_of(body: bytes, kinds: Sequence[type[Login]], *, wanted: str) -> Login:
    for kind in kinds:
        try:
            return msgspec.json.decode(body, type=kind)
        except UNREADABLE:
            continue
    raise BadRequest(f"the body must be {wanted}, each a text")


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
        app.router.add_post(f"{base}/api/bearer", self.bearer)
        app.router.add_post(f"{base}/api/logout", self.logout)
        app.router.add_get(f"{base}/api/whoami", authenticated(authenticator, self.whoami))
        app.router.add_post(f"{base}/api/tickets", authenticated(authenticator, self.ticket))

    async def mode(self, _: web.Request) -> web.StreamResponse:
        """Say how people show who they are, so that the page can ask for it."""
        return json_response({"mode": self._authenticator.mode})

    async def login(self, request: web.Request) -> web.StreamResponse:
        """Trade a token, a password or a share link for a new login's cookie."""
        wanted = "a token, a user and a password, or a share"
        identity = await self._let_in(request, _BY_COOKIE, wanted=wanted)
        if isinstance(identity, web.Response):
            return identity
        self._end_login(request)
        response = web.Response(status=204)
        value = self._authenticator.issue_cookie(identity)
        cookies.give(request, response, value, path=f"{self._base}/")
        return response

    async def bearer(self, request: web.Request) -> web.StreamResponse:
        """Trade a share link or a ticket for a new login whose secret the client keeps itself.

        That is for pages in frames of other sites, which browsers send no cookie of ours with. It
        neither needs nor changes the login that the same browser has by cookie.
        """
        identity = await self._let_in(request, _BY_BEARER, wanted="a share or a ticket")
        if isinstance(identity, web.Response):
            return identity
        return json_response({"bearer": BEARER + self._authenticator.issue_cookie(identity)})

    async def _let_in(
        self, request: web.Request, kinds: Sequence[type[Login]], *, wanted: str
    ) -> Identity | web.Response:
        """Whom a login lets in, or the answer to one that is wrong."""
        login = _login_of(await request.read(), kinds, wanted=wanted)
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
        return identity

    async def _identity(self, login: Login) -> Identity | None:
        match login:
            case TokenLogin(token):
                return self._authenticator.authenticate(token)
            case PasswordLogin(user, password):
                return await self._authenticator.check_password(user, password)
            case ShareLogin(share):
                return self._authenticator.redeem_share(share)
            case TicketLogin(ticket):
                return self._authenticator.redeem_ticket(ticket)

    def _end_login(self, request: web.Request) -> None:
        """End the login whose cookie came along: each has one of its own."""
        if cookie := cookies.login_cookie(request):
            self._authenticator.revoke_cookie(cookie)
            self._on_logout()

    async def logout(self, request: web.Request) -> web.StreamResponse:
        """End the login, and all connections that came by it.

        Of a bearer and a cookie it is the bearer's, as in every request.
        """
        identity = identify(request, self._authenticator)
        if identity is not None:
            note(request, "logout", identity)
        response = web.Response(status=204)
        if (bearer := login_bearer_of(request)) is not None:
            self._authenticator.revoke_cookie(bearer)
            self._on_logout()
        else:
            self._end_login(request)
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
