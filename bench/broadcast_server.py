"""The floor of the channel: a bare uvloop protocol that writes as many bytes to as many sockets.

Run as ``python -m bench.broadcast_server``; prints its port when it listens. It knows no messages:
a client says by ``Hello`` how long its own are; for each, it is written a reply and everybody who
follows an event of the lengths that were said, all that one read brought in one write.
"""

import asyncio
import struct
from typing import cast

import uvloop

from bench.crowd import text_frame

HELLO = struct.Struct(">?III")
"""Whether the client follows; bytes of its frames, and of the payloads of replies and events."""


class Member(asyncio.Protocol):
    """One client."""

    def __init__(self, followers: set[asyncio.Transport]) -> None:
        self._followers = followers
        self._transport: asyncio.Transport | None = None
        self._unread = b""
        self._said_bytes = 0
        self._reply = b""
        self._event = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the hello."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Write to everybody for each whole frame."""
        assert self._transport is not None
        data = self._unread + data
        if not self._said_bytes:
            follows, self._said_bytes, reply, event = HELLO.unpack_from(data)
            self._reply, self._event = text_frame(b"r" * reply), text_frame(b"e" * event)
            data = data[HELLO.size :]
            if follows:
                self._followers.add(self._transport)
            self._transport.write(self._reply)
        count, rest = divmod(len(data), self._said_bytes)
        self._unread = data[len(data) - rest :]
        if count:
            self._transport.write(self._reply * count)
            events = self._event * count
            for follower in self._followers:
                follower.write(events)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        assert self._transport is not None
        self._followers.discard(self._transport)


async def _serve() -> None:
    followers: set[asyncio.Transport] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Member(followers), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve())
