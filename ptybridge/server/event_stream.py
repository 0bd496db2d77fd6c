"""A connection's event stream: one protocol object on a transport taken over from aiohttp.

What a WebSocket would carry as messages and frames goes out as server-sent events; what the client
says comes by POST. The body ends with the connection (RFC 9112 section 6.3, rule 8).
"""

import asyncio
import fcntl
import os
import struct
from collections.abc import Callable, Sequence

import msgspec

from ptybridge.server.answers import Answers
from ptybridge.server.websocket import CLOSE_SECONDS, MAX_OUTBOX, SOON_SECONDS, Receiver
from ptybridge.wire import event_stream
from ptybridge.wire.event_stream import Position
from ptybridge.wire.frames import HEADER, Kind

CHANNEL = 1
"""The channel of the terminal that a stream's address names."""

FIRST_LOOK_SECONDS = 0.01
"""How soon after a ping it is looked whether the client's machine took it; then ever later."""

LAST_LOOK_SECONDS = 0.25

_SIOCOUTQ = 0x5411
"""Asks for the bytes that the peer's machine has not acknowledged: tcp(7), Linux."""


class EventStreamLink(asyncio.Protocol):
    """One event stream, server's side, from the response's head on.

    An event stream says nothing back, and what the kernel takes proves nothing: a client that
    has vanished lets it take hundreds of kilobytes. So after a ping it is life when the client's
    machine acknowledges more bytes than it had before.

    Attributes:
        answers: Requests that came by POST and wait for their reply.
        is_ready: Nothing waits for the socket to drain, and the link is not closing.
    """

    __slots__ = (
        "_fd",
        "_flush_due",
        "_is_closing",
        "_keep_alive",
        "_loop",
        "_outbox",
        "_outbox_bytes",
        "_position",
        "_receiver",
        "_session_id",
        "_sock",
        "_timer",
        "_transport",
        "_watch",
        "_written",
        "answers",
        "is_ready",
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
        self._receiver = receiver
        self._transport = transport
        self._loop = loop
        self._session_id = session_id
        self._position = position
        self._keep_alive = keep_alive
        self._outbox: list[bytes] = []
        self._outbox_bytes = 0
        self._flush_due = False
        self._is_closing = False
        self._written = 0
        self._watch: asyncio.TimerHandle | None = None
        self.answers = Answers()
        self.is_ready = True
        encrypted = transport.get_extra_info("ssl_object") is not None
        self._sock = transport.get_extra_info("socket")
        self._fd = -1 if encrypted or self._sock is None else self._sock.fileno()
        transport.set_write_buffer_limits(high=0)
        self._write(head)
        self._timer = loop.call_later(keep_alive, self._comment)

    # --- from the transport

    def data_received(self, data: bytes) -> None:
        """Ignore it: behind its request a client has nothing to say here."""

    def eof_received(self) -> bool:
        """The client has gone: the transport closes."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self._stop()
        self._outbox.clear()
        self.answers.close()
        self._receiver.on_closed()

    def pause_writing(self) -> None:
        """The socket is full: output stays in the tail, messages in the outbox."""
        self.is_ready = False

    def resume_writing(self) -> None:
        """The socket takes bytes again."""
        if self._is_closing:
            return
        self.is_ready = True
        self._flush()
        if self.is_ready:
            self._receiver.on_writable()

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Ignore what had followed the request; aiohttp's parser interface, see ``upgrade``."""
        return False, b""

    def feed_eof(self) -> None:
        """Nothing to do: aiohttp's parser interface, see ``upgrade``."""

    # --- to the client

    def post(self, message: bytes) -> None:
        """Send an event, or the reply to a POST, together with others of this turn."""
        if (event := self._event(message)) is not None:
            self._post_event(event)

    def post_binary(self, message: bytes) -> None:
        """Send a frame as an event, together with others of this turn."""
        self._post_event(self._frame_event(message[: HEADER.size], (message[HEADER.size :],)))

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Call back within ``SOON_SECONDS``, whatever becomes of the link."""
        self._loop.call_later(SOON_SECONDS, callback)

    def send_text(self, message: bytes) -> None:
        """Send an event now."""
        if (event := self._event(message)) is not None:
            self._write(event)

    def send_binary(self, header: bytes, parts: Sequence[memoryview | bytes]) -> None:
        """Send a frame as an event now."""
        self._write(self._frame_event(header, parts))

    def ping(self) -> None:
        """Send a comment, and watch for the client's machine to acknowledge it."""
        if self._is_closing:
            return
        before = self._acknowledged()
        self._post_event(event_stream.COMMENT)
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
        if self.is_ready:
            self._write(closing)
        else:
            self._transport.write(b"".join([*self._outbox, closing]))
        self._outbox.clear()
        self._stop()
        self._transport.close()
        self._loop.call_later(CLOSE_SECONDS, self._transport.abort)

    def abort(self) -> None:
        """Drop the connection at once. Idempotent."""
        self._stop()
        self._transport.abort()

    def _stop(self) -> None:
        self._fd = -1
        self._sock = None
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
        kind, channel, end, name, data = event_stream.frame_event(header, parts)
        position = b""
        if channel == CHANNEL and kind is not Kind.INPUT_ACK:
            self._position = Position(self._position.seq, end)
            position = self._position.text()
        return event_stream.event(name, data, position)

    def _post_event(self, event: bytes) -> None:
        if self._is_closing:
            return
        self._outbox.append(event)
        self._outbox_bytes += len(event)
        if self._outbox_bytes > MAX_OUTBOX:
            self.abort()
        elif not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self._flush_late)

    def _flush_late(self) -> None:
        self._flush_due = False
        self._flush()

    def _flush(self) -> None:
        if self._outbox and self.is_ready:
            self._write(b"")

    def _write(self, data: bytes) -> None:
        """Write the outbox and ``data``; what does not fit waits, and nothing more is ready."""
        if self._is_closing:
            return
        if self._outbox:
            data = b"".join([*self._outbox, data])
            self._outbox.clear()
            self._outbox_bytes = 0
        self._written += len(data)
        if self._fd >= 0 and self.is_ready:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:
                pass
            except OSError:  # the peer is gone; the transport notices too, and tells
                self.abort()
                return
        if data:
            self._transport.write(data)
