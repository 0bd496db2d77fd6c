"""`Screen` on libghostty: the terminal emulator of Ghostty, as a library in this process."""

import re
from collections.abc import Iterator
from html import escape
from typing import Final, Self
from urllib.parse import unquote, urlsplit

from ptybridge.adapters.ghostty import callbacks, rendering, resizing, state, text, vt
from ptybridge.adapters.ghostty.history import HistoryLimit
from ptybridge.adapters.ghostty.library import CData, Library, load
from ptybridge.adapters.ghostty.linking import LinkGuard
from ptybridge.adapters.ghostty.marks import ESCAPE, MarkScanner
from ptybridge.adapters.ghostty.model import Rgb
from ptybridge.adapters.ghostty.replies import admitted
from ptybridge.core.screen import (
    CLIPBOARD_LIMIT,
    ScreenEvent,
    ScreenFailed,
    ScreenFormat,
    ScreenOwner,
    Snapshot,
    Title,
    WorkingDirectory,
)
from ptybridge.core.values import MAX_ROWS, WindowSize

UNFINISHED_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of an unfinished sequence that a snapshot can carry on; a longer one is dropped there."""

LOOK_BYTES: Final = 8 * 1024
"""How much is fed between two looks at the history: fewer lines than a page has, if they are such
that fewer fit.
"""

_FOREGROUND: Final = Rgb(0xD4, 0xD4, 0xD4)
_BACKGROUND: Final = Rgb(0x1E, 0x1E, 0x1E)
_CURSOR: Final = Rgb(0xD4, 0xD4, 0xD4)
"""Answers to OSC 10, 11 and 12; without a default they would get none. A dark page's colours."""

_FULL_COMPRESSION: Final = 1

_CSI: Final = b"\x9b"
"""Begins a control sequence, too, where it ends a string; in a text it is a part of a character."""

_FINAL: Final = re.compile(rb"[@-Z\\-~]")
"""What ends a control sequence (ECMA-48 section 5.4), whatever stands before it; but for ``[``,
which may be the second byte of its beginning.
"""


