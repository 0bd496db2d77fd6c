"""Changing the size of the library's terminal, so that it neither breaks nor crashes."""

from typing import Final

from ptybridge.adapters.ghostty import callbacks
from ptybridge.adapters.ghostty.library import CData, Library
from ptybridge.adapters.ghostty.text import is_in_sequence
from ptybridge.core.values import WindowSize

_WRAPAROUND: Final = 7
"""DECAWM."""


def resize(library: Library, terminal: CData, size: WindowSize) -> None:
    """Change the size; lines reflow, whether the program has them wrapped or not.

    Without autowrap the library does not reflow lines but cuts them, after which it may crash; and
    xterm.js reflows them.
    """
    was_wrapping = _set_wraparound(library, terminal, wraps=True)
    resized = library.lib.ghostty_terminal_resize(
        terminal, size.cols, size.rows, callbacks.CELL_WIDTH, callbacks.CELL_HEIGHT
    )
    library.check(resized, "resize")
    _set_wraparound(library, terminal, wraps=was_wrapping)


def mend_alternate(library: Library, terminal: CData, size: WindowSize) -> None:
    """Erase what is left of wide characters that a narrower alternate screen cuts in half.

    The library can write no snapshot of such a one. A program that is shown there draws it anew;
    what another one left there is seen by nobody.
    """
    if is_in_sequence(library, terminal) or library.encoded(terminal) is not None:
        return  # the first costs a thousandth of the other
    lib = library.lib
    active = library.ffi.new("GhosttyTerminalScreen *")
    screen = lib.GHOSTTY_TERMINAL_DATA_ACTIVE_SCREEN
    library.check(lib.ghostty_terminal_get(terminal, screen, active), "screen")
    if active[0] == lib.GHOSTTY_TERMINAL_SCREEN_ALTERNATE:
        rows = range(1, size.rows + 1)
        last_cells = b"".join(b"\x1b[%d;%dH\x1b[K" % (row, size.cols) for row in rows)
        mending = b"\x1b7\x1b[?6l" + last_cells + b"\x1b8"
    else:
        mending = b"\x1b[?47h\x1b[2J\x1b[?47l"
    lib.ghostty_terminal_vt_write(terminal, mending, len(mending))


def _set_wraparound(library: Library, terminal: CData, *, wraps: bool) -> bool:
    """Set DECAWM; what it was."""
    config = library.ffi.new("GhosttyTerminalModeConfig *")
    config.mode = _WRAPAROUND
    mode = library.lib.GHOSTTY_TERMINAL_DATA_MODE
    library.check(library.lib.ghostty_terminal_get(terminal, mode, config), "mode")
    before = bool(config.value)
    if before != wraps:
        config.value = wraps
        library.set_option(terminal, "MODE", config)
    return before
