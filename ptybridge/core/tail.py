"""The newest part of a terminal's output, in a ring that the pseudo-terminal is read into."""

import mmap
from collections.abc import Sequence


class Tail:
    """The last ``capacity`` bytes of a stream, addressed by absolute offset.

    An *offset* counts bytes since the terminal started and never restarts, so one number serves
    resuming, flow control, recording and metrics alike. Always
    ``end - start <= capacity`` and ``start <= end``.

    The ring is private anonymous memory: a terminal that has printed little occupies little,
    however large the capacity, since untouched pages do not exist (mmap(2)).

    >>> tail = Tail(capacity=4)
    >>> tail.append(b"abcdef")
    >>> tail.start, tail.end, tail.read(3, limit=2)
    (2, 6, b'de')
    """

    __slots__ = ("_ring", "capacity", "end")

    def __init__(self, *, capacity: int) -> None:
        if capacity < 1:
            raise ValueError("a tail holds at least one byte")
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        self._ring = memoryview(mmap.mmap(-1, capacity, flags=flags))
        self.capacity = capacity
        self.end = 0

    @property
    def start(self) -> int:
        """Offset of the oldest byte that is still held."""
        return max(0, self.end - self.capacity)

    def room(self, limit: int) -> Sequence[memoryview]:
        """Lend the place of the next bytes, up to ``limit``, in one or two slices.

        Whoever fills it says how far with ``commit``, in the same breath: the place is that of
        the oldest bytes, which are still readable until then.
        """
        limit = min(limit, self.capacity)
        at = self.end % self.capacity
        first = min(limit, self.capacity - at)
        if first == limit:
            return (self._ring[at : at + limit],)
        return (self._ring[at:], self._ring[: limit - first])

    def commit(self, count: int) -> None:
        """Make the first ``count`` bytes of the lent place part of the stream."""
        self.end += count

    def append(self, data: bytes | bytearray | memoryview) -> None:
        """Add ``data``; the oldest bytes give way."""
        view = memoryview(data)
        skipped = max(0, len(view) - self.capacity)
        self.end += skipped
        view = view[skipped:]
        for part in self.room(len(view)):
            part[:] = view[: len(part)]
            view = view[len(part) :]
            self.end += len(part)

    def slices(self, offset: int, *, limit: int) -> Sequence[memoryview]:
        """Lend up to ``limit`` bytes from ``offset`` without a copy, in one or two slices.

        They are good until the next ``commit`` or ``append``.

        Raises:
            LookupError: ``offset`` lies outside ``start``..``end``.
        """
        end = self.end
        if not max(0, end - self.capacity) <= offset <= end:
            raise LookupError(f"offset {offset} is outside {self.start}..{end}")
        count = min(limit, end - offset)
        if not count:
            return ()
        at = offset % self.capacity
        first = self.capacity - at
        if count <= first:
            return (self._ring[at : at + count],)
        return (self._ring[at:], self._ring[: count - first])

    def read(self, offset: int, *, limit: int) -> bytes:
        """Copy up to ``limit`` bytes from ``offset``; LookupError as in ``slices``."""
        return b"".join(self.slices(offset, limit=limit))

    def empty(self) -> None:
        """Hold nothing any more, and give the memory back; nothing can be added after this."""
        self.capacity = 0
        self._ring = memoryview(b"")

    def oldest_line(self) -> int:
        """Offset from which the tail can be shown without beginning inside a line.

        That is its start while nothing was dropped, else what follows the first line feed, or
        the start when there is none.
        """
        start = self.start
        if start == 0:
            return 0
        offset = start
        for part in self.slices(start, limit=self.capacity):
            found = bytes(part).find(b"\n")
            if found >= 0:
                return offset + found + 1
            offset += len(part)
        return start
