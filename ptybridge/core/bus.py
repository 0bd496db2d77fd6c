"""The bus: tells who subscribed to a session that there is something new in its log."""

from typing import Protocol

from ptybridge.core.ports import Clock, Timer
from ptybridge.core.values import SessionId


class Subscriber(Protocol):
    """Somebody who follows a session: a position in its log, no queue."""

    def wake(self) -> None:
        """Look at the log: there may be something new."""


class Bus:
    """Wakes subscribers once a turn of the event loop, however much was published in it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._subscribers: dict[SessionId, dict[Subscriber, None]] = {}
        self._due: dict[SessionId, None] = {}
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
        due, self._due = self._due, {}
        for session in due:
            for subscriber in tuple(self._subscribers.get(session, ())):
                subscriber.wake()
