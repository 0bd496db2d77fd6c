"""Notices: what viewers are told beside the stream, joined so that a flood of them costs little."""

from collections.abc import Callable
from typing import Final

from ptybridge.core.events import Notice
from ptybridge.core.offers import DownloadOffered
from ptybridge.core.ports import Clock, Timer
from ptybridge.core.screen import CommandFinished, CommandStarted, Notification, PromptMark

INTERVAL: Final = 0.05
"""Seconds between two deliveries: a program that rings without end is heard 20 times a second."""

MAX_LISTED: Final = 64
"""Notices kept for one delivery beside the states; the oldest give way."""

_LISTED: Final = (Notification, PromptMark, CommandStarted, CommandFinished, DownloadOffered)
"""Each of these counts; of all others only the last does."""


class NoticeBox:
    """Notices that wait for delivery: of states the last, of the rest some tens.

    >>> from ptybridge.core.screen import Bell, Title
    >>> box = NoticeBox()
    >>> for notice in (Title("a"), Bell(), Title("b")):
    ...     box.add(notice)
    >>> box.take()
    [Bell(), Title(text='b')]
    """

    __slots__ = ("_kept", "_listed", "_number")

    def __init__(self) -> None:
        self._kept: dict[object, Notice] = {}
        self._listed = 0
        self._number = 0

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._kept)

    def add(self, notice: Notice) -> None:
        """Put a notice in, in the place of one that it replaces."""
        key: object = type(notice)
        if isinstance(notice, _LISTED):
            self._number += 1
            key = self._number
            self._listed += 1
            if self._listed > MAX_LISTED:
                self._drop_oldest()
        self._kept.pop(key, None)
        self._kept[key] = notice

    def _drop_oldest(self) -> None:
        oldest = next(key for key in self._kept if isinstance(key, int))
        del self._kept[oldest]
        self._listed -= 1

    def take(self) -> list[Notice]:
        """Take all out, oldest first."""
        notices = list(self._kept.values())
        self._kept.clear()
        self._listed = 0
        return notices


class Notices:
    """The notices of one terminal, delivered together and not too often."""

    def __init__(self, clock: Clock, deliver: Callable[[list[Notice]], None]) -> None:
        self._clock = clock
        self._deliver = deliver
        self._box = NoticeBox()
        self._timer: Timer | None = None
        self._delivered_at = float("-inf")

    def add(self, notice: Notice) -> None:
        """Have ``notice`` delivered soon."""
        self._box.add(notice)
        if self._timer is None:
            wait = self._delivered_at + INTERVAL - self._clock.time()
            self._timer = self._clock.call_later(max(wait, 0.0), self.flush)

    def flush(self) -> None:
        """Deliver what waits now."""
        self.close()
        if self._box:
            self._delivered_at = self._clock.time()
            self._deliver(self._box.take())

    def close(self) -> None:
        """Forget about delivering later. Idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
