"""A session: a named workspace with its terminals."""

from ptybridge.core.terminal import Terminal
from ptybridge.core.values import SessionId, TerminalId


class Session:
    """One session.

    Attributes:
        id: Its name.
        created: When it was made, in seconds since the Unix epoch.
        terminals: Its terminals by name, oldest first.
    """

    __slots__ = ("created", "id", "terminals")

    def __init__(self, session_id: SessionId, *, created: float) -> None:
        self.id = session_id
        self.created = created
        self.terminals: dict[TerminalId, Terminal] = {}
