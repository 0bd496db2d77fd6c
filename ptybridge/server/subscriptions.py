"""Following a session: a position in its log, and what is sent from there."""

from typing import NamedTuple

from ptybridge.core.bus import Bus
from ptybridge.core.session import Session
from ptybridge.core.session_log import SessionLog
from ptybridge.server.links import Batch, Link
from ptybridge.server.session_states import event_message
from ptybridge.wire import messages
from ptybridge.wire import session_messages as wire

BATCH_EVENTS = 256
"""Events that are sent before the link is asked again whether it takes more."""

BATCH_BYTES = 65_536
"""And bytes of them."""

REMEMBERED = 8
"""Batches of a session that are remembered, so that a great burst is joined once, too."""


class _Made(NamedTuple):
    """A batch, the number of its last event, and whether no more would have gone into it."""

    batch: Batch
    last: int
    is_full: bool


class Batches:
    """A session's events, encoded and joined once for all who are sent the same.

    Some of one session are remembered: whoever keeps up is at the same place as the others.
    """

    __slots__ = ("_log", "_made")

    def __init__(self) -> None:
        self._log: SessionLog | None = None
        self._made: dict[int, _Made] = {}

    def after(self, session: Session, seq: int) -> tuple[Batch, int]:
        """Events that follow number ``seq``, and the number of the last of them.

        Raises:
            LookupError: The next one is no longer kept.
        """
        log = session.log
        if log is not self._log:
            self._log = log
            self._made.clear()
        made = self._made.get(seq)
        if made is None or not (made.is_full or made.last == log.seq):
            if len(self._made) >= REMEMBERED:
                del self._made[next(iter(self._made))]
            made = self._made[seq] = self._make(session, seq)
        return made.batch, made.last

    @staticmethod
    def _make(session: Session, seq: int) -> _Made:
        entries = session.log.after(seq, limit=BATCH_EVENTS)
        encoded: list[bytes] = []
        size = 0
        for entry in entries:
            if entry.encoded is None:
                entry.encoded = messages.encode(event_message(session.id, entry))
            encoded.append(entry.encoded)
            size += len(entry.encoded)
            if size >= BATCH_BYTES:
                break
        is_full = size >= BATCH_BYTES or len(encoded) == BATCH_EVENTS
        return _Made(Batch(encoded), seq + len(encoded), is_full)


class Subscription:
    """One connection's following of one session. It holds no events: the log does."""

    __slots__ = ("_batches", "_bus", "_link", "_typing", "seq", "session")

    def __init__(
        self, session: Session, link: Link, bus: Bus, batches: Batches, *, since: int | None
    ) -> None:
        """Follow from behind event ``since``; None is from now on."""
        self.session = session
        self.seq = session.log.seq if since is None else min(since, session.log.seq)
        self._link = link
        self._bus = bus
        self._batches = batches
        # A version that was never told, where somebody types already.
        self._typing = -1 if session.typists.names else session.typists.version

    def begin(self) -> None:
        """Send what there is, and what comes."""
        self._bus.subscribe(self.session.id, self)
        self.wake()

    def end(self) -> None:
        """Follow no more. Idempotent."""
        self._bus.unsubscribe(self.session.id, self)

    def wake(self) -> None:
        """Send what is new, as far as the link takes it: one write, as a rule."""
        log, link = self.session.log, self._link
        while self.seq < log.seq and link.is_ready:
            if self.seq + 1 < log.oldest:
                gap = wire.Gap(self.session.id, self.seq + 1, log.oldest - 1)
                link.post(messages.encode(gap))
                self.seq = log.oldest - 1
            batch, self.seq = self._batches.after(self.session, self.seq)
            link.send_batch(batch)
        typists = self.session.typists
        if self._typing != typists.version and link.is_ready:
            self._typing = typists.version
            link.post(_encoded_typing(self.session))


def _encoded_typing(session: Session) -> bytes:
    """Who is typing, encoded once for all who are told."""
    typists = session.typists
    if typists.encoded is None:
        members = [wire.Typist(identity_id, name) for identity_id, name in typists.names.items()]
        typists.encoded = messages.encode(wire.Typing(session.id, members))
    return typists.encoded
