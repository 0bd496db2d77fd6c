"""The library's binary snapshot, read into plain values. Pure; knows nothing of VT sequences.

A snapshot ("GHOSTSNP", format version 1; little-endian) is an envelope of ten bytes and then
records ``tag: u16 | length: u32 | crc32c: u32 | payload``:

``TERMINAL``, then for each screen ``SCREEN`` and its ``PAGE`` records (the newest pages, as many
as cover the screen, oldest first), ``CONTINUATION`` (unfinished input), ``READY``, then for each
screen ``HISTORY`` and its older ``PAGE`` records (newest first), ``FINISH``.

A page is a table of styles, one of hyperlinks, rows, and the code points beyond the first of cells
that have several. Pages are large (a scrollback of 10,000 lines is some 20 of them) and most of
them are text without style, so a row keeps its cells packed as they came: `rows` makes text of
them. The checksums are not verified: the bytes come from the library in this process.
"""

import enum
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from ptybridge.adapters.ghostty.model import (
    Charsets,
    Cursor,
    Hyperlink,
    Mode,
    Page,
    Protection,
    Rgb,
    ScreenKey,
)
from ptybridge.adapters.ghostty.styles import StyleTable, decode_style
from ptybridge.core.screen import ScreenFailed
from ptybridge.core.values import WindowSize

MAGIC: Final = b"GHOSTSNP"
VERSION: Final = 1

_RECORD = struct.Struct("<HII")
_TERMINAL = struct.Struct("<HHIIHHHHBHHIBBBBBBBBBBQQQ8s8s8sQQ")
_SCREEN = struct.Struct("<HHQHHBB16sIHBB8sBBB")
_SAVED_CURSOR = struct.Struct("<HH16sBH")
_PAGE = struct.Struct("<HHHHHHII")
_ROW = struct.Struct("<BH")
_GRAPHEME = struct.Struct("<HHHI")
"""Row, column, how many code points follow, and the first of them."""

_PALETTE_BYTES = 256 * 3


class Tag(enum.IntEnum):
    """Kinds of records."""

    TERMINAL = 1
    SCREEN = 2
    PAGE = 3
    HISTORY = 4
    READY = 5
    FINISH = 6
    CONTINUATION = 7


