"""What every client is told at the beginning."""

from dataclasses import dataclass

from ptybridge.server.connection import Connection
from ptybridge.wire import messages


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a ``welcome`` tells every client, and what holds for all of them.

    Attributes:
        ping: The supervisor's times.
        reconnect: How clients are to come back.
        input_window: Bytes of input that a client may have unacknowledged.
        max_message: Bytes that a message may have.
        moves_files: Whether files can be moved beside terminals.
    """

    ping: messages.PingTimes
    reconnect: messages.ReconnectTimes
    input_window: int
    max_message: int
    moves_files: bool

    def welcome(self, connection: Connection) -> messages.Welcome:
        """The first message to a connection."""
        identity = connection.identity
        return messages.Welcome(
            connection_id=connection.id,
            user=messages.User(identity.id, identity.name),
            ping=self.ping,
            reconnect=self.reconnect,
            input_window=self.input_window,
            files=self.moves_files,
        )
