"""Silence is judged by a table; the sweep applies the verdicts."""

import asyncio
import struct
from dataclasses import dataclass
from random import Random

import pytest
from structlog.testing import capture_logs

from ptybridge.core.identity import OWNER
from ptybridge.core.values import ConnectionId
from ptybridge.server.answers import AnswerLink
from ptybridge.server.connection import Connection
from ptybridge.server.outlets import BinaryOutlet
from ptybridge.server.pool import ConnectionPool
from ptybridge.server.router import Router
from ptybridge.server.supervisor import WRITTEN_A_TURN, Supervisor, Timeouts, judge
from tests.fakes import ManualClock
from tests.server import running, settings_of

TIMES = Timeouts(ping_after=30, drop_after=10)


@dataclass
class Silence:
    heard_at: float
    pinged_at: float | None = None


@pytest.mark.parametrize(
    ("peer", "verdict"),
    [
        pytest.param(Silence(heard_at=71), "leave", id="heard-lately"),
        pytest.param(Silence(heard_at=70), "ping", id="silent-for-the-interval"),
        pytest.param(Silence(heard_at=60, pinged_at=91), "leave", id="has-time-to-answer"),
        pytest.param(Silence(heard_at=60, pinged_at=90), "drop", id="never-answered"),
        pytest.param(Silence(heard_at=99), "leave", id="answered"),
    ],
)
def test_the_verdict_on_silence(peer: Silence, verdict: str) -> None:
    judged = judge([peer], TIMES, now=100)
    assert judged.ping == ([peer] if verdict == "ping" else [])
    assert judged.drop == ([peer] if verdict == "drop" else [])


@pytest.mark.parametrize(("ping_after", "drop_after"), [(30, 10), (1, 1), (0.2, 3600)])
def test_a_verdict_is_at_most_a_second_late(ping_after: float, drop_after: float) -> None:
    assert 0 < Timeouts(ping_after, drop_after).period <= 1


class CountingPool(ConnectionPool):
    """It counts how often it is asked for somebody."""

    asked = 0

    def get(self, connection_id: ConnectionId) -> Connection | None:
        self.asked += 1
        return super().get(connection_id)


class Crowd:
    """A pool's connections and their links, of which it is noted what is done to them."""

    def __init__(self, count: int, clock: ManualClock) -> None:
        self.is_broken = False
        self.pinged: list[Connection] = []
        self.dropped: list[Connection] = []
        self.pool = CountingPool(limit=count, per_user=count)
        for number in range(count):
            connection = Connection(
                ConnectionId(str(number)),
                OWNER,
                dispatcher=Router(),
                make_sink=BinaryOutlet,
                on_closed=self.pool.discard,
                time=clock.time,
            )
            connection.open(_NotingLink(self, connection))
            self.pool.add(connection)


class _NotingLink(AnswerLink):
    def __init__(self, crowd: Crowd, connection: Connection) -> None:
        super().__init__(connection, loop=asyncio.get_running_loop())
        self._crowd = crowd
        self._connection = connection

    def ping(self) -> None:
        if self._crowd.is_broken:
            self._crowd.is_broken = False
            raise OSError("the first ping fails")
        self._crowd.pinged.append(self._connection)

    def abort(self) -> None:
        self._crowd.dropped.append(self._connection)
        super().abort()


async def test_a_silent_crowd_is_asked_and_dropped_in_turns() -> None:
    count, clock = 3 * WRITTEN_A_TURN, ManualClock()
    crowd = Crowd(count, clock)
    swept: list[float] = []
    supervisor = Supervisor(
        crowd.pool, TIMES, time=clock.time, also=lambda: swept.append(clock.time())
    )

    def let_pass(seconds: int) -> None:
        for _ in range(seconds):
            list(supervisor.sweep())
            clock.advance(1)

    let_pass(30)
    turns = [len(crowd.pinged) for _ in supervisor.sweep()]
    assert turns == [WRITTEN_A_TURN, 2 * WRITTEN_A_TURN, count, count]
    let_pass(10)
    answering = crowd.pinged[-1]
    for turn, _ in enumerate(supervisor.sweep()):
        if turn == 0:
            answering.on_heard()  # while the others are being dropped
    assert len(crowd.dropped) == count - 1
    assert list(crowd.pool) == [answering]
    assert swept[-3:] == [clock.time() - 2, clock.time() - 1, clock.time()]


async def test_ten_minutes_of_peers_that_stall_two_seconds_at_a_time_cost_nobody() -> None:
    clock, dice = ManualClock(), Random(7)
    crowd = Crowd(40, clock)
    silent = next(iter(crowd.pool))
    times = Timeouts(ping_after=1, drop_after=2.5)
    supervisor = Supervisor(crowd.pool, times, time=clock.time, also=lambda: None)
    began, answered = clock.time(), 0
    while clock.time() < began + 600:
        clock.advance(times.period * dice.choice([1, 1, 1, 1.5, 8]))  # the machine is busy, too
        for turn, _ in enumerate(supervisor.sweep()):
            if turn == 0:
                clock.turn()  # what came while the loop stood still is read
        for connection in crowd.pinged[answered:]:
            if connection is not silent:
                clock.call_later(dice.uniform(0, 2), connection.on_heard)
        answered = len(crowd.pinged)
    assert crowd.dropped == [silent]
    assert crowd.pinged.count(silent) == 1
    assert answered > 40 * 100


