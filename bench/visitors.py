"""Thousands of connections in one event loop: they log in, follow a session, answer pings, talk.

The client must cost less than the server that is measured: one buffer for all, a walk over the
frames' headers, requests and messages made once, of messages only the time written anew.
"""

import asyncio
import json
import resource
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Protocol, cast

from bench.crowd import SHORT
from bench.subjects import Unmeasured
from bench.websocket import CLOSE, PING

BUFFER_BYTES = 256 * 1024
"""Room for what one read brings, shared by all connections."""

ROOM = 64 * 1024
"""Bytes before it for a frame that the last read has cut; none is longer here."""

AT_ONCE = 128
"""Connections that are being opened at a time."""

TICK = 0.001
"""Seconds between two looks at who has to say something."""

DIGITS = 16
"""Of the time that a message carries, in microseconds."""

_PONG = b"\x8a\x80\x00\x00\x00\x00"
"""A pong without payload, masked with zeros (RFC 6455 sections 5.3 and 5.5.3)."""

_SAID = b'"text":"'


def allow_connections(count: int) -> None:
    """Let this process open so many files, and some more.

    Raises:
        Unmeasured: The system does not let it.
    """
    needed = count + 1000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < needed:
        if hard < needed:
            raise Unmeasured(f"{needed} open files are needed, and only {hard} allowed")
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


class Pinged(Protocol):
    """Who is asked for a sign of life."""

    def ping(self) -> None:
        """Give one."""


class _Visitor(asyncio.BufferedProtocol):
    """One connection."""

    __slots__ = ("_cut", "_request", "_upgraded", "_visitors", "transport")

    def __init__(self, visitors: "Visitors", request: bytes) -> None:
        self._visitors = visitors
        self._request = request
        self._upgraded: asyncio.Future[None] | None = asyncio.get_running_loop().create_future()
        self._cut = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self._request)

    async def upgraded(self) -> None:
        """Wait until the server has taken the connection in."""
        assert self._upgraded is not None
        await self._upgraded
        self._upgraded = None

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._visitors.room

    def buffer_updated(self, nbytes: int) -> None:
        buffer = self._visitors.buffer
        at, end = ROOM - len(self._cut), ROOM + nbytes
        if self._cut:
            buffer[at:ROOM] = self._cut
            self._cut = b""
        if self._upgraded is not None and not self._upgraded.done():
            body = buffer.find(b"\r\n\r\n", at, end) + 4
            if body < 4 or not buffer.startswith(b"HTTP/1.1 101", at):
                head = bytes(buffer[at : min(end, at + 200)])
                self._upgraded.set_exception(Unmeasured(f"not upgraded: {head!r}"))
                return
            self._upgraded.set_result(None)
            at = body
        at = self._visitors.walk(at, end, self)
        if at < end:
            self._cut = bytes(buffer[at:end])

    def ping(self) -> None:
        """Show life."""
        assert self.transport is not None
        self.transport.write(_PONG)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._upgraded is not None and not self._upgraded.done():
            self._upgraded.set_exception(Unmeasured(f"the server hung up: {exc}"))
        self._visitors.on_lost()


