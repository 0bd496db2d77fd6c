"""A connection's event stream: one protocol object on a transport taken over from aiohttp.

What a WebSocket would carry as messages and frames goes out as server-sent events; what the client
says comes by POST. The body ends with the connection (RFC 9112 section 6.3, rule 8).
"""

import asyncio
import fcntl
import struct
from collections.abc import Iterator, Sequence

import msgspec

from ptybridge.server.answers import Answers
from ptybridge.server.links import Batch
from ptybridge.server.transport_link import Receiver, TransportLink
from ptybridge.wire import event_stream
from ptybridge.wire.event_stream import Position
from ptybridge.wire.frames import HEADER, Kind

CHANNEL = 1
"""The channel of the terminal that a stream's address names."""

FIRST_LOOK_SECONDS = 0.01
"""How soon after a ping it is looked whether the client's machine took it; then ever later."""

LAST_LOOK_SECONDS = 0.25

CLOSE_SECONDS = 5.0
"""How long a client may take to read the end."""

_SIOCOUTQ = 0x5411
"""Asks for the bytes that the peer's machine has not acknowledged: tcp(7), Linux."""


class EventStreamLink(TransportLink):
    """One event stream, server's side, from the response's head on.

    An event stream says nothing back, and what the kernel takes proves nothing: a client that
    has vanished lets it take hundreds of kilobytes. So after a ping it is life when the client's
    machine acknowledges more bytes than it had before.

    Attributes:
        answers: Requests that came by POST and wait for their reply.
    """

    __slots__ = (
        "_keep_alive",
        "_position",
        "_session_id",
        "_sock",
        "_timer",
        "_watch",
        "_written",
        "answers",
    )

    def __init__(
        self,
        receiver: Receiver,
        transport: asyncio.Transport,
        *,
        head: bytes,
        session_id: str,
        position: Position,
        keep_alive: float,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """Send ``head``, the response's, and go on from ``position``.

        ``keep_alive`` is how many seconds lie between two comments.
        """
        super().__init__(receiver, transport, loop=loop)
        self._session_id = session_id
        self._position = position
        self._keep_alive = keep_alive
        self._sock = transport.get_extra_info("socket")
        self._written = 0
        self._watch: asyncio.TimerHandle | None = None
        self.answers = Answers()
        self._write([head], len(head))
        self._timer = loop.call_later(keep_alive, self._comment)

    # --- from the transport

    def data_received(self, data: bytes) -> None:
        """Ignore it: behind its request a client has nothing to say here."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self._stop()
        self.answers.close()
        super().connection_lost(exc)

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Ignore what had followed the request; aiohttp's parser interface, see ``upgrade``."""
        return False, b""

    # --- to the client

    def post(self, message: bytes) -> None:
        """Send an event, or the reply to a POST, together with others of this turn."""
        if (event := self._event(message)) is not None:
            self._post_frame(event)

    def post_binary(self, message: bytes) -> None:
        """Send a frame as an event, together with others of this turn."""
        self._post_frame(self._frame_event(message[: HEADER.size], (message[HEADER.size :],)))

    def send_text(self, message: bytes) -> None:
        """Send an event now."""
        if (event := self._event(message)) is not None:
            self._write([event], len(event))

    def send_batch(self, batch: Batch) -> None:
        """Send events now, in one write; their positions are this stream's own."""
        events = b"".join(event for text in batch.messages if (event := self._event(text)))
        self._write([events], len(events))

    def send_binary(
        self, header: bytes, parts: Sequence[memoryview | bytes], *, key: object = None
    ) -> None:
        """Send a frame as an event now."""
        event = self._frame_event(header, parts)
        self._write([event], len(event))

    def stream_binary(self, header: bytes, pieces: Iterator[bytes]) -> None:
        """Send a SNAPSHOT frame as one event, a piece a turn."""
        _, channel, offset = HEADER.unpack_from(header)
        position = self._at(channel, offset)
        self._begin_stream(event_stream.snapshot_event(header, pieces, position))

    def stream_text(self, messages: Iterator[bytes]) -> None:
        """Send events, one a turn."""
        self._begin_stream(event for text in messages if (event := self._event(text)) is not None)

    def ping(self) -> None:
        """Send a comment, and watch for the client's machine to acknowledge more than before."""
        if self._is_closing:
            return
        before = self._acknowledged()
        self._post_frame(event_stream.COMMENT)
        if self._watch is None:
            self._watch = self._loop.call_later(
                FIRST_LOOK_SECONDS, self._look, before, FIRST_LOOK_SECONDS
            )

    def close(self, code: int, reason: str) -> None:
        """Send what was posted and the event ``closing``, then end the response."""
        if self._is_closing:
            return
        data = msgspec.json.encode({"code": int(code), "reason": reason})
        closing = event_stream.event("closing", data)
        if self._stream is not None:
            closing = b""  # nothing can stand in the unfinished event: it ends with the response
            self._outbox.clear()
        if self.is_ready:
            self._write([closing], len(closing))
        else:
            self._transport.write(b"".join([*self._outbox, closing]))
        self._outbox.clear()
        self._stop()
        self._transport.close()
        self._loop.call_later(CLOSE_SECONDS, self._transport.abort)

    def abort(self) -> None:
        """Drop the connection at once. Idempotent."""
        self._stop()
        super().abort()

    def _stop(self) -> None:
        self._fd = -1
        self._sock = None
        self._stream = None
        self._is_closing = True
        self.is_ready = False
        self._timer.cancel()
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    # --- life

    def _comment(self) -> None:
        """Proxies close what is silent, whatever the client says elsewhere."""
        self._timer = self._loop.call_later(self._keep_alive, self._comment)
        self.ping()

    def _look(self, before: int, waited: float) -> None:
        self._watch = None
        if self._acknowledged() > before:
            self._receiver.on_heard()
        else:
            wait = min(2 * waited, LAST_LOOK_SECONDS)
            self._watch = self._loop.call_later(wait, self._look, before, wait)

    def _acknowledged(self) -> int:
        """Bytes that have reached the client's machine, as far as is known."""
        unsent = self._transport.get_write_buffer_size()
        if self._sock is not None and not self._transport.is_closing():
            (queued,) = struct.unpack("i", fcntl.ioctl(self._sock.fileno(), _SIOCOUTQ, bytes(4)))
            unsent += queued
        return self._written - unsent

    # --- events

    def _event(self, message: bytes) -> bytes | None:
        """A message as an event; None for a reply, which goes to the POST that asked."""
        outside = event_stream.envelope(message)
        if outside.id is not None:
            self.answers.give(outside)
            return None
        position = b""
        seq = event_stream.seq_of(outside, self._session_id)
        if seq is not None:
            self._position = Position(seq, self._position.offset)
            position = self._position.text()
        return event_stream.event(outside.type, bytes(outside.data), position)

    def _frame_event(self, header: bytes, parts: Sequence[memoryview | bytes]) -> bytes:
        number, channel, offset = HEADER.unpack(header)
        if number == Kind.INPUT_ACK:
            return event_stream.event("input-ack", event_stream.ack_event(offset, channel))
        data = event_stream.output_event(offset, channel, parts)
        position = self._at(channel, offset + sum(map(len, parts)))
        return event_stream.event("output", data, position)

    def _at(self, channel: int, offset: int) -> bytes:
        """The position behind output that ends at ``offset``; none for other channels."""
        if channel != CHANNEL:
            return b""
        self._position = Position(self._position.seq, offset)
        return self._position.text()

    def _write_now(self, buffers: list[bytes | memoryview], size: int) -> None:
        """Write ``buffers`` before what waits in the outbox."""
        self._written += size
        super()._write_now(buffers, size)
