"""Tickets: stand-ins for a login, good once and shortly, for clients that cannot send headers."""

import secrets
import time
from collections.abc import Callable

from ptybridge.adapters.tokens import TOKEN_BYTES, digest_of
from ptybridge.core.errors import LimitReached
from ptybridge.core.identity import Identity

MAX_TICKETS = 10_000
"""Tickets that may be outstanding at once."""


class Tickets:
    """The tickets that are outstanding, in memory: they do not outlive the server."""

    def __init__(self, *, lifetime: float, clock: Callable[[], float] = time.monotonic) -> None:
        """``lifetime`` is in seconds, as ``clock`` tells them."""
        self._lifetime = lifetime
        self._clock = clock
        self._tickets: dict[bytes, tuple[float, Identity]] = {}

    def issue(self, identity: Identity) -> str:
        """Make a ticket.

        Raises:
            LimitReached: Too many are outstanding.
        """
        now = self._clock()
        while self._tickets and next(iter(self._tickets.values()))[0] <= now:  # oldest first
            del self._tickets[next(iter(self._tickets))]
        if len(self._tickets) >= MAX_TICKETS:
            raise LimitReached("tickets", MAX_TICKETS)
        ticket = secrets.token_urlsafe(TOKEN_BYTES)
        self._tickets[digest_of(ticket)] = now + self._lifetime, identity
        return ticket

    def redeem(self, ticket: str) -> Identity | None:
        """Whose ticket this was; None if it was used, is too old, or never was one."""
        expires, identity = self._tickets.pop(digest_of(ticket), (0.0, None))
        return identity if expires > self._clock() else None
