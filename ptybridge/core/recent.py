"""The newest messages of a chat: numbered, and bounded in number and in text."""

from collections.abc import Iterable, Iterator
from itertools import takewhile

from ptybridge.core.session_events import ChatMessage

MAX_MESSAGES = 500
"""Messages that are kept in memory."""

MAX_CHARACTERS = 2 * 1024 * 1024
"""Characters of text that they hold together, unless a single answer has more."""


class Recent:
    """A chat's newest messages by name, oldest first; what still runs is never dropped.

    Attributes:
        last: The number of the newest message ever; 0 before the first.
    """

    __slots__ = ("_characters", "_messages", "_running", "last")

    def __init__(self) -> None:
        self.last = 0
        self._messages: dict[str, ChatMessage] = {}
        self._running: dict[str, ChatMessage] = {}
        self._characters = 0

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._messages)

    def __iter__(self) -> Iterator[ChatMessage]:
        """Walk over them, oldest first."""
        return iter(self._messages.values())

    def note(self, message: ChatMessage) -> None:
        """Keep a message in the place of an earlier form of it; the oldest give way."""
        before = self._messages.get(message.id)
        self._characters += message.characters - (before.characters if before else 0)
        self._messages[message.id] = message
        if message.outcome is None:
            self._running[message.id] = message
        else:
            self._running.pop(message.id, None)
        self.last = max(self.last, message.number)
        while len(self._messages) > MAX_MESSAGES or self._characters > MAX_CHARACTERS:
            oldest = next((old for old in self if old.outcome is not None), message)
            if oldest is message:
                break
            self._characters -= oldest.characters
            del self._messages[oldest.id]

    def newest(self, *, limit: int, characters: int) -> list[ChatMessage]:
        """At most ``limit`` of them, oldest first, and one that runs in any case."""
        chosen = newest_of(reversed(self._messages.values()), limit=limit, characters=characters)
        first = chosen[0].number if chosen else 0
        return [*(old for old in self._running.values() if old.number < first), *chosen]

    def before(self, number: int, *, limit: int, characters: int) -> list[ChatMessage]:
        """The newest of those before ``number``, at most ``limit``, oldest first.

        None, or fewer, where the one that stands there is not kept.
        """
        return newest_of(self._back_from(number), limit=limit, characters=characters)

    def _back_from(self, number: int) -> Iterator[ChatMessage]:
        """Those before ``number``, newest first, as far as none is missing between them."""
        expected = min(number, self.last + 1) - 1
        for message in reversed(self._messages.values()):
            if message.number > expected:
                continue
            if message.number < expected:
                return
            expected -= 1
            yield message

    def until(self, name: str) -> list[ChatMessage]:
        """Those before the message of that name."""
        return list(takewhile(lambda message: message.id != name, self))


def newest_of(
    newest_first: Iterable[ChatMessage], *, limit: int, characters: int
) -> list[ChatMessage]:
    """Turn messages around, at most ``limit``; of so much text only the newest, at least one."""
    chosen: list[ChatMessage] = []
    for message in newest_first:
        characters -= message.characters
        if len(chosen) == limit or (chosen and characters < 0):
            break
        chosen.append(message)
    return chosen[::-1]
