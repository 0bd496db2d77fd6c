"""What the log lets through: text of others is shown, and neither obeyed nor mistaken for ours."""

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptybridge.cli.logs import escaped, is_journal
from tests.test_cli import ROOT, Machine, machine

__all__ = ["machine"]  # a fixture

LOGGING = r"""
import logging, sys, structlog
from ptybridge.cli import logs
logs.set_up(level="debug", format=sys.argv[1])
evil = "\x1b]2;evil\x07 \x9b31m\n2026-01-01T00:00:00Z [info] forged \u202e"
def fail():
    secret = "canary-in-a-variable"
    raise ValueError(evil)
for log in (structlog.get_logger("ours"), logging.getLogger("aiohttp.server")):
    log.error(evil)
    try:
        fail()
    except ValueError:
        log.exception(evil)
structlog.get_logger("ours").error("a request failed", path=evil)
"""
"""Logs by both ways what an attacker would like to see on the operator's terminal."""


@pytest.mark.parametrize("form", ["console", "json"])
def test_no_text_of_others_reaches_a_terminal_as_it_is(form: str) -> None:
    done = subprocess.run(
        (sys.executable, "-c", LOGGING, form), cwd=ROOT, capture_output=True, check=True
    )
    text = done.stderr.decode()
    assert text.count("evil") >= 5
    assert all(char.isprintable() or char == "\n" for char in text)
    assert not any(line.startswith("2026-01-01") for line in text.splitlines())
    assert "canary" not in text


@given(st.text())
def test_escaped_text_is_printable_and_says_the_same(text: str) -> None:
    assert escaped(text).isprintable()
    if "\\" not in text and text.isprintable():
        assert escaped(text) == text


def test_the_journal_is_known_by_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "journal").open("w") as journal, (tmp_path / "other").open("w") as other:
        found = os.fstat(journal.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
        assert is_journal(journal)
        assert not is_journal(other)
    assert not is_journal(journal)
    assert not is_journal(StringIO())


def test_no_token_is_printed_into_the_journal(machine: Machine) -> None:
    """The server's standard output is a pipe of the test's, by whose number it is known."""
    script = (
        "import os, sys; s = os.fstat(1); "
        "os.environ['JOURNAL_STREAM'] = f'{s.st_dev}:{s.st_ino}'; "
        "from ptybridge.cli import main; sys.argv[0] = 'ptybridge'; main()"
    )
    process = subprocess.Popen(
        (sys.executable, "-c", script, "serve", "--port", "0"),
        cwd=machine.folder, env=machine.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    printed = process.stdout.readline()
    process.terminate()
    rest, errors = process.communicate(timeout=30)
    token = (machine.state / "token").read_text().strip()
    assert printed.startswith("http://127.0.0.1:")
    assert f"{machine.state / 'token'}" in printed
    assert token not in printed + rest + errors
