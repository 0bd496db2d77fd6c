"""Where processes are, by proc(5)."""

import contextlib
import os

REMOVED = " (deleted)"
"""How the kernel ends the path of a directory that is no more (proc_pid_cwd(5))."""


def working_directory(*processes: int) -> str | None:
    """The working directory of the first of these processes that is known to have one.

    The kernel alone is asked. Whether the directory can be reached is not looked at: it may be on a
    filesystem that does not answer (NFS, FUSE), which would hold up everybody.
    """
    for process in processes:
        with contextlib.suppress(OSError):  # it has ended, is another user's, or there is no /proc
            directory = os.readlink(f"/proc/{process}/cwd")
            if directory.startswith("/") and not directory.endswith(REMOVED):
                return directory
    return None
