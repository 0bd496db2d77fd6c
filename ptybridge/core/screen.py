"""The screen of a terminal: what the core asks of a terminal emulator, and what it is told back.

An emulator is fed the same bytes as the tail. It answers the program's queries (one voice, however
many viewers there are), reports what the stream says about itself (title, marks, ...) and can write
a snapshot at any byte. Pure: the emulator itself is an adapter.
"""

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from ptybridge.core.errors import BridgeError
from ptybridge.core.values import WindowSize


class ScreenUnavailable(BridgeError):
    """No emulator can be had here; terminals then live without a screen."""


class ScreenFailed(BridgeError):
    """The emulator refused or broke; the screen must be closed, its terminal goes on without."""


@dataclass(frozen=True, slots=True)
class Title:
    """The window's title (OSC 0 and 2); empty when the program took it back."""

    text: str


@dataclass(frozen=True, slots=True)
class WorkingDirectory:
    """Where the shell says it is (OSC 7; OSC 9;9; OSC 1337 CurrentDir).

    Attributes:
        path: The directory, percent-decoded; empty when the program took it back.
        host: The host named by an OSC 7 URL; empty for this one or when none was named.
    """

    path: str
    host: str = ""


@dataclass(frozen=True, slots=True)
class Bell:
    """BEL outside of any sequence."""


@dataclass(frozen=True, slots=True)
class Notification:
    """A message for the desktop (OSC 9, which has no title, and OSC 777)."""

    title: str
    body: str


class ProgressState(enum.Enum):
    """What a progress report says (OSC 9;4, as ConEmu and Windows Terminal define it)."""

    NONE = "none"
    NORMAL = "normal"
    ERROR = "error"
    INDETERMINATE = "indeterminate"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a program is.

    Attributes:
        state: What kind of progress.
        percent: 0..100; None where the program gave none.
    """

    state: ProgressState
    percent: int | None


class PromptPart(enum.Enum):
    """Which border of a shell's prompt was crossed (OSC 133 and 633: A, B)."""

    START = "start"
    END = "end"


@dataclass(frozen=True, slots=True)
class PromptMark:
    """The shell is about to print its prompt, or has printed it and now takes a command."""

    part: PromptPart


@dataclass(frozen=True, slots=True)
class CommandStarted:
    """The shell runs a command (OSC 133;C and 633;C).

    Attributes:
        command_line: What was typed, where the shell tells (OSC 633;E, 133;C;cmdline_url=).
    """

    command_line: str | None = None


@dataclass(frozen=True, slots=True)
class CommandFinished:
    """The command has ended (OSC 133;D and 633;D).

    Attributes:
        exit_code: None when the shell told none: an empty line, or a command given up.
    """

    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class ClipboardWrite:
    """The program wants text in a clipboard (OSC 52); at most ``CLIPBOARD_LIMIT`` bytes.

    Attributes:
        selection: ``clipboard`` or ``primary``.
        text: The decoded text; empty asks to clear it.
    """

    selection: str
    text: str


@dataclass(frozen=True, slots=True)
class DownloadAsked:
    """Somebody's sequence offers a file (OSC 7750); whose it is ``core.offers`` knows.

    Attributes:
        text: What stands in the sequence after its number.
    """

    text: str


CLIPBOARD_LIMIT = 1024 * 1024
"""Bytes of text that a program may offer to a clipboard at once."""

Saying = (
    Title
    | WorkingDirectory
    | Bell
    | Notification
    | Progress
    | PromptMark
    | CommandStarted
    | CommandFinished
    | ClipboardWrite
)
"""What a stream says of its terminal, and viewers are told."""

ScreenEvent = Saying | DownloadAsked


class ScreenOwner(Protocol):
    """Who hears from a screen: called synchronously inside ``feed``, in the stream's order.

    An exception raised here leaves ``feed`` after all of the chunk was fed. The screen must not
    be used or closed from inside a call.
    """

    def on_reply(self, data: bytes) -> None:
        """Take the one answer to a query of the program; it belongs into the PTY's input."""

    def on_event(self, event: ScreenEvent) -> None:
        """Take note of something that the stream said about itself."""


ScreenFormat = Literal["text", "html", "vt", "cells"]
"""In which form a screen can be shown to who has no emulator."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """VT bytes that rebuild a terminal on a reset emulator of ``size``.

    The state is fixed when the snapshot is taken; the bytes are made as they are asked for, a few
    milliseconds of work a piece, so whoever sends them can do other things in between.

    Attributes:
        size: What the receiving emulator's size must be.
        held_back: How many of the bytes fed last are left out, 0..3: a UTF-8 character that is not
            complete yet. The offset that follows the snapshot is that much smaller than the
            stream's end, so the character arrives whole in the output that comes next.
        pieces: The bytes in order; can be walked once.
    """

    size: WindowSize
    held_back: int
    pieces: Iterator[bytes]

    def to_bytes(self) -> bytes:
        """All pieces at once, for whoever does not mind waiting."""
        return b"".join(self.pieces)


class Screen(Protocol):
    """A terminal emulator that follows one terminal.

    Not safe for use from two threads at once. Every method but ``close`` raises ScreenFailed when
    the emulator breaks, and after that, or after ``close``, always.

    Attributes:
        size: The size of the emulator, which is that of its terminal's PTY.
        remembered_lines: After so many lines of plain text that scroll nothing of what was there
            before is seen again, whatever the size will be.
    """

    @property
    def size(self) -> WindowSize: ...  # noqa: D102 - see Attributes

    @property
    def remembered_lines(self) -> int: ...  # noqa: D102 - see Attributes

    def is_in_sequence(self) -> bool:
        """Whether a control sequence or a character has begun that is not complete yet."""

    def is_scrolling(self) -> bool:
        """Whether plain text is cheap, and each line of it at the bottom scrolls the whole screen.

        Not with margins, not where all that is printed moves what stands behind it or becomes a
        part of a link, not with tabs far apart, and not in the middle of a control sequence.
        """

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next bytes of the stream, cut anywhere; tells the owner what they mean.

        ``data`` is read before this returns and not kept: it may be part of a reused buffer.
        """

    def resize(self, size: WindowSize) -> None:
        """Change the size; lines that were wrapped flow anew."""

    def snapshot(self, *, history_lines: int | None = None) -> Snapshot:
        """Write down the state as it is now; changes nothing.

        Args:
            history_lines: How many lines of scrollback to include at most; None is all.
        """

    def rendered(self, form: ScreenFormat) -> bytes:
        """What is on the screen now, in UTF-8: a line a row, without empty rows at its end.

        Args:
            form: ``text``, plain, lines end in LF; ``vt``, lines with SGR sequences that end in
                CR LF; ``html``, one element with inline styles. Whatever a program wrote is
                escaped in HTML, and links other than to the web or a mail address are dropped;
                ``cells``, JSON of stretches of text with their colours, for who draws it.
        """

    def compress(self) -> None:
        """Give back memory; for a terminal that has been idle. Feeding goes on as before."""

    def close(self) -> None:
        """Free the emulator. Idempotent."""
