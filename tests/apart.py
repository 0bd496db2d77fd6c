"""Python in a process of its own, for what may end it."""

import subprocess
import sys


def number_printed_apart(script: str, given: bytes) -> int:
    """The number that ``script`` prints, which reads ``given``; it must end well."""
    done = subprocess.run(
        (sys.executable, "-c", script), input=given, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)
