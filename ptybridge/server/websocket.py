"""A connection's WebSocket: one protocol object on a transport taken over from aiohttp.

aiohttp reads the request and decides what it is; from the upgrade on, nothing of it stays but the
transport. What arrives is dispatched inside the event loop's read callback, and output is written
to the socket where it is produced: no task, no queue, and a kilobyte or two for a connection that
is idle.
"""

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import structlog

from ptybridge.wire import websocket as framing
from ptybridge.wire.codes import CloseCode
from ptybridge.wire.errors import ProtocolViolation
from ptybridge.wire.websocket import FrameReader, Opcode

_log = structlog.get_logger(__name__)

MAX_OUTBOX = 1024 * 1024
"""Bytes of messages that may wait for a client which does not read; then it is dropped."""

SOON_SECONDS = 0.01
"""How long what is in no hurry may wait."""

CLOSE_SECONDS = 5.0
"""How long a peer may take to answer a close frame (RFC 6455 section 7.1.1)."""


class Receiver(Protocol):
    """Who a link's messages are for."""

    def on_text(self, message: bytes) -> None:
        """A text message, UTF-8."""

    def on_binary(self, message: bytes) -> None:
        """A binary message."""

    def on_heard(self) -> None:
        """Something came: the peer lives."""

    def on_writable(self) -> None:
        """The link is ready again."""

    def on_closed(self) -> None:
        """The link has ended; called once."""


