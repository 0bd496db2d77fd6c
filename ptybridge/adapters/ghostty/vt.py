"""A terminal's state as VT bytes: reset, contents, modes, cursor, unfinished input.

The order is the whole art. Contents are written while every mode is at its default, modes change
afterwards; what moves the cursor (margins, origin mode) comes before the cursor; what a sequence
would undo in the receiver (the character that a combining mark may still join) comes last.

The receivers that matter are xterm.js, which the page uses, and the library itself, which is how
the tests know that nothing is missing. What only one of them understands is written so that the
other ignores it.
"""

from collections.abc import Iterator
from itertools import chain, islice
from typing import Final, NamedTuple

from ptybridge.adapters.ghostty import modes, sgr
from ptybridge.adapters.ghostty.cells import PLAIN, Attributes, Fill, RowReader, Text, WidthOf
from ptybridge.adapters.ghostty.model import (
    CONTINUES,
    WRAPPED,
    Charsets,
    Cursor,
    Mode,
    Page,
    Protection,
    Rgb,
    ScreenKey,
)
from ptybridge.adapters.ghostty.rows import Pen, RowWriter, encoded, printable
from ptybridge.adapters.ghostty.state import PackedPage, ScreenState, TerminalState

RESET: Final = (
    b"\x18\x1bc"  # CAN ends whatever the receiver was in the middle of; RIS
    b"\x1b[?25h\x1b[0 q\x1b[20l"  # xterm.js's RIS leaves these,
    b"\x1b]104\x1b\\\x1b]110\x1b\\\x1b]111\x1b\\\x1b]112\x1b\\"  # and the colours
)
_DEFAULT_TAB_WIDTH: Final = 8
_DESIGNATORS: Final = b"BBA0"
"""Final bytes of SCS by the library's charset; its UTF-8 and ASCII print alike."""
_SLOTS: Final = b"()*+"
_LOCKING_SHIFTS: Final = (b"\x0f", b"\x0e", b"\x1bn", b"\x1bo")
_LOCKING_SHIFTS_RIGHT: Final = (b"", b"\x1b~", b"\x1b}", b"\x1b|")
_SINGLE_SHIFTS: Final = (b"", b"", b"\x1bN", b"\x1bO")
_PAD: Final = Text(PLAIN, " ", 1)
_DEFAULT_CHARSETS: Final = Charsets((0, 0, 0, 0), 0, 2, None)


def write(
    state: TerminalState, *, width_of: WidthOf, history_lines: int, unfinished: bytes
) -> Iterator[bytes]:
    """The bytes, in pieces of a few milliseconds' work.

    Args:
        state: What to rebuild.
        width_of: The library's width of a code point.
        history_lines: How many rows above the screen to write at most.
        unfinished: The input to leave the receiver in the middle of.
    """
    writer = _Writer(state, width_of)
    yield b"".join(_preamble(state))
    primary = state.screens[ScreenKey.PRIMARY]
    shown = state.screens[state.active]
    alternate = state.screens.get(ScreenKey.ALTERNATE)
    if alternate is not None and alternate is not shown:
        yield from writer.hidden_alternate(alternate)
    yield from writer.buffer(primary, history_lines=history_lines)
    if shown is not primary:
        yield b"".join(writer.leave_primary(primary))
        yield from writer.buffer(shown, history_lines=0)
    yield b"".join(writer.epilogue(shown)) + unfinished


def _preamble(state: TerminalState) -> Iterator[bytes]:
    yield RESET
    for index, color in state.palette.items():
        yield b"\x1b]4;%d;%s\x1b\\" % (index, _rgb(color))
    for code, dynamic in ((10, state.foreground), (11, state.background), (12, state.cursor_color)):
        if dynamic is not None:
            yield b"\x1b]%d;%s\x1b\\" % (code, _rgb(dynamic))
    if state.title:
        yield b"\x1b]2;%s\x1b\\" % printable(state.title)
    if state.working_directory:
        yield b"\x1b]7;%s\x1b\\" % printable(state.working_directory)
    yield from modes.kept(state)
    yield from modes.left_over(state)
    yield from _tab_stops(state)


def _tab_stops(state: TerminalState) -> Iterator[bytes]:
    if state.tab_stops != tuple(range(_DEFAULT_TAB_WIDTH, state.size.cols, _DEFAULT_TAB_WIDTH)):
        yield b"\x1b[3g"
        for col in state.tab_stops:
            yield b"\x1b[%dG\x1bH" % (col + 1)
        yield b"\r"


