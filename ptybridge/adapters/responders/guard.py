"""What ends a responder's program when the server cannot: it was killed, or it crashed.

Programs in terminals have the spawner process for that. Here it is a shell for each program, which
waits for a line from the server; when the pipe ends without one, nobody is left who could stop the
program, or hear it.
"""

import asyncio
import os
import subprocess
from typing import Final

_SCRIPT: Final = """
read _ && exit
kill -s TERM -- "-$1"
for _ in 1 2 3 4 5 6 7 8 9 10; do
  kill -s 0 -- "-$1" || exit
  sleep "$2"
done
kill -s KILL -- "-$1"
"""
"""Ends the process group ``$1`` by SIGTERM, and by SIGKILL after ten times ``$2`` seconds."""


class Guard:
    """Ends a process group if this process dies before ``release``."""

    def __init__(self, group: int, *, patience: float) -> None:
        """Begin to watch; must run in an event loop.

        ``patience`` is how many seconds the group has between SIGTERM and SIGKILL.

        Raises:
            OSError: It cannot be started.
        """
        self._loop = asyncio.get_running_loop()
        self._released = self._loop.create_future()
        self._process = subprocess.Popen(  # noqa: S603 - constant, and a number
            ("/bin/sh", "-c", _SCRIPT, "sh", str(group), f"{patience / 10:.3f}"),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={"PATH": os.defpath},
            cwd="/",
            start_new_session=True,  # a Ctrl-C in the server's terminal is the server's
        )
        try:
            self._end = os.pidfd_open(self._process.pid)
        except OSError:
            self._process.kill()
            self._process.communicate()
            raise
        self._loop.add_reader(self._end, self._on_end)

    def release(self) -> None:
        """Let the group be; called before its leader's number can be another's. Idempotent."""
        pipe = self._process.stdin
        assert pipe is not None
        if not pipe.closed:
            try:
                pipe.write(b"\n")
            except BrokenPipeError:  # somebody has killed it
                pass
            finally:
                pipe.close()

    async def gone(self) -> None:
        """Wait until nothing is left of it, which ``release`` brings about."""
        await asyncio.shield(self._released)

    def _on_end(self) -> None:
        self._loop.remove_reader(self._end)
        os.close(self._end)
        self._process.wait()
        self._released.set_result(None)
