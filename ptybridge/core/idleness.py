"""Which terminals have been silent for too long, in both directions.

Nothing is noted when bytes pass: a sweep compares how many had passed by then and by the last one.
A verdict is late by one sweep at the most.
"""

from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar


class Busy(Protocol):
    """Whatever bytes pass through."""

    @property
    def traffic(self) -> int:
        """A count that changes with every byte."""


B = TypeVar("B", bound=Busy)


class Idleness(Generic[B]):
    """Remembers since when the traffic of each terminal has stood still."""

    def __init__(self, timeout: float) -> None:
        """Store the seconds that a terminal may be silent; 0 is for ever."""
        self._timeout = timeout
        self._still: dict[B, tuple[int, float]] = {}

    def idle(self, terminals: Iterable[B], *, now: float) -> list[B]:
        """Look at all living terminals; those that have been silent for too long."""
        if not self._timeout:
            return []
        before, self._still = self._still, {}
        for terminal in terminals:
            traffic, since = before.get(terminal, (-1, now))
            is_still = traffic == terminal.traffic
            self._still[terminal] = (terminal.traffic, since if is_still else now)
        return [
            terminal for terminal, (_, since) in self._still.items() if now - since >= self._timeout
        ]
