"""What a terminal's state is made of, as plain values; `state` reads them from a snapshot."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple


class Mode(enum.IntEnum):
    """Bits of the packed set of modes that a snapshot cares for."""

    DISABLE_KEYBOARD = 0
    INSERT = 1
    SEND_RECEIVE = 2
    LINEFEED = 3
    CURSOR_KEYS = 4
    COLUMNS_132 = 5
    SLOW_SCROLL = 6
    REVERSE_COLORS = 7
    ORIGIN = 8
    WRAPAROUND = 9
    AUTOREPEAT = 10
    CURSOR_BLINKING = 12
    CURSOR_VISIBLE = 13
    ENABLE_COLUMN_SWITCH = 14
    REVERSE_WRAP = 15
    ALTERNATE_LEGACY = 16
    KEYPAD_KEYS = 17
    BACKARROW_KEY = 18
    LEFT_RIGHT_MARGIN = 19
    FOCUS_EVENT = 23
    ALTERNATE_SCROLL = 26
    IGNORE_KEYPAD_WITH_NUMLOCK = 29
    ALT_ESC_PREFIX = 30
    ALT_SENDS_ESCAPE = 31
    REVERSE_WRAP_EXTENDED = 32
    ALTERNATE = 33
    SAVE_CURSOR = 34
    ALTERNATE_SAVING = 35
    BRACKETED_PASTE = 36
    SYNCHRONIZED_OUTPUT = 37
    GRAPHEME_CLUSTER = 38
    REPORT_COLOR_SCHEME = 39
    IN_BAND_SIZE_REPORTS = 41


class ScreenKey(enum.IntEnum):
    """Which of the two buffers."""

    PRIMARY = 0
    ALTERNATE = 1


class Protection(enum.IntEnum):
    """Which kind of protected cells was used last (SPA is ISO's, DECSCA is DEC's)."""

    OFF = 0
    ISO = 1
    DEC = 2


class Rgb(NamedTuple):
    """A colour, each part 0..255."""

    red: int
    green: int
    blue: int


Color = int | Rgb | None
"""An index of the palette, a direct colour, or None for the default."""


class Style(NamedTuple):
    """What SGR can set. ``underline``: 0 none, 1 single, 2 double, 3 curly, 4 dotted, 5 dashed."""

    foreground: Color = None
    background: Color = None
    underline_color: Color = None
    bold: bool = False
    italic: bool = False
    faint: bool = False
    blink: bool = False
    inverse: bool = False
    invisible: bool = False
    strikethrough: bool = False
    overline: bool = False
    underline: int = 0


DEFAULT_STYLE: Final = Style()


class Hyperlink(NamedTuple):
    """A link (OSC 8). ``identity`` is the number of a link without an id, else the program's id."""

    identity: int | bytes
    uri: bytes


class Charsets(NamedTuple):
    """G0 to G3 (0 UTF-8, 1 ASCII, 2 British, 3 DEC special graphics) and what is mapped in."""

    sets: tuple[int, int, int, int]
    gl: int
    gr: int
    single_shift: int | None


class Cursor(NamedTuple):
    """A cursor, or a saved one; column and row count from 0."""

    col: int
    row: int
    style: Style
    is_wrap_pending: bool
    is_protected: bool
    charsets: Charsets
    is_origin: bool = False


WRAPPED: Final = 1
"""Flag of a row: its line goes on in the next row."""
CONTINUES: Final = 2
"""Flag of a row: its line began above."""


def cell_width_log2(flags: int) -> int:
    """How a row's cells are packed: 0, 1: code points; 2: low halves of cell words; 3: words."""
    return flags >> 4 & 3


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of one width with the tables that their cells refer to.

    Attributes:
        cols: The width; differs from the terminal's while a reflow is put off.
        styles, hyperlinks: By the ids in the cells; 0, not in the tables, is none.
        flags: A byte a row: ``WRAPPED``, ``CONTINUES``, two bits of what a shell marked it as,
            two of how its cells are packed.
        cells: Packed cells a row, up to the last that is not empty.
        graphemes: The code points after the first, by row and then by column.
    """

    cols: int
    styles: Mapping[int, Style]
    hyperlinks: dict[int, Hyperlink]
    flags: bytes
    cells: list[bytes]
    graphemes: Mapping[int, Mapping[int, str]]

    def end_of_alike(self, start: int, stop: int) -> int:
        """The row before ``stop`` that is the first after ``start`` with other flags, or that."""
        rows = self.flags[start:stop]
        return start + len(rows) - len(rows.lstrip(rows[:1]))
