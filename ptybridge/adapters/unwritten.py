"""What waits to be written to the store: the newest state of everything, bounded."""

from dataclasses import dataclass, field

from ptybridge.core.session_events import ChatMessage

WAITING_MESSAGES = 2_000
"""Messages of one session that wait to be written; of more the oldest are not written at all."""

WAITING_CHARACTERS = 8 * 1024 * 1024
"""Characters of text that they hold together."""

WAITING_MARKS = 10_000
"""Marks of what members have read that wait to be written; of more the oldest are not."""


@dataclass(slots=True)
class Unwritten:
    """What is to be written together: of each session its newest messages, as many as are kept."""

    sessions: dict[str, tuple[float, int]] = field(default_factory=dict)
    messages: dict[str, "WaitingMessages"] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    marks: dict[tuple[str, str], int] = field(default_factory=dict)
    forgotten: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.sessions or self.messages or self.titles or self.marks or self.forgotten)

    def add(self, session: str, message: ChatMessage) -> None:
        """Write ``message``, too, in the place of an earlier form of it."""
        self.messages.setdefault(session, WaitingMessages()).add(message)

    def mark(self, session: str, member: str, number: int) -> None:
        """Write up to which message a member has read, too; the oldest marks give way."""
        self.marks.pop((session, member), None)
        self.marks[session, member] = number
        while len(self.marks) > WAITING_MARKS:
            del self.marks[next(iter(self.marks))]

    def forget(self, session: str) -> None:
        """Write nothing of a session, and drop what was written before."""
        self.sessions.pop(session, None)
        self.messages.pop(session, None)
        self.titles.pop(session, None)
        for mark in [mark for mark in self.marks if mark[0] == session]:
            del self.marks[mark]
        self.forgotten.add(session)

    def absorb(self, older: "Unwritten") -> None:
        """Take over what an older batch could not write, unless it is newer here."""
        for session in self.forgotten:
            older.forget(session)
        self.sessions = {**older.sessions, **self.sessions}
        self.titles = {**older.titles, **self.titles}
        newer_marks, self.marks = self.marks, older.marks
        for (session, member), number in newer_marks.items():
            self.mark(session, member, number)
        newer, self.messages = self.messages, older.messages
        for session, waiting in newer.items():
            for message in waiting.messages.values():
                self.add(session, message)
        self.forgotten |= older.forgotten


class WaitingMessages:
    """A session's messages that wait to be written, bounded."""

    __slots__ = ("_characters", "messages")

    def __init__(self) -> None:
        self.messages: dict[int, ChatMessage] = {}
        self._characters = 0

    def add(self, message: ChatMessage) -> None:
        """Write ``message``, too; the oldest give way."""
        before = self.messages.get(message.number)
        self._characters += message.characters - (before.characters if before else 0)
        self.messages[message.number] = message
        while len(self.messages) > WAITING_MESSAGES or (
            self._characters > WAITING_CHARACTERS and len(self.messages) > 1
        ):
            dropped = self.messages.pop(next(iter(self.messages)))
            self._characters -= dropped.characters