class PackedPage:
    """A page that is decoded when it is asked for; ``row_count`` is known before that."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        _, self.row_count = struct.unpack_from("<HH", payload)

    def decode(self) -> Page:
        """Decode; not kept, for a history is walked once."""
        return _decode_page(self._payload)


@dataclass(frozen=True)
class ScreenState:
    """One of the two buffers.

    Attributes:
        cursor_shape: 0 bar, 1 block, 2 underline, 3 hollow block.
        hyperlink: The link that is open.
        keyboard_flags: The stack of kitty keyboard flags up to the one in use; never empty.
        pages: Those that cover the screen, oldest first, the first of them with history above.
        history: Older pages, oldest first.
    """

    key: ScreenKey
    cursor: Cursor
    saved_cursor: Cursor | None
    cursor_shape: int
    hyperlink: Hyperlink | None
    protection: Protection
    keyboard_flags: tuple[int, ...]
    pages: tuple[PackedPage, ...]
    history: tuple[PackedPage, ...] = ()

    @cached_property
    def row_count(self) -> int:
        """Rows of all pages, history included."""
        return sum(page.row_count for page in (*self.history, *self.pages))


@dataclass(frozen=True, slots=True)
class TerminalState:
    """All that a snapshot holds and a viewer can tell.

    Attributes:
        region: Scrolling region as (top, bottom, left, right), from 0, all included.
        modes: The packed set; ask with `has`.
        saved_modes: What XTSAVE kept.
        mouse_event: 0 none, 1 X10, 2 normal, 3 button, 4 any.
        mouse_format: 0 X10, 1 UTF-8, 2 SGR, 3 urxvt, 4 SGR in pixels.
        tab_stops: Columns, from 0.
        palette: The changed entries.
        foreground, background, cursor_color: None unless changed by the program.
        is_cursor_default: The program has not chosen a shape of cursor.
        unfinished: Input at the end of which no sequence or character is complete.
    """

    size: WindowSize
    region: tuple[int, int, int, int]
    active: ScreenKey
    screens: dict[ScreenKey, ScreenState]
    modes: int
    saved_modes: int
    default_modes: int
    mouse_event: int
    mouse_format: int
    modify_other_keys: bool
    is_cursor_default: bool
    tab_stops: tuple[int, ...]
    palette: dict[int, Rgb]
    foreground: Rgb | None
    background: Rgb | None
    cursor_color: Rgb | None
    working_directory: bytes
    title: bytes
    unfinished: bytes

    def has(self, mode: Mode) -> bool:
        """Whether the mode is set."""
        return bool(self.modes >> mode & 1)


def decode(encoded: bytes) -> TerminalState:
    """Read a snapshot; its pages stay packed.

    Raises:
        ScreenFailed: Not a snapshot of the version that is known here.
    """
    if encoded[:10] != MAGIC + struct.pack("<H", VERSION):
        raise ScreenFailed("the terminal library's snapshots have a format that is not known")
    try:
        return _decode_records(_records(encoded))
    except (struct.error, IndexError, KeyError, ValueError) as error:
        raise ScreenFailed(f"the terminal library's snapshot makes no sense: {error}") from error


def _records(encoded: bytes) -> Iterator[tuple[int, bytes]]:
    position = len(MAGIC) + 2
    while position < len(encoded):
        tag, length, _ = _RECORD.unpack_from(encoded, position)
        position += _RECORD.size
        yield tag, encoded[position : position + length]
        position += length


def _decode_records(records: Iterator[tuple[int, bytes]]) -> TerminalState:
    terminal = b""
    screens: dict[int, bytes] = {}
    pages: dict[int, list[PackedPage]] = {}
    history: dict[int, list[PackedPage]] = {}
    unfinished = b""
    into: list[PackedPage] = []
    for tag, payload in records:
        match tag:
            case Tag.PAGE:
                into.append(PackedPage(payload))
            case Tag.TERMINAL:
                terminal = payload
            case Tag.SCREEN | Tag.HISTORY:
                key = int.from_bytes(payload[:2], "little")
                if tag == Tag.SCREEN:
                    screens[key] = payload
                into = (pages if tag == Tag.SCREEN else history).setdefault(key, [])
            case Tag.CONTINUATION:
                unfinished = payload
            case _:
                continue
    return _decode_terminal(
        terminal,
        {
            ScreenKey(key): _decode_screen(payload, pages[key], history.get(key, []))
            for key, payload in screens.items()
        },
        unfinished,
    )


def _decode_terminal(
    payload: bytes, screens: dict[ScreenKey, ScreenState], unfinished: bytes
) -> TerminalState:
    (
        cols, rows, _, _,
        top, bottom, left, right,
        _, active, _, _,
        is_cursor_default, _, _, _,
        modify_other_keys, mouse_event, mouse_format, _, _, _,
        modes, saved_modes, default_modes,
        background, foreground, cursor_color,
        _, _,
    ) = _TERMINAL.unpack_from(payload)  # fmt: skip
    position = _TERMINAL.size
    tab_bits = int.from_bytes(payload[position : position + (cols + 7) // 8], "little")
    position += (cols + 7) // 8 + _PALETTE_BYTES
    mask = int.from_bytes(payload[position : position + 32], "little")
    position += 32
    palette = {}
    for index in range(256):
        if mask >> index & 1:
            palette[index] = Rgb(*payload[position : position + 3])
            position += 3
    working_directory, position = _text(payload, position)
    title, _ = _text(payload, position)
    return TerminalState(
        size=WindowSize(rows, cols),
        region=(top, bottom, left, right),
        active=ScreenKey(active),
        screens=screens,
        modes=modes,
        saved_modes=saved_modes,
        default_modes=default_modes,
        mouse_event=mouse_event,
        mouse_format=mouse_format,
        modify_other_keys=bool(modify_other_keys),
        is_cursor_default=bool(is_cursor_default),
        tab_stops=tuple(col for col in range(cols) if tab_bits >> col & 1),
        palette=palette,
        foreground=_override(foreground),
        background=_override(background),
        cursor_color=_override(cursor_color),
        working_directory=working_directory,
        title=title,
        unfinished=unfinished,
    )


def _decode_screen(
    payload: bytes, pages: list[PackedPage], history: list[PackedPage]
) -> ScreenState:
    (
        key, _, _, col, row, shape, flags, style, _, charsets,
        protection, keyboard_index, keyboard_flags, _, _, has_saved_cursor,
    ) = _SCREEN.unpack_from(payload)  # fmt: skip
    position = _SCREEN.size
    saved_cursor = None
    if has_saved_cursor:
        saved = _SAVED_CURSOR.unpack_from(payload, position)
        position += _SAVED_CURSOR.size
        saved_cursor = Cursor(
            col=saved[0],
            row=saved[1],
            style=decode_style(saved[2]),
            is_wrap_pending=bool(saved[3] & 2),
            is_protected=bool(saved[3] & 1),
            charsets=_decode_charsets(saved[4]),
            is_origin=bool(saved[3] & 4),
        )
    hyperlink, _ = _decode_hyperlink(payload, position)
    return ScreenState(
        key=ScreenKey(key),
        cursor=Cursor(
            col=col,
            row=row,
            style=decode_style(style),
            is_wrap_pending=bool(flags & 1),
            is_protected=bool(flags & 2),
            charsets=_decode_charsets(charsets),
        ),
        saved_cursor=saved_cursor,
        cursor_shape=shape,
        hyperlink=hyperlink,
        protection=Protection(protection),
        keyboard_flags=tuple(keyboard_flags[: keyboard_index + 1]),
        pages=tuple(pages),
        history=tuple(reversed(history)),
    )


def _decode_page(payload: bytes) -> Page:
    cols, row_count, style_count, hyperlink_count, _, _, _, _ = _PAGE.unpack_from(payload)
    position = _PAGE.size
    styles = StyleTable(payload[position : position + style_count * StyleTable.ENTRY_BYTES])
    position += style_count * StyleTable.ENTRY_BYTES
    row_header = _ROW.unpack_from
    hyperlinks: dict[int, Hyperlink] = {}
    for _ in range(hyperlink_count):
        hyperlink_id = payload[position] | payload[position + 1] << 8
        hyperlink, position = _decode_hyperlink(payload, position + 2)
        if hyperlink is not None:
            hyperlinks.setdefault(hyperlink_id, hyperlink)
    row_flags: list[int] = []
    row_cells: list[bytes] = []
    for _ in range(row_count):  # the hot loop of a large history
        flags, count = row_header(payload, position)
        start = position + 3
        position = start + (count << (flags >> 4))  # the two highest bits are zero
        row_flags.append(flags)
        row_cells.append(payload[start:position])
    graphemes = _decode_graphemes(payload, position)
    return Page(cols, styles, hyperlinks, bytes(row_flags), row_cells, graphemes)


def _decode_graphemes(payload: bytes, position: int) -> dict[int, dict[int, str]]:
    (count,) = struct.unpack_from("<I", payload, position)
    read = _GRAPHEME.unpack_from
    packed = payload[position + 4 :] + bytes(4)  # so that one can be read where there is none
    position = 0
    graphemes: dict[int, dict[int, str]] = {}
    last, cells = -1, dict[int, str]()
    for _ in range(count):  # a page of nothing else has 20,000
        row, col, length, first = read(packed, position)
        if row != last:
            last, cells = row, graphemes.setdefault(row, {})
        if length == 1:
            cells[col] = chr(first)
        else:
            start = position + 6
            cells[col] = packed[start : start + 4 * length].decode("utf-32-le")
        position += 6 + 4 * length
    return graphemes


def _decode_charsets(packed: int) -> Charsets:
    shift = packed >> 12 & 7
    return Charsets(
        sets=(packed & 3, packed >> 2 & 3, packed >> 4 & 3, packed >> 6 & 3),
        gl=packed >> 8 & 3,
        gr=packed >> 10 & 3,
        single_shift=shift - 1 if shift else None,
    )


def _decode_hyperlink(payload: bytes, position: int) -> tuple[Hyperlink | None, int]:
    kind = payload[position]
    position += 1
    identity: int | bytes
    if kind == 1:
        identity = int.from_bytes(payload[position : position + 4], "little")
        uri, position = _text(payload, position + 4)
    elif kind == 2:
        identity, position = _text(payload, position)
        uri, position = _text(payload, position)
    else:
        return None, position
    return Hyperlink(identity, uri), position


def _text(payload: bytes, position: int) -> tuple[bytes, int]:
    length = int.from_bytes(payload[position : position + 4], "little")
    end = position + 4 + length
    return payload[position + 4 : end], end


def _override(packed: bytes) -> Rgb | None:
    return Rgb(*packed[5:8]) if packed[4] else None
