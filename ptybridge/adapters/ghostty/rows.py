"""Rows of cells as VT bytes: the pen, wrapped lines, blanks.

The bytes are for an emulator whose cursor stands where the first row begins, with its margins,
insert mode and origin mode off, autowrap on, and the pen at its default.
"""

from collections.abc import Iterator
from typing import Final

from ptybridge.adapters.ghostty.cells import PLAIN, Attributes, Fill, Gap, RowReader, Run, Text
from ptybridge.adapters.ghostty.model import WRAPPED, Hyperlink, Page

PIECE_WORK: Final = 1200
"""How much work a piece may be, in units of `_PLAIN_ROW_WORK`; some 2 ms."""

_PLAIN_BATCH: Final = 128
"""Rows of plain text that are looked at together."""
_STYLED_ROW_WORK: Final = 8
_WORDS_ROW_WORK: Final = 60

_ASCII: Final = bytes(range(0x20, 0x7F)) + b"\r\n"
_LINK_BYTES: Final = bytes(range(0x20, 0x7F))


class Pen:
    """The attributes that the receiving emulator writes with, and how to change them."""

    def __init__(self, out: list[bytes]) -> None:
        self._out = out
        self._attributes = PLAIN

    @property
    def is_default(self) -> bool:
        """Whether characters come out plain."""
        return self._attributes == PLAIN

    @property
    def has_background(self) -> bool:
        """Whether a line feed that scrolls would colour the new line."""
        return self._attributes.has_background

    def take(self, attributes: Attributes) -> None:
        """Write with ``attributes`` from here on."""
        now = self._attributes
        if attributes is now or attributes == now:
            return
        if attributes.hyperlink != now.hyperlink:
            self._out.append(hyperlink(attributes.hyperlink))
        is_protected = now.is_protected
        if attributes.parameters != now.parameters:
            self._out.append(
                b"\x1b[0%sm" % attributes.parameters if attributes.parameters else b"\x1b[m"
            )
            is_protected = False  # SGR 0 takes the protection along in some emulators
        if attributes.is_protected and not is_protected:
            self._out.append(b'\x1b[1"q')
        elif now.is_protected and not attributes.is_protected:
            self._out.append(b'\x1b[0"q')
        self._attributes = attributes

    def fill(self, attributes: Attributes) -> None:
        """Erase with a background from here on; an open link stays, it does not mark blanks."""
        self.take(attributes._replace(hyperlink=self._attributes.hyperlink))

    def reset(self) -> None:
        """Write plainly from here on."""
        self.take(PLAIN)


class RowWriter:
    """Writes the rows of one buffer, top to bottom.

    Args:
        cols, height: The receiving emulator's size.
    """

    def __init__(self, cols: int, height: int) -> None:
        self._cols = cols
        self._height = height
        self._out: list[bytes] = []
        self._pen = Pen(self._out)
        self._is_first = True
        self._is_wrapped = False
        self._is_wrap_pending = False
        self._awaits_wide = False

    def pieces(self, page: Page, start: int, stop: int) -> Iterator[bytes]:
        """Write rows ``start`` to before ``stop`` of a page."""
        reader = RowReader(page)
        work = 0
        index = start
        while index < stop:
            end = self._plain_end(page, index, stop)
            if end > index:
                work += end - index
                index = end
            else:
                flags = page.flags[index]
                runs = reader.runs(index)
                self._row(runs, is_wrapped=bool(flags & WRAPPED))
                self._awaits_wide = self._is_wrapped and reader.ends_in_spacer(index)
                work += _WORDS_ROW_WORK if flags >> 4 == 3 else _STYLED_ROW_WORK
                index += 1
            if work >= PIECE_WORK:
                yield self._take()
                work = 0
        yield self._take()

    def finish(self) -> bytes:
        """The pen at its default, and whatever was not given away yet."""
        self._pen.reset()
        return self._take()

    def _take(self) -> bytes:
        piece = b"".join(self._out)
        self._out.clear()
        return piece

    def _plain_end(self, page: Page, start: int, stop: int) -> int:
        """Write whole rows of ASCII at once, as many as follow from ``start``; where they end."""
        if self._is_wrapped or not self._pen.is_default:
            return start
        end = start
        limit = min(stop, start + _PLAIN_BATCH)
        flags = page.flags
        while end < limit and not flags[end]:
            end += 1
        if end == start:
            return start
        text = b"\r\n".join(page.cells[start:end])
        if text.translate(None, _ASCII) or text.count(b"\n") + text.count(b"\r") != 2 * (
            end - start - 1
        ):
            return start
        if not self._is_first:
            self._out.append(b"\r\n")
        self._is_first = False
        self._out.append(text)
        return end

    def _row(self, runs: list[Run], *, is_wrapped: bool) -> None:
        self._begin(runs[0] if runs else None)
        out = self._out
        col = 0
        for run in runs:
            end = col + run.width
            match run:
                case Text():
                    self._pen.take(run.attributes)
                    out.append(run.text.encode())
                case Fill():
                    self._pen.fill(run.attributes)
                    out.append(b"\x1b[%dX" % run.width)
                    if end < self._cols:
                        out.append(b"\x1b[%dC" % run.width)
                case Gap() if end < self._cols:
                    out.append(b"\x1b[%dC" % run.width)
                case Gap() if run.width > 1:  # to the cell that a wide character did not fit into
                    out.append(b"\x1b[%dC" % (run.width - 1))
            col = end
        self._is_wrapped = is_wrapped
        self._is_wrap_pending = bool(runs) and col == self._cols and isinstance(runs[-1], Text)

    def _begin(self, first: Run | None) -> None:
        """Go to the next row in the way that the row above ended."""
        if self._is_first:
            self._is_first = False
            return
        out = self._out
        if not self._is_wrapped:
            if self._pen.has_background:  # a scroll fills the new line with it
                self._pen.reset()
            out.append(b"\r\n")
            return
        is_text = isinstance(first, Text) and not first.attributes.has_background
        if is_text and (
            self._is_wrap_pending
            or (self._awaits_wide and isinstance(first, Text) and first.starts_wide)
        ):
            return  # the text wraps by itself
        self._pen.reset()
        if not self._is_wrap_pending:
            out.append(b"\x1b[%dG " % self._cols)
        out.append(b" \r")
        if not self._is_wrap_pending and self._height > 1:
            # Up, erase the pad, down; a line feed would end the wrapped line in xterm.js.
            out.append(b"\x1b[A\x1b[%dG\x1b[X\x1b[B\r" % self._cols)
        if not isinstance(first, Text):
            out.append(b"\x1b[X")


def hyperlink(link: Hyperlink | None) -> bytes:
    """Open a link, or close the open one (OSC 8)."""
    if link is None:
        return b"\x1b]8;;\x1b\\"
    uri = printable(link.uri)
    if isinstance(link.identity, int):
        return b"\x1b]8;;%s\x1b\\" % uri
    identity = printable(link.identity).translate(None, b":;")
    return b"\x1b]8;id=%s;%s\x1b\\" % (identity, uri)


def printable(text: bytes) -> bytes:
    """``text`` without controls, which could end the sequence that it stands in.

    Bytes beyond ASCII stay if they are UTF-8 of something else than a C1 control.
    """
    if not text.translate(None, _LINK_BYTES):
        return text
    kept = text.decode(errors="ignore")
    return "".join(
        char for char in kept if ord(char) >= 0x20 and not 0x7F <= ord(char) < 0xA0
    ).encode()
