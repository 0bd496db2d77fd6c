"""The connection pool: who is connected, within limits."""

from collections import Counter
from collections.abc import Iterator

from ptybridge.core.errors import LimitReached
from ptybridge.core.identity import Identity
from ptybridge.core.values import ConnectionId, Role
from ptybridge.server.connection import Connection
from ptybridge.wire.codes import CloseCode


class Party:
    """The connections of one identity: of one person by one login, or of all with one token.

    Attributes:
        identity: Who they are and what they were let in for; all connections share it.
        connections: Their connections.
    """

    __slots__ = ("connections", "identity")

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.connections: set[Connection] = set()


class ConnectionPool:
    """All open connections, whatever carries them and whatever they are used for.

    Attributes:
        opened: How many there were since the start.
    """

    def __init__(self, *, limit: int, per_user: int) -> None:
        """At most ``limit`` in all, and ``per_user`` of one who does not own the server."""
        self._limit = limit
        self._per_user = per_user
        self._connections: dict[ConnectionId, Connection] = {}
        self._accounts: Counter[str] = Counter()
        self.opened = 0
        self._arrived: dict[ConnectionId, None] = {}
        self._parties: dict[tuple[object, ...], Party] = {}

    def __len__(self) -> int:
        return len(self._connections)

    def __contains__(self, connection: Connection) -> bool:
        return connection.id in self._connections

    def __iter__(self) -> Iterator[Connection]:
        """Those that are connected now; some may leave during the iteration."""
        return iter(tuple(self._connections.values()))

    def parties(self) -> Iterator[Party]:
        """The same by who they are; some may leave during the iteration."""
        return iter(tuple(self._parties.values()))

    def take_arrived(self) -> list[ConnectionId]:
        """The names of those that have come since the last call and not left again."""
        arrived, self._arrived = self._arrived, {}
        return list(arrived)

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
        self._arrived[connection.id] = None
        self.opened += 1
        self._accounts[identity.account] += 1
        self._join(connection)

    def discard(self, connection: Connection) -> None:
        """Let a connection go. Idempotent."""
        if self._connections.pop(connection.id, None) is not None:
            self._arrived.pop(connection.id, None)
            account = connection.identity.account
            self._accounts[account] -= 1
            if not self._accounts[account]:
                del self._accounts[account]
            self._leave(connection)

    def identify(self, party: Party, identity: Identity) -> None:
        """Take note of what somebody is from now on; ``party`` is no more."""
        for connection in tuple(party.connections):
            self._leave(connection)
            connection.identity = identity
            self._join(connection)

    def close_all(self, code: CloseCode, reason: str) -> None:
        """End every connection, saying why."""
        for connection in self:
            connection.close(code, reason)

    def _join(self, connection: Connection) -> None:
        key = _all_of(connection.identity)
        party = self._parties.get(key)
        if party is None:
            party = self._parties[key] = Party(connection.identity)
        connection.identity = party.identity
        party.connections.add(connection)

    def _leave(self, connection: Connection) -> None:
        key = _all_of(connection.identity)
        party = self._parties[key]
        party.connections.discard(connection)
        if not party.connections:
            del self._parties[key]


def _all_of(identity: Identity) -> tuple[object, ...]:
    """What makes an identity the same in every respect, its grounds among them."""
    return (identity.id, identity.name, identity.role, identity.session, identity.grounds)