class GhosttyScreen:
    """A `ptybridge.core.screen.Screen`; make one with `create`."""

    def __init__(
        self, library: Library, size: WindowSize, owner: ScreenOwner, *, scrollback_lines: int
    ) -> None:
        self._library = library
        self._size = size
        self._owner = owner
        self._scrollback_lines = scrollback_lines
        self._history = HistoryLimit(scrollback_lines, size)
        self._unlooked = 0
        self._scanner = MarkScanner()
        self._links = LinkGuard(self._state, self.is_in_sequence)
        self._is_in_sequence = False
        self._is_between_sizes = False
        self._error: BaseException | None = None
        self._native: CData = None
        self._handle: CData = None
        self._out_cols = library.ffi.new("uint16_t *")
        self._out_rows = library.ffi.new("uint16_t *")
        self._out_count = library.ffi.new("size_t *")

    @classmethod
    def create(cls, size: WindowSize, owner: ScreenOwner, *, scrollback_lines: int) -> Self:
        """Make the screen of a terminal that has not written anything yet.

        Args:
            size: The PTY's size.
            owner: Who gets replies and events.
            scrollback_lines: Lines of history that are kept at least.

        Raises:
            ScreenUnavailable: The library is missing or not a tested version.
            ScreenFailed: The library refused.
        """
        library = load()
        screen = cls(library, size, owner, scrollback_lines=scrollback_lines)
        out = library.ffi.new("GhosttyTerminal *")
        library.check(
            library.lib.ghostty_terminal_new(library.ffi.NULL, out, size.cols, size.rows), "new"
        )
        screen._native = out[0]
        try:
            screen._configure()
        except BaseException:
            screen.close()
            raise
        return screen

    @property
    def size(self) -> WindowSize:
        """The size of the emulator, which is that of its terminal's PTY."""
        return self._size

    @property
    def remembered_lines(self) -> int:
        """As many as a snapshot has, as many rows as there may ever be, and as many as there may
        have been below the cursor when the text began, of which the first lines leave the ends.
        """  # noqa: D205
        return self._scrollback_lines + 2 * MAX_ROWS

    def is_in_sequence(self) -> bool:
        """Whether something has begun that is no text; see `Screen.is_in_sequence`."""
        return text.is_in_sequence(self._library, self._terminal)

    def is_scrolling(self) -> bool:
        """Whether plain text scrolls the whole screen; see `Screen.is_scrolling`."""
        return text.is_scrolling(self._library, self._terminal, self._size)

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next bytes of the stream; see `Screen.feed`."""
        # A copy costs less than to lend the library a part of a buffer.
        stream = bytes(data)
        fed = 0
        for end, event in self._scanner.scan(stream):
            self._write(stream[fed:end])
            fed = end
            self.event(event)
        self._write(stream[fed:])
        may_begin = ESCAPE in stream or _CSI in stream
        if may_begin or self._is_in_sequence:
            self._keep_size()
            self._is_in_sequence = may_begin or not _FINAL.search(stream)
        self._unlooked += len(stream)
        if self._unlooked >= LOOK_BYTES:
            self._look_at_history()
        self._raise_error()

    def resize(self, size: WindowSize) -> None:
        """Change the size; see `Screen.resize`."""
        library, terminal = self._library, self._terminal
        old, self._size = self._size, size
        before = self._history.bytes
        self._history.resize(size)
        # Not less before it is resized: with the old width that would be fewer lines.
        self._limit_history(max(before, self._history.bytes))
        if size.rows != old.rows:  # first: shrinking columns with many rows reflows more
            self._is_between_sizes = size.cols != old.cols
            resizing.resize(library, terminal, WindowSize(size.rows, old.cols))
            self._is_between_sizes = False
        if size.cols != old.cols:
            resizing.resize(library, terminal, size)
        if size.cols < old.cols:
            resizing.mend_alternate(library, terminal, size)
        self._limit_history(self._history.bytes)
        self._raise_error()

    def snapshot(self, *, history_lines: int | None = None) -> Snapshot:
        """Write down the state; see `Screen.snapshot`."""
        lines = self._scrollback_lines if history_lines is None else history_lines
        encoded = self._encode()
        if encoded is None:
            return Snapshot(self._size, 0, self._approximation())
        decoded = state.decode(encoded)
        if decoded.size != self._size:
            raise ScreenFailed(f"the terminal library is at {decoded.size}, not at {self._size}")
        held_back = _unfinished_character(decoded.unfinished)
        unfinished = decoded.unfinished[: len(decoded.unfinished) - held_back]
        pieces = vt.write(
            decoded,
            width_of=self._library.width_of,
            history_lines=lines,
            unfinished=unfinished,
        )
        return Snapshot(self._size, held_back, pieces)

    def encoded(self) -> bytes:
        """The library's own snapshot, for comparing screens.

        Raises:
            ScreenFailed: It cannot be made: a sequence of more than ``UNFINISHED_LIMIT`` has begun.
        """
        encoded = self._encode()
        if encoded is None:
            raise ScreenFailed("the unfinished sequence is too long for a snapshot")
        return encoded

    def rendered(self, form: ScreenFormat) -> bytes:
        """What is on the screen now; see `Screen.rendered`."""
        if form == "text":
            return self._formatted(self._library.lib.GHOSTTY_FORMATTER_FORMAT_PLAIN)
        encoded = self._encode()
        if encoded is None:
            plain = self.text()
            if form == "cells":
                return rendering.plain_cells(plain, self.size)
            return (plain if form == "vt" else f"<pre>{escape(plain)}</pre>").encode()
        decoded = state.decode(encoded)
        if form == "vt":
            return rendering.vt(decoded, self._library.width_of)
        if form == "cells":
            return rendering.cells(decoded, self._library.width_of)
        return rendering.html(
            decoded,
            self._library.width_of,
            palette=self._library.palette_color,
            foreground=_FOREGROUND,
            background=_BACKGROUND,
        )

    def text(self) -> str:
        """What is on the screen now, as plain text: a line a row, no trailing spaces."""
        return self.rendered("text").decode(errors="replace")

    def compress(self) -> None:
        """Give back memory; see `Screen.compress`."""
        result = self._library.ffi.new("GhosttyTerminalCompressionResult *")
        self._library.check(
            self._library.lib.ghostty_terminal_compress(self._terminal, _FULL_COMPRESSION, result),
            "compress",
        )

    def close(self) -> None:
        """Free the emulator. Idempotent."""
        native, self._native = self._native, None
        if native is not None:
            self._library.lib.ghostty_terminal_free(native)
        self._handle = None

    def reply(self, data: bytes) -> None:
        """Pass an answer of the library on, if it may be (a callback's)."""
        if self._is_between_sizes:  # it reports one that the terminal never has
            return
        answer = admitted(data)
        if answer:
            self._owner.on_reply(answer)

    def event(self, event: ScreenEvent) -> None:
        """Pass an event on; an exception waits for the end of ``feed`` (a callback's)."""
        try:
            self._owner.on_event(event)
        except Exception as error:
            self.keep_error(error)

    def title_changed(self) -> None:
        """Tell the new title (a callback's)."""
        self.event(Title(self._string("TITLE")))

    def directory_changed(self) -> None:
        """Tell the new working directory (a callback's)."""
        self.event(working_directory(self._string("PWD")))

    def keep_error(self, error: BaseException) -> None:
        """Keep what went wrong in a callback until it can be raised; the first counts."""
        self._error = self._error or error

    @property
    def _terminal(self) -> CData:
        if self._native is None:
            raise ScreenFailed("the screen is closed")
        return self._native

    def _configure(self) -> None:
        library, terminal, new = self._library, self._native, self._library.ffi.new
        library.set_option(terminal, "SCROLLBACK_MAX_LINES", library.ffi.NULL)
        self._limit_history(self._history.bytes)
        library.set_size_option(terminal, "CONTINUATION_MAX_BYTES", UNFINISHED_LIMIT)
        library.set_size_option(terminal, "CLIPBOARD_WRITE_MAX_BYTES", CLIPBOARD_LIMIT)
        library.set_option(terminal, "KITTY_IMAGE_STORAGE_LIMIT", new("uint64_t *", 0))
        for name, color in (
            ("FOREGROUND", _FOREGROUND), ("BACKGROUND", _BACKGROUND), ("CURSOR", _CURSOR),
        ):  # fmt: skip
            library.set_option(terminal, f"COLOR_{name}", new("GhosttyColorRgb *", color))
        self._handle = callbacks.shared(library).install(terminal, self)
        resizing.resize(library, terminal, self._size)  # tells it the size of a cell

    def _write(self, stream: bytes) -> None:
        terminal, write = self._terminal, self._library.lib.ghostty_terminal_vt_write
        if self._links.is_unconcerned(stream):
            write(terminal, stream, len(stream))
            return
        for part in self._links.parts(stream, has_command=self._scanner.has_command):
            write(terminal, part, len(part))

    def _state(self) -> state.TerminalState | None:
        try:
            encoded = self._encode()
            return None if encoded is None else state.decode(encoded)
        except ScreenFailed:  # which whoever needs a snapshot will be told
            return None

    def _limit_history(self, limit: int) -> None:
        self._library.set_size_option(self._native, "SCROLLBACK_MAX_BYTES", limit)

    def _look_at_history(self) -> None:
        self._unlooked = 0
        lib = self._library.lib
        rows = lib.GHOSTTY_TERMINAL_DATA_SCROLLBACK_ROWS
        self._library.check(
            lib.ghostty_terminal_get(self._terminal, rows, self._out_count), "history"
        )
        if self._history.look(self._out_count[0]):
            self._limit_history(self._history.bytes)

    def _keep_size(self) -> None:
        """Undo a resize by the stream (DECCOLM); the PTY's size is what counts."""
        lib, terminal = self._library.lib, self._native
        lib.ghostty_terminal_get(terminal, lib.GHOSTTY_TERMINAL_DATA_COLS, self._out_cols)
        lib.ghostty_terminal_get(terminal, lib.GHOSTTY_TERMINAL_DATA_ROWS, self._out_rows)
        if self._out_cols[0] != self._size.cols or self._out_rows[0] != self._size.rows:
            resizing.resize(self._library, terminal, self._size)
            resizing.mend_alternate(self._library, terminal, self._size)

    def _raise_error(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _string(self, name: str) -> str:
        out = self._library.ffi.new("GhosttyString *")
        lib = self._library.lib
        key = getattr(lib, f"GHOSTTY_TERMINAL_DATA_{name}")
        self._library.check(lib.ghostty_terminal_get(self._terminal, key, out), name)
        if not out.len:
            return ""
        return bytes(self._library.ffi.buffer(out.ptr, out.len)).decode(errors="replace")

    def _encode(self) -> bytes | None:
        """The binary snapshot, or None when an unfinished sequence is too long for it."""
        return self._library.encoded(self._terminal)

    def _approximation(self) -> Iterator[bytes]:
        """The screen without its history and modes, inside a sequence that swallows the rest of
        the unfinished one: all that can be had when that is too long to be carried on.
        """  # noqa: D205
        formatted = self._formatted(self._library.lib.GHOSTTY_FORMATTER_FORMAT_VT)
        yield vt.RESET + formatted + b"\x1b]7777;"

    def _formatted(self, kind: int) -> bytes:
        """What is on the screen now, by the library's formatter, rows as they are displayed."""
        terminal, library = self._terminal, self._library
        selection = library.sized("GhosttySelection")
        selection.start = library.active_cell(terminal, 0, 0)[0]
        selection.end = library.active_cell(terminal, self._size.rows - 1, self._size.cols - 1)[0]
        options = library.sized("GhosttyTerminalSelectionFormatOptions")
        options.emit, options.trim, options.selection = kind, True, selection
        call = library.lib.ghostty_terminal_selection_format_alloc
        null = library.ffi.NULL
        formatted = library.allocated(
            lambda out, length: call(terminal, null, options[0], out, length), "format"
        )
        return formatted or b""


def working_directory(reported: str) -> WorkingDirectory:
    """Read what OSC 7 reports, a ``file`` URL, or what the others do, a path.

    >>> working_directory("file://host/a%20b")
    WorkingDirectory(path='/a b', host='host')
    """
    if not reported.startswith(("file://", "kitty-shell-cwd://")):
        return WorkingDirectory(reported)
    url = urlsplit(reported)
    return WorkingDirectory(unquote(url.path), url.netloc)


def _unfinished_character(unfinished: bytes) -> int:
    """How many bytes at the end are the beginning of a UTF-8 character, 0..3."""
    for length in range(1, min(3, len(unfinished)) + 1):
        lead = unfinished[-length]
        if lead & 0xC0 == 0x80:
            continue
        needed = 4 if lead >= 0xF0 else 3 if lead >= 0xE0 else 2 if lead >= 0xC0 else 1
        return length if length < needed else 0
    return 0
