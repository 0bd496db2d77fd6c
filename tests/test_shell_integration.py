"""Bash marks its prompts and commands, and nothing else of it changes."""

import os
import pty
import shutil
import subprocess
from pathlib import Path

import pytest

from ptybridge.adapters.ghostty.marks import MarkScanner
from ptybridge.core.screen import (
    CommandFinished,
    CommandStarted,
    PromptMark,
    PromptPart,
    WorkingDirectory,
)
from ptybridge.core.shell_integration import integration

BASH = shutil.which("bash")
needs_bash = pytest.mark.skipif(BASH is None, reason="there is no bash here")
START, END = PromptMark(PromptPart.START), PromptMark(PromptPart.END)


@pytest.mark.parametrize("program", ["/bin/sh", "zsh", "/usr/bin/python3", "bash/x"])
def test_other_programs_get_nothing(program: str) -> None:
    assert integration(program) == {}


@needs_bash
def test_bash_tells_of_prompts_commands_exit_codes_and_where_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "a;b \\ é"
    folder.mkdir()
    (tmp_path / ".bashrc").write_text("PS1='prompt> '\n")
    typed = f"cd '{folder}'\nfalse\necho $?; exit\n"
    events = [event for _, event in MarkScanner().scan(_printed_by_bash(typed, home=tmp_path))]
    home, there = WorkingDirectory(str(tmp_path)), WorkingDirectory(str(folder))
    ran = [START, END, CommandStarted(None)]
    assert events == [
        *(CommandFinished(0), home, *ran),  # cd
        *(CommandFinished(0), there, *ran),  # false
        *(CommandFinished(1), there, *ran),  # echo, and the end
    ]


@needs_bash
def test_the_exit_code_stays_the_users(tmp_path: Path) -> None:
    assert b"code:7" in _printed_by_bash("(exit 7)\necho code:$?; exit\n", home=tmp_path)


def _printed_by_bash(typed: str, *, home: Path) -> bytes:
    """What an interactive bash prints on a terminal, to its end."""
    assert BASH is not None
    master, slave = pty.openpty()
    env = {"HOME": str(home), "PATH": os.environ["PATH"], "TERM": "xterm", "LC_ALL": "C.UTF-8"}
    bash = subprocess.Popen(
        [BASH, "--noediting", "-i"],
        cwd=home,
        env={**env, **integration(BASH)},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    os.write(master, typed.encode())
    printed = bytearray()
    while True:
        try:
            chunk = os.read(master, 65536)
        except OSError:  # EIO: every end of the terminal is closed
            break
        if not chunk:
            break
        printed += chunk
    os.close(master)
    bash.wait(10)
    return bytes(printed)
