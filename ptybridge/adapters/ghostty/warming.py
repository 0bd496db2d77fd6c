"""Using everything of the library once, before somebody waits for it.

Its binding reads C declarations in Python when they are first needed: to load it and to make the
first screen take 150 ms, and each of the other calls some more. With a terminal's first viewer
waiting, that would be on the event loop.
"""

from typing import Final

from ptybridge.adapters.ghostty.screen import GhosttyScreen
from ptybridge.core.screen import ScreenEvent
from ptybridge.core.values import WindowSize

_STREAM: Final = (
    b"text\x1b[6n\x1b[c\x1b[18t\x1b[>q\a\x1b]2;title\a\x1b]7;file:///\a"
    b"\x1b]9;told\a\x1b]9;4;1;50\a\x1b]52;c;eA==\a"
)
"""Something of every kind that the library calls back for."""


class _Nobody:
    """Takes no note."""

    def on_reply(self, data: bytes) -> None: ...

    def on_event(self, event: ScreenEvent) -> None: ...


def warm() -> None:
    """Load the library and use it; safe in a thread.

    Raises:
        ScreenUnavailable: There can be no screens here.
    """
    screen = GhosttyScreen.create(WindowSize(2, 8), _Nobody(), scrollback_lines=1)
    try:
        screen.feed(_STREAM)
        screen.resize(WindowSize(3, 9))
        screen.snapshot().to_bytes()
        screen.rendered("text")
        screen.is_scrolling()
        screen.compress()
    finally:
        screen.close()
