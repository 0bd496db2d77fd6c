"""``ptybridge download FILE`` in a terminal: an escape sequence that offers a file."""

import os
import stat
import sys
import time
from collections.abc import Mapping, Sequence

from ptybridge.cli.remote import RemoteError
from ptybridge.core.offers import KEY_VARIABLE, sequence

TERMINAL = "/dev/tty"
"""Standard output may lead elsewhere."""


def is_inside(environment: Mapping[str, str]) -> bool:
    """Whether this process runs in a terminal of a ptybridge server."""
    return bool(environment.get(KEY_VARIABLE))


def offer(names: Sequence[str], environment: Mapping[str, str], *, terminal: str = TERMINAL) -> int:
    """Offer files; the exit code.

    Raises:
        RemoteError: One of them cannot be offered; then none is.
    """
    files = [_looked_at(name) for name in names]
    try:
        with open(terminal, "wb", buffering=0) as tty:
            for path, size in files:
                count = time.time_ns()  # greater each time, also in another process
                tty.write(sequence(environment[KEY_VARIABLE], path, size=size, count=count))
    except OSError as error:
        raise RemoteError(f"there is no terminal here ({error.strerror})") from error
    what = "it" if len(files) == 1 else f"{len(files)} files"
    print(f"offered {what} to whoever may type here; confirm it in the page", file=sys.stderr)
    return 0


def _looked_at(name: str) -> tuple[str, int]:
    """The real path and the size of a file."""
    path = os.path.realpath(name)
    try:
        facts = os.stat(path)
        path.encode()
    except OSError as error:
        raise RemoteError(f"{name}: {error.strerror}") from error
    except UnicodeEncodeError as error:
        raise RemoteError("a name that is not UTF-8 cannot be offered; rename it") from error
    if stat.S_ISDIR(facts.st_mode):
        raise RemoteError(f"{name}: a directory; make an archive of it, and offer that")
    if not stat.S_ISREG(facts.st_mode):
        raise RemoteError(f"{name}: no ordinary file")
    if not os.access(path, os.R_OK):
        raise RemoteError(f"{name}: it cannot be read")
    return path, facts.st_size
