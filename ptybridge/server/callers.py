"""Where a request really comes from: the peer of the socket, or whom a trusted proxy names.

``X-Forwarded-For``, ``-Proto`` and ``-Host`` are believed only from the proxies that the operator
trusts; from anybody else they are text that anybody can send. ``Forwarded`` (RFC 7239) is never
looked at.
"""

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from aiohttp import web

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

UNIX = "unix"
"""Address of whoever comes over the server's Unix socket."""

SECRET_HEADER = "X-Ptybridge-Secret"  # noqa: S105 - the header's name
"""Where a proxy shows that it is one, if it has to: others may have its address."""

MAX_HOPS = 32
"""Entries of ``X-Forwarded-For`` that are looked at."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request comes from.

    Attributes:
        address: The client's address, or ``unix``.
        scheme: ``http`` or ``https``, as the client spoke it.
        hosts: The values of ``Host``, or the one of ``X-Forwarded-Host``.
        is_proxied: A trusted proxy brought it; its word may be taken.
    """

    address: str
    scheme: str
    hosts: tuple[str, ...]
    is_proxied: bool = False

    @property
    def is_secure(self) -> bool:
        """Whether nobody on the way can read what the client sends."""
        return self.scheme == "https"

    @property
    def is_local(self) -> bool:
        """Whether the client is on this machine, as far as is known."""
        address = parse_address(self.address)
        return self.address == UNIX or (address is not None and address.is_loopback)


CALLER = web.RequestKey("caller", Caller)
"""Where a request comes from; set before everything else looks at it."""


def parse_address(text: str) -> Address | None:
    """Read an address as proxies write it: bare, in brackets, or with a port."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    # An IPv4 client of a socket that takes both families (RFC 4291 section 2.5.5.2).
    mapped = getattr(address, "ipv4_mapped", None)
    return address if mapped is None else mapped


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse_network(text: str) -> Network:
    """Read an address, or a network in CIDR notation.

    Raises:
        ValueError: It is neither; the text names it.
    """
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"{text} is no address, network, or unix") from error


class TrustedProxies:
    """The proxies whose word is taken for who a client is."""

    def __init__(
        self, entries: Iterable[str], *, is_secret: Callable[[str], bool] | None = None
    ) -> None:
        """Take who they are.

        Args:
            entries: Addresses, networks in CIDR notation, and ``unix`` for the Unix socket.
            is_secret: Whether that is the secret that they show, too; None: they need none.

        Raises:
            ValueError: An entry is none of these; the text names it.
        """
        entries = tuple(entries)
        self._is_secret = is_secret
        self._trusts_unix = UNIX in entries
        self._networks = [parse_network(entry) for entry in entries if entry != UNIX]

    def __bool__(self) -> bool:
        return bool(self._networks) or self._trusts_unix

    def trusts(self, address: str) -> bool:
        """Whether whoever has that address is a trusted proxy."""
        if address == UNIX:
            return self._trusts_unix
        if not self._networks:
            return False
        parsed = parse_address(address)
        return parsed is not None and any(parsed in network for network in self._networks)

    def client_of(self, peer: str, forwarded: Sequence[str]) -> str:
        """Who is behind the peer: the last address that is no trusted proxy's.

        Each proxy appends whom it has heard the request from, so the list is read from its end
        and believed as far as trusted proxies wrote it.
        """
        hops = [hop.strip() for line in forwarded for hop in line.split(",")][-MAX_HOPS:]
        client = peer
        for hop in reversed(hops):
            if not self.trusts(client):
                break
            address = parse_address(hop)
            if address is None:
                break
            client = str(address)
        return client

    def _shows_secret(self, request: web.BaseRequest) -> bool:
        """Whether a request shows the secret, where there is one."""
        if self._is_secret is None:
            return True
        shown = request.headers.getall(SECRET_HEADER, [])
        return len(shown) == 1 and self._is_secret(shown[0])

    def caller(self, request: web.BaseRequest, *, scheme: str) -> Caller:
        """Where a request comes from; ``scheme`` is what the server's own socket speaks."""
        hosts = tuple(request.headers.getall("Host", []))
        peer = peer_of(request)
        if not self.trusts(peer) or not self._shows_secret(request):
            return Caller(peer, scheme, hosts)
        headers = request.headers
        # Of several values, the nearest proxy's is the last.
        proto = _last(headers.getall("X-Forwarded-Proto", [])).lower()
        host = _last(headers.getall("X-Forwarded-Host", []))
        return Caller(
            self.client_of(peer, headers.getall("X-Forwarded-For", [])),
            proto if proto in {"http", "https"} else scheme,
            (host,) if host and len(hosts) == 1 else hosts,
            is_proxied=True,
        )


def _last(values: Sequence[str]) -> str:
    return values[-1].rpartition(",")[2].strip() if values else ""


def peer_of(request: web.BaseRequest) -> str:
    """The address at the other end of the socket."""
    transport = request.transport
    peer = None if transport is None else transport.get_extra_info("peername")
    if not isinstance(peer, tuple):
        return UNIX
    address = parse_address(str(peer[0]).partition("%")[0])
    return str(address) if address is not None else str(peer[0])
