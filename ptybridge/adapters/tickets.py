"""Tickets: stand-ins for a login, good once and shortly, for clients that cannot send headers."""

import secrets
import time
from collections import Counter
from collections.abc import Callable

from ptybridge.adapters.tokens import TOKEN_BYTES, digest_of
from ptybridge.core.errors import LimitReached
from ptybridge.core.identity import Identity
from ptybridge.core.values import Role

MAX_TICKETS = 10_000
"""Tickets that may be outstanding at once."""

MAX_TICKETS_OF_ONE = 1_000
"""Of them, those of one who does not own the server, or by one share link."""


class Tickets:
    """The tickets that are outstanding, in memory: they do not outlive the server."""

    def __init__(self, *, lifetime: float, clock: Callable[[], float] = time.monotonic) -> None:
        """``lifetime`` is in seconds, as ``clock`` tells them."""
        self._lifetime = lifetime
        self._clock = clock
        self._tickets: dict[bytes, tuple[float, Identity]] = {}
        self._accounts: Counter[str] = Counter()

    def issue(self, identity: Identity) -> str:
        """Make a ticket.

        Raises:
            LimitReached: Too many are outstanding.
        """
        now = self._clock()
        while self._tickets and next(iter(self._tickets.values()))[0] <= now:  # oldest first
            self._take(next(iter(self._tickets)))
        is_owner = identity.role is Role.OWNER and identity.session is None
        if not is_owner and self._accounts[identity.account] >= MAX_TICKETS_OF_ONE:
            raise LimitReached("tickets of one user", MAX_TICKETS_OF_ONE)
        if len(self._tickets) >= MAX_TICKETS:
            raise LimitReached("tickets", MAX_TICKETS)
        ticket = secrets.token_urlsafe(TOKEN_BYTES)
        self._tickets[digest_of(ticket)] = now + self._lifetime, identity
        self._accounts[identity.account] += 1
        return ticket

    def redeem(self, ticket: str) -> Identity | None:
        """Whose ticket this was; None if it was used, is too old, or never was one."""
        expires, identity = self._take(digest_of(ticket))
        return identity if expires > self._clock() else None

    def _take(self, digest: bytes) -> tuple[float, Identity | None]:
        """Take a ticket out: when it expires, and whose it is; None if there is none."""
        found = self._tickets.pop(digest, None)
        if found is None:
            return 0.0, None
        account = found[1].account
        self._accounts[account] -= 1
        if not self._accounts[account]:
            del self._accounts[account]
        return found
