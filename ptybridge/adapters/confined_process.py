"""A program without a terminal within the bounds that programs in terminals have.

The server cannot confine what it starts itself: it has threads, and Python must not run between
fork and exec then. So it starts this module as a process, which confines itself and becomes the
program; where the program has a cgroup, it waits for the end, and leaves nothing of it.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from ptybridge.adapters.cgroups import Cgroup, CgroupError, Cgroups
from ptybridge.adapters.confinement import Confinement

CANNOT_RUN = 126
"""Exit code of what could not be started, as shells have it (POSIX 2.8.2)."""

REMOVE_SECONDS = 2.0
"""How long the end of what a program has left behind is waited for."""

_MAIN = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from ptybridge.adapters.confined_process import main; main(*sys.argv[2:])"
)


def command(confinement: Confinement, argv: Sequence[str], cwd: str | None) -> tuple[str, ...]:
    """The command to run instead of ``argv``, from a directory that everybody may enter.

    Its environment and its standard streams become the program's.
    """
    root = str(Path(__file__).parents[2])
    flags = ("-I", "-S", "-X", "utf8", "-c", _MAIN)
    return (sys.executable, *flags, root, confinement.to_json(), cwd or "", *argv)


def main(confinement_text: str, cwd: str, *argv: str) -> None:
    """Run ``argv`` within the bounds; the process ends as the program does."""
    confinement = Confinement.from_json(confinement_text)

    def become() -> NoReturn:
        words = confinement.wrap(argv[0], list(argv[1:]))
        os.execvp(words[0], words)  # noqa: S606 - no shell is wanted

    within(confinement, become, cwd=cwd)


def within(confinement: Confinement, run: Callable[[], None], *, cwd: str = "/") -> NoReturn:
    """Call ``run`` within the bounds; this process ends as it does, and leaves nothing of it."""
    confinement.prepare()
    if not confinement.places:
        _run(confinement, None, cwd, run)
    cgroups = Cgroups(confinement.cgroup, confinement.places)
    try:
        cgroup = cgroups.make(0)
    except CgroupError as error:
        _refuse(str(error))
    # The program is asked to end by a signal to the whole group; this process cleans up behind it.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = os.fork()
    if child == 0:
        _run(confinement, cgroup, cwd, run)
    _, status = os.waitpid(child, 0)
    cgroups.end(cgroup)
    give_up_at = time.monotonic() + REMOVE_SECONDS
    while cgroups.is_busy and time.monotonic() < give_up_at:
        time.sleep(0.01)
        cgroups.sweep()
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        with contextlib.suppress(OSError):  # SIGKILL has no other
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def _run(
    confinement: Confinement, cgroup: Cgroup | None, cwd: str, run: Callable[[], None]
) -> NoReturn:
    """Confine this process, then call ``run``; its end is the process's."""
    try:
        _reset_signals()
        confinement.apply(cgroup)
        if cwd:
            os.chdir(cwd)
        run()
        os._exit(0)
    except (OSError, ValueError, RuntimeError) as error:
        _refuse(str(getattr(error, "strerror", None) or error))


def _reset_signals() -> None:
    """Undo what Python ignores and what was blocked, which exec would hand on (signal(7))."""
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(OSError):
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _refuse(reason: str) -> NoReturn:
    """End, and say why where the program would have written."""
    os.write(2, f"ptybridge: cannot be started within its bounds: {reason}\n".encode())
    os._exit(CANNOT_RUN)
