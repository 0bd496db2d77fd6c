"""The server's side of a pseudo-terminal: reads into borrowed memory, writes without waiting.

It knows nothing of how the program was started or how its end is learnt: see ``spawner``.
"""

import asyncio
import errno
import os
import termios
from collections.abc import Callable, Sequence
from pathlib import Path

from ptybridge.adapters.working_directory import working_directory
from ptybridge.core.errors import LimitReached
from ptybridge.core.ports import PtyOwner
from ptybridge.core.values import ExitStatus, WindowSize
from ptybridge.core.viewer import READ_BYTES

MAX_UNREAD_INPUT = 1024 * 1024
"""Bytes of input kept for a program that does not read; a large paste fits."""

REOPEN_INTERVAL = 0.1
"""Seconds until the output is looked at again while no process holds the other side open.

A descriptor in that state is readable all the time (EPOLLHUP), so watching it would spin; yet a
program may close its terminal and open ``/dev/tty`` again later.
"""


INTERACTIVE_BYTES = 256
"""A first read of less is taken for the answer to a key, with nothing behind it."""

FOLLOW_BYTES = 2 * READ_BYTES
"""After so many, who reads is let work on them. The kernel keeps 12 KiB between a program and its
reader: as long as these fill up, the program goes on while nobody reads; beyond that it waits.
"""


