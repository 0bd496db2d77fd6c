"""Whose requests are heard: the rules for ``Host`` and ``Origin``, as pure functions.

A request whose ``Host`` is not the server's may come from a page whose name was pointed here (DNS
rebinding); one whose ``Origin`` is foreign comes from another site's page, which carries the
user's cookies (cross-site WebSocket hijacking, CSRF). Both are refused before anything is done.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_PORTS = {"http": 80, "https": 443}

_HOST = re.compile(
    r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\.?)(?::(?P<port>[0-9]{1,5}))?\Z"
)
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>[^/?#@\s]+)\Z")


@dataclass(frozen=True, slots=True)
class HostPort:
    """A name, in lower case, or an address without brackets, and a port."""

    name: str
    port: int


def parse_host(value: str, *, scheme: str) -> HostPort | None:
    """Read the value of a ``Host`` header (RFC 9110 section 7.2); None if it is malformed.

    >>> parse_host("LocalHost:4096", scheme="http")
    HostPort(name='localhost', port=4096)
    >>> parse_host("a@b", scheme="http") is None
    True
    """
    # Some other letters become ASCII in lower case: the sign of the kelvin is a k then.
    match = _HOST.match(value.lower()) if value.isascii() else None
    if match is None:
        return None
    name, digits = match["name"], match["port"]
    port = int(digits) if digits else _PORTS[scheme]
    if not 0 < port <= 65535:  # noqa: PLR2004 - RFC 9293 section 3.1: a port has 16 bits
        return None
    if name.startswith("["):
        try:
            name = str(ipaddress.IPv6Address(name[1:-1]))
        except ValueError:
            return None
    return HostPort(name.removesuffix("."), port)


def parse_origin(value: str) -> tuple[str, HostPort] | None:
    """Scheme and host of an ``Origin`` (RFC 6454 section 7); None for ``null`` and the rest."""
    match = _ORIGIN.match(value.lower()) if value.isascii() else None
    if match is None:
        return None
    host = parse_host(match["host"], scheme=match["scheme"])
    return None if host is None else (match["scheme"], host)


def is_loopback(name: str) -> bool:
    """Whether ``name`` can only mean this machine."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Door:
    """Decides by which names the server may be called, and from which pages.

    The server's own names are the one that it is bound to and, on a loopback address, all that
    mean loopback; bound to every address, any address in figures, which no rebinding can forge;
    and the hosts of the allowed origins, for use behind a proxy.
    """

    def __init__(
        self, *, hostname: str, port: int, allowed_origins: Iterable[str], scheme: str = "http"
    ) -> None:
        """Take the bound name and port.

        Raises:
            ValueError: An allowed origin is not one.
        """
        self._scheme = scheme
        self._port = port
        self._hostname = hostname.lower()
        self._is_wildcard = hostname in {"0.0.0.0", "::", ""}  # noqa: S104 - compared, not bound
        self._origins: set[tuple[str, HostPort]] = set()
        for origin in allowed_origins:
            parsed = parse_origin(origin)
            if parsed is None:
                raise ValueError(f"not an origin such as https://example.org: {origin}")
            self._origins.add(parsed)

    def admits_host(self, values: Sequence[str]) -> bool:
        """Whether the request's ``Host`` headers, of which there must be one, name the server."""
        return self._host(values) is not None

    @property
    def scheme(self) -> str:
        """What the server's own socket speaks: ``http`` or ``https``."""
        return self._scheme

    def _host(self, values: Sequence[str]) -> HostPort | None:
        if len(values) != 1:
            return None
        for scheme, allowed in self._origins:  # whose port may be left out by their scheme
            if parse_host(values[0], scheme=scheme) == allowed:
                return allowed
        host = parse_host(values[0], scheme=self._scheme)
        if host is None:
            return None
        return host if host.port == self._port and self._is_own(host.name) else None

    def _is_own(self, name: str) -> bool:
        if name == self._hostname:
            return True
        if self._is_wildcard:
            return is_loopback(name) or _is_address(name)
        return is_loopback(self._hostname) and is_loopback(name)

    def admits_origin(
        self, origins: Sequence[str], hosts: Sequence[str], *, scheme: str | None = None
    ) -> bool:
        """Whether a request with these ``Origin`` and ``Host`` headers may do something.

        No ``Origin`` at all means that no page is behind it. ``scheme`` is what the client spoke,
        where a proxy stands between.
        """
        if not origins:
            return True
        if len(origins) != 1:
            return False
        origin = parse_origin(origins[0])
        if origin is None:
            return False
        return origin in self._origins or origin == (scheme or self._scheme, self._host(hosts))
