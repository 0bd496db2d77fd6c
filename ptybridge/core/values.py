"""The small values that the rest of the core speaks in; each is valid from the moment it exists."""

import enum
import re
from dataclasses import dataclass
from typing import Literal, NewType, Self

SessionId = NewType("SessionId", str)
TerminalId = NewType("TerminalId", str)
ConnectionId = NewType("ConnectionId", str)
ViewerId = NewType("ViewerId", str)

MAX_ROWS = 500
"""The tallest terminal in character cells."""
MAX_COLS = 1000
"""The widest terminal in character cells."""

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?\Z")


def is_name(text: str) -> bool:
    """Whether ``text`` can name a session or a terminal: 1 to 64 of ``A-Z a-z 0-9 . _ -``.

    The first and the last character are a letter or a digit, so that no name is a path
    component such as ``..`` and none is cut by whoever makes links of text.

    >>> is_name("main"), is_name("build-2"), is_name("../etc"), is_name("")
    (True, True, False, False)
    """
    return _NAME.match(text) is not None


@dataclass(frozen=True, slots=True)
class WindowSize:
    """A terminal's size in character cells, rows first as in ``TIOCSWINSZ`` (ioctl_tty(2)).

    Raises:
        ValueError: Outside 1..``MAX_ROWS`` rows or 1..``MAX_COLS`` columns.
    """

    rows: int
    cols: int

    def __post_init__(self) -> None:
        """Refuse a size that no terminal can have."""
        if not (1 <= self.rows <= MAX_ROWS and 1 <= self.cols <= MAX_COLS):
            raise ValueError(
                f"window size {self.rows}x{self.cols} is outside 1..{MAX_ROWS} rows "
                f"by 1..{MAX_COLS} columns"
            )


RoleName = Literal["watcher", "writer", "owner"]


class Role(enum.IntEnum):
    """What a viewer may do; a greater role may do all that a smaller one may."""

    WATCHER = 1
    WRITER = 2
    OWNER = 3

    @property
    def label(self) -> RoleName:
        """The word that stands on the wire."""
        return _ROLE_NAMES[self]


_ROLE_NAMES: dict[Role, RoleName] = {
    Role.WATCHER: "watcher",
    Role.WRITER: "writer",
    Role.OWNER: "owner",
}


@dataclass(frozen=True, slots=True)
class ExitStatus:
    """How a child ended: by an exit code or by a signal (waitpid(2)), never both."""

    code: int | None = None
    signal: int | None = None

    def __post_init__(self) -> None:
        """Refuse a status that says both or neither."""
        if (self.code is None) == (self.signal is None):
            raise ValueError("an exit status has either a code or a signal")

    @classmethod
    def of(cls, returncode: int) -> Self:
        """Of a number as ``subprocess`` has it: minus the signal's where one has ended it."""
        return cls(code=returncode) if returncode >= 0 else cls(signal=-returncode)

    def __str__(self) -> str:
        """In words."""
        return f"signal {self.signal}" if self.code is None else f"exit code {self.code}"
