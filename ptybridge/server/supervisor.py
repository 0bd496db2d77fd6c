"""The ping/timeout supervisor: one sweep for all connections, terminals and channel alike."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Generic, Protocol, TypeVar

import structlog

from ptybridge.core.values import ConnectionId
from ptybridge.server.agenda import Agenda
from ptybridge.server.pool import ConnectionPool

MAX_PERIOD = 1.0
"""Seconds between two sweeps at the most: how late a verdict may come."""

MAX_LOOK = 60.0
"""Seconds until somebody is looked at again at the most: so long the names of the gone are kept."""

JUDGED_A_TURN = 512
"""Connections that are judged in one turn of the loop: half a millisecond."""

WRITTEN_A_TURN = 64
"""Pings, or ends, in one turn of the loop: each is a system call; together half a millisecond."""

_PAGE = 0.9
"""Periods in a page of the agenda: a sweep that comes a little early finds a new one, too."""

_STALLED = 2.0
"""A sweep this many periods late shows that the loop stood still, not that peers were silent."""

_CATCH_UP_TURNS = 4
"""Turns of the loop in which what came meanwhile is read, before anybody is judged by silence."""

_log = structlog.get_logger(__name__)


class Peer(Protocol):
    """Whoever must show life now and then."""

    @property
    def heard_at(self) -> float:
        """When anything came from it last."""

    @property
    def pinged_at(self) -> float | None:
        """When it was asked for a sign of life; None when it has answered since."""


P = TypeVar("P", bound=Peer)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds of silence after which a peer is asked, and after that dropped."""

    ping_after: float
    drop_after: float

    @property
    def period(self) -> float:
        """Seconds between two sweeps."""
        return min(MAX_PERIOD, self.ping_after / 4, self.drop_after / 4)

    def next_look(self, peer: Peer, *, now: float) -> float:
        """When to look at ``peer`` again: before there can be a verdict on it."""
        # One that is asked may answer at once, and be silent for the interval after that.
        soonest = now + min(self.ping_after, MAX_LOOK)
        if peer.pinged_at is None:
            return min(peer.heard_at + self.ping_after, soonest)
        return min(peer.pinged_at + self.drop_after, soonest)


@dataclass(frozen=True, slots=True)
class Verdict(Generic[P]):
    """Whom to ask for a sign of life, and whom to drop."""

    ping: list[P]
    drop: list[P]


def judge(peers: Iterable[P], timeouts: Timeouts, *, now: float) -> Verdict[P]:
    """Decide whom to ping and whom to drop; pure, so it is tested with a table.

    Any frame proves life, not only a pong: a browser that is busy uploading a paste may answer
    late.
    """
    verdict: Verdict[P] = Verdict([], [])
    for peer in peers:
        if peer.pinged_at is not None:
            if now - peer.pinged_at >= timeouts.drop_after:
                verdict.drop.append(peer)
        elif now - peer.heard_at >= timeouts.ping_after:
            verdict.ping.append(peer)
    return verdict


class Supervisor:
    """Applies the verdicts to the pool, for as long as it runs."""

    def __init__(
        self,
        pool: ConnectionPool,
        timeouts: Timeouts,
        *,
        time: Callable[[], float],
        also: Callable[[], None],
    ) -> None:
        """``also`` is what else each sweep does, such as ending terminals nobody views."""
        self._pool = pool
        self._timeouts = timeouts
        self._time = time
        self._also = also
        self._swept_at = time()
        self._agenda: Agenda[ConnectionId] = Agenda(period=_PAGE * timeouts.period)

    async def run(self) -> None:
        """Sweep until cancelled, and let others have their turn every now and then."""
        while True:
            await asyncio.sleep(self._timeouts.period)
            try:
                for _ in self.sweep():
                    await asyncio.sleep(0)
            except Exception:
                _log.exception("a sweep broke off")
                self._expect_all()

    def _expect_all(self) -> None:
        """Look at everybody in the next sweep: some have been crossed out, and not looked at."""
        now = self._time()
        self._pool.take_arrived()
        self._agenda = Agenda(period=_PAGE * self._timeouts.period)
        for connection in self._pool:
            self._agenda.add(connection.id, now, now=now)

    def sweep(self) -> Iterator[None]:
        """Ping the silent, drop those who did not answer; pauses where others may go on."""
        now = self._time()
        is_late = now - self._swept_at > _STALLED * self._timeouts.period
        self._swept_at = now
        if is_late:  # what they sent while the loop stood still has not been read yet
            for _ in range(_CATCH_UP_TURNS):
                yield
        names = iter((*self._pool.take_arrived(), *self._agenda.take(now)))
        while some := tuple(islice(names, JUDGED_A_TURN)):
            peers = [peer for name in some if (peer := self._pool.get(name)) is not None]
            verdict = judge(peers, self._timeouts, now=now)
            for count, connection in enumerate(verdict.ping, 1):
                connection.pinged_at = now
                connection.link.ping()
                if count % WRITTEN_A_TURN == 0:
                    yield
            for count, connection in enumerate(verdict.drop, 1):
                if connection.pinged_at is not None:  # else it has just answered
                    connection.link.abort()
                if count % WRITTEN_A_TURN == 0:
                    yield
            for connection in peers:
                look = self._timeouts.next_look(connection, now=now)
                self._agenda.add(connection.id, look, now=now)
            yield
        self._also()