@pytest.mark.parametrize("answers", [True, False])
async def test_who_answered_while_the_loop_stood_still_is_not_dropped(answers: bool) -> None:
    clock = ManualClock()
    crowd = Crowd(1, clock)
    supervisor = Supervisor(crowd.pool, TIMES, time=clock.time, also=lambda: None)
    clock.advance(30)
    list(supervisor.sweep())
    (connection,) = crowd.pinged
    clock.advance(60)
    for turn, _ in enumerate(supervisor.sweep()):
        if turn == 0 and answers:
            connection.on_heard()
    assert crowd.dropped == ([] if answers else [connection])


async def test_a_sweep_looks_at_those_only_whose_time_may_have_come() -> None:
    count, clock = 600, ManualClock()
    crowd = Crowd(count, clock)
    supervisor = Supervisor(crowd.pool, TIMES, time=clock.time, also=lambda: None)
    looked_at: list[int] = []
    for _ in range(120):
        before = crowd.pool.asked
        list(supervisor.sweep())
        looked_at.append(crowd.pool.asked - before)
        for connection in crowd.pinged:
            connection.on_heard()
        clock.advance(1)
    assert looked_at[0] == count  # they have just come
    assert sum(looked_at[1:]) <= count * 2 * (120 / TIMES.ping_after)
    assert crowd.dropped == []


@pytest.mark.parametrize("drop_after", [1.0, 2.5, 9.0])
async def test_the_verdicts_are_those_on_everybody(drop_after: float) -> None:
    clock, dice = ManualClock(), Random(7)
    times = Timeouts(ping_after=2.0, drop_after=drop_after)
    crowd = Crowd(30, clock)
    supervisor = Supervisor(crowd.pool, times, time=clock.time, also=lambda: None)
    while crowd.pool:
        clock.advance(times.period * dice.choice([1, 1, 1, 1.5, 8]))
        verdict = judge(crowd.pool, times, now=clock.time())
        pinged, dropped = len(crowd.pinged), len(crowd.dropped)
        list(supervisor.sweep())
        assert set(crowd.pinged[pinged:]) == set(verdict.ping)
        assert set(crowd.dropped[dropped:]) == set(verdict.drop)
        for connection in crowd.pool:
            if dice.random() < 0.3:
                connection.on_heard()
    assert len(crowd.pinged) > len(crowd.dropped) == 30


QUICK = settings_of(transport={"websocket": {"ping": {"interval": 200, "timeout": 200}}})

HANDSHAKE = (
    "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
    "Authorization: Bearer a-token-for-tests-only\r\n\r\n"
)


async def test_what_fails_in_one_sweep_does_not_end_the_others() -> None:
    clock = asyncio.get_running_loop()
    crowd = Crowd(3, clock)  # type: ignore[arg-type]  # whose time is all that is asked for
    failures = iter([RuntimeError("not now")] * 2)

    def fail() -> None:
        if (failure := next(failures, None)) is not None:
            raise failure

    times = Timeouts(ping_after=0.08, drop_after=0.08)
    supervisor = Supervisor(crowd.pool, times, time=clock.time, also=fail)
    crowd.is_broken = True
    with capture_logs() as logs:
        running_sweeps = asyncio.create_task(supervisor.run())
        async with asyncio.timeout(20):
            while crowd.pool:
                await asyncio.sleep(0.01)
    assert not running_sweeps.done()
    running_sweeps.cancel()
    assert len(crowd.dropped) == 3
    assert {entry["event"] for entry in logs} == {"a sweep broke off"}


async def test_a_half_open_peer_is_pinged_and_dropped() -> None:
    async with running(QUICK) as server, asyncio.timeout(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(HANDSHAKE.format(port=server.port).encode())
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(2) == b"\x89\x00"  # one ping, which nobody answers
        assert await reader.read() == b""
        assert len(server.pool) == 0
        writer.close()


async def test_a_connection_with_terminals_and_a_channel_is_asked_once() -> None:
    async with running(QUICK) as server, server.binary() as owner, asyncio.timeout(10):
        terminals = [await owner.open("cat") for _ in range(2)]
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(HANDSHAKE.format(port=server.port).encode())
        await reader.readuntil(b"\r\n\r\n")
        texts = ['{"type":"subscribe","data":{"sessionID":"main"}}'] + [
            f'{{"type":"attach","data":{{"channel":{channel},"terminalID":"{name}",'
            f'"rows":24,"cols":80}}}}'
            for channel, name in enumerate(terminals, 1)
        ]
        for text in texts:
            writer.write(struct.pack("!BB4x", 0x81, 0x80 | len(text)) + text.encode())
        (connection,) = [one for one in server.pool if one.id != owner.welcome["connectionID"]]
        received = await reader.read()  # until it is dropped
        assert received.count(b'"type":"attached"') == 2
        assert received.count(b'"type":"subscribed"') == 1
        assert received.count(b"\x89\x00") == 1
        assert connection not in server.pool
        assert not connection.viewers
        assert not connection.subscriptions
        writer.close()


async def test_any_frame_is_life() -> None:
    async with running(QUICK) as server, asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(HANDSHAKE.format(port=server.port).encode())
        await reader.readuntil(b"\r\n\r\n")
        pings = 0
        while pings < 5:  # well beyond interval + timeout
            assert await reader.readexactly(2) == b"\x89\x00"
            pings += 1
            text = b'{"type":"ack","data":{"channel":1,"offset":0}}'  # anything but a pong
            writer.write(struct.pack("!BB4x", 0x81, 0x80 | len(text)) + text)
            header = await reader.readexactly(4)
            await reader.readexactly(
                struct.unpack("!H", header[2:])[0] if header[1] == 126 else header[1] - 2
            )
        assert len(server.pool) == 1
        writer.close()


async def test_a_client_that_answers_pings_stays() -> None:
    async with running(QUICK) as server, server.binary() as client:
        await client.receive("member.joined")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5):
                await client.next()
        await client.send("ping")
        await client.receive("pong")
