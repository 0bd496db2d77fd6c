"""The bubblewrap profile: a program that sees only its own processes, and few files it can change.

bwrap(1) makes the namespaces and stays outside of them as the program's parent; inside there is an
``init`` of its own. Both are in the program's session. The kernel's signals from the terminal (a
Ctrl-C) reach the two as well and must not end them, for the program may well handle it: they begin
with those signals ignored, and env(1) gives the program their defaults back.
"""

import os
import signal
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

SETTING = "terminals.confine.bubblewrap"
"""What the messages about this module are about."""

TERMINAL_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)
"""What bwrap ignores and the program does not."""

FILTER_DESCRIPTOR = 100
"""Where bwrap finds the filter: a number that is free between fork and exec."""

_TIOCSTI = 0x5412
_TIOCLINUX = 0x541C
_ERRNO = 0x0005_0000  # SECCOMP_RET_ERRNO (seccomp(2)), with the error in the low half
_ALLOW = 0x7FFF_0000
_EPERM = 1
_ENOSYS = 38

_X32 = 0x4000_0000
_IOCTL = {
    "x86_64": ((0xC000_003E, (16, _X32 | 16, _X32 | 514)), (0x4000_0003, (54,))),
    "aarch64": ((0xC000_00B7, (29,)), (0x4000_0028, (54,))),
}
"""For each machine: the AUDIT_ARCH of its system calls and the numbers that ioctl has there."""


def is_known(machine: str) -> bool:
    """Whether there is a filter for this kind of machine (uname(2))."""
    return machine in _IOCTL


def terminal_filter(machine: str) -> bytes:
    """A seccomp program that refuses with EPERM to type into a terminal (TIOCSTI, TIOCLINUX).

    Only the low half of the request is compared, as the kernel takes no more of it. System calls
    of other architectures fail with ENOSYS.

    Raises:
        KeyError: There is none for this machine: see ``is_known``.
    """
    program = []
    for architecture, numbers in _IOCTL[machine]:
        # The two verdicts follow the numbers: behind them first the request, then "allow".
        block = [_load(0)]
        for at, number in enumerate(numbers):
            block.append(_if_equal(number, then=len(numbers) - at, otherwise=0))
        block += [
            _return(_ALLOW),
            _load(24),
            _if_equal(_TIOCSTI, then=2, otherwise=0),
            _if_equal(_TIOCLINUX, then=1, otherwise=0),
            _return(_ALLOW),
            _return(_ERRNO | _EPERM),
        ]
        program += [_load(4), _if_equal(architecture, then=0, otherwise=len(block)), *block]
    return b"".join([*program, _return(_ERRNO | _ENOSYS)])


def _load(offset: int) -> bytes:
    """Load a word of struct seccomp_data: 0 the number, 4 the architecture, 24 the request."""
    return struct.pack("=HBBI", 0x20, 0, 0, offset)


def _if_equal(value: int, *, then: int, otherwise: int) -> bytes:
    """Skip instructions, by whether the loaded word is this value."""
    return struct.pack("=HBBI", 0x15, then, otherwise, value)


def _return(verdict: int) -> bytes:
    return struct.pack("=HBBI", 0x06, 0, 0, verdict)


def pass_filter() -> None:
    """Open the filter where bwrap reads it; for the child, between fork and exec."""
    filter_file = os.memfd_create("filter", os.MFD_CLOEXEC)
    os.write(filter_file, terminal_filter(os.uname().machine))
    os.lseek(filter_file, 0, os.SEEK_SET)
    os.dup2(filter_file, FILTER_DESCRIPTOR)


def _own_below(*places: str) -> list[str]:
    """What this program is made of, as far as it lies there: it has to run in a sandbox, too."""
    own = (sys.prefix, str(Path(__file__).resolve().parents[2]))
    return [folder for folder in own if folder.startswith(tuple(f"{place}/" for place in places))]


def profile(
    bwrap: str, env: str, *, writable: Sequence[str], hidden: Sequence[Path]
) -> tuple[str, ...]:
    """The words that go before a command to confine it.

    All files can be read as far as the user may, and none but those below ``writable`` changed;
    /tmp and /run are empty and its own, and so are the processes it sees, its shared memory and
    host name. It has no capability, and can get none.

    Args:
        bwrap: The program's path.
        env: That of GNU env, 8.31 or newer.
        writable: Directories that can be written to; ``/`` is passed over.
        hidden: Directories that appear empty, and files that do so; they exist.
    """
    words = [
        *(bwrap, "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent"),
        *("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"),
        # Root owns /proc/sys without any capability; bwrap covers it only where the directory,
        # not a file in it, could be written to.
        *("--remount-ro", "/proc"),
        *("--tmpfs", "/tmp", "--tmpfs", "/run"),  # noqa: S108 - its own
        # Names are looked up through here on most machines: /etc/resolv.conf is a link to it.
        *("--ro-bind-try", "/run/systemd/resolve", "/run/systemd/resolve"),
    ]
    for folder in _own_below("/tmp", "/run"):  # noqa: S108
        words += ["--ro-bind-try", folder, folder]
    for folder in dict.fromkeys(writable):
        if os.path.normpath(folder) != "/":
            words += ["--bind-try", folder, folder]
    for path in hidden:
        words += ["--tmpfs", str(path)] if path.is_dir() else ["--ro-bind", "/dev/null", str(path)]
    names = ",".join(number.name.removeprefix("SIG") for number in TERMINAL_SIGNALS)
    return (
        *words,
        *("--cap-drop", "ALL", "--seccomp", str(FILTER_DESCRIPTOR), "--"),
        *(env, f"--default-signal={names}", "--"),
    )
