"""The connection pool: who is connected, within limits."""

from collections import Counter
from collections.abc import Iterator

from ptybridge.core.errors import LimitReached
from ptybridge.core.values import ConnectionId, Role
from ptybridge.server.connection import Connection
from ptybridge.wire.codes import CloseCode


class ConnectionPool:
    """All open connections, whatever carries them and whatever they are used for."""

    def __init__(self, *, limit: int, per_user: int) -> None:
        """At most ``limit`` in all, and ``per_user`` of one who does not own the server."""
        self._limit = limit
        self._per_user = per_user
        self._connections: dict[ConnectionId, Connection] = {}
        self._accounts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._connections)

    def __contains__(self, connection: Connection) -> bool:
        return connection.id in self._connections

    def __iter__(self) -> Iterator[Connection]:
        """Those that are connected now; some may leave during the iteration."""
        return iter(tuple(self._connections.values()))

    def get(self, connection_id: ConnectionId) -> Connection | None:
        """The connection of that name; None when there is none."""
        return self._connections.get(connection_id)

    def add(self, connection: Connection) -> None:
        """Take a connection in.

        Raises:
            LimitReached: The pool is full, or its user has their share of it.
        """
        if len(self._connections) >= self._limit:
            raise LimitReached("connections", self._limit)
        identity = connection.identity
        is_owner = identity.role is Role.OWNER and identity.session is None
        if not is_owner and self._accounts[identity.account] >= self._per_user:
            raise LimitReached("connections of one user", self._per_user)
        self._connections[connection.id] = connection
        self._accounts[identity.account] += 1

    def discard(self, connection: Connection) -> None:
        """Let a connection go. Idempotent."""
        if self._connections.pop(connection.id, None) is not None:
            account = connection.identity.account
            self._accounts[account] -= 1
            if not self._accounts[account]:
                del self._accounts[account]

    def close_all(self, code: CloseCode, reason: str) -> None:
        """End every connection, saying why."""
        for connection in self:
            connection.close(code, reason)
