"""Stretches of rows as VT bytes: what `rows` does for a row, done for many of them at once.

Nearly all of a scrollback is text in some colours, and lines that fill their row and go on in the
next. Whole stretches of that are taken apart by operations on all of their cells together, and
`weaving` writes them. What is out of the ordinary (a combined character, a link, a style beyond the
first 64) ends a stretch, and its row is written by itself.
"""

import re
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property
from typing import Final

from ptybridge.adapters.ghostty.cells import RowReader
from ptybridge.adapters.ghostty.model import CONTINUES, WRAPPED, Page, cell_width_log2
from ptybridge.adapters.ghostty.weaving import (
    BLANK,
    FILL,
    NOTHING,
    every,
    everywhere_but_zero,
    woven,
)

MAX_ROWS: Final = 128
"""Rows of a stretch at most: some hundred microseconds of work."""

_MANY_ROWS: Final = 16
"""From so many on, rows that are alike are worth a stretch of their own."""

_LANE: Final = 4
"""Bytes of a cell here: the low half of its word (see `cells`), which has no more than a code point
and the number of a style below 64. Its bytes: two bits of kind and six of the code point; eight;
eight; and the style, shifted by two, for no code point reaches that far."""
_STYLES: Final = 64
_CODE_POINT: Final = 0xFFFFFF << 2
_WHOLE_LINE: Final = 2 << 4
"""Flags of a row that is packed so, and neither wraps nor goes on with another."""
_WHOLE_LINE_OF_WORDS: Final = 3 << 4
_LINE_END: Final = (ord("\n") << 2).to_bytes(_LANE, "little")
_LINE_END_WORD: Final = _LINE_END + bytes(_LANE)
_ASCII_MIDDLE: Final = b"\0\1"
"""Second bytes of cells that hold ASCII."""

_SECOND_HALF: Final = 1
"""What the second half of a wide character is here: a combined character without content."""
_WIDTHS: Final = bytes(3 if byte & 0b110011 else byte >> 2 & 3 for byte in range(256))
"""What the sixth byte of a word says: 1 wide, 2 its second half, 3 or something else than that."""

_ASCII_TEXT: Final = bytes(range(0x20, 0x7F)) + b"\0\n"
_ANY_CONTROL: Final = re.compile("[\x01-\x09\x0b-\x1f\x80-\x9f]")
_CONTROL: Final = re.compile("[\x01-\x09\x0b\x0d\x0f-\x1f\x80-\x9f]")
"""The same but for what `weaving` reads."""

_UNDRAWN: Final = re.compile(f"[{BLANK} ]{NOTHING}")
"""A wide blank, which comes about in a way of its own."""