class WebSocketLink(asyncio.Protocol):
    """One WebSocket, server's side, after the handshake (RFC 6455).

    Attributes:
        is_ready: Nothing waits for the socket to drain, and the link is not closing.
    """

    __slots__ = (
        "_fd",
        "_flush_due",
        "_is_closing",
        "_is_reading",
        "_loop",
        "_outbox",
        "_outbox_bytes",
        "_reader",
        "_receiver",
        "_stream",
        "_stream_due",
        "_transport",
        "is_ready",
    )

    def __init__(
        self,
        receiver: Receiver,
        transport: asyncio.Transport,
        *,
        max_message: int,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._receiver = receiver
        self._transport = transport
        self._loop = loop
        self._reader = FrameReader(max_message=max_message)
        self._outbox: list[bytes] = []
        self._outbox_bytes = 0
        self._flush_due = False
        self._is_reading = False
        self._is_closing = False
        self._stream: Iterator[bytes] | None = None
        self._stream_due = False
        self.is_ready = True
        # Output is written to the socket itself, straight from the tail, where there is one: a
        # transport would keep its own reference or copy until the loop's turn ends.
        encrypted = transport.get_extra_info("ssl_object") is not None
        sock = transport.get_extra_info("socket")
        self._fd = -1 if encrypted or sock is None else sock.fileno()
        transport.set_write_buffer_limits(high=0)

    # --- from the transport

    def data_received(self, data: bytes) -> None:
        """Dispatch what came, then send what was posted in return."""
        receiver = self._receiver
        self._is_reading = True
        try:
            for opcode, payload in self._reader.feed(data):
                if self._is_closing and opcode != Opcode.CLOSE:
                    continue  # section 1.4: after a close frame nothing is processed
                if opcode == Opcode.BINARY:
                    receiver.on_binary(payload)
                elif opcode == Opcode.TEXT:
                    receiver.on_text(payload)
                else:
                    self._control(opcode, payload)
        except ProtocolViolation as violation:
            self.close(violation.code, violation.reason)
        finally:
            self._is_reading = False
        receiver.on_heard()
        if self._flush_due:
            self._flush_due = False
            self._flush()

    def _control(self, opcode: int, payload: bytes) -> None:
        if opcode == Opcode.PING:
            self._post_control(framing.frame(Opcode.PONG, payload))
        elif opcode == Opcode.CLOSE:
            code, _ = framing.parse_close(payload)
            answer = CloseCode.DONE if code == 1005 else code  # noqa: PLR2004 - section 7.1.5
            self.close(answer, "")
            self._end()

    def eof_received(self) -> bool:
        """The peer writes no more: the transport closes."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self._fd = -1
        self.is_ready = False
        self._is_closing = True
        self._outbox.clear()
        self._stream = None
        self._receiver.on_closed()

    def pause_writing(self) -> None:
        """The socket is full: output stays in the tail, messages in the outbox."""
        self.is_ready = False

    def resume_writing(self) -> None:
        """The socket takes bytes again."""
        if self._is_closing:
            return
        self.is_ready = True
        if self._stream is not None:
            self._stream_soon()
            return
        self._flush()
        if self.is_ready:
            self._receiver.on_writable()

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Take what had followed the request; aiohttp's parser interface, see ``upgrade``."""
        self.data_received(data)
        return False, b""

    def feed_eof(self) -> None:
        """Nothing to do: aiohttp's parser interface, see ``upgrade``."""

    # --- to the peer

    def post(self, message: bytes) -> None:
        """Send a text message, together with others of this turn of the loop."""
        self._post_frame(framing.frame(Opcode.TEXT, message))

    def post_binary(self, message: bytes) -> None:
        """Send a binary message, together with others of this turn of the loop."""
        self._post_frame(framing.frame(Opcode.BINARY, message))

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Call back within ``SOON_SECONDS``, whatever becomes of the link."""
        self._loop.call_later(SOON_SECONDS, callback)

    def send_text(self, message: bytes) -> None:
        """Send a text message now."""
        start = framing.header(Opcode.TEXT, len(message))
        self._write([start, message], len(start) + len(message))

    def send_binary(self, header: bytes, parts: Sequence[memoryview | bytes]) -> None:
        """Send a binary message now."""
        size = len(header) + sum(map(len, parts))
        start = framing.header(Opcode.BINARY, size)
        self._write([start + header, *parts], size + len(start))

    def stream_binary(self, header: bytes, pieces: Iterator[bytes]) -> None:
        """Send one binary message as fragments (RFC 6455 section 5.4), a piece a turn."""
        self._begin_stream(framing.fragments(header, pieces))

    def stream_text(self, messages: Iterator[bytes]) -> None:
        """Send text messages, one a turn."""
        self._begin_stream(framing.frame(Opcode.TEXT, message) for message in messages)

    def _begin_stream(self, frames: Iterator[bytes]) -> None:
        self._flush()
        self._stream = frames
        self.is_ready, writable = False, self.is_ready
        if writable:
            self._stream_soon()

    def _stream_soon(self) -> None:
        self.is_ready = False
        if not self._stream_due:
            self._stream_due = True
            self._loop.call_soon(self._stream_on)

    def _stream_on(self) -> None:
        """Write the next piece; what was posted meanwhile follows the last."""
        self._stream_due = False
        if self._stream is None or self._is_closing:
            return
        try:
            frame = next(self._stream, None)
        except Exception:
            _log.exception("what was being sent broke off")
            self.close(CloseCode.INTERNAL, "")
            return
        self.is_ready = True
        if frame is None:
            self._stream = None
            self._flush()
            if self.is_ready:
                self._receiver.on_writable()
            return
        self._write_now([frame], len(frame))
        if self.is_ready:
            self._stream_soon()

    def ping(self) -> None:
        """Send a ping frame."""
        self._post_control(framing.frame(Opcode.PING, b""))

    def close(self, code: int, reason: str) -> None:
        """Send what was posted and a close frame, then wait shortly for the peer's."""
        if self._is_closing:
            return
        if self._stream is not None:  # no other message can stand in the unfinished one
            self._outbox.clear()
        self._outbox.append(framing.close_frame(code, reason))
        if self.is_ready:
            self._write([], 0)
        else:
            self._transport.write(b"".join(self._outbox))
        self._outbox.clear()
        self._is_closing = True
        self.is_ready = False
        self._stream = None
        self._fd = -1
        self._loop.call_later(CLOSE_SECONDS, self.abort)

    def _end(self) -> None:
        """Close the transport when the last frame has gone."""
        self._fd = -1
        self._transport.close()

    def abort(self) -> None:
        """Drop the connection at once. Idempotent."""
        self._fd = -1
        self.is_ready = False
        self._is_closing = True
        self._transport.abort()

    def _post_control(self, frame: bytes) -> None:
        """Send a control frame, which may stand between fragments (RFC 6455 section 5.4)."""
        if self._stream is None:
            self._post_frame(frame)
        elif not self._is_closing:
            self._transport.write(frame)

    def _post_frame(self, frame: bytes) -> None:
        if self._is_closing:
            return
        self._outbox.append(frame)
        self._outbox_bytes += len(frame)
        if self._outbox_bytes > MAX_OUTBOX:
            self.abort()
        elif not self._flush_due:
            self._flush_due = True
            if not self._is_reading:
                self._loop.call_soon(self._flush_late)

    def _flush_late(self) -> None:
        self._flush_due = False
        self._flush()

    def _flush(self) -> None:
        if self._outbox and self.is_ready and self._stream is None:
            self._write([], 0)

    def _write(self, buffers: list[bytes | memoryview], size: int) -> None:
        """Write the outbox and ``buffers``, of ``size`` bytes; what does not fit waits."""
        if self._outbox:
            posted = b"".join(self._outbox)
            buffers = [posted, *buffers]
            size += len(posted)
            self._outbox.clear()
            self._outbox_bytes = 0
        self._write_now(buffers, size)

    def _write_now(self, buffers: list[bytes | memoryview], size: int) -> None:
        """Write ``buffers`` before what waits in the outbox."""
        if self._fd < 0 or not self.is_ready:
            if not self._is_closing:
                self._transport.write(b"".join(buffers))
            return
        try:
            written = os.writev(self._fd, buffers)
        except BlockingIOError:
            written = 0
        except OSError:  # the peer is gone; the transport notices too, and tells
            self.abort()
            return
        if written < size:
            self._transport.write(b"".join(buffers)[written:])
