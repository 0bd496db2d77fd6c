"""Input that a program has not taken yet, and whose it is."""

from collections import deque
from dataclasses import dataclass

from ptybridge.core.ports import Pty
from ptybridge.core.viewer import Viewer


@dataclass(slots=True)
class _Typed:
    """One write: where it ends in the queue, its size, and what its viewer had typed by then."""

    end: int
    size: int
    viewer: Viewer
    count: int


class InputQueue:
    """Acknowledges input when the program's terminal has taken it, each viewer's for itself."""

    __slots__ = ("_pty", "_waiting")

    def __init__(self, pty: Pty) -> None:
        self._pty = pty
        self._waiting: deque[_Typed] = deque()

    def write(self, viewer: Viewer, data: bytes) -> None:
        """Give a viewer's input to the program.

        Raises:
            LimitReached: It has left too much input unread; nothing was written.
        """
        pty = self._pty
        pty.write(data)
        viewer.input_received += len(data)
        if pty.input_taken == pty.input_queued:
            viewer.input_taken(viewer.input_received)
        else:
            queued = pty.input_queued
            self._waiting.append(_Typed(queued, len(data), viewer, viewer.input_received))

    def acknowledge(self) -> None:
        """Acknowledge each viewer's input as far as the program's terminal has taken it."""
        taken = self._pty.input_taken
        while self._waiting and self._waiting[0].end <= taken:
            typed = self._waiting.popleft()
            typed.viewer.input_taken(typed.count)

    def drop(self, viewer: Viewer) -> None:
        """Keep from the program what ``viewer`` has typed and the program has not taken."""
        dropped = 0
        for typed in self._waiting:
            typed.end -= dropped
            if typed.viewer is viewer:
                count = self._pty.drop_input(typed.end - typed.size, typed.end)
                typed.end -= count
                dropped += count
        self.acknowledge()