class StretchReader:
    """Takes stretches of one page's rows apart; ``cols`` is the receiving emulator's width."""

    def __init__(self, page: Page, reader: RowReader, cols: int) -> None:
        self._page = page
        self._reader = reader
        self._cols = cols
        self._limit = MAX_ROWS
        self._fills: dict[bytes, int] = {}
        self._combined = [*sorted(page.graphemes), len(page.cells)]

    def read(self, start: int, stop: int) -> tuple[int, bytes]:
        """Write rows from ``start`` on, as many as can be written together.

        The bytes are for a cursor at the beginning of an empty row and a default pen, which they
        leave so; between rows they have line ends, where lines end.

        Returns:
            The row that follows the stretch, ``start`` if there is none, and its bytes.
        """
        combined = self._combined[bisect_left(self._combined, start)]
        if self._page.cols != self._cols or combined == start:
            return start, b""
        ends, cells = self._gather(start, min(stop, start + self._limit, combined))
        text, styles = self._characters(cells)
        lines = len(ends)
        if len(text) < len(cells) // _LANE:  # there is something else than text
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
        for style in range(1, _STYLES):
            if style in self._page.styles:
                sequences[style << 2] = b"\x1b[0%sm" % self._reader.attributes_of(style).parameters
        return sequences

    def _gather(self, start: int, stop: int) -> tuple[Sequence[int], bytes]:
        """The rows that follow each whole line from ``start`` on, and the lines' cells."""
        flags, full = self._page.flags, self._cols * _LANE
        end = self._page.end_of_alike(start, stop)
        if end - start >= _MANY_ROWS and flags[start] in (_WHOLE_LINE, _WHOLE_LINE_OF_WORDS):
            rows = self._page.cells[start:end]
            if flags[start] == _WHOLE_LINE:
                return range(start + 1, end + 1), _LINE_END.join(rows)
            cells = _narrowed(_LINE_END_WORD.join(rows))
            if cells is not None:
                return range(start + 1, end + 1), cells
            self._limit = max(1, self._limit // 2)
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
            elif len(cells) != full or not _is_written(int.from_bytes(cells[-_LANE:], "little")):
                break
        return ends, b"".join(parts[:whole_parts])

    def _lanes(self, index: int) -> bytes | None:
        """A row's cells, if they have no more than lanes hold."""
        packed = self._page.cells[index]
        kind = cell_width_log2(self._page.flags[index])
        if kind == 2 or not packed:
            return packed
        if kind == 3:
            return _narrowed(packed)
        points = packed.decode("utf-16-le" if kind else "latin-1").encode("utf-32-le")
        return (int.from_bytes(points, "little") << 2).to_bytes(len(points), "little")

    def _wraps_by_itself(self, cells: bytes) -> bool:
        """Whether a row that goes on with a full one comes about by printing its text."""
        first = int.from_bytes(cells[:_LANE], "little")
        return _is_written(first) and not self._reader.attributes_of(first >> 26).has_background

    def _characters(self, cells: bytes) -> tuple[str, bytes]:
        """The characters of cells and their styles, up to the first that is none of `weaving`'s."""
        low, special = cells[::_LANE], 0
        lows = int.from_bytes(low, "little")
        if lows & every(3, len(low)):
            cells, special = self._with_controls(cells)
            low = cells[::_LANE]
            lows = int.from_bytes(low, "little")
        middle, high, styles = cells[1::_LANE], cells[2::_LANE], cells[3::_LANE]
        count = len(low)
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
        if special and text.count(FILL) + text.count(NOTHING) != special:
            return "", b""
        if not is_text and (control := (_CONTROL if special else _ANY_CONTROL).search(text)):
            text = text[: control.start()]
        if special and (undrawn := _UNDRAWN.search(text)):
            text = text[: undrawn.start()]
        if BLANK in text and (styled := int.from_bytes(styles, "little")):
            content = lows | int.from_bytes(middle, "little") | int.from_bytes(high, "little")
            if unusual := styled & ~everywhere_but_zero(content, count):
                text = text[: _lane_of(unusual)]
        return text, styles[: len(text)]

    def _with_controls(self, cells: bytes) -> tuple[bytes, int]:
        """Cells with `weaving`'s controls where they have backgrounds or halves of characters.

        Returns:
            The cells up to the first that is something else, and how many controls are there.
        """
        count = len(cells) // _LANE
        one = every(1, count)
        low, middle, high, styles = (
            int.from_bytes(cells[place::_LANE], "little") for place in range(_LANE)
        )
        fills = low >> 1 & one
        halves = low & one & ~fills
        content = everywhere_but_zero(low & every(0xFC, count) | middle | high, count)
        if combined := halves & content:
            return self._with_controls(cells[: _lane_of(combined) * _LANE])
        is_fill = (fills << 8) - fills
        fill_styles = 0
        left = fills
        while left:
            lane = _lane_of(left)
            word = cells[lane * _LANE : (lane + 1) * _LANE]
            style = self._fill_style(word)
            if style is None:
                return self._with_controls(cells[: lane * _LANE])
            others = low ^ word[0] * one | middle ^ word[1] * one
            others |= high ^ word[2] * one | styles ^ word[3] * one
            same = one & ~everywhere_but_zero(others, count)
            fill_styles |= same * style
            left &= ~same
        low = low & ~is_fill & ~halves | fills * (ord(FILL) << 2) | halves * (ord(NOTHING) << 2)
        lanes = bytearray(cells)
        for place, plane in enumerate((
            low, middle & ~is_fill, high & ~is_fill, styles & ~is_fill | fill_styles
        )):  # fmt: skip
            lanes[place::_LANE] = plane.to_bytes(count, "little")
        return bytes(lanes), fills.bit_count() + halves.bit_count()

    def _fill_style(self, cell: bytes) -> int | None:
        """A number for the style that erases with the background of ``cell``, if one is left."""
        style = self._fills.get(cell)
        if style is None:
            attributes = self._reader.background_of(int.from_bytes(cell, "little"))
            sequence = b"\x1b[0%sm" % attributes.parameters
            same = (known for known, other in self._sequences.items() if other == sequence)
            style = next(same, len(self._fills) << 2 | 2)
            if style > 0xFF:
                return None
            self._fills[cell] = style
            self._sequences[style] = sequence
        return style


def _is_written(cell: int) -> bool:
    """Whether the cell has a character of its own, or the second half of one."""
    return (not cell & 3 and cell & _CODE_POINT != 0) or cell & (_CODE_POINT | 3) == _SECOND_HALF


def _narrowed(words: bytes) -> bytes | None:
    """The low halves of cell words; None if something else than widths and marks is in the others.

    A second half of a wide character becomes ``_SECOND_HALF``.
    """
    halves = array("I", words)
    low, high = halves[::2].tobytes(), halves[1::2].tobytes()
    widths = high[1::4].translate(_WIDTHS)
    nothing = bytes(len(widths))
    if high[::4] != nothing or high[2::4] != nothing or high[3::4] != nothing:
        return None
    if widths == nothing:
        return low
    if widths.replace(b"\1\2", b"").strip(b"\0"):
        return None
    lanes = bytearray(low)
    seconds = int.from_bytes(widths, "little") >> 1 & every(1, len(widths))
    firsts = int.from_bytes(low[::_LANE], "little")
    lanes[::_LANE] = (firsts | seconds).to_bytes(len(widths), "little")
    return bytes(lanes)


def _lane_of(lanes: int) -> int:
    """Which byte of ``lanes`` is the first that is not zero."""
    return (lanes & -lanes).bit_length() - 1 >> 3
