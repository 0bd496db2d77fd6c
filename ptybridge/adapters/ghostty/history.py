"""How much the library may keep of what scrolled off, so that as many lines are kept as are wanted.

A limit in lines makes it free and map pages all the time, at a quarter of the speed; a limit in
bytes makes it reuse the oldest page. But how many lines fit is known of ordinary text only: with
combining characters, links or colours by the thousand it is half, or a fifth. So it is looked at
how many there are whenever a page was dropped.
"""

from typing import Final

from ptybridge.core.values import WindowSize

PAGE_CELLS: Final = 46240
PAGE_BYTES: Final = 401408
"""What the library keeps in a page of ordinary history, and what a page costs it (measured)."""

MOST: Final = 4.0
"""How many times what ordinary text takes the limit may be."""


class HistoryLimit:
    """The limit for one terminal.

    Attributes:
        bytes: What to set in the library.
    """

    def __init__(self, lines: int, size: WindowSize) -> None:
        """``lines`` is how many are to be kept at least, as far as ``MOST`` allows."""
        self.bytes = 0
        self._lines = lines
        self._factor = 1.0
        self.resize(size)

    def resize(self, size: WindowSize) -> None:
        """Take note of a new size; rows may be many more or less than before."""
        self._page_rows = max(1, PAGE_CELLS // size.cols)
        # Besides the pages that are full there is the one being filled, and a resize drops one
        # more than it has to.
        self._pages = -(-(self._lines + size.rows) // self._page_rows) + 2
        self._seen = 0
        self._set(self._factor)

    def look(self, rows: int) -> bool:
        """Take note of how many rows of history there are; whether ``bytes`` has changed.

        They are a few less than when it was looked last if a page was dropped for a new one, and
        many less, or none, if the program has cleared them or shows its other screen.
        """
        has_dropped = self._seen // 2 < rows < self._seen
        self._seen = rows
        if not has_dropped:
            return False
        wanted = self._lines + self._page_rows
        if rows < self._lines or rows > wanted + 2 * self._page_rows:
            return self._set(self._factor * wanted / rows)
        return False

    def _set(self, factor: float) -> bool:
        before, self._factor = self.bytes, min(max(factor, 1.0), MOST)
        self.bytes = int(PAGE_BYTES * self._pages * self._factor)
        return self.bytes != before
