"""Terminals live without a screen where the library does not work, whatever it fails by."""

import threading

import pytest

from ptybridge.adapters.ghostty.screen import GhosttyScreen
from ptybridge.cli import screens
from ptybridge.cli.screens import Screens
from ptybridge.core.screen import ScreenFailed, ScreenUnavailable
from ptybridge.core.values import WindowSize
from tests.test_ghostty import Owner

SIZE = WindowSize(2, 8)
FAILURES = [
    (ScreenUnavailable("it is not installed"), "it is not installed"),
    (ScreenFailed("it refused"), "it refused"),
    (OSError("wrong ELF class"), "OSError: wrong ELF class"),
    (AttributeError("no such function"), "AttributeError: no such function"),
]


def screens_and_troubles() -> tuple[Screens, list[str]]:
    troubles: list[str] = []
    return Screens(scrollback_lines=10, on_trouble=troubles.append), troubles


def test_where_the_library_works_there_are_screens() -> None:
    made, troubles = screens_and_troubles()
    made.warm()
    screen = made.make(SIZE, Owner())
    assert screen.size == SIZE
    screen.close()
    assert troubles == []


def test_a_screen_waits_for_the_warming_that_has_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    has_begun, may_end = threading.Event(), threading.Event()
    done: list[str] = []

    def warm() -> None:
        has_begun.set()
        may_end.wait(10)
        done.append("warmed")

    def create(*_: object, **__: object) -> None:
        done.append("made")

    monkeypatch.setattr(screens, "warm", warm)
    monkeypatch.setattr(GhosttyScreen, "create", create)
    made, _ = screens_and_troubles()
    warming = threading.Thread(target=made.warm)
    warming.start()
    assert has_begun.wait(10)
    making = threading.Thread(target=made.make, args=(SIZE, Owner()))
    making.start()
    may_end.set()
    for thread in (making, warming):
        thread.join(10)
    assert done == ["warmed", "made"]


@pytest.mark.parametrize(("failure", "said"), FAILURES)
def test_a_library_that_fails_at_the_start_is_said_once_and_not_tried_again(
    failure: Exception, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise failure

    monkeypatch.setattr(screens, "warm", fail)
    made, troubles = screens_and_troubles()
    made.warm()
    for _ in range(2):
        with pytest.raises(ScreenUnavailable, match=said):
            made.make(SIZE, Owner())
    assert troubles == [said]


@pytest.mark.parametrize(("failure", "said"), FAILURES[1:])
def test_a_screen_that_cannot_be_made_is_said_and_done_without(
    failure: Exception, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise failure

    made, troubles = screens_and_troubles()
    with monkeypatch.context() as broken:
        broken.setattr(GhosttyScreen, "create", fail)
        with pytest.raises(ScreenUnavailable, match=said):
            made.make(SIZE, Owner())
    assert troubles == [said]
    made.make(SIZE, Owner()).close()
