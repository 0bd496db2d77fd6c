"""A terminal's state as VT bytes: reset, contents, modes, cursor, unfinished input.

The order is the whole art. Contents are written while every mode is at its default, modes change
afterwards; what moves the cursor (margins, origin mode) comes before the cursor; what a sequence
would undo in the receiver (the character that a combining mark may still join) comes last.

The receivers that matter are xterm.js, which the page uses, and the library itself, which is how
the tests know that nothing is missing. What only one of them understands is written so that the
other ignores it.
"""

from collections.abc import Iterator
from typing import Final

from ptybridge.adapters.ghostty import modes, sgr
from ptybridge.adapters.ghostty.cells import Attributes, RowReader
from ptybridge.adapters.ghostty.model import (
    Charsets,
    Cursor,
    Mode,
    Page,
    Protection,
    Rgb,
    ScreenKey,
)
from ptybridge.adapters.ghostty.rows import Pen, RowWriter, printable
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
_DEFAULT_CHARSETS: Final = Charsets((0, 0, 0, 0), 0, 2, None)


def write(state: TerminalState, *, history_lines: int, unfinished: bytes) -> Iterator[bytes]:
    """The bytes, in pieces of a few milliseconds' work.

    Args:
        state: What to rebuild.
        history_lines: How many rows above the screen to write at most.
        unfinished: The input to leave the receiver in the middle of.
    """
    yield b"".join(_preamble(state))
    primary = state.screens[ScreenKey.PRIMARY]
    yield from _buffer(state, primary, history_lines=history_lines)
    screen = primary
    if state.active is ScreenKey.ALTERNATE:
        screen = state.screens[ScreenKey.ALTERNATE]
        yield b"".join(_leave_primary(state, primary))
        yield from _buffer(state, screen, history_lines=0)
    yield b"".join(_epilogue(state, screen)) + unfinished


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
    if state.has(Mode.GRAPHEME_CLUSTER):
        yield b"\x1b[?2027h"  # before the contents: it decides what is one character
    yield from _tab_stops(state)


def _leave_primary(state: TerminalState, primary: ScreenState) -> Iterator[bytes]:
    yield from _saved_cursor(state, primary)
    yield from modes.keyboard(primary)
    # 47, not 1049: the saved cursor must stay as it is. A new buffer is filled with the pen.
    yield b"\x1b[m\x1b[?47h"
    yield from _tab_stops(state)  # xterm.js has them for each buffer
    yield b"\x1b[H"


def _epilogue(state: TerminalState, screen: ScreenState) -> Iterator[bytes]:
    top, bottom, left, right = state.region
    yield from _saved_cursor(state, screen)
    yield from modes.keyboard(screen)
    yield from modes.settings(state, screen)
    if (top, bottom) != (0, state.size.rows - 1):
        yield b"\x1b[%d;%dr" % (top + 1, bottom + 1)
    if state.has(Mode.LEFT_RIGHT_MARGIN):
        # Without this mode, and always in xterm.js, the second is "save cursor".
        yield b"\x1b[?69h\x1b[%d;%ds" % (left + 1, right + 1)
        yield from _saved_cursor(state, screen)
    is_origin = state.has(Mode.ORIGIN)
    if is_origin:
        yield b"\x1b[?6h"
    yield from _cursor(state, screen, screen.cursor, is_origin=is_origin)
    if state.has(Mode.INSERT):
        yield b"\x1b[4h"
    if state.has(Mode.SYNCHRONIZED_OUTPUT):
        yield b"\x1b[?2026h"


def _tab_stops(state: TerminalState) -> Iterator[bytes]:
    if state.tab_stops != tuple(range(_DEFAULT_TAB_WIDTH, state.size.cols, _DEFAULT_TAB_WIDTH)):
        yield b"\x1b[3g"
        for col in state.tab_stops:
            yield b"\x1b[%dG\x1bH" % (col + 1)
        yield b"\r"


