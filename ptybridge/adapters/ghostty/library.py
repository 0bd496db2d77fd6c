"""The native library: found, checked, configured; nothing else imports ``pyghostty``.

Everything here is specific to one version of the library: its C interface and the binary format of
its snapshots carry no promise of compatibility, so another version is refused until it was tested.
"""

import importlib
import importlib.metadata
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, Final

from ptybridge.adapters.ghostty.model import Rgb
from ptybridge.core.screen import ScreenFailed, ScreenUnavailable

TESTED_VERSIONS: Final = frozenset({"0.1.3"})
"""Releases of pyghostty whose snapshots this package has been tested to read."""

SUCCESS: Final = 0
INVALID_VALUE: Final = -2

CData = Any
"""A value of the library's: cffi has no types for them."""


class Library:
    """The loaded library.

    Attributes:
        ffi: The cffi instance that knows the declarations.
        lib: The functions and constants.
        width_of: How many cells a code point takes, 0..2; as many as it adds, where it combines.
    """

    def __init__(self, ffi: CData, lib: CData, union_fn: Callable[[str, str], CData]) -> None:
        self.ffi = ffi
        self.lib = lib
        # cffi cannot pass a union by value; the binding has a struct that is laid out the same.
        self._grid_ref = union_fn(
            "ghostty_terminal_grid_ref",
            "GhosttyResult(*)(GhosttyTerminal, GhosttyPointS, GhosttyGridRef*)",
        )
        self.width_of: Callable[[str], int] = lru_cache(maxsize=4096)(self._width_of)
        self._palette = ffi.new("GhosttyColorRgb[256]")
        lib.ghostty_color_palette_default(self._palette)
        # The parameter type of ghostty_terminal_set is untyped: each option has its own.
        self._options = {
            name: getattr(lib, f"GHOSTTY_TERMINAL_OPT_{name}") for name in _OPTION_NAMES
        }

    def check(self, result: int, what: str) -> None:
        """Turn a result code of the library into an exception.

        Raises:
            ScreenFailed: The code is not success.
        """
        if result != SUCCESS:
            raise ScreenFailed(f"{what} failed in the terminal library: code {result}")

    def set_option(self, terminal: CData, name: str, value: CData) -> None:
        """Set one option of a native terminal; ``value`` is a cdata pointer or function."""
        self.check(self.lib.ghostty_terminal_set(terminal, self._options[name], value), name)

    def sized(self, kind: str) -> CData:
        """A new struct of those that begin with their size, as does what lies inside."""
        made = self.ffi.new(f"{kind} *")
        _set_sizes(self.ffi, made)
        return made

    def active_cell(self, terminal: CData, row: int, col: int) -> CData:
        """A reference to a cell of the screen, from 0; good until the terminal changes."""
        reference = self.sized("GhosttyGridRef")
        point = self.ffi.new("GhosttyPointS *")
        point.tag = self.lib.GHOSTTY_POINT_TAG_ACTIVE
        point.value.x, point.value.y = col, row
        self.check(self._grid_ref(terminal, point[0], reference), "grid_ref")
        return reference

    def encoded(self, terminal: CData) -> bytes | None:
        """The library's snapshot of a terminal; None when it can make none."""
        encode, null = self.lib.ghostty_snapshot_encode_alloc, self.ffi.NULL
        return self.allocated(lambda out, length: encode(terminal, null, out, length), "snapshot")

    def allocated(self, call: Callable[[CData, CData], int], what: str) -> bytes | None:
        """Bytes that the library allocates; None when it says that a value is invalid.

        Raises:
            ScreenFailed: The library refused for another reason.
        """
        out, length = self.ffi.new("uint8_t **"), self.ffi.new("size_t *")
        result = call(out, length)
        if result == INVALID_VALUE:
            return None
        self.check(result, what)
        try:
            return bytes(self.ffi.buffer(out[0], length[0]))
        finally:
            self.lib.ghostty_free(self.ffi.NULL, out[0], length[0])

    def _width_of(self, character: str) -> int:
        width: int = self.lib.ghostty_unicode_codepoint_width(ord(character))
        return width

    def palette_color(self, index: int) -> Rgb:
        """A colour of the palette that a new terminal has."""
        color = self._palette[index]
        return Rgb(color.r, color.g, color.b)

    def set_size_option(self, terminal: CData, name: str, value: int) -> None:
        """Set an option that counts something."""
        self.set_option(terminal, name, self.ffi.new("size_t *", value))


def _set_sizes(ffi: CData, struct: CData) -> None:
    kind = ffi.typeof(struct).item
    for name, field in kind.fields:
        if name == "size":
            struct.size = ffi.sizeof(kind)
        elif field.type.kind == "struct":
            _set_sizes(ffi, ffi.addressof(struct[0], name))


_OPTION_NAMES: Final = (
    "USERDATA",
    "WRITE_PTY",
    "BELL",
    "XTVERSION",
    "TITLE_CHANGED",
    "SIZE",
    "DEVICE_ATTRIBUTES",
    "COLOR_FOREGROUND",
    "COLOR_BACKGROUND",
    "COLOR_CURSOR",
    "KITTY_IMAGE_STORAGE_LIMIT",
    "PWD_CHANGED",
    "CLIPBOARD_WRITE",
    "CLIPBOARD_WRITE_MAX_BYTES",
    "SCROLLBACK_MAX_BYTES",
    "SCROLLBACK_MAX_LINES",
    "DESKTOP_NOTIFICATION",
    "PROGRESS_REPORT",
    "CONTINUATION_MAX_BYTES",
    "MODE",
)


@cache
def load() -> Library:
    """Find the library; the answer is kept, so a missing one is looked for once.

    Raises:
        ScreenUnavailable: It is not installed, not for this platform, or not a tested version.
    """
    try:
        version = importlib.metadata.version("pyghostty")
        binding = importlib.import_module("pyghostty._ffi")
    except (ImportError, OSError) as error:  # no package; no library for this libc or processor
        raise ScreenUnavailable(f"the terminal library cannot be loaded: {error}") from error
    if version not in TESTED_VERSIONS:
        tested = ", ".join(sorted(TESTED_VERSIONS))
        raise ScreenUnavailable(f"pyghostty {version} is not a tested version ({tested})")
    return Library(binding.ffi, binding.lib, binding.union_fn)
