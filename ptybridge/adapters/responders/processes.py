"""Programs that responders run: in a process group of their own, stopped as a whole."""

import asyncio
import codecs
import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence

from ptybridge.core.responder import ResponderFailed

KILL_SECONDS = 2.0
"""How long a program that is asked to end (SIGTERM) may take before it is killed."""

_CHUNK = 65_536


def directory_of(pid: int) -> str | None:
    """The working directory of a process (proc(5)); None where it cannot be known."""
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return None


async def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: str | None,
    text: str,
    heard: Callable[[str], None],
    hears_errors: bool = True,
) -> int:
    """Run a program with ``text`` on its standard input.

    When the calling task is cancelled the program's process group gets SIGTERM at once and
    SIGKILL after ``KILL_SECONDS``; the call ends when it is gone.

    Args:
        argv: The program, looked up in ``env``'s ``PATH``, and its arguments.
        env: Its whole environment.
        cwd: Where it starts; None is the server's own working directory.
        text: What it reads.
        heard: Gets what it writes, as it comes, decoded.
        hears_errors: Standard error is heard like standard output; else it is dropped.

    Returns:
        Its exit code, or minus the number of the signal that ended it.

    Raises:
        ResponderFailed: It cannot be started.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT if hears_errors else asyncio.subprocess.DEVNULL,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ResponderFailed(f"{argv[0]} cannot be started: {reason}") from error
    feeding = asyncio.create_task(_feed(process, text.encode(errors="replace")))
    try:
        await _hear(process, heard)
        return await process.wait()
    except BaseException:
        await _stop(process)
        raise
    finally:
        feeding.cancel()


async def _feed(process: asyncio.subprocess.Process, data: bytes) -> None:
    """Write all input; a program that does not read it is none the worse."""
    stdin = process.stdin
    assert stdin is not None
    with contextlib.suppress(ConnectionError):
        stdin.write(data)
        await stdin.drain()
        stdin.close()


async def _hear(process: asyncio.subprocess.Process, heard: Callable[[str], None]) -> None:
    """Pass on what it writes until it has ended; a background child may hold the pipe open."""
    assert process.stdout is not None
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    ended = asyncio.create_task(process.wait())
    try:
        while True:
            reading = asyncio.create_task(process.stdout.read(_CHUNK))
            await asyncio.wait({reading, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():  # it has ended: what is left comes at once, or never
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(reading), 0.1)
            if not reading.done():
                reading.cancel()
                break
            data = reading.result()
            if not data:
                break
            heard(decode(data))
    finally:
        ended.cancel()
    heard(decode(b"", True))


async def _stop(process: asyncio.subprocess.Process) -> None:
    """End the whole process group, if anything of it is left."""
    _signal(process.pid, signal.SIGTERM)
    if process.returncode is None:
        try:
            await asyncio.shield(asyncio.wait_for(process.wait(), KILL_SECONDS))
        except TimeoutError:
            _signal(process.pid, signal.SIGKILL)
            await process.wait()
    _signal(process.pid, signal.SIGKILL)


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