def _buffer(state: TerminalState, screen: ScreenState, *, history_lines: int) -> Iterator[bytes]:
    """All rows of a buffer, its last ones on the screen."""
    rows, cols = state.size.rows, state.size.cols
    skipped = max(0, screen.row_count - rows - history_lines)
    writer = RowWriter(cols, rows)
    for packed in (*screen.history, *screen.pages):
        if skipped >= packed.row_count:
            skipped -= packed.row_count
            continue
        yield from writer.pieces(packed.decode(), skipped, packed.row_count)
        skipped = 0
    yield writer.finish()


def _saved_cursor(state: TerminalState, screen: ScreenState) -> Iterator[bytes]:
    saved = screen.saved_cursor
    if saved is None:
        return
    if saved.is_origin:
        yield b"\x1b[?6h"
    yield from _cursor(state, screen, saved, is_origin=saved.is_origin)
    yield b"\x1b7"
    if saved.is_origin:
        yield b"\x1b[?6l"
    yield b"\x1b[m"
    if saved.is_protected:
        yield b'\x1b[0"q'
    yield from _charsets(_DEFAULT_CHARSETS, was=saved.charsets)


def _cursor(
    state: TerminalState, screen: ScreenState, cursor: Cursor, *, is_origin: bool
) -> Iterator[bytes]:
    """Put the cursor, its pen, link and character sets where they belong.

    The character left of it (under it when a wrap is pending) is printed again: only that makes
    a wrap pending, and lets a combining mark that comes next find its base.
    """
    out: list[bytes] = []
    pen = Pen(out)
    end = cursor.col + cursor.is_wrap_pending
    before = _character_before(state, screen, cursor.row, end)
    if before is None:
        out.append(_position(state, cursor.row, cursor.col, is_origin=is_origin))
    else:
        attributes, text, width = before
        out.append(_position(state, cursor.row, end - width, is_origin=is_origin))
        pen.take(attributes)
        out.append(text.encode())
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


def _position(state: TerminalState, row: int, col: int, *, is_origin: bool) -> bytes:
    """CUP; in origin mode it counts from the margins."""
    if is_origin:
        row -= state.region[0]
        col -= state.region[2] if state.has(Mode.LEFT_RIGHT_MARGIN) else 0
    return b"\x1b[%d;%dH" % (max(row, 0) + 1, max(col, 0) + 1)


def _character_before(
    state: TerminalState, screen: ScreenState, row: int, col: int
) -> tuple[Attributes, str, int] | None:
    """The character that ends before ``col``, or None when there is none."""
    found = _page_of(state, screen, row)
    if col == 0 or found is None:
        return None
    page, index = found
    return RowReader(page).character_before(index, col)


def _page_of(state: TerminalState, screen: ScreenState, row: int) -> tuple[Page, int] | None:
    """The page with a row of the screen, and the row's index in it."""
    from_bottom = state.size.rows - row
    packed: PackedPage
    for packed in reversed(screen.pages):
        if from_bottom <= packed.row_count:
            return packed.decode(), packed.row_count - from_bottom
        from_bottom -= packed.row_count
    return None


def _charsets(charsets: Charsets, *, was: Charsets) -> Iterator[bytes]:
    for slot, (now, before) in enumerate(zip(charsets.sets, was.sets, strict=True)):
        if _DESIGNATORS[now] != _DESIGNATORS[before]:
            yield b"\x1b%c%c" % (_SLOTS[slot], _DESIGNATORS[now])
    if charsets.gl != was.gl:
        yield _LOCKING_SHIFTS[charsets.gl]
    if charsets.gr != was.gr:
        yield _LOCKING_SHIFTS_RIGHT[charsets.gr]
    if charsets.single_shift is not None:
        yield _SINGLE_SHIFTS[charsets.single_shift]


def _rgb(color: Rgb) -> bytes:
    return b"rgb:%02x/%02x/%02x" % color
