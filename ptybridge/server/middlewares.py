"""What every HTTP request passes: the door, who is asking, errors as JSON, headers that harden."""

import msgspec
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from ptybridge.core.errors import (
    BadRequest,
    Conflict,
    Denied,
    LimitReached,
    NotFound,
    RequestError,
    Unavailable,
)
from ptybridge.core.identity import Identity
from ptybridge.core.ports import Authenticator
from ptybridge.server.door import Door

_log = structlog.get_logger(__name__)

IDENTITY = web.RequestKey("identity", Identity)
"""Who is asking, on requests that passed ``authenticated``."""

COOKIE = "ptybridge"
"""Name of the login cookie."""

_STATUS: dict[type[RequestError], int] = {
    BadRequest: 400,
    Denied: 403,
    NotFound: 404,
    Conflict: 409,
    LimitReached: 429,
    Unavailable: 503,
}

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

SECURITY_HEADERS = {
    # xterm.js writes <style> elements and style attributes, hence 'unsafe-inline' for styles.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; "
        "base-uri 'self'; form-action 'none'; frame-ancestors 'none'"
    ),
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
    except ConnectionError:
        raise
    except Exception:
        _log.exception("a request failed", path=request.path, method=request.method)
        return error_response(500, "internal", "internal error")


def at_the_door(door: Door) -> Middleware:
    """Refuse requests that are meant for another host or come from another site's page."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        hosts = request.headers.getall("Host", [])
        # A target in absolute form (RFC 9112 section 3.2.2) names a host of its own.
        if not request.raw_path.startswith("/") or not door.admits_host(hosts):
            return error_response(421, "denied", "this server does not answer to that host")
        asks_for_change = request.method not in _SAFE_METHODS or "Upgrade" in request.headers
        origins = request.headers.getall("Origin", [])
        if asks_for_change and not door.admits_origin(origins, hosts):
            return error_response(
                403, "denied", "requests from that origin are not allowed (auth.allowedOrigins)"
            )
        # No page of another site can send DELETE without being asked for its origin first.
        says_what = request.method == "DELETE" and not request.body_exists
        if (
            request.method not in _SAFE_METHODS
            and request.content_type != "application/json"
            and not says_what
        ):
            return error_response(415, "bad-message", "the body must be application/json")
        return await handler(request)

    return check


def identify(request: web.Request, authenticator: Authenticator) -> Identity | None:
    """Who is asking: by bearer token, login cookie, or ticket (docs/wire.md section 7)."""
    authorizations = request.headers.getall("Authorization", [])
    if authorizations:
        scheme, _, token = authorizations[0].partition(" ")
        if len(authorizations) != 1 or scheme.lower() != "bearer":
            return None
        return authenticator.authenticate(token.strip())
    if "ticket" in request.query:
        return authenticator.redeem_ticket(request.query["ticket"])
    cookie = request.cookies.get(COOKIE)
    return None if cookie is None else authenticator.check_cookie(cookie)


def authenticated(authenticator: Authenticator, handler: Handler) -> Handler:
    """Let only known identities through to ``handler``."""

    async def check(request: web.Request) -> web.StreamResponse:
        identity = identify(request, authenticator)
        if identity is None:
            response = error_response(
                401, "denied", "log in first: open the URL that the server printed"
            )
            response.headers["WWW-Authenticate"] = "Bearer"
            return response
        request[IDENTITY] = identity
        return await handler(request)

    return check


async def harden(_: web.Request, response: web.StreamResponse) -> None:
    """Add the headers that confine pages to this server; a response-prepare signal.

    Browsers ask each time whether a file has changed, so that a page is never made of the files
    of two versions.
    """
    response.headers.setdefault("Cache-Control", "no-cache")
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
