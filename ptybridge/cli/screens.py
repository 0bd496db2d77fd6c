"""The terminals' screens, where the library that they are made with works; else there are none.

A native library may be there and not fit: one of another version has not all functions, one for
another processor cannot be loaded, one that is broken refuses. What each raises is its own; none of
it may keep the server from serving terminals, which can do without.
"""

import threading
from collections.abc import Callable

from ptybridge.adapters.ghostty.screen import GhosttyScreen
from ptybridge.adapters.ghostty.warming import warm
from ptybridge.core.errors import BridgeError
from ptybridge.core.screen import Screen, ScreenOwner, ScreenUnavailable
from ptybridge.core.values import WindowSize


class Screens:
    """Makes screens, until it is known that the library does not work."""

    def __init__(self, *, scrollback_lines: int, on_trouble: Callable[[str], None]) -> None:
        """``on_trouble`` is told why there are none; it may be called in a thread."""
        self._scrollback_lines = scrollback_lines
        self._on_trouble = on_trouble
        self._trouble: str | None = None
        self._warming = threading.Lock()

    def make(self, size: WindowSize, owner: ScreenOwner) -> Screen:
        """Make the screen of a new terminal: `ptybridge.core.ports.MakeScreen`.

        One that is asked for while ``warm`` is at work waits for it: its first output would else
        read the same declarations, look as if it took long, and go by a thread for a while.

        Raises:
            ScreenUnavailable: There can be none.
        """
        with self._warming:
            if self._trouble is not None:
                raise ScreenUnavailable(self._trouble)
        try:
            return GhosttyScreen.create(size, owner, scrollback_lines=self._scrollback_lines)
        except ScreenUnavailable:  # ``warm`` says so, once
            raise
        except Exception as error:
            self._on_trouble(_said(error))
            raise ScreenUnavailable(_said(error)) from error

    def warm(self) -> None:
        """Have what screens are made with at hand, or know that there can be none.

        Before the first terminal, which would wait for it; in a thread: the server need not
        wait, either.
        """
        with self._warming:
            try:
                warm()
            except Exception as error:
                self._trouble = _said(error)
                self._on_trouble(self._trouble)


def _said(error: Exception) -> str:
    """What an exception says; those that are not ours say little without their kind."""
    return str(error) if isinstance(error, BridgeError) else f"{type(error).__name__}: {error}"
