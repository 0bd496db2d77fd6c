"""Server processes: started, asked for their CPU time, ended."""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.subjects import Unmeasured

STOP_SECONDS = 10
"""How long a server may take to end before it is killed."""

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Server:
    """A server in a process of its own.

    Attributes:
        first_line: What it printed when it was ready.
        pid: Its process id.
    """

    def __init__(self, pid: int, first_line: str) -> None:
        self.pid = pid
        self.first_line = first_line

    def children(self) -> list[int]:
        """Process ids of what it has started itself."""
        found: list[int] = []
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
        return found


@contextmanager
def running(
    module: str, *arguments: str, env: Mapping[str, str] | None = None, log: Path | None = None
) -> Iterator[Server]:
    """Run a Python module as a server until the block ends; ready when it prints a line.

    Its standard error is added to ``log``, if given.

    Raises:
        Unmeasured: It ended without printing one.
    """
    command: Sequence[str] = (sys.executable, "-m", module, *arguments)
    with ExitStack() as stack:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if log is None else stack.enter_context(log.open("a")),
            env={**os.environ, **(env or {})},
            text=True,
        )
    assert process.stdout is not None
    try:
        line = process.stdout.readline().strip()
        if not line:
            raise Unmeasured(f"{module} does not start: exit code {process.wait(STOP_SECONDS)}")
        yield Server(process.pid, line)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def resident_bytes(pid: int) -> int:
    """Memory that a process has in use: ``VmRSS`` of proc_pid_status(5)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise Unmeasured(f"process {pid} has ended")


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of these processes, all threads, without their children's.

    ``utime`` and ``stime`` of proc_pid_stat(5); they advance in ticks of 10 ms, as a rule.
    """
    ticks = 0
    for pid in pids:
        # The name in parentheses may hold anything; the state, field 3, follows it.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS_PER_SECOND
