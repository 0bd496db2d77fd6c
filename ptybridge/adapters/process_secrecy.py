"""Keep this process's memory and descriptors from other processes of the same user."""

import ctypes
import resource

PR_SET_DUMPABLE = 4
"""linux/prctl.h; what it does is in prctl(2) and ptrace(2), "Ptrace access mode checking"."""


class SecrecyError(Exception):
    """The kernel refused; the text says what."""


def hide_process() -> None:
    """Let no process of the same user trace this one, read its memory, or take its descriptors.

    Programs in terminals run as that user. It also ends core dumps, which would hold secrets. A
    program that is executed (execve(2)) starts without this.

    Raises:
        SecrecyError: The kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise SecrecyError(f"prctl(PR_SET_DUMPABLE) failed with error {ctypes.get_errno()}")
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
