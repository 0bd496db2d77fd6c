"""Many connections of one session in one event loop: some talk, some follow and count.

The client must cost less than the server that is measured: one buffer for all, frames counted by
a walk over their headers, nothing decoded, frames to send made once.
"""

import asyncio
import os
import socket
import struct
import time
from typing import cast

from bench.subjects import Unmeasured

BUFFER_BYTES = 256 * 1024
"""Room for what one read brings, shared by all connections."""

ROOM = 16
"""Bytes before it for a frame's header that the last read has cut."""

SHORT = 126
"""Bytes from which on a frame is counted as an event: replies are shorter, events longer."""

_U16 = struct.Struct(">H")
_U64 = struct.Struct(">Q")


def text_frame(payload: bytes) -> bytes:
    """One text frame from a server (RFC 6455 section 5.2)."""
    return _header(0, len(payload)) + payload


def masked_text_frame(payload: bytes) -> bytes:
    """One text frame from a client, under a key of its own (RFC 6455 section 5.3)."""
    size = len(payload)
    key = os.urandom(4)
    stream = (key * (size // 4 + 1))[:size]
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")
    return _header(0x80, size) + key + masked.to_bytes(size, "big")


def _header(mask: int, size: int) -> bytes:
    if size < 126:
        return bytes((0x81, mask | size))
    if size < 0x10000:
        return bytes((0x81, mask | 126)) + _U16.pack(size)
    return bytes((0x81, mask | 127)) + _U64.pack(size)


class FrameCounter:
    """Counts the frames of one connection.

    Attributes:
        events: Frames of at least ``SHORT`` bytes of which the beginning has come.
    """

    def __init__(self) -> None:
        self.events = 0
        self._skip = 0
        self._cut = b""

    def feed(self, buffer: bytearray, count: int) -> int:
        """Take ``count`` bytes that stand behind ``ROOM`` in ``buffer``; how many events began."""
        at, end = ROOM, ROOM + count
        if self._cut:
            at -= len(self._cut)
            buffer[at:ROOM] = self._cut
            self._cut = b""
        at += self._skip
        events = 0
        while at + 2 <= end:
            size = buffer[at + 1]
            if size < SHORT:
                at += 2 + size
                continue
            header = 4 if size == 126 else 10
            if at + header > end:
                break
            (size,) = (_U16 if header == 4 else _U64).unpack_from(buffer, at + 2)
            at += header + size
            events += 1
        if at < end:
            self._cut = bytes(buffer[at:end])
            self._skip = 0
        else:
            self._skip = at - end
        self.events += events
        return events


class _Member(asyncio.BufferedProtocol):
    """One connection."""

    def __init__(self, crowd: "Crowd", *, follows: bool) -> None:
        self._crowd = crowd
        self._follows = follows
        self.counter = FrameCounter()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._crowd.room

    def buffer_updated(self, nbytes: int) -> None:
        events = self.counter.feed(self._crowd.buffer, nbytes)
        if events:
            self._crowd.on_events(events if self._follows else 0)

    def connection_lost(self, exc: Exception | None) -> None:
        self._crowd.on_lost()


class Crowd:
    """Connections to one session, past their handshakes.

    Attributes:
        buffer: What was read last, behind ``ROOM``.
        room: Where the next read goes.
    """

    def __init__(self, frame: bytes, *, window: int) -> None:
        """Messages are all ``frame``; ``window`` of them are under way at a time."""
        self.buffer = bytearray(ROOM + BUFFER_BYTES)
        self.room = memoryview(self.buffer)[ROOM:]
        self._frame = frame
        self._window = window
        self._talkers: list[_Member] = []
        self._followers: list[_Member] = []
        self._received = 0
        self._sent = 0
        self._total = 0
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def add(self, sock: socket.socket, *, talks: bool, follows: bool) -> None:
        """Take over a connection."""
        sock.setblocking(False)
        member = _Member(self, follows=follows)
        await asyncio.get_running_loop().create_connection(lambda: member, sock=sock)
        if talks:
            self._talkers.append(member)
        if follows:
            self._followers.append(member)

    async def exchange(self, messages: int) -> float:
        """Say so many messages, until every follower has all; the seconds that it took.

        Raises:
            Unmeasured: A follower got more or less than was said.
        """
        self._done = asyncio.get_running_loop().create_future()
        self._total += messages
        began = time.perf_counter()
        self._talk()
        await self._done
        seconds = time.perf_counter() - began
        counts = {member.counter.events for member in self._followers}
        if counts != {self._total}:
            raise Unmeasured(f"of {self._total} messages a follower got {min(counts)}")
        return seconds

    def close(self) -> None:
        """Hang up."""
        self._done.cancel()
        for member in {*self._talkers, *self._followers}:
            assert member.transport is not None
            member.transport.abort()

    def on_events(self, count: int) -> None:
        """Say more, or be done."""
        self._received += count
        if self._sent < self._total:
            self._talk()
        elif self._received >= self._total * len(self._followers) and not self._done.done():
            self._done.set_result(None)

    def on_lost(self) -> None:
        """A connection has ended, which none may while it is measured."""
        if not self._done.done():
            self._done.set_exception(Unmeasured("the server hung up"))

    def _talk(self) -> None:
        """Fill the window, all talkers in equal parts."""
        may_be_sent = min(self._received // len(self._followers) + self._window, self._total)
        share = (may_be_sent - self._sent) // len(self._talkers)
        if may_be_sent == self._total:  # the rest, which may not be divisible
            share = -(-(may_be_sent - self._sent) // len(self._talkers))
        for member in self._talkers:
            count = min(share, self._total - self._sent)
            if count > 0:
                assert member.transport is not None
                member.transport.write(self._frame * count)
                self._sent += count
