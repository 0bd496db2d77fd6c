"""Silence is judged by a table; the sweep applies the verdicts."""

import asyncio
import struct
from dataclasses import dataclass

import pytest

from ptybridge.server.supervisor import Timeouts, judge
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


QUICK = settings_of(transport={"websocket": {"ping": {"interval": 200, "timeout": 200}}})

HANDSHAKE = (
    "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
    "Authorization: Bearer a-token-for-tests-only\r\n\r\n"
)


async def test_a_half_open_peer_is_pinged_and_dropped() -> None:
    async with running(QUICK) as server, asyncio.timeout(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(HANDSHAKE.format(port=server.port).encode())
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(2) == b"\x89\x00"  # one ping, which nobody answers
        assert await reader.read() == b""
        assert len(server.pool) == 0
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
