"""The login cookie: its name, and what browsers are told to do with it."""

from aiohttp import web

from ptybridge.server.callers import CALLER

COOKIE = "ptybridge"
"""Name of the login cookie where nothing is encrypted, as on a loopback address."""

SECURE_COOKIE = "__Host-ptybridge"
"""Its name under TLS: browsers take it only over TLS, for all paths, from this very host
(RFC 6265bis section 4.1.3.2), so that no neighbour can plant one."""


def login_cookie(request: web.Request) -> str | None:
    """The login cookie that came with a request; under TLS the plain one does not count."""
    return request.cookies.get(SECURE_COOKIE if request[CALLER].is_secure else COOKIE)


def give(request: web.Request, response: web.Response, value: str, *, path: str) -> None:
    """Have the browser keep a login cookie until it is closed or told otherwise."""
    is_secure = request[CALLER].is_secure
    response.set_cookie(
        SECURE_COOKIE if is_secure else COOKIE,
        value,
        path="/" if is_secure else path,
        httponly=True,
        secure=is_secure,
        samesite="Strict",
    )


def take_back(request: web.Request, response: web.Response, *, path: str) -> None:
    """Have the browser forget it."""
    is_secure = request[CALLER].is_secure
    response.del_cookie(
        SECURE_COOKIE if is_secure else COOKIE,
        path="/" if is_secure else path,
        httponly=True,
        secure=is_secure,
        samesite="Strict",
    )
