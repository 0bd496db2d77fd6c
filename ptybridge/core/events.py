"""What happens to a terminal, as values that its viewers are told."""

from collections.abc import Iterator
from dataclasses import dataclass

from ptybridge.core.offers import DownloadOffered
from ptybridge.core.screen import (
    Bell,
    ClipboardWrite,
    CommandFinished,
    CommandStarted,
    Notification,
    Progress,
    PromptMark,
    Title,
    WorkingDirectory,
)
from ptybridge.core.values import ExitStatus, Role, ViewerId, WindowSize


@dataclass(frozen=True, slots=True)
class Resized:
    """From ``offset`` on the program prints for another size."""

    size: WindowSize
    offset: int


@dataclass(frozen=True, slots=True)
class Exited:
    """The program has ended; nothing follows."""

    status: ExitStatus


TerminalEvent = Resized | Exited
"""What has a place in the stream of output."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Bytes that rebuild a terminal on a reset emulator.

    Attributes:
        offset: The stream offset that follows it.
        size: The size that the emulator must have.
        pieces: What it is to be fed with, some milliseconds of work each; can be walked once.
    """

    offset: int
    size: WindowSize
    pieces: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class ViewerInfo:
    """A viewer as the others see it.

    Attributes:
        id: Its name among the terminal's viewers.
        name: The name of the identity behind it.
        role: What it may do.
        size: Its own window in cells.
        visible: Whether somebody can see it.
        controls: What it types reaches the program.
        waits: It has asked for the keyboard.
        lagging: It has fallen far behind and will be given a snapshot.
    """

    id: ViewerId
    name: str
    role: Role
    size: WindowSize
    visible: bool
    controls: bool
    waits: bool
    lagging: bool


@dataclass(frozen=True, slots=True)
class Viewers:
    """Who views the terminal now, in the order of their coming."""

    viewers: tuple[ViewerInfo, ...]


Notice = (
    Viewers
    | Title
    | WorkingDirectory
    | Bell
    | Notification
    | Progress
    | PromptMark
    | CommandStarted
    | CommandFinished
    | ClipboardWrite
    | DownloadOffered
)
"""What viewers are told beside the stream; it has no exact place in it."""
