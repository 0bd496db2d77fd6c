"""Takes back what people were let in for: on connections that are open, within a second.

A login that ended or ran out, a token that was replaced, a user who was removed or demoted, a
share link that was revoked: each is looked for twice a second, and at once when this server itself
is told.
"""

import asyncio
from collections.abc import Callable, Iterator

import structlog

from ptybridge.core.access import Access
from ptybridge.core.ports import Audit, Authenticator
from ptybridge.core.viewer import Viewer
from ptybridge.server.connection import Connection
from ptybridge.server.pool import ConnectionPool
from ptybridge.wire.codes import CloseCode

PERIOD = 0.5
"""Seconds between two looks."""

LOOKS_A_TURN = 128
"""Connections, or identities, that are looked at in one turn of the loop: half a millisecond."""

_log = structlog.get_logger(__name__)


class Revoker:
    """Looks whether everybody who is connected still belongs there."""

    def __init__(
        self,
        pool: ConnectionPool,
        *,
        authenticator: Authenticator,
        access: Access,
        audit: Audit,
        also: Callable[[], None] = lambda: None,
    ) -> None:
        """``also`` is called at each look, for what is no connection of the pool."""
        self._pool = pool
        self._also = also
        self._authenticator = authenticator
        self._access = access
        self._audit = audit

    async def run(self) -> None:
        """Look until cancelled, and let others have their turn every now and then."""
        while True:
            await asyncio.sleep(PERIOD)
            try:
                for count, _ in enumerate(self._looks()):
                    if count % LOOKS_A_TURN == LOOKS_A_TURN - 1:
                        await asyncio.sleep(0)
            except Exception:
                _log.exception("rights could not be looked at")

    def sweep(self) -> None:
        """Look at every connection now."""
        for _ in self._looks():
            pass

    def _looks(self) -> Iterator[None]:
        """Look at one after the other: what all have in common once, for whoever shares it."""
        self._authenticator.refresh()
        self._also()
        for party in self._pool.parties():
            yield
            identity = self._authenticator.standing(party.identity)
            is_unchanged = identity == party.identity
            has_all = identity is not None and self._access.owns_all(identity)
            if is_unchanged and has_all:
                continue  # there is nothing that they could have lost
            connections = tuple(party.connections)
            if identity is not None and not is_unchanged:
                self._pool.identify(party, identity)
                for connection in connections:
                    self._tell_role(connection)
            if has_all:
                continue
            look = self._cut if identity is None else self._look_at
            for connection in connections:
                if connection in self._pool:  # it may have gone meanwhile
                    look(connection)
                yield

    def _tell_role(self, connection: Connection) -> None:
        """Let the members of the sessions that somebody follows know what they are there now."""
        for subscription in connection.subscriptions.values():
            role = self._access.role(connection.identity, subscription.session.id)
            if role is not None:  # else they are about to leave
                subscription.session.change_role(connection.identity, role)

    def _look_at(self, connection: Connection) -> None:
        """Look at what a connection takes part in."""
        identity = connection.identity
        for viewer in tuple(connection.viewers.values()):
            if not self._is_still_viewer(connection, viewer):
                self._cut(connection)
                return
        for session_id in connection.subscriptions:
            if self._access.role(identity, session_id) is None:
                self._cut(connection)
                return
        session = connection.session
        if session is not None and self._access.role(identity, session.id) is None:
            self._cut(connection)

    def _is_still_viewer(self, connection: Connection, viewer: Viewer) -> bool:
        """Whether somebody may still view what they view; demoted where they may do less."""
        terminal = viewer.terminal
        role = self._access.role(connection.identity, terminal.session_id)
        if role is None:
            return False
        if role < viewer.highest_role:
            viewer.limit(role)
            self._note(connection, "role", session=terminal.session_id, role=role.label)
        return True

    def _cut(self, connection: Connection) -> None:
        is_guest = connection.identity.session is not None
        code = CloseCode.REMOVED if is_guest else CloseCode.DENIED
        self._note(connection, "removed")
        connection.cut(code, "you are not let in any more")
        self._pool.discard(connection)

    def _note(self, connection: Connection, event: str, **facts: str | int | None) -> None:
        address = connection.address or None
        self._audit.record(event, who=connection.identity.id, address=address, **facts)
