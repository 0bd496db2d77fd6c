"""Modes as sequences: what brings an emulator from its reset state to a terminal's.

Numbers are those of xterm ctlseqs ("Set Mode", "DEC Private Mode Set"), DEC's and kitty's.
"""

from collections.abc import Iterator
from typing import Final

from ptybridge.adapters.ghostty.model import Mode, Protection, ScreenKey
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
    Mode.CURSOR_VISIBLE: 25,
}
"""Modes that neither move the cursor nor depend on another part of the state."""

_OTHER_DEC_MODES: Final = {
    Mode.ORIGIN: 6,
    Mode.WRAPAROUND: 7,
    Mode.CURSOR_BLINKING: 12,
    Mode.ALTERNATE_LEGACY: 47,
    Mode.KEYPAD_KEYS: 66,
    Mode.LEFT_RIGHT_MARGIN: 69,
    Mode.ALTERNATE: 1047,
    Mode.SAVE_CURSOR: 1048,
    Mode.ALTERNATE_SAVING: 1049,
    Mode.SYNCHRONIZED_OUTPUT: 2026,
    Mode.GRAPHEME_CLUSTER: 2027,
}
"""The others that can be saved and restored, but for the mouse's."""

ENTER_AND_SAVE: Final = b"\x1b[?1049h"
_ENTER: Final = b"\x1b[?1047h"
_ENTER_LEGACY: Final = b"\x1b[?47h"

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
    """What XTSAVE kept; to be written on an empty screen, while the modes are the defaults."""
    for mode, number in (_DEC_MODES | _OTHER_DEC_MODES).items():
        is_set = bool(state.saved_modes >> mode & 1)
        if is_set != bool(state.default_modes >> mode & 1):
            yield b"\x1b[?%d%c\x1b[?%ds\x1b[?%d%c" % (
                number, _letter(is_set), number, number, _letter(not is_set),
            )  # fmt: skip
    for _, bit, number in (*_MOUSE_EVENTS, *_MOUSE_FORMATS):
        if state.saved_modes >> bit & 1:
            yield b"\x1b[?%dh\x1b[?%ds\x1b[?%dl" % (number, number, number)


def left_over(state: TerminalState) -> Iterator[bytes]:
    """Set those of the three modes for the alternate buffer that another one was left by.

    Each is a mode of its own that can be asked for, but any of them shows either buffer.
    """
    is_alternate = state.active is ScreenKey.ALTERNATE
    entered = enter_alternate(state) if is_alternate else b""
    if state.has(Mode.ALTERNATE_SAVING) and entered != ENTER_AND_SAVE:
        yield ENTER_AND_SAVE + b"\x1b[?47l"
    if state.has(Mode.ALTERNATE) and entered != _ENTER:
        yield _ENTER + b"\x1b[?47l"
    if state.has(Mode.ALTERNATE_LEGACY) and is_alternate and entered != _ENTER_LEGACY:
        yield _ENTER_LEGACY + b"\x1b[?1047l"


def enter_alternate(state: TerminalState) -> bytes:
    """What shows the alternate buffer, and sets a mode that is set.

    Returns:
        ``ENTER_AND_SAVE``, if the mode that also saves the cursor is set; else one that does not.
    """
    if state.has(Mode.ALTERNATE_SAVING):
        return ENTER_AND_SAVE
    return _ENTER if state.has(Mode.ALTERNATE) else _ENTER_LEGACY


def leave_alternate(state: TerminalState) -> bytes:
    """What shows the primary buffer after mode 47 was set, which is left as it is in ``state``."""
    if not state.has(Mode.ALTERNATE_LEGACY):
        return b"\x1b[?47l"
    return b"\x1b[?1047l" if state.has(Mode.ALTERNATE_SAVING) else b"\x1b[?1049l"


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