class PosixPty:
    """The master of a pseudo-terminal on the running event loop; see ``core.ports.Pty``.

    Input to a program that has ended, or whose terminal nobody holds open, is dropped and counts
    as taken: it can reach nobody, and whoever waits for its acknowledgement must not wait on.

    Attributes:
        pid: The child's process id.
        is_eof: No process holds the other side open. Final once the child has ended.
        input_queued: Bytes of input accepted by ``write`` since the start.
        input_taken: How many of those the kernel has taken.
    """

    __slots__ = (
        "_has_ended",
        "_input_limit",
        "_is_reading",
        "_loop",
        "_master",
        "_owner",
        "_reopen_timer",
        "_request_hang_up",
        "_unwritten",
        "input_queued",
        "input_taken",
        "is_eof",
        "pid",
    )

    def __init__(
        self,
        master: int,
        *,
        pid: int,
        owner: PtyOwner,
        hang_up: Callable[[], None],
        input_limit: int = MAX_UNREAD_INPUT,
    ) -> None:
        """Take over ``master``, to be closed by ``close``; ``hang_up`` begins to end the child."""
        os.set_blocking(master, False)
        self.pid = pid
        self.is_eof = False
        self.input_queued = 0
        self.input_taken = 0
        self._loop = asyncio.get_running_loop()
        self._master = master
        self._owner = owner
        self._request_hang_up: Callable[[], None] | None = hang_up
        self._input_limit = input_limit
        self._unwritten = bytearray()
        self._is_reading = False
        self._has_ended = False
        self._reopen_timer: asyncio.TimerHandle | None = None

    def read_into(
        self, buffers: Sequence[memoryview], follow: Callable[[int], None] | None = None
    ) -> int:
        """Fill ``buffers`` in order with what is there, until they are full or it is not.

        One read of a pseudo-terminal gives at most 4 KiB (N_TTY_BUF_SIZE), hence the loop. It
        ends early behind the little that is the echo of a key: asking once more would cost as
        much as the key, and if there is more the owner is told so.

        Returns:
            How many bytes were read in all. 0 means that nothing is there, exactly: the kernel
            moves what the program has written before it answers EAGAIN.
        """
        total = followed = 0
        for buffer in buffers:
            size = len(buffer)
            filled = 0
            while filled < size:
                count = self.read_once(buffer[filled:] if filled else buffer)
                if not count:
                    return total
                filled += count
                total += count
                if total < INTERACTIVE_BYTES and filled < size:
                    return total
                if total - followed >= FOLLOW_BYTES and follow is not None:
                    follow(total - followed)
                    followed = total
        return total

    def read_once(self, buffer: memoryview) -> int:
        """Read into ``buffer`` what one read gives; how many bytes, 0 when there is nothing now."""
        try:
            count = os.readv(self._master, (buffer,))
        except BlockingIOError:
            return 0
        except OSError as error:
            self._on_read_error(error)
            return 0
        if not count:  # how the BSDs spell end-of-file
            self._on_eof()
        return count

    def _on_read_error(self, error: OSError) -> None:
        """Take note of the end; there is nothing to read behind ``close``, either."""
        if self._master < 0:
            return
        if error.errno != errno.EIO:  # how Linux spells end-of-file on a pseudo-terminal
            raise error
        self._on_eof()

    def write(self, data: bytes | memoryview) -> None:
        """Give ``data`` to the program, queueing what it does not take at once.

        Raises:
            LimitReached: The program has left too much input unread; nothing was written.
        """
        size = len(data)
        unread = self.input_queued - self.input_taken
        if self._has_ended:
            self.input_queued += size
            self.input_taken += size
            return
        if unread + size > self._input_limit:
            raise LimitReached("bytes of unread input", self._input_limit)
        taken = 0 if unread else self._offer(data)
        self.input_queued += size
        self.input_taken += taken
        if taken < size:
            self._unwritten += memoryview(data)[taken:]
            if not unread:
                self._loop.add_writer(self._master, self._flush)

    def _offer(self, data: bytes | bytearray | memoryview) -> int:
        """Write what fits now; how many bytes are done with."""
        try:
            return os.write(self._master, data)
        except BlockingIOError:
            return 0
        except OSError:  # EIO: nobody holds the other side open
            return len(data)

    def _flush(self) -> None:
        """Write on, once per loop turn, so that one large paste does not hold up the others."""
        taken = self._offer(self._unwritten)
        if not taken:
            return
        del self._unwritten[:taken]  # moves the array's start, not its contents
        self.input_taken += taken
        if not self._unwritten:
            self._loop.remove_writer(self._master)
        self._owner.on_input_taken()

    def drop_input(self, start: int, end: int) -> int:
        """Take back what of the queued input from ``start`` to ``end`` is not taken yet."""
        first, last = max(start - self.input_taken, 0), max(end - self.input_taken, 0)
        before = len(self._unwritten)
        del self._unwritten[first:last]
        dropped = before - len(self._unwritten)
        self.input_queued -= dropped
        if dropped and not self._unwritten:
            self._loop.remove_writer(self._master)
        return dropped

    def resize(self, size: WindowSize) -> None:
        """Change the size; the kernel sends SIGWINCH when it differs (ioctl_tty(2))."""
        if self._master >= 0:
            termios.tcsetwinsize(self._master, (size.rows, size.cols))

    def foreground(self) -> str | None:
        """The name of the program in the foreground, by proc(5); None while it is the child."""
        leader = self._leader()
        if leader in (0, self.pid):
            return None
        try:
            return Path(f"/proc/{leader}/comm").read_text(errors="replace").rstrip("\n") or None
        except OSError:  # it has ended, or there is no /proc
            return None

    def directory(self) -> str | None:
        """The working directory of what is in the foreground, as it can be shown."""
        leader = self._leader()
        path = working_directory(leader) if leader else None
        return None if path is None else os.fsencode(path).decode(errors="replace")

    def _leader(self) -> int:
        """Who leads the process group in the foreground; 0 where that cannot be known."""
        if self._master < 0 or self._has_ended:
            return 0
        try:
            return os.tcgetpgrp(self._master)
        except OSError:  # nobody has the other side as controlling terminal
            return 0

    def pause_reading(self) -> None:
        """Stop calling ``on_readable``; the kernel then blocks the child. Idempotent."""
        if self._is_reading:
            self._is_reading = False
            self._loop.remove_reader(self._master)

    def resume_reading(self) -> None:
        """Call ``on_readable`` when there is output. Idempotent."""
        if not self._is_reading and self._master >= 0:
            self._is_reading = True
            if not self.is_eof:
                self._loop.add_reader(self._master, self._owner.on_readable)

    def _on_eof(self) -> None:
        """Stop watching: until the child's end for a while, then for good."""
        self.is_eof = True
        if self._is_reading:
            self._loop.remove_reader(self._master)
        if not self._has_ended and self._reopen_timer is None:
            self._reopen_timer = self._loop.call_later(REOPEN_INTERVAL, self._look_again)

    def _look_again(self) -> None:
        """Watch the output again, in case that a process has opened the other side."""
        self._reopen_timer = None
        self.is_eof = False
        if self._is_reading:
            self._loop.add_reader(self._master, self._owner.on_readable)

    def hang_up(self) -> None:
        """Begin to end the program. Idempotent."""
        if self._request_hang_up is not None:
            request, self._request_hang_up = self._request_hang_up, None
            request()

    def end(self, status: ExitStatus) -> None:
        """Take note that the child has ended and tell the owner; called once, by the spawner."""
        self._request_hang_up = None
        self._settle()
        self._owner.on_exit(status)

    def close(self) -> None:
        """Give the descriptor up; the kernel hangs up who still holds the other. Idempotent."""
        if self._master < 0:
            return
        self._settle()
        self.pause_reading()
        os.close(self._master)
        self._master = -1

    def _settle(self) -> None:
        """Drop the input that nobody will read, and stop expecting the terminal to reopen."""
        self._has_ended = True
        if self._unwritten:
            self._unwritten.clear()
            self._loop.remove_writer(self._master)
        self.input_taken = self.input_queued
        if self._reopen_timer is not None:
            self._reopen_timer.cancel()
            self._reopen_timer = None
