"""Files of whoever runs the terminals: what is asked of them, and by whose hands.

The server opens no file itself. What fulfils ``FileAccess`` does it with the rights, and within the
bounds, that programs in terminals have. Every call may take as long as a disk does.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

EntryKind = Literal["directory", "file", "link", "other"]
"""What can be in a directory; what is ``other`` (a device, a FIFO) cannot be transferred."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something in a directory.

    Attributes:
        name: Its name; a byte that is not UTF-8 is a lone surrogate (PEP 383).
        kind: What it is; links are not followed.
        size: Of a file, in bytes.
        modified: When it was changed last, in seconds since the Unix epoch.
    """

    name: str
    kind: EntryKind
    size: int
    modified: float


@dataclass(frozen=True, slots=True)
class Folder:
    """A directory.

    Attributes:
        path: Its absolute path, without links.
        entries: What is in it, in no order.
        is_complete: Whether that is all; of very many only some thousands are told.
    """

    path: str
    entries: tuple[Entry, ...]
    is_complete: bool


class OpenFile(Protocol):
    """A file that can be read, until it is closed.

    Attributes:
        path: Its absolute path, without links.
        size: Its length in bytes when it was opened.
        modified: When it was changed last, in seconds since the Unix epoch.
    """

    @property
    def path(self) -> str: ...  # noqa: D102 - see Attributes
    @property
    def size(self) -> int: ...  # noqa: D102 - see Attributes
    @property
    def modified(self) -> float: ...  # noqa: D102 - see Attributes

    async def read(self, offset: int, length: int) -> bytes:
        """At most ``length`` bytes, and at most ``CHUNK_BYTES``; none at the file's end.

        Raises:
            RequestError: It cannot be read.
        """

    async def close(self) -> None:
        """Let it go. Idempotent."""


class NewFile(Protocol):
    """A file that grows out of sight, and appears under its name when it is whole.

    Attributes:
        path: Where it will be.
        offset: How many bytes it has.
    """

    @property
    def path(self) -> str: ...  # noqa: D102 - see Attributes
    @property
    def offset(self) -> int: ...  # noqa: D102 - see Attributes

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append at most ``CHUNK_BYTES``; ``offset`` tells how many were, also after a failure.

        The piece may be on its way when this returns: a failure may be of the one before, and
        ``offset`` behind until ``flush``.

        Raises:
            NoSpace: The disk is full, or the user's share of it.
            TooLarge: A file may not be that large.
            RequestError: It cannot be written.
        """

    async def flush(self) -> None:
        """Wait until all that was appended is written; ``offset`` counts it then.

        Raises:
            RequestError: As of ``write``.
        """

    async def finish(self, *, overwrite: bool) -> str:
        """Put it on the disk under its name; its path. It is closed then.

        Raises:
            AlreadyExists: Something has that name, and may stay; it can be finished again.
            RequestError: It cannot be done.
        """

    def close(self) -> None:
        """Give it up, unless it is finished; nothing of it stays. Idempotent."""


CHUNK_BYTES = 256 * 1024
"""Bytes of a file that are moved at once."""


class FileAccess(Protocol):
    """Reaches files as programs in terminals do."""

    async def look(self, path: str, *, owner: str) -> Folder | OpenFile:
        """What is at an absolute path; a file is open then.

        Args:
            path: Links in it are followed while they do not lead outside of what may be reached.
            owner: The account of the identity that asks, which has a limit of its own.

        Raises:
            NotFound: There is nothing.
            Denied: It may not be read, or lies outside of what may be reached.
            BadRequest: It is neither a file nor a directory.
            LimitReached: Too many files are being transferred.
            Unavailable: Files cannot be reached at all; the message says why.
        """

    async def begin(
        self, directory: str, name: str, *, size: int, overwrite: bool, owner: str
    ) -> NewFile:
        """Begin a file.

        Args:
            directory: The absolute path of the directory that it will be in.
            name: Its name there.
            size: How many bytes it will have.
            overwrite: Whether it may replace what has that name.
            owner: The account of the identity that asks.

        Raises:
            AlreadyExists: Something has that name, and may stay.
            NoSpace: The disk has not that much space.
            RequestError: As of ``look``.
        """
