"""The bus: tells who subscribed to a session that there is something new in its log."""

from collections.abc import Iterator
from itertools import islice
from typing import Protocol

from ptybridge.core.ports import Clock, Timer
from ptybridge.core.values import SessionId

MAX_WOKEN = 256
"""Subscribers that are woken in one turn of the loop: some milliseconds, as each is written to."""


class Subscriber(Protocol):
    """Somebody who follows a session: a position in its log, no queue."""

    def wake(self) -> None:
        """Look at the log: there may be something new."""


class Bus:
    """Wakes subscribers once a turn of the event loop, however much was published in it.

    A great crowd is woken in several turns, so that it holds up nobody else.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._subscribers: dict[SessionId, dict[Subscriber, None]] = {}
        self._due: dict[SessionId, None] = {}
        self._waking: Iterator[tuple[SessionId, Subscriber]] = iter(())
        self._timer: Timer | None = None

    def subscribe(self, session: SessionId, subscriber: Subscriber) -> None:
        """Wake ``subscriber`` from now on; each of them once, in the order of subscribing."""
        self._subscribers.setdefault(session, {})[subscriber] = None

    def unsubscribe(self, session: SessionId, subscriber: Subscriber) -> None:
        """Wake it no more. Idempotent."""
        present = self._subscribers.get(session)
        if present is not None:
            present.pop(subscriber, None)
            if not present:
                del self._subscribers[session]

    def publish(self, session: SessionId) -> None:
        """Say that the session's log has grown."""
        self._due[session] = None
        if self._timer is None:
            self._timer = self._clock.call_later(0.0, self._wake)

    def _wake(self) -> None:
        self._timer = None
        turn = list(islice(self._waking, MAX_WOKEN))
        if len(turn) < MAX_WOKEN:
            due, self._due = self._due, {}
            self._waking = iter(
                [(session, each) for session in due for each in self._subscribers.get(session, ())]
            )
            turn += islice(self._waking, MAX_WOKEN - len(turn))
        if self._due or len(turn) == MAX_WOKEN:
            self._timer = self._clock.call_later(0.0, self._wake)
        for session, subscriber in turn:
            if subscriber in self._subscribers.get(session, ()):  # it may have gone meanwhile
                subscriber.wake()
