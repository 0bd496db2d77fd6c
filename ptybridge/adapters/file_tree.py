"""Paths that stay below a directory, however it is changed meanwhile; for the file process.

Needs nothing but Python's standard library: see ``file_process``.
"""

import ctypes
import errno
import os
import stat

MAX_NAME = 255
"""Bytes of a file's name (path_resolution(7))."""

_OPENAT2 = 437
"""Number of openat2(2), the same on every machine that the kernel runs on but Alpha."""

_NO_MAGIC_LINKS, _BENEATH, _IN_ROOT = 0x02, 0x08, 0x10
_TRIES = 64
"""How often to try when a path with ``..`` changes meanwhile (openat2(2), EAGAIN)."""

_libc = ctypes.CDLL(None, use_errno=True)


class Refusal(Exception):
    """An operation cannot be done.

    Attributes:
        word: What is wrong: ``missing``, ``denied``, ``outside``, ``unfit``, ``exists``, ``full``,
            ``too-large`` or ``failed``.
    """

    def __init__(self, word: str, text: str) -> None:
        super().__init__(text)
        self.word = word


WORDS = {
    errno.ENOENT: "missing",
    errno.ENOTDIR: "missing",
    errno.EACCES: "denied",
    errno.EPERM: "denied",
    errno.EROFS: "denied",
    errno.EXDEV: "outside",
    errno.ELOOP: "outside",
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EFBIG: "too-large",
    errno.ENAMETOOLONG: "unfit",
}
"""What an error of the system means for who asked."""


def refusal_of(error: OSError) -> Refusal:
    """What the system says, in words for people."""
    word = WORDS.get(error.errno or 0, "failed")
    text = os.strerror(error.errno) if error.errno else "it failed"
    if word == "outside":
        text = "it leads outside of what may be reached"
    return Refusal(word, text)


class _OpenHow(ctypes.Structure):
    """``struct open_how`` (openat2(2))."""

    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


def open_by_kernel(root: int, path: str, flags: int, *, resolve: int) -> int:
    """Open ``path`` below a directory by openat2(2), which no race with a rename or link fools."""
    how = _OpenHow(flags | os.O_CLOEXEC, 0, resolve | _NO_MAGIC_LINKS)
    for _ in range(_TRIES):
        opened = _libc.syscall(
            _OPENAT2, root, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how)
        )
        if opened >= 0:
            return int(opened)
        code = ctypes.get_errno()
        if code not in {errno.EAGAIN, errno.EINTR}:
            raise OSError(code, os.strerror(code))
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def open_by_steps(root: int, path: str, flags: int) -> int:
    """As ``open_by_kernel`` where that is missing: one name at a time, and no link is followed."""
    names = [name for name in path.split("/") if name not in {"", "."}]
    if ".." in names:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
    here = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=root)
    for at, name in enumerate(names):
        is_last = at == len(names) - 1
        mode = flags if is_last else os.O_PATH | os.O_DIRECTORY
        try:
            below = os.open(name, mode | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
        finally:
            os.close(here)
        here = below
        if stat.S_ISLNK(os.fstat(here).st_mode):  # O_PATH opens the link itself
            os.close(here)
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return here


def has_openat2() -> bool:
    """Whether the kernel has openat2(2) (Linux 5.6), and nothing keeps it from this process."""
    root = os.open("/", os.O_PATH | os.O_CLOEXEC)
    try:
        os.close(open_by_kernel(root, ".", os.O_PATH, resolve=_BENEATH))
    except OSError:
        return False
    finally:
        os.close(root)
    return True


class Tree:
    """What may be reached: all below a directory, links that lead out of it excluded."""

    def __init__(self, root: str, *, by_kernel: bool) -> None:
        """Open the root; ``by_kernel`` as ``has_openat2`` says."""
        self._descriptor = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self._roots = {os.path.normpath(root), os.readlink(f"/proc/self/fd/{self._descriptor}")}
        self._by_kernel = by_kernel

    def __enter__(self) -> "Tree":
        """Take it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the root."""
        os.close(self._descriptor)

    def open(self, path: str, flags: int) -> int:
        """Open an absolute path.

        Raises:
            Refusal: It lies outside.
            OSError: It cannot be opened.
        """
        if not path.startswith("/") or "\0" in path:
            raise Refusal("unfit", "this is no path")
        if "/" in self._roots:
            # Links in absolute form are what they are anywhere: the root is the machine's.
            below, resolve = path.lstrip("/"), _IN_ROOT
        else:
            below, resolve = self._below(path), _BENEATH
        if not self._by_kernel:
            return open_by_steps(self._descriptor, below or ".", flags)
        return open_by_kernel(self._descriptor, below or ".", flags, resolve=resolve)

    def _below(self, path: str) -> str:
        for root in self._roots:
            if path == root or path.startswith(root + "/"):
                return path[len(root) :].lstrip("/")
        raise Refusal("outside", "it lies outside of what may be reached")


def check_name(name: str) -> None:
    """Make sure that a name is one, and no path."""
    if name in {"", ".", ".."} or "/" in name or "\0" in name:
        raise Refusal("unfit", "this is no name of a file")
    if len(os.fsencode(name)) > MAX_NAME:
        raise Refusal("unfit", f"the name is longer than {MAX_NAME} bytes")
