"""The screen on libghostty (package ``pyghostty``)."""

from ptybridge.adapters.ghostty.screen import GhosttyScreen

__all__ = ["GhosttyScreen"]
