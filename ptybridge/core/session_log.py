"""The log of a session's events: each has a number, and the newest are kept to be given again."""

from collections import deque

from ptybridge.core.session_events import (
    MessageCreated,
    SessionEvent,
    TextDelta,
    ToolCall,
    ToolResult,
)

MAX_EVENTS = 10_000
"""Events that a log keeps."""

MAX_CHARACTERS = 2 * 1024 * 1024
"""Characters of text that the events of a log hold together."""

ENCODED_EVENTS = 256
"""Newest events whose encoded form is kept: whoever follows is at one of these, as a rule."""


class Entry:
    """An event and its number.

    Attributes:
        seq: Its number in the session; the first is 1.
        event: What happened.
        characters: Characters of text that it holds.
        encoded: What goes over the wire, kept by who encoded it first, while it is new; None else.
    """

    __slots__ = ("characters", "encoded", "event", "seq")

    def __init__(self, seq: int, event: SessionEvent) -> None:
        self.seq = seq
        self.event = event
        self.characters = _characters(event)
        self.encoded: bytes | None = None


def _characters(event: SessionEvent) -> int:
    match event:
        case MessageCreated(message):
            return len(message.text)
        case TextDelta(_, delta):
            return len(delta)
        case ToolCall(input=arguments):
            return sum(map(len, arguments.values()))
        case ToolResult(_, _, output):
            return len(output)
        case _:
            return 0


class SessionLog:
    """A session's newest events.

    Attributes:
        seq: The number of the newest event, ever; 0 before the first.
    """

    def __init__(self, *, seq: int = 0) -> None:
        """``seq`` is the last number that was given before, by an earlier process perhaps."""
        self.seq = seq
        self._entries: deque[Entry] = deque()
        self._characters = 0

    @property
    def oldest(self) -> int:
        """Number of the oldest event that is kept; the next one's when none is."""
        return self.seq - len(self._entries) + 1

    def append(self, event: SessionEvent) -> Entry:
        """Number an event and keep it; the oldest give way."""
        self.seq += 1
        entry = Entry(self.seq, event)
        self._entries.append(entry)
        self._characters += entry.characters
        if len(self._entries) > ENCODED_EVENTS:
            self._entries[-1 - ENCODED_EVENTS].encoded = None
        while len(self._entries) > MAX_EVENTS or (
            self._characters > MAX_CHARACTERS and len(self._entries) > 1
        ):
            self._characters -= self._entries.popleft().characters
        return entry

    def after(self, seq: int, *, limit: int) -> list[Entry]:
        """At most ``limit`` entries that follow number ``seq``, oldest first.

        Raises:
            LookupError: The next one is no longer kept.
        """
        first = seq + 1 - self.oldest
        if first < 0:
            raise LookupError(f"events from {seq + 1} on are gone; the oldest is {self.oldest}")
        # By index: what is asked for is mostly at the deque's end, which islice walks to.
        entries = self._entries
        return [entries[at] for at in range(first, min(first + limit, len(entries)))]
