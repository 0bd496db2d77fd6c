"""Events that have a place in a terminal's stream of output."""

from collections import deque

from ptybridge.core.events import Resized, TerminalEvent
from ptybridge.core.values import WindowSize

MAX_MARKS = 256
"""Marks kept; sizes replace each other, so a viewer that misses an old one misses nothing."""


class Marks:
    """A log of (offset, event), offsets never falling, each entry numbered for ever.

    A viewer keeps the number of the mark that comes next for it, so that marks cost nothing
    where there are none. Marks whose bytes have left the tail are forgotten, and so are the
    oldest beyond ``MAX_MARKS``, except for the size that what remains was printed for.
    """

    __slots__ = ("_entries", "_size", "start")

    def __init__(self, size: WindowSize) -> None:
        self._entries: deque[tuple[int, TerminalEvent]] = deque()
        self._size = size
        self.start = 0

    @property
    def end(self) -> int:
        """Number that the next mark will have."""
        return self.start + len(self._entries)

    def append(self, offset: int, event: TerminalEvent) -> None:
        """Put ``event`` behind the byte before ``offset``."""
        self._entries.append((offset, event))
        if len(self._entries) > MAX_MARKS:
            self._forget()

    def at(self, number: int) -> tuple[int, TerminalEvent]:
        """The mark of that number; ``start <= number < end``."""
        return self._entries[number - self.start]

    def first_from(self, offset: int) -> int:
        """Number of the mark that comes next for whoever begins at ``offset``.

        Of the sizes that have this place it is the last: who begins with that one, where nothing
        was printed for the others, must not follow them.
        """
        first = self.start
        for number, (place, event) in enumerate(self._entries, self.start):
            if place > offset:
                break
            if place < offset:
                first = number + 1
            elif isinstance(event, Resized):
                first = number
        return first

    def size_at(self, offset: int) -> WindowSize:
        """The size that bytes from ``offset`` on were printed for."""
        size = self._size
        for place, event in self._entries:
            if place > offset:
                break
            if isinstance(event, Resized):
                size = event.size
        return size

    def forget_before(self, offset: int) -> None:
        """Drop the marks that stand before ``offset``."""
        while self._entries and self._entries[0][0] < offset:
            self._forget()

    def _forget(self) -> None:
        """Drop the oldest mark, keeping the size that it set."""
        _, event = self._entries.popleft()
        self.start += 1
        if isinstance(event, Resized):
            self._size = event.size
