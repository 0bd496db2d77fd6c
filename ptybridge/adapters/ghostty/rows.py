"""Rows of cells as VT bytes: the pen, wrapped lines, blanks.

The bytes are for an emulator whose cursor stands where the first row begins, with its margins,
insert mode and origin mode off, autowrap on, and the pen at its default.
"""

from collections.abc import Iterator
from typing import Final

from ptybridge.adapters.ghostty.cells import (
    PLAIN,
    Attributes,
    Edge,
    Fill,
    Gap,
    RowReader,
    Run,
    Text,
    WidthOf,
)
from ptybridge.adapters.ghostty.model import CONTINUES, WRAPPED, Hyperlink, Page
from ptybridge.adapters.ghostty.stretches import StretchReader

PIECE_WORK: Final = 1200
"""How much work a piece may be, in plain rows; some 2 ms."""

_PLAIN_BATCH: Final = 128
"""Rows of plain text that are looked at together."""
_STRETCH_ROW_WORK: Final = 3
_ROW_WORK: Final = 8
_RUN_WORK: Final = 4
_COMBINED_WORK: Final = 1

_LEAST_HEIGHT_OF_TWO_REGIONS: Final = 3

_WIDE_PAD: Final = "中".encode()
_INTO_ITSELF: Final = b"\x1b[1;2r\x1b[%d;%dH%s\x1b[r\x1b[%dH"
"""In the last row, below the scrolling region, a line wraps into its own row."""

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

    Whether a line goes on in the next row is one flag in xterm.js (of the row below) and two in
    the library (``WRAPPED`` of the row above, ``CONTINUES`` of the one below), which editing on
    the screen can part. Each combination is brought about in the way in which it comes to be.

    Args:
        cols, height: The receiving emulator's size.
        width_of: The library's width of a code point.
        from_bottom: Whether the receiver's cursor stands in its last row rather than its first.
    """

    def __init__(
        self, cols: int, height: int, width_of: WidthOf, *, from_bottom: bool = False
    ) -> None:
        self._cols = cols
        self._height = height
        self._width_of = width_of
        self._row_number = height - 1 if from_bottom else 0
        self._out: list[bytes] = []
        self._pen = Pen(self._out)
        self._is_first = True
        self._is_wrapped = False
        self._is_wrap_pending = False
        self._edge: Edge | None = None
        self._last_run: Run | None = None
        self._last: tuple[RowReader, int] | None = None

    def pieces(self, page: Page, start: int, stop: int) -> Iterator[bytes]:
        """Write rows ``start`` to before ``stop`` of a page."""
        reader = RowReader(page, self._width_of)
        stretches = StretchReader(page, reader, self._cols)
        work = 0
        index = start
        while index < stop:
            if (end := self._plain_end(page, index, stop)) > index:
                work += end - index
                index = end
            elif (end := self._stretch_end(stretches, index, stop)) > index:
                work += (end - index) * _STRETCH_ROW_WORK
                index = end
            else:
                flags = page.flags[index]
                self._last = reader, index
                runs = reader.runs(index)
                self._row(runs, flags)
                self._edge = reader.edge(index) if self._is_wrapped else None
                work += _ROW_WORK + _RUN_WORK * len(runs)
                work += _COMBINED_WORK * len(page.graphemes.get(index, ()))
                index += 1
            if work >= PIECE_WORK:
                yield self._take()
                work = 0
        yield self._take()

    def finish(self) -> bytes:
        """The pen at its default, and whatever was not given away yet."""
        if self._is_wrapped:
            self._wrap_into_itself()
        self._pen.reset()
        return self._take()

    def _take(self) -> bytes:
        piece = b"".join(self._out)
        self._out.clear()
        return piece

    def _plain_end(self, page: Page, start: int, stop: int) -> int:
        """Write whole rows of ASCII at once, as many as follow from ``start``; where they end."""
        if page.flags[start] or self._is_wrapped or not self._pen.is_default:
            return start
        end = page.end_of_alike(start, min(stop, start + _PLAIN_BATCH))
        text = b"\r\n".join(page.cells[start:end])
        if text.translate(None, _ASCII) or text.count(b"\n") + text.count(b"\r") != 2 * (
            end - start - 1
        ):
            return start
        if not self._is_first:
            self._out.append(b"\r\n")
        self._row_number += end - start - self._is_first
        self._is_first = False
        self._out.append(text)
        return end

    def _stretch_end(self, stretches: StretchReader, start: int, stop: int) -> int:
        """Write a stretch of rows at once; where it ends."""
        if self._is_wrapped:
            return start
        end, text = stretches.read(start, stop)
        if end > start:
            self._pen.reset()
            if not self._is_first:
                self._out.append(b"\r\n")
            self._row_number += end - start - self._is_first
            self._is_first = False
            self._out.append(text)
        return end

    def _row(self, runs: list[Run], flags: int) -> None:
        runs = self._begin(runs, continues=bool(flags & CONTINUES))
        out = self._out
        col = self._col
        for run in runs:
            end = col + run.width
            match run:
                case Text():
                    self._pen.take(run.attributes)
                    out.append(encoded(run))
                case Fill():
                    self._pen.fill(run.attributes)
                    out.append(b"\x1b[%dX" % run.width)
                    if end < self._cols:
                        out.append(b"\x1b[%dC" % run.width)
                case Gap() if end < self._cols:
                    out.append(b"\x1b[%dC" % run.width)
                case Gap():
                    pass
            col = end
        self._is_wrapped = bool(flags & WRAPPED)
        self._last_run = runs[-1] if runs and col == self._cols else None
        self._is_wrap_pending = isinstance(self._last_run, Text)

    def _begin(self, runs: list[Run], *, continues: bool) -> list[Run]:
        """Go to the next row in the way that the row above ended; what is left to be written."""
        self._col = 0
        if self._is_first:
            self._is_first = False
            if continues:  # the blank row above will be taken away
                self._out.append(b"\x1b[%dG  \r\x1b[X" % self._cols)
            return runs
        self._row_number += 1
        if not self._is_wrapped:
            if self._pen.has_background:  # a scroll fills the new line with it
                self._pen.reset()
            self._out.append(b"\r\n")
            if continues:
                self._continue_alone()
            return runs
        first = runs[0] if runs else None
        if continues and isinstance(first, Text) and self._wraps_by_itself(first):
            if not self._is_wrap_pending:
                self._out.append(b"\x1b[%dG" % self._cols)
            if not first.attributes.has_background:
                return runs
            return self._wrap_with_background(first, runs)
        self._wrap()
        if not continues:  # deleting a line takes the flag from the row below alone
            self._out.append(b"\x1b[M")
        elif not isinstance(first, Text):
            self._out.append(b"\x1b[X")
        return runs

    def _wraps_by_itself(self, first: Text) -> bool:
        if self._is_wrap_pending:
            return not first.attributes.has_background
        return (
            self._edge is not None
            and self._edge.is_spacer
            and bool(first.wide_head)
            and first.attributes == self._edge.attributes
        )

    def _wrap_with_background(self, first: Text, runs: list[Run]) -> list[Run]:
        """Let a wide character wrap, and take its background from the new row."""
        self._pen.take(first.attributes)
        head = first._replace(text=first.text[: first.wide_head], width=2)
        self._out.append(encoded(head))
        self._pen.reset()
        self._col = 2
        if self._cols > self._col:
            self._out.append(b"\x1b[K")
        rest = first._replace(text=first.text[first.wide_head :], width=first.width - 2)
        return [rest, *runs[1:]] if rest.width else runs[1:]

    def _wrap(self) -> None:
        """Wrap the line, with the pen at its default; the new row begins with a character."""
        out, pen, last, edge = self._out, self._pen, self._last_run, self._edge
        if edge is not None and self._cols > 1:
            pen.take(edge.attributes)
            out.append(b"\x1b[%dG%s\r" % (self._cols, _WIDE_PAD))
            pen.reset()
            # Something narrow in its place takes it from the row above as well; erasing does not.
            out.append(b"\x1b[1K\x1b[C" if edge.is_spacer else b" ")
            out.append(b"\x1b[K\r")
            return
        pen.reset()
        if self._is_wrap_pending:
            out.append(b" \r")
            return
        out.append(b"\x1b[%dG  \r" % self._cols)
        if self._height > 1:
            # Insert a blank where the pad is: erasing it would end the wrapped line in the
            # library, as a line feed would in xterm.js.
            out.append(b"\x1b[A\x1b[%dG" % self._cols)
            if isinstance(last, Fill):
                pen.fill(last.attributes)
            out.append(b"\x1b[@")
            pen.reset()
            out.append(b"\x1b[B\r")

    def _continue_alone(self) -> None:
        """Have the row go on a line that does not wrap into it."""
        if self._row_number < self._height - 1 or self._height < _LEAST_HEIGHT_OF_TWO_REGIONS:
            return
        self._pen.reset()
        self._out.append(_INTO_ITSELF % (self._height, self._cols, b"  ", self._height))
        self._out.append(b"\x1b[%dX" % self._cols)

    def _wrap_into_itself(self) -> None:
        """Wrap the last row, which has no row below, and repair both of its ends."""
        out, pen, height, cols = self._out, self._pen, self._height, self._cols
        if self._last is None or height < _LEAST_HEIGHT_OF_TWO_REGIONS:
            return
        reader, index = self._last
        runs = reader.runs(index)
        if self._edge is None:
            pen.reset()
            out.append(_INTO_ITSELF % (height, cols, b"  ", height))
        else:
            pen.take(self._edge.attributes)
            out.append(_INTO_ITSELF % (height, cols, _WIDE_PAD, height))
        for col in (1, 0):  # backwards: erasing reaches from the row's beginning
            if col < cols:
                self._repair(reader, index, runs, col)
        if self._edge is not None:
            return
        if isinstance(self._last_run, Text):
            last = reader.character_before(index, cols)
            out.append(b"\x1b[%dG" % (cols + 1 - (last.width if last else 1)))
            self._print(last)
        else:
            pen.take(self._last_run.attributes if isinstance(self._last_run, Fill) else PLAIN)
            out.append(b"\x1b[%dG\x1b[@" % cols)

    def _repair(self, reader: RowReader, index: int, runs: list[Run], col: int) -> None:
        """Write a cell at the row's beginning again, without ending the line."""
        end = 0
        for run in runs:
            end += run.width
            if end <= col:
                continue
            if isinstance(run, Text):
                character = reader.character_before(index, col + 1)
                if character is not None:
                    self._out.append(b"\x1b[%dG" % (col + 2 - character.width))
                    self._print(character)
                return
            self._pen.take(run.attributes if isinstance(run, Fill) else PLAIN)
            break
        else:
            self._pen.reset()
        self._out.append(b"\x1b[%dG\x1b[1K" % (col + 1))

    def _print(self, character: Text | None) -> None:
        if character is not None:
            self._pen.take(character.attributes)
            self._out.append(encoded(character))


def encoded(run: Text) -> bytes:
    """What prints a run's text, with the default character sets and modes before and after."""
    text = run.text.encode()
    if run.is_undrawn:  # xterm.js draws wide characters in any set; this one is blank as well
        text = b"\x1b(0\xe3\x80\x80%s\x1b(B" % text[1:]
    return b"\x1b[?2027h%s\x1b[?2027l" % text if run.is_cluster else text


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
