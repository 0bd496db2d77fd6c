"""Files that hold secrets: only their owner may read them, and they change as a whole."""

import errno
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path


class PrivateFileError(Exception):
    """The file cannot be used; the text is one line that names it and the way out."""


Stamp = tuple[int, int, int]
"""What differs between two versions of a file: see ``stamp``."""


def stamp(path: Path) -> Stamp | None:
    """Device-independent mark of a file's version (stat(2)); None if there is none."""
    try:
        found = os.stat(path, follow_symlinks=False)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def read_private(path: Path, *, limit: int) -> bytes:
    """At most ``limit`` bytes of a regular file; empty for what is no regular file.

    Raises:
        PrivateFileError: It cannot be read, is a symbolic link, or is open to others.
    """
    try:
        # O_NONBLOCK: opening a FIFO would wait for whoever writes to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(descriptor).st_mode
            content = file.read(limit) if stat.S_ISREG(mode) else b""
    except OSError as error:
        # ELOOP: what O_NOFOLLOW says of a symbolic link (open(2)).
        reason = "a symbolic link" if error.errno == errno.ELOOP else error.strerror
        raise PrivateFileError(f"{path}: cannot be read ({reason}); name another file") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise PrivateFileError(f"{path}: others may read it; run: chmod 600 {path}")
    return content


def write_private(path: Path, content: bytes, *, replace: bool) -> None:
    """Write a file that only its owner may read: it appears whole, on disk, or not at all.

    Args:
        path: The file; its folder is made when missing.
        content: All that is in it.
        replace: Take another's place. Otherwise an existing file stays as it is.

    Raises:
        PrivateFileError: It cannot be written.
    """
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(unfinished, flags, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            unfinished.replace(path)
        else:
            with suppress(FileExistsError):  # another was faster: its file is as good
                path.hardlink_to(unfinished)
    except OSError as error:
        raise PrivateFileError(f"{path}: cannot be made ({error.strerror})") from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