class _Writer:
    """Writes the parts of one state."""

    def __init__(self, state: TerminalState, width_of: WidthOf) -> None:
        self._state = state
        self._width_of = width_of
        self._has_region = False

    def buffer(self, screen: ScreenState, *, history_lines: int) -> Iterator[bytes]:
        """All rows of a buffer, its last ones on the screen."""
        rows, cols = self._state.size.rows, self._state.size.cols
        skipped = max(0, screen.row_count - rows - history_lines)
        parts = _parts((*screen.history, *screen.pages), skipped)
        first: list[_Part] = []
        while sum(part.stop - part.start for part in first) < rows:
            first.append(next(parts))
        from_bottom = _has_torn_lines(first, rows)
        if from_bottom:
            yield b"\x1b[%dH" % rows
        writer = RowWriter(cols, rows, self._width_of, from_bottom=from_bottom)
        left = rows
        for page, start, stop in chain(first, parts):
            end = min(stop, start + left)
            yield from writer.pieces(page, start, end)
            left -= end - start
            if from_bottom and left == 0 and start < end:
                yield b"\x1b[3J"  # the blank rows that were above
            yield from writer.pieces(page, end, stop)
        yield writer.finish()

    def hidden_alternate(self, alternate: ScreenState) -> Iterator[bytes]:
        """What a program left in the alternate buffer; xterm.js forgets it at once."""
        yield b"\x1b[?47h"
        yield from self.buffer(alternate, history_lines=0)
        yield b"".join(self._saved_cursor(alternate))
        yield b"".join(modes.keyboard(alternate)) + modes.leave_alternate(self._state) + b"\x1b[H"

    def leave_primary(self, primary: ScreenState) -> Iterator[bytes]:
        """Save the primary buffer's cursor and show the alternate buffer, which is blank."""
        yield from modes.keyboard(primary)
        enter = modes.enter_alternate(self._state)
        if enter == modes.ENTER_AND_SAVE:
            yield from self._saved_cursor(primary, then=enter)
        else:
            yield from self._saved_cursor(primary)
            yield enter  # a new buffer is filled with the pen, which is the default one here
        yield b"\x1b8"  # the pen came along; nothing was saved here, so this makes it the default
        yield from _tab_stops(self._state)  # xterm.js has them for each buffer
        yield b"\x1b[H"

    def epilogue(self, screen: ScreenState) -> Iterator[bytes]:
        """Everything but the contents, for the buffer that is shown."""
        state = self._state
        top, bottom, left, right = state.region
        yield from modes.keyboard(screen)
        if state.has(Mode.SAVE_CURSOR):
            yield b"\x1b[H\x1b[?1048h"
        yield from self._saved_cursor(screen)
        yield from modes.settings(state, screen)
        if (top, bottom) != (0, state.size.rows - 1):
            yield b"\x1b[%d;%dr" % (top + 1, bottom + 1)
        if state.has(Mode.LEFT_RIGHT_MARGIN):
            # Without this mode, and always in xterm.js, the second is "save cursor".
            yield b"\x1b[?69h\x1b[%d;%ds" % (left + 1, right + 1)
            if screen.saved_cursor is None or not screen.saved_cursor.is_origin:
                yield from self._saved_cursor(screen)
        self._has_region = True
        is_origin = state.has(Mode.ORIGIN)
        if is_origin:
            yield b"\x1b[?6h"
        yield from self._cursor(screen, screen.cursor, is_origin=is_origin)
        if state.has(Mode.GRAPHEME_CLUSTER):
            yield b"\x1b[?2027h"
        if not state.has(Mode.WRAPAROUND):  # changes where a combining mark goes
            yield b"\x1b[?7l"
        if state.has(Mode.INSERT):
            yield b"\x1b[4h"
        if state.has(Mode.SYNCHRONIZED_OUTPUT):
            yield b"\x1b[?2026h"

    def _saved_cursor(self, screen: ScreenState, *, then: bytes = b"") -> Iterator[bytes]:
        """Save a cursor; ``then`` is done with everything as it is saved."""
        saved = screen.saved_cursor
        if saved is None:
            if then:
                yield b"\x1b[H" + then
            return
        if saved.is_origin:
            yield b"\x1b[?6h"
        yield from self._cursor(screen, saved, is_origin=saved.is_origin)
        yield b"\x1b7"
        if self._needs_pad(screen, saved):
            yield from self._take_pad_away(screen, saved)
        yield then
        if saved.is_origin:
            yield b"\x1b[?6l"
        if then:
            return
        yield b"\x1b[m"
        if saved.is_protected:
            yield b'\x1b[0"q'
        yield from _charsets(_DEFAULT_CHARSETS, was=saved.charsets)
        if saved.charsets.single_shift is not None:
            yield from self._use_single_shift(screen)

    def _cursor(self, screen: ScreenState, cursor: Cursor, *, is_origin: bool) -> Iterator[bytes]:
        """Put the cursor, its pen, link and character sets where they belong.

        The character left of it (under it when a wrap is pending) is printed again: only that
        makes a wrap pending, and lets a combining mark that comes next find its base.
        """
        out: list[bytes] = []
        pen = Pen(out)
        end = cursor.col + cursor.is_wrap_pending
        before = self._character_before(screen, cursor.row, end)
        if before is None and cursor is screen.saved_cursor and self._needs_pad(screen, cursor):
            before = _PAD
        if before is None:
            out.append(self._position(cursor.row, cursor.col, is_origin=is_origin))
        else:
            out.append(self._position(cursor.row, end - before.width, is_origin=is_origin))
            pen.take(before.attributes)
            out.append(encoded(before))
        is_saved = cursor is screen.saved_cursor
        pen.take(
            Attributes(
                style=cursor.style,
                parameters=sgr.parameters(cursor.style),
                hyperlink=None if is_saved else screen.hyperlink,
                is_protected=cursor.is_protected,
            )
        )
        yield from out
        if not is_saved and screen.protection is not Protection.OFF:
            yield from modes.protection(screen)
        yield from _charsets(cursor.charsets, was=_DEFAULT_CHARSETS)
        if cursor.charsets.single_shift is not None:
            yield _SINGLE_SHIFTS[cursor.charsets.single_shift]

    def _needs_pad(self, screen: ScreenState, saved: Cursor) -> bool:
        """Whether a wrap is pending behind a character that is not there any more."""
        found = self._page_of(screen, saved.row)
        if found is None or not saved.is_wrap_pending:
            return False
        reader = RowReader(found[0], self._width_of)
        is_gone = reader.character_before(found[1], saved.col + 1) is None
        return is_gone and reader.edge(found[1]) is None

    def _take_pad_away(self, screen: ScreenState, saved: Cursor) -> Iterator[bytes]:
        """Make the cell blank where only the saved cursor tells that a character was printed."""
        found = self._page_of(screen, saved.row)
        if found is None:
            return
        runs = RowReader(found[0], self._width_of).runs(found[1])
        width = sum(run.width for run in runs)
        last = runs[-1] if runs and width == self._state.size.cols else None
        yield b"\x1b[0%sm\x1b[@\x1b8" % (
            last.attributes.parameters if isinstance(last, Fill) else b""
        )

    def _use_single_shift(self, screen: ScreenState) -> Iterator[bytes]:
        """Print a character, and then the one that belongs there, in the first cell."""
        found = self._page_of(screen, 0)
        if found is None:
            return
        reader = RowReader(found[0], self._width_of)
        runs = reader.runs(found[1])
        out: list[bytes] = [b"\x1b[H"]
        pen = Pen(out)
        match runs[0] if runs else None:
            case Text(attributes, wide_head=wide_head):
                pen.take(attributes)
                character = reader.character_before(found[1], 2 if wide_head else 1)
                if character is not None:
                    out.append(encoded(character) + b"\x1b[H" + encoded(character))
            case Fill(attributes):
                pen.fill(attributes)
                out.append(b" \x1b[H\x1b[1K")
            case _:
                out.append(b" \x1b[H\x1b[1K")
        pen.reset()
        yield from out

    def _position(self, row: int, col: int, *, is_origin: bool) -> bytes:
        """CUP; in origin mode it counts from the margins."""
        if is_origin and self._has_region:
            row -= self._state.region[0]
            col -= self._state.region[2] if self._state.has(Mode.LEFT_RIGHT_MARGIN) else 0
        return b"\x1b[%d;%dH" % (max(row, 0) + 1, max(col, 0) + 1)

    def _character_before(self, screen: ScreenState, row: int, col: int) -> Text | None:
        """The character that ends before ``col``, or None when there is none."""
        found = self._page_of(screen, row)
        if col == 0 or found is None:
            return None
        page, index = found
        return RowReader(page, self._width_of).character_before(index, col)

    def _page_of(self, screen: ScreenState, row: int) -> tuple[Page, int] | None:
        """The page with a row of the screen, and the row's index in it."""
        from_bottom = self._state.size.rows - row
        for packed in reversed(screen.pages):
            if from_bottom <= packed.row_count:
                return packed.decode(), packed.row_count - from_bottom
            from_bottom -= packed.row_count
        return None


