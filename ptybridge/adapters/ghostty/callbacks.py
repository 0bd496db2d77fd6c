"""What the library calls during ``feed``: one set of C callbacks for all terminals.

A cffi closure costs memory and is never freed while in use, so there is one for each kind, made
once; a handle in the terminal's user data says whose call it is. Exceptions must not cross C: they
are kept and raised when ``feed`` returns.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Final, Protocol

from ptybridge.adapters.ghostty.library import CData, Library
from ptybridge.core.screen import (
    Bell,
    ClipboardWrite,
    Notification,
    Progress,
    ProgressState,
    ScreenEvent,
)
from ptybridge.core.values import WindowSize

CELL_WIDTH: Final = 8
CELL_HEIGHT: Final = 16
"""A cell's nominal size in pixels, for reports: each viewer's font has another."""

VERSION_REPORT: Final = b"ptybridge"
"""The answer to XTVERSION; no version, which would only tell an attacker what to try."""

_CONFORMANCE_LEVEL: Final = 62
_FEATURES: Final = (4, 22)
"""DA1: a VT220 with sixel graphics, which the page draws, and ANSI colours (xterm ctlseqs, "Send
Device Attributes")."""

_PROGRESS_STATES: Final = (
    ProgressState.NONE,
    ProgressState.NORMAL,
    ProgressState.ERROR,
    ProgressState.INDETERMINATE,
    ProgressState.PAUSED,
)


class Listener(Protocol):
    """Whose terminal it is."""

    @property
    def size(self) -> WindowSize: ...  # noqa: D102 - as a screen's

    def reply(self, data: bytes) -> None:
        """The terminal answers a query."""

    def event(self, event: ScreenEvent) -> None:
        """The stream said something."""

    def title_changed(self) -> None:
        """The title is another."""

    def directory_changed(self) -> None:
        """The working directory is another."""

    def keep_error(self, error: BaseException) -> None:
        """Raise this when the library has returned."""


class Callbacks:
    """The closures, which live as long as the process."""

    def __init__(self, library: Library) -> None:
        self._library = library
        ffi = library.ffi
        self._version = ffi.new("uint8_t[]", VERSION_REPORT)
        self._version_string = ffi.new(
            "GhosttyString *", {"ptr": self._version, "len": len(VERSION_REPORT)}
        )[0]
        self._closures = {
            option: ffi.callback(f"GhosttyTerminal{kind}", self._guarded(function, otherwise))
            for option, kind, function, otherwise in (
                ("WRITE_PTY", "WritePtyFn", self._write_pty, None),
                ("BELL", "BellFn", self._bell, None),
                ("XTVERSION", "XtversionFn", self._xtversion, self._version_string),
                ("TITLE_CHANGED", "TitleChangedFn", self._title_changed, None),
                ("PWD_CHANGED", "PwdChangedFn", self._directory_changed, None),
                ("SIZE", "SizeFn", self._size, False),
                ("DEVICE_ATTRIBUTES", "DeviceAttributesFn", self._device_attributes, False),
                ("CLIPBOARD_WRITE", "ClipboardWriteFn", self._clipboard_write, None),
                ("DESKTOP_NOTIFICATION", "DesktopNotificationFn", self._notification, None),
                ("PROGRESS_REPORT", "ProgressReportFn", self._progress, None),
            )
        }

    def install(self, terminal: CData, listener: Listener) -> CData:
        """Have ``listener`` called for a terminal.

        Returns:
            A handle that must be kept as long as the terminal.
        """
        handle = self._library.ffi.new_handle(listener)
        self._library.set_option(terminal, "USERDATA", handle)
        for option, closure in self._closures.items():
            self._library.set_option(terminal, option, closure)
        return handle

    def _guarded(self, function: Callable[..., Any], otherwise: object) -> Callable[..., Any]:
        from_handle = self._library.ffi.from_handle

        def call(_: CData, userdata: CData, *arguments: CData) -> object:
            listener: Listener = from_handle(userdata)
            try:
                return function(listener, *arguments)
            except BaseException as error:
                listener.keep_error(error)
                return otherwise

        return call

    def _text(self, string: CData) -> str:
        if not string.len:
            return ""
        return bytes(self._library.ffi.buffer(string.ptr, string.len)).decode(errors="replace")

    def _write_pty(self, listener: Listener, data: CData, length: int) -> None:
        listener.reply(bytes(self._library.ffi.buffer(data, length)))

    def _bell(self, listener: Listener) -> None:
        listener.event(Bell())

    def _xtversion(self, _: Listener) -> CData:
        return self._version_string

    def _title_changed(self, listener: Listener) -> None:
        listener.title_changed()

    def _directory_changed(self, listener: Listener) -> None:
        listener.directory_changed()

    def _size(self, listener: Listener, out: CData) -> bool:
        out.rows, out.columns = listener.size.rows, listener.size.cols
        out.cell_width, out.cell_height = CELL_WIDTH, CELL_HEIGHT
        return True

    def _device_attributes(self, _: Listener, out: CData) -> bool:
        # All fields of all three: what is left out is sent as it happens to lie in memory.
        primary = out.primary
        primary.conformance_level = _CONFORMANCE_LEVEL
        for index in range(len(primary.features)):
            primary.features[index] = _FEATURES[index] if index < len(_FEATURES) else 0
        primary.num_features = len(_FEATURES)
        out.secondary.device_type = 1  # VT220
        out.secondary.firmware_version = 0
        out.secondary.rom_cartridge = 0
        out.tertiary.unit_id = 0
        return True

    def _clipboard_write(self, listener: Listener, write: CData) -> None:
        for index in range(write.contents_len):
            content = write.contents[index]
            if self._text(content.mime).startswith("text/plain"):
                selection = "clipboard" if write.location == 0 else "primary"
                listener.event(ClipboardWrite(selection, self._text(content.data)))
                return

    def _notification(self, listener: Listener, notification: CData) -> None:
        listener.event(Notification(self._text(notification.title), self._text(notification.body)))

    def _progress(self, listener: Listener, report: CData) -> None:
        percent = report.progress if report.progress >= 0 else None
        listener.event(Progress(_PROGRESS_STATES[report.state], percent))


@cache
def shared(library: Library) -> Callbacks:
    """The one set of callbacks."""
    return Callbacks(library)
