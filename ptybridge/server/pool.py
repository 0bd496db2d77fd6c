"""The connection pool: who is connected, within limits."""

from collections.abc import Iterator

from ptybridge.core.errors import LimitReached
from ptybridge.core.values import ConnectionId
from ptybridge.server.connection import Connection
from ptybridge.wire.codes import CloseCode


class ConnectionPool:
    """All open connections, whatever carries them and whatever they are used for."""

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._connections: dict[ConnectionId, Connection] = {}

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
            LimitReached: The pool is full.
        """
        if len(self._connections) >= self._limit:
            raise LimitReached("connections", self._limit)
        self._connections[connection.id] = connection

    def discard(self, connection: Connection) -> None:
        """Let a connection go. Idempotent."""
        self._connections.pop(connection.id, None)

    def close_all(self, code: CloseCode, reason: str) -> None:
        """End every connection, saying why."""
        for connection in self:
            connection.close(code, reason)