class _Part(NamedTuple):
    """Rows ``start`` to before ``stop`` of a page."""

    page: Page
    start: int
    stop: int


def _parts(pages: tuple[PackedPage, ...], skipped: int) -> Iterator[_Part]:
    """All rows but the first ``skipped``; each page is decoded when it is asked for."""
    for packed in pages:
        if skipped < packed.row_count:
            yield _Part(packed.decode(), skipped, packed.row_count)
        skipped = max(0, skipped - packed.row_count)


def _has_torn_lines(parts: list[_Part], count: int) -> bool:
    """Whether, in the first ``count`` rows, one goes on with a line that no row above wraps."""
    flags = chain.from_iterable(page.flags[start:stop] for page, start, stop in parts)
    above = 0
    for row in islice(flags, count):
        if row & CONTINUES and not above & WRAPPED:
            return True
        above = row
    return False


def _charsets(charsets: Charsets, *, was: Charsets) -> Iterator[bytes]:
    for slot, (now, before) in enumerate(zip(charsets.sets, was.sets, strict=True)):
        if _DESIGNATORS[now] != _DESIGNATORS[before]:
            yield b"\x1b%c%c" % (_SLOTS[slot], _DESIGNATORS[now])
    if charsets.gl != was.gl:
        yield _LOCKING_SHIFTS[charsets.gl]
    if charsets.gr != was.gr:
        yield _LOCKING_SHIFTS_RIGHT[charsets.gr]


def _rgb(color: Rgb) -> bytes:
    return b"rgb:%02x/%02x/%02x" % color
