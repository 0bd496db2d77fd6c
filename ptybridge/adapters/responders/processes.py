"""Programs that responders run: in a process group of their own, stopped as a whole.

Started by `subprocess`, which does not copy the server's page tables (vfork(2)): asyncio's way
under uvloop forks, which holds up everybody for 4 to 20 milliseconds, and gives programs a socket
as their standard input, for which bash takes itself to be run by a remote shell and reads
``~/.bashrc``.
"""

import asyncio
import codecs
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence

from ptybridge.adapters import confined_process
from ptybridge.adapters.confinement import Confinement
from ptybridge.adapters.open_files import restore_limit
from ptybridge.adapters.responders.guard import Guard
from ptybridge.adapters.working_directory import working_directory
from ptybridge.core.responder import ResponderFailed

KILL_SECONDS = 2.0
"""How long a program that is asked to end (SIGTERM) may take before it is killed."""

_CHUNK = 65_536
"""Bytes of one read: as many as a pipe holds (pipe(7))."""


def directory_of(pid: int) -> str | None:
    """The working directory of what runs in a terminal; None where it cannot be known.

    That is the leader of the terminal's foreground process group, such as a shell that was started
    in the shell, or else the process itself (proc(5)).
    """
    return working_directory(_foreground_of(pid), pid)


def _foreground_of(pid: int) -> int:
    """The foreground process group of a process's terminal (proc_pid_stat(5), tpgid)."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            stat = file.read(1024)
        return int(stat[stat.rindex(b")") + 2 :].split(b" ", 6)[5])
    except (OSError, ValueError, IndexError):
        return pid


async def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: str | None,
    text: str,
    heard: Callable[[str], None],
    hears_errors: bool = True,
    confinement: Confinement | None = None,
) -> int:
    """Run a program with ``text`` on its standard input.

    When the calling task is cancelled the program's process group gets SIGTERM at once and
    SIGKILL after ``KILL_SECONDS``; the call ends when it is gone. The same becomes of it when this
    process dies.

    Args:
        argv: The program, looked up in ``env``'s ``PATH``, and its arguments.
        env: Its whole environment.
        cwd: Where it starts; None is the server's own working directory.
        text: What it reads.
        heard: Gets what it writes, as it comes, decoded.
        hears_errors: Standard error is heard like standard output; else it is dropped.
        confinement: The bounds of the program; None is none.

    Returns:
        Its exit code, or minus the number of the signal that ended it.

    Raises:
        ResponderFailed: It cannot be started.
    """
    loop = asyncio.get_running_loop()
    if confinement is not None and not confinement.is_off:
        argv, cwd = confined_process.command(confinement, argv, cwd), "/"
    try:
        process = subprocess.Popen(  # noqa: ASYNC220, S603 - see above
            tuple(argv),
            stdin=subprocess.PIPE if text else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if hears_errors else subprocess.DEVNULL,
            bufsize=0,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ResponderFailed(f"{argv[0]} cannot be started: {reason}") from error
    restore_limit(process.pid)
    try:
        program = _Program(process, heard, loop)
    except OSError as error:  # no descriptor is left
        _signal(process.pid, signal.SIGKILL)
        with process:
            raise ResponderFailed(f"{argv[0]} cannot be followed: {error.strerror}") from error
    feeding: asyncio.WriteTransport | None = None
    try:
        if process.stdin is not None:
            feeding, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, process.stdin)
            feeding.write(text.encode(errors="replace"))
            feeding.write_eof()  # behind the last byte; who does not read it is none the worse
        return await asyncio.shield(program.ended)
    except BaseException:
        await _stop(program)
        raise
    finally:
        if feeding is not None:
            feeding.abort()
        await program.guard.gone()


class _Program:
    """A running program, heard by callbacks of the loop.

    Attributes:
        group: Its process group.
        guard: Ends the group if this process dies first.
        ended: How it ended, when that is known and all that it wrote was heard: its exit code,
            or minus the number of a signal.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        heard: Callable[[str], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        assert process.stdout is not None
        self.group = process.pid
        self.ended: asyncio.Future[int] = loop.create_future()
        self._process = process
        self._output = process.stdout
        self._heard = heard
        self._loop = loop
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._end = os.pidfd_open(process.pid)
        try:
            self.guard = Guard(process.pid, patience=KILL_SECONDS)
        except OSError:
            os.close(self._end)
            raise
        os.set_blocking(self._output.fileno(), False)
        loop.add_reader(self._output.fileno(), self._hear)
        loop.add_reader(self._end, self._on_end)

    def _hear(self) -> None:
        """Pass on what it writes."""
        try:
            data = os.read(self._output.fileno(), _CHUNK)
        except BlockingIOError:
            return
        if data:
            self._heard(self._decode(data))
        else:
            self._close_output()

    def _on_end(self) -> None:
        """Pass on what is left in the pipe, which a background child may hold open for long."""
        self._loop.remove_reader(self._end)
        os.close(self._end)
        self.guard.release()
        try:
            if not self._output.closed:
                self._hear()
            if not self._output.closed:
                self._close_output()
        finally:
            self.ended.set_result(self._process.wait())

    def _close_output(self) -> None:
        self._loop.remove_reader(self._output.fileno())
        self._output.close()
        self._heard(self._decode(b"", True))


async def _stop(program: _Program) -> None:
    """End the whole process group, if anything of it is left."""
    _signal(program.group, signal.SIGTERM)
    try:
        await asyncio.wait({program.ended}, timeout=KILL_SECONDS)
    finally:
        _signal(program.group, signal.SIGKILL)
    await asyncio.wait({program.ended})


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
