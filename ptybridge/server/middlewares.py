"""What every HTTP request passes: the door, who is asking, errors as JSON, headers that harden."""

import asyncio
import math

import msgspec
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from ptybridge.core.errors import (
    AlreadyExists,
    BadRequest,
    Conflict,
    Denied,
    LimitReached,
    NoSpace,
    NotFound,
    RequestError,
    TooLarge,
    Unavailable,
)
from ptybridge.core.identity import AuthMode, Identity
from ptybridge.core.ports import Authenticator
from ptybridge.server.audited import note
from ptybridge.server.callers import CALLER, Caller, TrustedProxies
from ptybridge.server.cookies import login_cookie
from ptybridge.server.door import Door
from ptybridge.server.refusals import REFUSALS
from ptybridge.server.throttle import THROTTLE, TooManyAttempts

_log = structlog.get_logger(__name__)

IDENTITY = web.RequestKey("identity", Identity)
"""Who is asking, on requests that passed ``authenticated``."""

PROXY_HEADER = web.AppKey("proxy_header", str)
"""The header in which a trusted proxy names the user, in mode ``proxy``."""

_STATUS: dict[type[RequestError], int] = {
    BadRequest: 400,
    Denied: 403,
    NotFound: 404,
    Conflict: 409,
    AlreadyExists: 409,
    TooLarge: 413,
    LimitReached: 429,
    Unavailable: 503,
    NoSpace: 507,
}

_LOG_IN: dict[AuthMode, str] = {
    "token": "log in first: open the URL that the server printed",
    "password": "log in first, with your name and password",
    "proxy": "the proxy in front of this server did not say who you are",
    "none": "that ticket is no longer good",
}

_CLIENT_HAS_GONE = 499
"""What is noted of a request whose answer nobody waits for any more; no client ever sees it."""

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What reading a body raises that is not what it should be; the last when it is nested too deep."""

STREAMED = "streamed"
"""Name of the route whose handler reads the body as it comes, which is a piece of a file."""

PAGE = "page"
"""Begins the names of the routes that any site may lead to: they only show the page."""


_NO_FRAME = "frame-ancestors 'none'"


def content_policy(ancestors: str = "'none'") -> str:
    """The Content-Security-Policy of a response that ``ancestors`` may show in a frame.

    xterm.js writes <style> elements and style attributes, hence 'unsafe-inline' for styles; its
    decoder of images is WebAssembly, which is no way to run a script.
    """
    return (
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; "
        "style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; "
        "worker-src 'self'; base-uri 'self'; form-action 'none'; "
        f"frame-ancestors {ancestors}"
    )


SECURITY_HEADERS = {
    "Content-Security-Policy": content_policy(),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def json_response(value: object, *, status: int = 200) -> web.Response:
    """A JSON response that no cache keeps."""
    return web.Response(
        body=msgspec.json.encode(value),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def error_response(status: int, code: str, message: str) -> web.Response:
    """An error in the form that JSON messages have."""
    return json_response({"error": {"code": code, "message": message}}, status=status)


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what a handler raises into a status and a JSON body; our own faults tell nothing."""
    try:
        return await handler(request)
    except TooManyAttempts as error:
        _note_refusal(request, "login.refused", "too many attempts")
        response = error_response(429, error.code, str(error))
        response.headers["Retry-After"] = str(math.ceil(error.retry_after))
        return response
    except RequestError as error:
        return error_response(_STATUS.get(type(error), 400), error.code, str(error))
    except web.HTTPException as error:
        if error.status < 400:  # noqa: PLR2004 - redirections are no errors
            raise
        response = error_response(error.status, "http", error.text or error.reason)
        for name in ("Allow", "Sec-WebSocket-Version", "Upgrade"):
            if name in error.headers:
                response.headers[name] = error.headers[name]
        return response
    except ConnectionError:  # whoever asked has gone; to aiohttp it would be a fault of ours
        return web.Response(status=_CLIENT_HAS_GONE)
    except Exception:
        _log.exception("a request failed", path=request.path, method=request.method)
        return error_response(500, "internal", "internal error")


def at_the_door(door: Door, *, proxies: TrustedProxies, patience: float) -> Middleware:
    """Refuse requests that are meant for another host or come from another site's page.

    Args:
        door: The rules.
        proxies: Whose word is taken for where a request comes from.
        patience: Seconds that a client may take to send a body.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        caller = proxies.caller(request, scheme=door.scheme)
        request[CALLER] = caller
        # A target in absolute form (RFC 9112 section 3.2.2) names a host of its own.
        if not request.raw_path.startswith("/") or not door.admits_host(caller.hosts):
            _note_refusal(request, "request.refused", "host")
            return error_response(421, "denied", "this server does not answer to that host")
        if not _is_page(request) and not _is_from_here(request, door, caller):
            _note_refusal(request, "request.refused", "origin")
            return error_response(
                403, "denied", "requests from that origin are not allowed (auth.allowedOrigins)"
            )
        if request.match_info.route.name == STREAMED:
            return await _streamed(request, handler)
        # No page of another site can send DELETE without being asked for its origin first.
        says_what = request.method == "DELETE" and not request.body_exists
        if (
            request.method not in _SAFE_METHODS
            and request.content_type != "application/json"
            and not says_what
        ):
            return error_response(415, "bad-message", "the body must be application/json")
        try:
            async with asyncio.timeout(patience):
                await request.read()
        except TimeoutError:
            response = error_response(408, "bad-message", "the body did not come in time")
            response.force_close()
            return response
        return await handler(request)

    return check


def _note_refusal(request: web.Request, event: str, reason: str) -> None:
    """Write a refusal down, as long as that is news."""
    request.config_dict[REFUSALS].note(event, address=request[CALLER].address, reason=reason)


async def _streamed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a piece of a file through, which its handler reads as it comes.

    No page of another site can send PATCH, nor bytes of that type, without being asked for its
    origin first (Fetch standard, "CORS-safelisted"), and this server never allows one.
    """
    if request.content_type != "application/octet-stream":
        return error_response(415, "bad-message", "the body must be application/octet-stream")
    return await handler(request)


