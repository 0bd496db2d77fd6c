"""Stretches of rows as VT bytes: what `rows` does for a row, done for many of them at once.

Nearly all of a scrollback is text in some colours, and lines that fill their row and go on in the
next. Whole stretches of that are taken apart by operations on all of their cells together, and
`weaving` writes them. What is out of the ordinary, a combined character, a background without text,
a link, ends a stretch, and its row is written by itself.
"""

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Final

from ptybridge.adapters.ghostty.cells import RowReader
from ptybridge.adapters.ghostty.model import CONTINUES, WRAPPED, Page, cell_width_log2
from ptybridge.adapters.ghostty.weaving import BLANK, everywhere_but_zero, ones, woven

MAX_ROWS: Final = 128
"""Rows of a stretch at most: some hundred microseconds of work."""

_MANY_ROWS: Final = 16
"""From so many on, rows that are alike are worth a stretch of their own."""

_LANE: Final = 4
"""Bytes of a cell here: the low half of its word (see `cells`), which has no more than a code point
and the number of a style below 64."""
_STYLES: Final = 64
_CODE_POINT: Final = 0xFFFFFF << 2
_WHOLE_LINE: Final = 2 << 4
"""Flags of a row that is packed so, and neither wraps nor goes on with another."""
_LINE_END: Final = (ord("\n") << 2).to_bytes(_LANE, "little")
_ASCII_MIDDLE: Final = b"\0\1"
"""Second bytes of cells that hold ASCII."""

_ASCII_TEXT: Final = bytes(range(0x20, 0x7F)) + b"\0\n"
_CONTROL: Final = re.compile("[\x01-\x09\x0b-\x1f\x80-\x9f]")


class StretchReader:
    """Takes stretches of one page's rows apart; ``cols`` is the receiving emulator's width."""

    def __init__(self, page: Page, reader: RowReader, cols: int) -> None:
        self._page = page
        self._reader = reader
        self._cols = cols
        self._limit = MAX_ROWS

    def read(self, start: int, stop: int) -> tuple[int, bytes]:
        """Write rows from ``start`` on, as many as can be written together.

        The bytes are for a cursor at the beginning of an empty row and a default pen, which they
        leave so; between rows they have line ends, where lines end.

        Returns:
            The row that follows the stretch, ``start`` if there is none, and its bytes.
        """
        if self._page.cols != self._cols:
            return start, b""
        ends, cells = self._gather(start, min(stop, start + self._limit))
        text, styles = _characters(cells), cells[3::_LANE]
        lines = len(ends)
        if len(text) < len(styles):  # there is something else than text
            lines = text.count("\n")
            self._limit = max(1, 2 * ends[lines - 1] - 2 * start if lines else self._limit // 2)
            length = text.rfind("\n")
            text, styles = text[:length], styles[:length]
        elif lines:
            self._limit = min(MAX_ROWS, 2 * self._limit)
        if not lines:
            return start, b""
        return ends[lines - 1], woven(text, styles, self._sequences)

    @cached_property
    def _sequences(self) -> dict[int, bytes]:
        """What makes a style the pen's, by the fourth byte of a cell."""
        sequences = {0: b"\x1b[m"}
        for style in self._page.styles:
            if style < _STYLES:
                sequences[style << 2] = b"\x1b[0%sm" % self._reader.attributes_of(style).parameters
        return sequences

    def _gather(self, start: int, stop: int) -> tuple[Sequence[int], bytes]:
        """The rows that follow each whole line from ``start`` on, and the lines' cells."""
        flags, full = self._page.flags, self._cols * _LANE
        end = start
        while end < stop and flags[end] == _WHOLE_LINE:
            end += 1
        if end - start >= _MANY_ROWS:
            return range(start + 1, end + 1), _LINE_END.join(self._page.cells[start:end])
        parts: list[bytes] = []
        ends: list[int] = []
        whole_parts = 0
        wraps = False
        for index in range(start, stop):
            row = flags[index]
            cells = self._lanes(index)
            if cells is None or bool(row & CONTINUES) is not wraps:
                break
            if wraps:
                if not self._wraps_by_itself(cells):
                    break
            elif parts:
                parts.append(_LINE_END)
            parts.append(cells)
            wraps = bool(row & WRAPPED)
            if not wraps:
                ends.append(index + 1)
                whole_parts = len(parts)
            elif len(cells) != full or not int.from_bytes(cells[-_LANE:], "little") & _CODE_POINT:
                break
        return ends, b"".join(parts[:whole_parts])

    def _lanes(self, index: int) -> bytes | None:
        """A row's cells, if they have no more than lanes hold."""
        packed = self._page.cells[index]
        kind = cell_width_log2(self._page.flags[index])
        if kind == 2 or not packed:
            return packed
        if kind == 3:
            return None
        points = packed.decode("utf-16-le" if kind else "latin-1").encode("utf-32-le")
        return (int.from_bytes(points, "little") << 2).to_bytes(len(points), "little")

    def _wraps_by_itself(self, cells: bytes) -> bool:
        """Whether a row that goes on with a full one comes about by printing its text."""
        first = int.from_bytes(cells[:_LANE], "little")
        return (
            first & _CODE_POINT != 0 and not self._reader.attributes_of(first >> 26).has_background
        )


def _characters(cells: bytes) -> str:
    """The characters of cells, up to the first that has something else than a character."""
    count = len(cells) // _LANE
    low, middle, high = cells[::_LANE], cells[1::_LANE], cells[2::_LANE]
    lows = int.from_bytes(low, "little")
    if unusual := lows & 3 * ones(count):
        return _characters(cells[: _lane_of(unusual) * _LANE])
    if high == bytes(count) and not middle.translate(None, _ASCII_MIDDLE):
        points = (lows >> 2 | int.from_bytes(middle, "little") << 6).to_bytes(count, "little")
        text = points.decode("latin-1")
        is_text = not points.translate(None, _ASCII_TEXT)
    else:
        lanes = bytearray(cells)
        lanes[3::_LANE] = bytes(count)
        points = (int.from_bytes(lanes, "little") >> 2).to_bytes(len(cells), "little")
        text = points.decode("utf-32-le")
        is_text = text.replace("\n", "").replace(BLANK, "").isprintable()
    if not is_text and (control := _CONTROL.search(text)):
        text = text[: control.start()]
    if BLANK in text and (styles := int.from_bytes(cells[3::_LANE], "little")):
        content = lows | int.from_bytes(middle, "little") | int.from_bytes(high, "little")
        if unusual := styles & ~everywhere_but_zero(content, count):
            text = text[: _lane_of(unusual)]
    return text


def _lane_of(lanes: int) -> int:
    """Which byte of ``lanes`` is the first that is not zero."""
    return (lanes & -lanes).bit_length() - 1 >> 3
