"""What a connection may ask for: each type of message needs a role in the session it concerns.

The router passes every message through here, whatever carried it, before any handler sees it. A
type that is not in the table needs the owner. Bytes to type are checked once more, where all ways
to type meet: ``Viewer.write``.
"""

from collections.abc import Mapping

from ptybridge.core.access import Access
from ptybridge.core.errors import BadRequest, Denied
from ptybridge.core.registry import Registry
from ptybridge.core.values import Role, SessionId
from ptybridge.server.connection import Connection
from ptybridge.wire.messages import ClientMessage

ANYBODY = None
"""Needs no role: it concerns the connection alone."""

NEEDED: Mapping[str, Role | None] = {
    "ping": ANYBODY,
    "subscribe": Role.WATCHER,
    "unsubscribe": ANYBODY,
    # What is said is read by responders, too, which act on it.
    "say": Role.WRITER,
    "prompt": Role.WRITER,
    "cancel": Role.WRITER,
    "approve": Role.WRITER,
    "typing": Role.WRITER,
    "history": Role.WATCHER,
    "read": Role.WATCHER,  # of the identity's own mark only
    # Whoever may type can start any program, and end it.
    "terminal.open": Role.WRITER,
    "terminal.close": Role.WRITER,
    "attach": Role.WATCHER,
    "detach": ANYBODY,
    "input": Role.WRITER,
    "resize": Role.WATCHER,
    "ack": Role.WATCHER,
    "control": Role.WRITER,
}
"""The least role by type of message."""

_MAKES_SESSION = frozenset({"subscribe", "say", "prompt", "terminal.open"})
"""Messages for which a session is made when it is missing."""


class Gate:
    """Decides over every message by the role of who sent it."""

    def __init__(self, access: Access, registry: Registry) -> None:
        self._access = access
        self._registry = registry

    def admit(self, connection: Connection, message: ClientMessage) -> None:
        """Let a message through.

        Raises:
            NotFound: What it names does not exist for that identity.
            Denied: The identity's role does not allow it.
            BadRequest: It names no session, and the connection has none.
        """
        needed = NEEDED.get(message.type, Role.OWNER)
        if needed is ANYBODY:
            return
        identity = connection.identity
        terminal_id = getattr(message, "terminal_id", None)
        if terminal_id is not None:
            terminal = self._registry.terminal(terminal_id)
            self._access.require_terminal(identity, terminal, needed)
        elif message.type in _MAKES_SESSION:
            self._access.enter(identity, self._session(connection, message), needed)
        elif hasattr(message, "channel"):
            viewer = connection.viewer(message.channel)
            if viewer.role < needed:
                raise Denied(f"a {viewer.role.label} cannot do that")
            self._access.require(identity, viewer.terminal.session_id, Role.WATCHER)
        else:
            self._access.require(identity, self._session(connection, message), needed)

    @staticmethod
    def _session(connection: Connection, message: ClientMessage) -> SessionId:
        """The session that a message is meant for."""
        name = getattr(message, "session_id", None)
        if name is not None:
            return SessionId(name)
        if connection.session is None:
            raise BadRequest("sessionID: needed, the connection has no default session")
        return connection.session.id