def _is_page(request: web.Request) -> bool:
    """Whether the page itself is asked for, which any site may lead to and which does nothing."""
    is_read = request.method in _SAFE_METHODS and "Upgrade" not in request.headers
    return is_read and (request.match_info.route.name or "").startswith(PAGE)


def _is_from_here(request: web.Request, door: Door, caller: Caller) -> bool:
    """Whether the page behind a request, if there is one, may make it.

    Browsers say so by ``Origin`` and, where they leave that out, as for images, by
    ``Sec-Fetch-Site`` (Fetch Metadata Request Headers, section 2.3); to them a page on another
    port of this machine is ``same-site``. Without either no browser is behind it.
    """
    if origins := request.headers.getall("Origin", []):
        return door.admits_origin(origins, caller.hosts, scheme=caller.scheme)
    return request.headers.get("Sec-Fetch-Site", "none") in {"none", "same-origin"}


BEARER = "login."
"""Begins the bearers that stand for logins: no such is a guess at the server's token."""


def bearer_of(request: web.Request) -> str | None:
    """What a request shows as ``Authorization: Bearer`` (RFC 6750 section 2.1), if it does."""
    authorizations = request.headers.getall("Authorization", [])
    scheme, _, shown = authorizations[0].partition(" ") if len(authorizations) == 1 else ("",) * 3
    return shown.strip() if scheme.lower() == "bearer" else None


def login_bearer_of(request: web.Request) -> str | None:
    """The secret of a login that a request shows as a bearer, if it does."""
    bearer = bearer_of(request) or ""
    return bearer.removeprefix(BEARER) if bearer.startswith(BEARER) else None


def identify(request: web.Request, authenticator: Authenticator) -> Identity | None:
    """Who is asking: by bearer token, ticket, login cookie, proxy (docs/wire.md section 7).

    A bearer is the server's token or the secret of a login that its client keeps itself; with
    one of these nothing else counts, so that who shows it is never taken for somebody else. Whom
    a proxy has named is known through a proxy only: else a login by ticket would go on beside it,
    and the proxy would not be asked any more.

    Raises:
        TooManyAttempts: Too many tokens from that address were wrong.
    """
    identity = _shown(request, authenticator)
    is_past_the_proxy = (
        identity is not None and identity.is_vouched and not request[CALLER].is_proxied
    )
    return None if is_past_the_proxy else identity


def _shown(request: web.Request, authenticator: Authenticator) -> Identity | None:
    """Who is asking, by what the request shows."""
    if (secret := login_bearer_of(request)) is not None:
        return authenticator.check_cookie(secret)
    if "Authorization" in request.headers and authenticator.mode == "token":
        if (bearer := bearer_of(request)) is None:
            return None
        with request.config_dict[THROTTLE].attempt(request[CALLER].address) as attempt:
            identity = authenticator.authenticate(bearer)
            attempt.is_right = identity is not None
            return identity
    if "ticket" in request.query:
        return authenticator.redeem_ticket(request.query["ticket"])
    cookie = login_cookie(request)
    identity = None if cookie is None else authenticator.check_cookie(cookie)
    if identity is None and request[CALLER].is_proxied:
        names = request.headers.getall(request.config_dict[PROXY_HEADER], [])
        identity = authenticator.vouched(names[0].strip()) if len(names) == 1 else None
    return authenticator.anybody() if identity is None else identity


def authenticated(authenticator: Authenticator, handler: Handler) -> Handler:
    """Let only known identities through to ``handler``."""

    async def check(request: web.Request) -> web.StreamResponse:
        identity = identify(request, authenticator)
        if identity is None:
            return await refusal_of_strangers(request, authenticator)
        request[IDENTITY] = identity
        return await handler(request)

    return check


async def refusal_of_strangers(
    request: web.Request, authenticator: Authenticator
) -> web.StreamResponse:
    """The answer to who is not known; to who has guessed, it comes late."""
    if "Authorization" in request.headers and login_bearer_of(request) is None:
        note(request, "login.refused", None, how="token")
        await asyncio.sleep(request.config_dict[THROTTLE].delay(request[CALLER].address))
    response = error_response(401, "denied", _LOG_IN[authenticator.mode])
    response.headers["WWW-Authenticate"] = "Bearer"
    return response


async def harden(_: web.Request, response: web.StreamResponse) -> None:
    """Add the headers that confine pages to this server; a response-prepare signal.

    A handler may have given a policy of its own, and have said there whose frames may show it, of
    which ``X-Frame-Options`` would be the opposite.
    """
    response.headers.setdefault("Cache-Control", "no-cache")
    policy = response.headers.setdefault("Content-Security-Policy", content_policy())
    for name, value in SECURITY_HEADERS.items():
        if name != "X-Frame-Options" or _NO_FRAME in policy:
            response.headers.setdefault(name, value)
