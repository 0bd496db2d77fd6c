"""The floor: a program on a pseudo-terminal of this process, read with nothing between."""

import errno
import fcntl
import os
import pty
import signal
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from bench.subjects import COLS, ROWS, Unmeasured, argv

READ_BYTES = 64 * 1024
"""Size of the buffer; Linux gives at most 4 KiB of it a read (N_TTY_BUF_SIZE)."""


class BareViewer:
    """The master of the pseudo-terminal."""

    def __init__(self, master: int) -> None:
        self._master = master
        self._memory = memoryview(bytearray(READ_BYTES))
        self._buffers = [self._memory]

    def send(self, data: bytes) -> None:
        """Type ``data``."""
        while data:
            data = data[os.write(self._master, data) :]

    def receive(self) -> memoryview:
        """Read once."""
        try:
            return self._memory[: os.readv(self._master, self._buffers)]
        except OSError as error:
            if error.errno == errno.EIO:  # how Linux spells end-of-file on a pseudo-terminal
                raise Unmeasured("the program has ended too early") from error
            raise


class BareTerminal:
    """A program whose terminal this process holds; it can have one viewer only."""

    def __init__(self, master: int) -> None:
        self._master = master

    @contextmanager
    def view(self) -> Iterator[BareViewer]:
        """Read the terminal."""
        yield BareViewer(self._master)

    def cpu_seconds(self) -> float:
        """CPU time of this process, since reading is all there is."""
        return time.process_time()


def _take_terminal() -> None:
    """Make standard input the controlling terminal; runs in the child, after setsid.

    Ctrl-C has to end the program also where the bench was started in a script's background.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Bare:
    """Terminals without a server."""

    name = "bare pty"
    newline_bytes = 2

    @contextmanager
    def open(self, script: str) -> Iterator[BareTerminal]:
        """Run ``script`` until the block ends."""
        master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (ROWS, COLS))
        program = subprocess.Popen(
            argv(script),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509 - this process has no threads
        )
        os.close(slave)
        try:
            yield BareTerminal(master)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)
            os.close(master)
            program.wait()


@contextmanager
def start() -> Iterator[Bare]:
    """Nothing has to run."""
    yield Bare()
