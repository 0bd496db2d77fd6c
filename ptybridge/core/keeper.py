"""The port to what keeps sessions beyond this process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ptybridge.core.session_events import ChatMessage


@dataclass(frozen=True, slots=True)
class KeptSession:
    """A session from before.

    Attributes:
        id: Its name.
        created: When it was made, in seconds since the Unix epoch.
        seq: The last number that its events may have had.
        messages: Its newest messages, oldest first.
        title: What people call it; empty where they have not said.
        read: Up to which message members have read, by the ids of their identities; who read
            last stands last.
    """

    id: str
    created: float
    seq: int
    messages: Sequence[ChatMessage]
    title: str = ""
    read: Mapping[str, int] = field(default_factory=dict)


class Keeper(Protocol):
    """Who keeps sessions and their messages beyond this process; only reading waits."""

    def reserve(self, session: str, created: float, seq: int) -> None:
        """Note that a session exists, and that it may number its events up to ``seq``."""

    def rename(self, session: str, title: str) -> None:
        """Note a session's title."""

    def forget(self, session: str) -> None:
        """Drop all that is kept of a session; one of that name may follow."""

    def keep(self, session: str, message: ChatMessage, seq: int) -> None:
        """Keep ``message`` as it is now, in the place of an earlier form of it.

        Args:
            session: The session's name.
            message: The message.
            seq: The number of the session's event that made it so.
        """

    def mark_read(self, session: str, member: str, number: int) -> None:
        """Note up to which message a member has read; ``member`` is an identity's id."""

    async def history(
        self, session: str, *, before: int, limit: int, characters: int
    ) -> list[ChatMessage]:
        """The newest messages that stand before number ``before``, oldest first.

        Args:
            session: The session's name.
            before: A message's number.
            limit: How many at most.
            characters: Beyond so much text only the newest are given, at least one.

        Raises:
            Unavailable: They cannot be read.
        """


class Forgetful:
    """Keeps nothing beyond this process."""

    def reserve(self, session: str, created: float, seq: int) -> None:
        """Do nothing."""

    def rename(self, session: str, title: str) -> None:
        """Do nothing."""

    def forget(self, session: str) -> None:
        """Do nothing."""

    def keep(self, session: str, message: ChatMessage, seq: int) -> None:
        """Do nothing."""

    def mark_read(self, session: str, member: str, number: int) -> None:
        """Do nothing."""

    async def history(
        self, session: str, *, before: int, limit: int, characters: int
    ) -> list[ChatMessage]:
        """Nothing was kept."""
        return []
