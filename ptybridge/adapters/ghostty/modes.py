"""Modes as sequences: what brings an emulator from its reset state to a terminal's.

Numbers are those of xterm ctlseqs ("Set Mode", "DEC Private Mode Set"), DEC's and kitty's.
"""

from collections.abc import Iterator
from typing import Final

from ptybridge.adapters.ghostty.model import Mode, Protection
from ptybridge.adapters.ghostty.state import ScreenState, TerminalState

_DEC_MODES: Final = {
    Mode.CURSOR_KEYS: 1,
    Mode.SLOW_SCROLL: 4,
    Mode.REVERSE_COLORS: 5,
    Mode.AUTOREPEAT: 8,
    Mode.ENABLE_COLUMN_SWITCH: 40,
    Mode.REVERSE_WRAP: 45,
    Mode.BACKARROW_KEY: 67,
    Mode.FOCUS_EVENT: 1004,
    Mode.ALTERNATE_SCROLL: 1007,
    Mode.IGNORE_KEYPAD_WITH_NUMLOCK: 1035,
    Mode.ALT_ESC_PREFIX: 1036,
    Mode.ALT_SENDS_ESCAPE: 1039,
    Mode.REVERSE_WRAP_EXTENDED: 1045,
    Mode.BRACKETED_PASTE: 2004,
    Mode.REPORT_COLOR_SCHEME: 2031,
    Mode.IN_BAND_SIZE_REPORTS: 2048,
    Mode.WRAPAROUND: 7,
    Mode.CURSOR_VISIBLE: 25,
}
"""Modes that neither move the cursor nor depend on another part of the state."""

_ANSI_MODES: Final = {Mode.DISABLE_KEYBOARD: 2, Mode.SEND_RECEIVE: 12, Mode.LINEFEED: 20}

_MOUSE_EVENTS: Final = ((1, 11, 9), (2, 20, 1000), (3, 21, 1002), (4, 22, 1003))
_MOUSE_FORMATS: Final = ((1, 24, 1005), (2, 25, 1006), (3, 27, 1015), (4, 28, 1016))
"""The value in use, the bit in the set of modes, the mode's number."""

_CURSOR_SHAPES: Final = {0: 5, 1: 1, 2: 3, 3: 1}
"""From the library's shapes to DECSCUSR's blinking ones; the steady ones are one more."""


def settings(state: TerminalState, screen: ScreenState) -> Iterator[bytes]:
    """The modes whose order does not matter, and the look of the cursor."""
    for mode, number in _ANSI_MODES.items():
        if (state.modes ^ state.default_modes) >> mode & 1:
            yield b"\x1b[%d%c" % (number, _letter(state.has(mode)))
    for mode, number in _DEC_MODES.items():
        if (state.modes ^ state.default_modes) >> mode & 1:
            yield b"\x1b[?%d%c" % (number, _letter(state.has(mode)))
    if state.has(Mode.KEYPAD_KEYS):
        yield b"\x1b="
    if state.modify_other_keys:
        yield b"\x1b[>4;2m"
    yield from _mouse(state.modes, state.mouse_event, _MOUSE_EVENTS)
    yield from _mouse(state.modes, state.mouse_format, _MOUSE_FORMATS)
    is_blinking = state.has(Mode.CURSOR_BLINKING)
    if not state.is_cursor_default:
        yield b"\x1b[%d q" % (_CURSOR_SHAPES.get(screen.cursor_shape, 1) + (not is_blinking))
    elif is_blinking != bool(state.default_modes >> Mode.CURSOR_BLINKING & 1):
        yield b"\x1b[?12%c" % _letter(is_blinking)


def kept(state: TerminalState) -> Iterator[bytes]:
    """What XTSAVE kept; to be written while the modes are still their defaults."""
    for mode, number in _DEC_MODES.items():
        is_set = bool(state.saved_modes >> mode & 1)
        if is_set != bool(state.default_modes >> mode & 1):
            yield b"\x1b[?%d%c\x1b[?%ds\x1b[?%d%c" % (
                number, _letter(is_set), number, number, _letter(not is_set),
            )  # fmt: skip


def keyboard(screen: ScreenState) -> Iterator[bytes]:
    """The stack of kitty keyboard flags of the buffer that is shown."""
    first, *pushed = screen.keyboard_flags
    if first:
        yield b"\x1b[=%du" % first
    for flags in pushed:
        yield b"\x1b[>%du" % flags


def protection(screen: ScreenState) -> Iterator[bytes]:
    """Which kind of protection erasing respects, and whether the pen protects."""
    is_protected = screen.cursor.is_protected
    match screen.protection:
        case Protection.DEC:
            yield b'\x1b[1"q' if is_protected else b'\x1b[1"q\x1b[0"q'
        case Protection.ISO:
            yield b"\x1bV" if is_protected else b"\x1bV\x1bW"
        case Protection.OFF:
            pass


def _mouse(modes: int, in_use: int, numbers: tuple[tuple[int, int, int], ...]) -> Iterator[bytes]:
    """Only the last one set is in use, and resetting any of them leaves none in use."""
    others = [number for value, bit, number in numbers if modes >> bit & 1 and value != in_use]
    for number in others:
        yield b"\x1b[?%dh" % number
    if in_use:
        yield b"\x1b[?%dh" % numbers[in_use - 1][2]
    elif others:
        unset = [number for _, bit, number in numbers if not modes >> bit & 1]
        if unset:
            yield b"\x1b[?%dl" % unset[0]


def _letter(is_set: bool) -> int:
    return ord("h") if is_set else ord("l")
