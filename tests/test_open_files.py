"""The server opens as many files as it may; what it starts, as many as it was given."""

import resource
import signal
import subprocess
import sys

from tests.test_cli import Machine, machine

__all__ = ["machine"]  # a fixture

RAISE = """
import resource, subprocess, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (300, 600))
from ptybridge.adapters.open_files import raise_limit, restore_limit
assert raise_limit() == 600
child = subprocess.Popen(["sh", "-c", "read _; ulimit -n; ulimit -Hn"], stdin=subprocess.PIPE)
restore_limit(child.pid)
child.communicate(b"go")
gone = subprocess.Popen(["true"])
gone.wait()
restore_limit(gone.pid)
"""


def test_the_server_has_what_it_may_have_and_a_program_what_it_was_given() -> None:
    done = subprocess.run(
        (sys.executable, "-c", RAISE), capture_output=True, text=True, check=True, timeout=20
    )
    assert done.stdout.split() == ["300", "600"]


def test_a_server_that_can_hold_fewer_than_it_promises_says_so(machine: Machine) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with machine.serving("--set", f"limits.connections={hard + 1}") as server:
        _, _, errors = server.end(signal.SIGINT)
    assert f"limit={hard}" in errors
    assert "limits.connections" in errors
