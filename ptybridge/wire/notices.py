"""Messages about a terminal that have no place in its stream: docs/wire.md section 2."""

from typing import ClassVar

import msgspec

from ptybridge.wire.fields import Message, RoleName


class ViewerState(msgspec.Struct, frozen=True):
    """A viewer as the other viewers of its terminal see it."""

    id: str
    name: str
    role: RoleName
    rows: int
    cols: int
    visible: bool
    controls: bool
    lagging: bool
    waits: bool


class Viewers(Message, frozen=True):
    """Who views a terminal now."""

    type: ClassVar[str] = "viewers"
    terminal_id: str
    viewers: list[ViewerState]


class Title(Message, frozen=True):
    """The program has set the window's title (OSC 0, 2); empty when it took it back."""

    type: ClassVar[str] = "title"
    terminal_id: str
    title: str


class Directory(Message, frozen=True):
    """The shell says where it is (OSC 7); ``host`` only where it is another's directory."""

    type: ClassVar[str] = "cwd"
    terminal_id: str
    cwd: str
    host: str = ""


class Bell(Message, frozen=True):
    """The program rings (BEL)."""

    type: ClassVar[str] = "bell"
    terminal_id: str


class Notification(Message, frozen=True):
    """The program has a message for the desktop (OSC 9, 777)."""

    type: ClassVar[str] = "notification"
    terminal_id: str
    title: str
    body: str


class Progress(Message, frozen=True):
    """How far the program is (OSC 9;4).

    ``state`` is none, normal, error, indeterminate or paused.
    """

    type: ClassVar[str] = "progress"
    terminal_id: str
    state: str
    percent: int | None = None


class PromptMark(Message, frozen=True):
    """The shell begins (``part`` start) or has printed (end) its prompt (OSC 133 A, B)."""

    type: ClassVar[str] = "prompt.mark"
    terminal_id: str
    part: str


class CommandStarted(Message, frozen=True):
    """The shell runs a command (OSC 133 C); its line where the shell tells."""

    type: ClassVar[str] = "command.started"
    terminal_id: str
    command_line: str | None = None


class CommandFinished(Message, frozen=True):
    """The command has ended (OSC 133 D)."""

    type: ClassVar[str] = "command.finished"
    terminal_id: str
    exit_code: int | None = None


class Clipboard(Message, frozen=True):
    """The program offers text to a clipboard (OSC 52); only who holds the keyboard is told."""

    type: ClassVar[str] = "clipboard"
    terminal_id: str
    selection: str
    text: str


class DownloadOffered(Message, frozen=True):
    """The program offers a file (OSC 7750); only who may type is told."""

    type: ClassVar[str] = "download.offered"
    terminal_id: str
    download_id: str
    path: str
    size: int


Notice = (
    Viewers
    | Title
    | Directory
    | Bell
    | Notification
    | Progress
    | PromptMark
    | CommandStarted
    | CommandFinished
    | Clipboard
    | DownloadOffered
)
NOTICES: tuple[type[Notice], ...] = (
    Viewers,
    Title,
    Directory,
    Bell,
    Notification,
    Progress,
    PromptMark,
    CommandStarted,
    CommandFinished,
    Clipboard,
    DownloadOffered,
)
