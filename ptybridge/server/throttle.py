"""Wrong logins, counted by address: so many a minute, then none at all, not even right ones."""

import ipaddress
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from aiohttp import web

from ptybridge.core.errors import LimitReached

WINDOW = 60.0
"""Seconds over which wrong logins are counted."""

MAX_ADDRESSES = 20_000
"""Addresses that are remembered; the one that failed longest ago gives way."""

SLOWEST = 1.0
"""Most seconds that the answer to a wrong login is held back."""

_FIRST_DELAY = 0.05
_DOUBLINGS = 10
_IPV6_SITE = 64
"""Bits of an IPv6 address that a provider gives away at the least (RFC 6177): a client has all
addresses that begin with them."""


class TooManyAttempts(LimitReached):
    """An address has shown too many wrong logins.

    Attributes:
        retry_after: Seconds until it may try again.
    """

    def __init__(self, limit: int, retry_after: float) -> None:
        super().__init__("wrong logins a minute", limit)
        self.retry_after = retry_after


def site_of(address: str) -> str:
    """What is counted as one: an IPv4 address, an IPv6 network of 64 bits, or any other text."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    return str(ipaddress.ip_network((int(parsed) >> _IPV6_SITE << _IPV6_SITE, _IPV6_SITE)))


@dataclass(slots=True)
class Attempt:
    """One login being tried; it counts as wrong until it is known to be right."""

    is_right: bool = False


class Throttle:
    """Refuses whoever has guessed too often.

    Attributes:
        wrong: Logins that were wrong, or refused unseen, since the start.
    """

    def __init__(self, *, limit: int, time: Callable[[], float]) -> None:
        """``limit`` wrong logins a minute; ``time`` tells seconds since any moment."""
        self._limit = limit
        self._time = time
        self._failures: dict[str, list[float]] = {}
        self.wrong = 0

    @contextmanager
    def attempt(self, address: str) -> Iterator[Attempt]:
        """Let an address try once; many at the same time count as many.

        Raises:
            TooManyAttempts: It has been wrong too often.
        """
        site, now = site_of(address), self._time()
        failures = self._recent(site)
        if len(failures) >= self._limit:
            self.wrong += 1
            raise TooManyAttempts(self._limit, failures[-self._limit] + WINDOW - now)
        failures.append(now)
        self._failures.pop(site, None)  # to the end: the order is that of the last attempt
        self._failures[site] = failures
        if len(self._failures) > MAX_ADDRESSES:
            del self._failures[next(iter(self._failures))]
        attempt = Attempt()
        try:
            yield attempt
        finally:
            if attempt.is_right:
                self._forgive(site, now)
            else:
                self.wrong += 1

    def _forgive(self, site: str, moment: float) -> None:
        failures = self._failures.get(site, [])
        if moment in failures:
            failures.remove(moment)
        if not failures:
            self._failures.pop(site, None)

    def delay(self, address: str) -> float:
        """For how many seconds to hold the answer to a wrong login back: twice as long each."""
        count = len(self._recent(site_of(address)))
        return min(SLOWEST, _FIRST_DELAY * 2 ** min(count - 1, _DOUBLINGS)) if count else 0.0

    def _recent(self, site: str) -> list[float]:
        since = self._time() - WINDOW
        return [moment for moment in self._failures.get(site, ()) if moment > since]


THROTTLE = web.AppKey("throttle", Throttle)
