"""Where processes are: what the kernel says, and nothing else."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ptybridge.adapters.working_directory import working_directory


@contextmanager
def process_in(folder: Path) -> Iterator[int]:
    """A process that is there until the block ends."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, cwd=folder) as process:
        yield process.pid


def test_the_first_that_is_somewhere_counts(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    with process_in(first) as one, process_in(second) as two:
        assert working_directory(one, two) == str(first)
        first.rmdir()
        assert working_directory(one, two) == str(second)
        second.rmdir()
        assert working_directory(one, two) is None
    assert working_directory(one, os.getpid()) == os.getcwd()  # one has ended
    assert working_directory() is None