class Visitors:
    """The connections that are held, past their handshakes.

    Attributes:
        buffer: What was read last, behind ``ROOM``.
        room: Where the next read goes.
        lost: Connections that the server has ended.
    """

    def __init__(self, port: int, *, token: str, cookie: str) -> None:
        """Each second visitor shows the ``token``, each other the login's ``cookie``."""
        self.buffer = bytearray(ROOM + BUFFER_BYTES)
        self.room = memoryview(self.buffer)[ROOM:]
        self.lost = 0
        self._port = port
        self._logins = (f"Authorization: Bearer {token}", f"Cookie: {cookie}")
        self._visitors: list[_Visitor] = []
        self._talkers: list[_Visitor] = []
        self._latencies: list[float] = []
        self._hears = False

    @property
    def talkers(self) -> int:
        """How many of them may talk."""
        return len(self._talkers)

    def __len__(self) -> int:
        return len(self._visitors) + len(self._talkers)

    async def come(self, sessions: Sequence[str], *, talk: bool = False) -> float:
        """Open a connection that follows each of ``sessions``; the seconds that it took.

        Of two, one speaks ``ptybridge.v1``; of these two, each may ``talk`` later.
        """
        numbers = iter(range(len(sessions)))
        came: list[_Visitor] = []

        async def usher(numbers: Iterator[int]) -> None:
            loop = asyncio.get_running_loop()
            for number in numbers:
                request = self._request(number, sessions[number])
                _, visitor = await loop.create_connection(
                    partial(_Visitor, self, request), "127.0.0.1", self._port
                )
                await visitor.upgraded()
                came.append(visitor)

        began = time.perf_counter()
        await asyncio.gather(*(usher(numbers) for _ in range(AT_ONCE)))
        (self._talkers if talk else self._visitors).extend(came)
        return time.perf_counter() - began

    def _request(self, number: int, session: str) -> bytes:
        lines = [
            f"GET /ws?sessionID={session} HTTP/1.1",
            f"Host: 127.0.0.1:{self._port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==",
            self._logins[number // 2 % 2],
        ]
        if number % 2:
            lines.append("Sec-WebSocket-Protocol: ptybridge.v1")
        return "\r\n".join([*lines, "", ""]).encode()

    async def talk(self, *, rate: float, seconds: float, hearers: int) -> tuple[float, list[float]]:
        """All talkers by turns say ``rate`` messages a second in all, each heard by ``hearers``.

        Returns:
            Messages a second until the last was heard, and the milliseconds from when each was
            to be said until each hearer had it.

        Raises:
            Unmeasured: A message got lost.
        """
        total = int(rate * seconds)
        expected = total * hearers
        self._latencies = []
        self._hears = True
        began = time.perf_counter()
        said = 0
        while len(self._latencies) < expected:
            due = min(total, int((time.perf_counter() - began) * rate))
            while said < due:
                transport = self._talkers[said % len(self._talkers)].transport
                assert transport is not None
                transport.write(_message(began + said / rate))
                said += 1
            await asyncio.sleep(TICK)
            if time.perf_counter() - began > 3 * seconds + 5:
                raise Unmeasured(f"of {expected} messages {len(self._latencies)} were heard")
        elapsed = time.perf_counter() - began
        self._hears = False
        return total / elapsed, self._latencies

    def walk(self, at: int, end: int, visitor: Pinged) -> int:
        """Take the frames of a server that stand in the buffer; where the first cut one begins."""
        buffer = self.buffer
        while at + 2 <= end:
            opcode, size = buffer[at] & 0x0F, buffer[at + 1]
            payload = at + 2
            if size == SHORT:
                if at + 4 > end:
                    break
                size = buffer[at + 2] << 8 | buffer[at + 3]
                payload = at + 4
            if payload + size > end:
                break
            at = payload + size
            if opcode == PING:
                visitor.ping()
            elif opcode == CLOSE:
                self.on_lost()
            elif size >= SHORT:
                self.on_event(payload, at)
        return at

    def on_event(self, start: int, end: int) -> None:
        """Note how old the message is that stands in the buffer."""
        if self._hears:
            at = self.buffer.find(_SAID, start, end)
            if at >= 0:
                at += len(_SAID)
                said_at = int(self.buffer[at : at + DIGITS]) / 1e6
                self._latencies.append(1000 * (time.perf_counter() - said_at))

    def on_lost(self) -> None:
        """The server has ended a connection, which it must not while it is measured."""
        self.lost += 1

    def leave(self) -> None:
        """Hang up."""
        for visitor in (*self._visitors, *self._talkers):
            assert visitor.transport is not None
            visitor.transport.abort()


def _message(moment: float) -> bytes:
    """A ``say`` that carries a moment of ``time.perf_counter``, masked with zeros."""
    text = f"{int(moment * 1e6):0{DIGITS}d} the quick brown fox jumps over"
    payload = json.dumps({"type": "say", "data": {"text": text}}).encode()
    return bytes((0x81, 0x80 | len(payload))) + bytes(4) + payload
