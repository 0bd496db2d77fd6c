"""Whether plain text may wait: what the library's terminal tells of the state that it comes to."""

import re
from typing import Final

from ptybridge.adapters.ghostty.library import CData, Library
from ptybridge.core.values import WindowSize

_NOT_SCROLLING: Final = re.compile(rb"\x1b\[\d+;\d+[rs]|\x1b\[4h|\x1b\]8;")
"""DECSTBM, DECSLRM; IRM and an open link, with which text takes up to a hundred times as long."""

_TAB_STOP: Final = b"\x1bH"
"""HTS."""

_CELLS_A_TAB: Final = 16
"""A tab looks at every cell up to the next stop: twice as many as where nobody moved them."""


def is_in_sequence(library: Library, terminal: CData) -> bool:
    """Whether a control sequence or a character has begun that is not complete."""
    is_ground = library.ffi.new("bool *")
    ground = library.lib.GHOSTTY_TERMINAL_DATA_VT_GROUND
    library.check(library.lib.ghostty_terminal_get(terminal, ground, is_ground), "ground")
    return not is_ground[0]


def is_scrolling(library: Library, terminal: CData, size: WindowSize) -> bool:
    """Whether each line of plain text scrolls the whole screen, and none takes long."""
    if is_in_sequence(library, terminal):
        return False
    modes = _modes(library, terminal)
    if modes is None or modes.count(_TAB_STOP) < size.cols // _CELLS_A_TAB:
        return False
    return not _NOT_SCROLLING.search(modes)


def _modes(library: Library, terminal: CData) -> bytes | None:
    """The first cell, and the sequences that set margins, modes, tab stops and the open link.

    It takes a tenth of a millisecond; a snapshot, which tells them too, takes two.
    """
    lib, ffi = library.lib, library.ffi
    selection = library.sized("GhosttySelection")
    selection.start = selection.end = library.active_cell(terminal, 0, 0)[0]
    options = library.sized("GhosttyFormatterTerminalOptions")
    options.emit, options.selection = lib.GHOSTTY_FORMATTER_FORMAT_VT, selection
    options.extra.scrolling_region = options.extra.modes = options.extra.tabstops = True
    options.extra.screen.hyperlink = True
    formatter = ffi.new("GhosttyFormatter *")
    made = lib.ghostty_formatter_terminal_new(ffi.NULL, formatter, terminal, options[0])
    library.check(made, "formatter")
    try:
        call = lib.ghostty_formatter_format_alloc
        return library.allocated(
            lambda out, length: call(formatter[0], ffi.NULL, out, length), "format"
        )
    finally:
        lib.ghostty_formatter_free(formatter[0])
