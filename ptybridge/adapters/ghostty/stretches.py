"""Stretches of rows as VT bytes: what `rows` does for a row, done for many of them at once.

Nearly all of a scrollback is text in some colours, and lines that fill their row and go on in the
next. Whole stretches of that are taken apart by operations on all of their cells together, so that
only a change of style costs something in Python. What is out of the ordinary, a wide or combined
character, a background without text, a link, ends a stretch, and its row is written by itself.
"""

import re
from itertools import accumulate, pairwise
from typing import Final

from ptybridge.adapters.ghostty.cells import RowReader
from ptybridge.adapters.ghostty.model import CONTINUES, WRAPPED, Page, cell_width_log2

MAX_ROWS: Final = 128
"""Rows of a stretch at most: some hundred microseconds of work."""

_MANY_ROWS: Final = 16
"""From so many on, rows that are alike are worth a stretch of their own."""

_LANE: Final = 4
"""Bytes of a cell here: the low half of its word (see `cells`), which has no more than a code point
and the number of a style below 64."""
_CODE_POINT: Final = 0xFFFFFF << 2
_WHOLE_LINE: Final = 2 << 4
"""Flags of a row that is packed so, and neither wraps nor goes on with another."""
_LINE_END: Final = (ord("\n") << 2).to_bytes(_LANE, "little")
_CODE_POINTS: Final = bytes(range(0, 256, 4))
"""Low bytes of cells that hold one code point or none; the others' two low bits say what else."""
_LATIN: Final = bytes(range(4))
"""Second bytes of cells that hold a code point below 256."""

_SAME_STYLE: Final = re.compile(rb"[^\0]\0*")
_GAP: Final = re.compile("\0+")
_CONTROL: Final = re.compile("[\x01-\x09\x0b-\x1f\x80-\x9f]")


class StretchReader:
    """Takes stretches of one page's rows apart; ``cols`` is the receiving emulator's width."""

    def __init__(self, page: Page, reader: RowReader, cols: int) -> None:
        self._page = page
        self._reader = reader
        self._cols = cols
        self._sequences: dict[int, str] = {0: "\x1b[m"}

    def read(self, start: int, stop: int) -> tuple[int, bytes]:
        """Write rows from ``start`` on, as many as can be written together.

        The bytes are for a cursor at the beginning of an empty row and a default pen, which they
        leave so; between rows they have line ends, where lines end.

        Returns:
            The row that follows the stretch, ``start`` if there is none, and its bytes.
        """
        if self._page.cols != self._cols:
            return start, b""
        end, cells = self._gather(start, min(stop, start + MAX_ROWS))
        text = self._text(cells) if end > start else None
        return (start, b"") if text is None else (end, text)

    def _gather(self, start: int, stop: int) -> tuple[int, bytes]:
        """The cells of rows from ``start`` to where the last whole line ends, with line ends."""
        flags, full = self._page.flags, self._cols * _LANE
        end = start
        while end < stop and flags[end] == _WHOLE_LINE:
            end += 1
        if end - start >= _MANY_ROWS:
            return end, _LINE_END.join(self._page.cells[start:end])
        parts: list[bytes] = []
        end, end_parts = start, 0
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
                end, end_parts = index + 1, len(parts)
            elif len(cells) != full or not int.from_bytes(cells[-_LANE:], "little") & _CODE_POINT:
                break
        return end, b"".join(parts[:end_parts])

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

    def _text(self, cells: bytes) -> bytes | None:
        """The bytes for ``cells``; None when there is something else than text in them."""
        if cells[::_LANE].translate(None, _CODE_POINTS):
            return None
        text = _characters(cells)
        styles = cells[3::_LANE]  # four times the number, for of a code point nothing is there
        if not text.replace("\n", "").isprintable():
            if _CONTROL.search(text):
                return None
            for gap in _GAP.finditer(text):
                if any(styles[gap.start() : gap.end()]):
                    return None
        if styles.strip(b"\0"):
            text = self._styled(text, styles)
        if "\0" in text:
            text = _GAP.sub(lambda gap: f"\x1b[{len(gap[0])}C", text)
        return text.replace("\n", "\r\n").encode()

    def _styled(self, text: str, styles: bytes) -> str:
        """``text`` with a sequence wherever the style changes, and the default one at its end."""
        count = len(text)
        value = int.from_bytes(styles, "little")
        changes = (value ^ value << 8).to_bytes(count + 1, "little")
        plain = count - len(changes[:count].lstrip(b"\0"))
        ends = accumulate(map(len, _SAME_STYLE.findall(changes, plain, count)), initial=plain)
        sequences = {style: self._sequence(style >> 2) for style in set(styles)}
        parts = [sequences[styles[start]] + text[start:end] for start, end in pairwise(ends)]
        return text[:plain] + "".join(parts) + (self._sequence(0) if styles[-1] else "")

    def _sequence(self, style: int) -> str:
        sequence = self._sequences.get(style)
        if sequence is None:
            parameters = self._reader.attributes_of(style).parameters.decode()
            sequence = self._sequences[style] = f"\x1b[0{parameters}m"
        return sequence


def _characters(cells: bytes) -> str:
    """The code points of cells that hold nothing else but a style."""
    low, middle = cells[::_LANE], cells[1::_LANE]
    if not cells[2::_LANE].strip(b"\0") and not middle.translate(None, _LATIN):
        value = int.from_bytes(low, "little") >> 2 | int.from_bytes(middle, "little") << 6
        return value.to_bytes(len(low), "little").decode("latin-1")
    lanes = bytearray(cells)
    lanes[3::_LANE] = bytes(len(low))
    return (int.from_bytes(lanes, "little") >> 2).to_bytes(len(cells), "little").decode("utf-32-le")
