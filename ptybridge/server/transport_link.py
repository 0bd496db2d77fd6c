"""A connection's transport, taken over from aiohttp: what all links over one have in common.

Messages are collected and written once in a turn of the loop, output is written to the socket
where it is produced, and what is long is written piece by piece.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from typing import Protocol

import structlog

from ptybridge.server.unsent import buffer_nothing, drop_with_abort, is_anything_unsent
from ptybridge.wire.codes import CloseCode

_log = structlog.get_logger(__name__)

MAX_OUTBOX = 1024 * 1024
"""Bytes of messages that may wait for a client which does not read; then it is dropped."""

SOON_SECONDS = 0.01
"""How long what is in no hurry may wait."""


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


class _Nobody:
    """Whom a link that has ended is for, so that it no longer holds its connection."""

    def on_text(self, message: bytes) -> None:
        """Nothing is heard any more."""

    def on_binary(self, message: bytes) -> None:
        """Nothing is heard any more."""

    def on_heard(self) -> None:
        """Nobody lives here."""

    def on_writable(self) -> None:
        """There is nothing to write."""

    def on_closed(self) -> None:
        """That is known."""


NOBODY = _Nobody()
"""A connection and its link hold each other. Cutting that frees both at once: without it they
would wait for the garbage collector, which looks at what is old as seldom as it can
(``cli.garbage``)."""


class TransportLink(asyncio.Protocol):
    """What goes out on a transport, in the order of the calls.

    Attributes:
        is_ready: Nothing waits for the socket to drain, and the link is not closing.
    """

    __slots__ = (
        "_fd",
        "_flush_due",
        "_is_closing",
        "_loop",
        "_outbox",
        "_outbox_bytes",
        "_receiver",
        "_stream",
        "_stream_due",
        "_transport",
        "is_ready",
    )

    def __init__(
        self, receiver: Receiver, transport: asyncio.Transport, *, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._receiver: Receiver = receiver
        self._transport = transport
        self._loop = loop
        self._outbox: list[bytes] = []
        self._outbox_bytes = 0
        self._flush_due = False
        self._is_closing = False
        self._stream: Iterator[bytes] | None = None
        self._stream_due = False
        self.is_ready = True
        # Output is written to the socket itself, straight from the tail, where there is one: a
        # transport would keep its own reference or copy until the loop's turn ends.
        encrypted = transport.get_extra_info("ssl_object") is not None
        sock = transport.get_extra_info("socket")
        self._fd = -1 if encrypted or sock is None else sock.fileno()
        buffer_nothing(transport)

    # --- from the transport

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
        receiver, self._receiver = self._receiver, NOBODY
        receiver.on_closed()

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

    def feed_eof(self) -> None:
        """Nothing to do: aiohttp's parser interface, see ``upgrade``."""

    # --- to the peer

    def close(self, code: int, reason: str) -> None:
        """Send what was posted, say why, and end the link. Idempotent."""
        raise NotImplementedError

    def cut(self, code: int, reason: str) -> None:
        """Drop all that has not been sent, and end the link; see ``links.Link``."""
        self._outbox.clear()
        self._outbox_bytes = 0
        if is_anything_unsent(self._transport):
            # Something has been sent in part, or waits in the kernel: it must not arrive, so
            # nothing may follow it.
            drop_with_abort(self._transport)
            self.abort()
        else:
            self.close(code, reason)

    def abort(self) -> None:
        """Drop the connection at once. Idempotent."""
        self._fd = -1
        self.is_ready = False
        self._is_closing = True
        self._transport.abort()

    def flush(self) -> None:
        """Send what was posted now, as far as the socket takes it."""
        self._flush()

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Call back within ``SOON_SECONDS``, whatever becomes of the link."""
        self._loop.call_later(SOON_SECONDS, callback)

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

    def _post_frame(self, frame: bytes) -> None:
        if self._is_closing:
            return
        self._outbox.append(frame)
        self._outbox_bytes += len(frame)
        if self._outbox_bytes > MAX_OUTBOX:
            self.abort()
        elif not self._flush_due:
            self._flush_due = True
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
