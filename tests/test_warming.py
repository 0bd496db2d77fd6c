"""Nothing of the terminal library is used for the first time while somebody waits."""

import pytest

from ptybridge.adapters.ghostty.library import load
from ptybridge.adapters.ghostty.screen import GhosttyScreen
from ptybridge.adapters.ghostty.warming import warm
from ptybridge.core.values import WindowSize
from tests.test_ghostty import STREAM, Owner


def test_a_screen_needs_no_declaration_that_was_not_read_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    warm()

    def refuse(declaration: str) -> None:
        raise AssertionError(f"read while somebody waits: {declaration}")

    monkeypatch.setattr(load().ffi, "_typeof_locked", refuse)
    screen = GhosttyScreen.create(WindowSize(24, 80), Owner(), scrollback_lines=1000)
    screen.feed(STREAM + b"\x1b[6n\x1b[c\a\x1b]9;note\a\x1b]52;c;eA==\a\x1b]9;4;1;50\a")
    screen.resize(WindowSize(30, 90))
    assert screen.snapshot().to_bytes()
    assert screen.rendered("text")
    assert screen.rendered("html")
    screen.compress()
    screen.close()
