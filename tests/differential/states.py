"""The library's whole state in a form that two screens with the same contents have in common.

Cells are read from the binary snapshot here, cell by cell, and not by the code that writes
snapshots, so an error there does not hide itself. What depends on how a state came about, and not
on what it is, is left out: how rows lie in pages, the numbers of styles, the numbers that the
library gives to links without an id, and what a shell marked cells as (OSC 133), which is
reported when it comes.
"""

import dataclasses
from collections.abc import Iterator
from typing import NamedTuple

from ptybridge.adapters.ghostty import state
from ptybridge.adapters.ghostty.model import (
    CONTINUES,
    DEFAULT_STYLE,
    WRAPPED,
    Charsets,
    Cursor,
    Hyperlink,
    Mode,
    Page,
    Protection,
    Rgb,
    Style,
    cell_width_log2,
)
from ptybridge.adapters.ghostty.screen import GhosttyScreen

_CELL_BYTES = (1, 2, 4, 8)


class Cell(NamedTuple):
    """One cell. An empty one has a background, and no other style."""

    content: str
    style: Style
    width: int
    is_protected: bool
    link: Hyperlink | None


EMPTY = Cell("", DEFAULT_STYLE, 0, False, None)

Row = tuple[int, tuple[Cell, ...]]
"""The flags for soft wrap, and the cells up to the last that is not empty."""

Facts = dict[str, object]
"""All of a state by name: modes, cursors, rows, ..."""

_HOME = Cursor(0, 0, DEFAULT_STYLE, False, False, Charsets((0, 0, 0, 0), 0, 2, None))


def facts(screen: GhosttyScreen) -> Facts:
    """All of a screen's state, history included."""
    decoded = state.decode(screen.encoded())
    found: Facts = {
        field.name: getattr(decoded, field.name)
        for field in dataclasses.fields(decoded)
        if field.name != "screens"
    }
    for name in ("modes", "saved_modes"):  # 132 columns: the size never follows it
        found[name] = getattr(decoded, name) & ~(1 << Mode.COLUMNS_132)
    for key, buffer in decoded.screens.items():
        name = key.name.lower()
        if key is decoded.active:  # the other takes this one's cursor when it is shown
            found[f"{name} cursor"] = _cursor(buffer.cursor)
            found[f"{name} hyperlink"] = _link(buffer.hyperlink)
            # What DEC's way of protecting does differs from ISO's, not from none.
            found[f"{name} protection"] = buffer.protection is Protection.ISO
            found[f"{name} cursor shape"] = buffer.cursor_shape
        # Without a saved cursor, restoring one goes home.
        found[f"{name} saved cursor"] = _cursor(buffer.saved_cursor or _HOME)
        found[f"{name} keyboard flags"] = buffer.keyboard_flags
        rows = [
            row for packed in (*buffer.history, *buffer.pages) for row in _rows(packed.decode())
        ]
        found[f"{name} row count"] = len(rows)
        for index, row in enumerate(rows):
            found[f"{name} row {index}"] = row
    return found


def differences(one: GhosttyScreen, other: GhosttyScreen) -> list[str]:
    """What differs, for people; empty when the screens have the same state."""
    expected, found = facts(one), facts(other)
    return [
        f"{name}: {_shown(expected.get(name), found.get(name))}"
        for name in (*expected, *(found.keys() - expected.keys()))
        if expected.get(name) != found.get(name)
    ]


def _shown(expected: object, found: object) -> str:
    match expected, found:
        case ((int(flags), tuple(cells)), (int(other_flags), tuple(other_cells))):
            different = [
                f"col {col}: {_fields(a, b)}"
                for col, (a, b) in enumerate(_zipped(cells, other_cells))
                if a != b
            ]
            return f"flags {flags} {other_flags}, " + "; ".join(different[:3])
        case (Cursor() as a, Cursor() as b):
            return _fields(a, b)
        case (int(a), int(b)) if not isinstance(expected, bool):
            return f"{a} != {b}, bits {[bit for bit in range(64) if (a ^ b) >> bit & 1]}"
        case _:
            return f"{expected} != {found}"


def _fields(one: Cell | Cursor | Style, other: Cell | Cursor | Style) -> str:
    """Only the fields that differ."""
    parts = []
    for name in one._fields:
        a, b = getattr(one, name), getattr(other, name)
        if isinstance(a, Style):
            parts.append(f"{name} ({_fields(a, b)})" if a != b else "")
        elif a != b:
            parts.append(f"{name} {a!r} != {b!r}")
    return ", ".join(filter(None, parts))


def _zipped(one: tuple[Cell, ...], other: tuple[Cell, ...]) -> Iterator[tuple[Cell, Cell]]:
    length = max(len(one), len(other))
    padding = (EMPTY,) * length
    return zip((*one, *padding)[:length], (*other, *padding)[:length], strict=True)


def _rows(page: Page) -> Iterator[Row]:
    for index, (flags, packed) in enumerate(zip(page.flags, page.cells, strict=True)):
        size = _CELL_BYTES[cell_width_log2(flags)]
        words = [
            int.from_bytes(packed[start : start + size], "little")
            for start in range(0, len(packed), size)
        ]
        if size < 4:
            words = [word << 2 for word in words]
        cells = [_cell(page, index, col, word) for col, word in enumerate(words)]
        while cells and cells[-1] == EMPTY:
            cells.pop()
        yield flags & (WRAPPED | CONTINUES), tuple(cells)


def _cell(page: Page, row: int, col: int, word: int) -> Cell:
    kind = word & 3
    number = word >> 2 & 0xFFFFFF
    style = page.styles.get(word >> 26 & 0xFFFF, DEFAULT_STYLE)
    width = word >> 42 & 3
    content = ""
    if kind == 2:
        style = Style(background=number & 0xFF)
    elif kind == 3:
        style = Style(background=Rgb(number & 0xFF, number >> 8 & 0xFF, number >> 16))
    elif number:
        content = chr(number) + page.graphemes.get(row, {}).get(col, "")
    elif width == 0:
        return EMPTY._replace(style=Style(background=style.background))
    link = page.hyperlinks.get(word >> 48) if word >> 45 & 1 else None
    return Cell(content, style, width, bool(word >> 44 & 1), _link(link))


def _cursor(cursor: Cursor) -> Cursor:
    """With one number for the two character sets that print alike (UTF-8, ASCII)."""
    charsets = cursor.charsets
    g0, g1, g2, g3 = (0 if number == 1 else number for number in charsets.sets)
    return cursor._replace(charsets=charsets._replace(sets=(g0, g1, g2, g3)))


def _link(link: Hyperlink | None) -> Hyperlink | None:
    if link is None or isinstance(link.identity, bytes):
        return link
    return link._replace(identity=0)
