"""How many files may be open: in the server as many as the system lets it, in programs as before.

The usual limit of 1024 descriptors is for programs that use select(2), which cannot name more
(setrlimit(2)); a connection is a descriptor, so the server needs more, and can name them.
"""

import contextlib
import resource
from typing import Final

_GIVEN: Final = resource.getrlimit(resource.RLIMIT_NOFILE)
"""What the server was started with, soft and hard."""


def raise_limit() -> int:
    """Let this process open as many files as it may let itself; how many."""
    _, hard = _GIVEN
    with contextlib.suppress(OSError, ValueError):  # some systems bound it below "unlimited"
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def restore_limit(pid: int) -> None:
    """Give a program that was just started, and all that it starts, what the server was given."""
    with contextlib.suppress(OSError):  # it has ended
        resource.prlimit(pid, resource.RLIMIT_NOFILE, _GIVEN)
