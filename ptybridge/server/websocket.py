"""A connection's WebSocket: one protocol object on a transport taken over from aiohttp.

aiohttp reads the request and decides what it is; from the upgrade on, nothing of it stays but the
transport. What arrives is dispatched inside the event loop's read callback, and output is written
to the socket where it is produced: no task, no queue, and a kilobyte or two for a connection that
is idle.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from time import perf_counter

from ptybridge.server.links import Batch
from ptybridge.server.transport_link import Receiver, TransportLink
from ptybridge.wire import deflate
from ptybridge.wire import websocket as framing
from ptybridge.wire.codes import CloseCode
from ptybridge.wire.deflate import Deflater
from ptybridge.wire.errors import ProtocolViolation
from ptybridge.wire.websocket import COMPRESSED, FrameReader, Opcode

CLOSE_SECONDS = 5.0
"""How long a peer may take to answer a close frame (RFC 6455 section 7.1.1)."""

BURST_BYTES = 4096
"""So much read at once is dispatched at once: even of the smallest messages it is few."""

PACKED_BURST_BYTES = 512
"""The same where messages may be compressed: a hundred bytes may unpack to 64 KiB."""

SLICE_SECONDS = 0.002
"""How long one client's messages are dispatched before the others have their turn."""

_BINARY, _TEXT = Opcode.BINARY, Opcode.TEXT
"""To look up an enumeration's member takes 0.12 µs in Python 3.11, a tenth of what a key takes."""

_PING = framing.frame(Opcode.PING, b"")


class WebSocketLink(TransportLink):
    """One WebSocket, server's side, after the handshake (RFC 6455)."""

    __slots__ = ("_deflater", "_has_failed", "_pong", "_reader", "_rest")

    def __init__(
        self,
        receiver: Receiver,
        transport: asyncio.Transport,
        *,
        max_message: int,
        loop: asyncio.AbstractEventLoop,
        head: bytes = b"",
        deflater: Deflater | None = None,
    ) -> None:
        """Send ``head``, the answer to the handshake, together with what follows at once.

        With ``deflater``, messages may be compressed, in both directions (RFC 7692).
        """
        super().__init__(receiver, transport, loop=loop)
        self._reader = FrameReader(max_message=max_message, inflates=deflater is not None)
        self._deflater = deflater
        self._has_failed = False
        self._rest: Iterator[tuple[int, bytes]] | None = None
        self._pong: bytes | None = None
        if head:
            self._post_frame(head)

    # --- from the transport

    def data_received(self, data: bytes) -> None:
        """Dispatch what came; what is posted in return leaves with the events that it caused.

        Of a client that sends more than the server can take there are two megabytes in one turn of
        the loop, thousands of messages: it has a slice of each turn, as everybody else.
        """
        if self._has_failed:  # section 7.1.7: nothing of the rest is looked at
            return
        if len(data) <= (BURST_BYTES if self._deflater is None else PACKED_BURST_BYTES):
            self._dispatch(self._reader.feed(data))
            return
        self._rest = iter(self._reader.feed(data))
        if not self._transport.is_closing():
            self._transport.pause_reading()
        self._go_on()

    def _go_on(self) -> None:
        """Dispatch what is left of what was read; read on in the next turn when that is nothing."""
        if self._rest is None:
            return
        if self._dispatch(self._rest, until=perf_counter() + SLICE_SECONDS):
            self._rest = None
            self._loop.call_soon(self._read_on)
        else:
            self._loop.call_soon(self._go_on)

    def _read_on(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone; what was left of what it brought is as if it had not come."""
        self._rest = None
        super().connection_lost(exc)

    def _dispatch(self, messages: Iterable[tuple[int, bytes]], *, until: float = 0.0) -> bool:
        """Dispatch messages, to the last one or to that time; whether it was the last one."""
        receiver = self._receiver
        is_all = True
        try:
            for opcode, payload in messages:
                if self._is_closing and opcode != Opcode.CLOSE:
                    continue  # section 1.4: after a close frame nothing is processed
                if opcode == _BINARY:
                    receiver.on_binary(payload)
                elif opcode == _TEXT:
                    receiver.on_text(payload)
                else:
                    self._control(opcode, payload)
                if until and perf_counter() >= until:
                    is_all = False
                    break
        except ProtocolViolation as violation:
            self._fail(violation)
        receiver.on_heard()
        return is_all

    def _fail(self, violation: ProtocolViolation) -> None:
        """Fail the connection (section 7.1.7): say why, write no more, wait for no close frame.

        What the peer still sends is read and dropped: closing the socket over it would reset the
        connection, and the reset can overtake the reason.
        """
        self.close(violation.code, violation.reason)
        self._has_failed = True
        if self._transport.is_closing():
            return
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._end()

    def _control(self, opcode: int, payload: bytes) -> None:
        if opcode == Opcode.PING:
            self._answer_ping(framing.frame(Opcode.PONG, payload))
        elif opcode == Opcode.CLOSE:
            code, _ = framing.parse_close(payload)
            answer = CloseCode.DONE if code == 1005 else code  # noqa: PLR2004 - section 7.1.5
            self.close(answer, "")
            self._end()

    def _answer_ping(self, pong: bytes) -> None:
        """Send a pong; behind a full socket in the middle of a stream only the newest waits.

        Section 5.5.3 allows that, and whoever reads nothing could have pongs without end.
        """
        if self._stream is None or not self._transport.get_write_buffer_size():
            self._post_control(pong)
        else:
            self._pong = pong

    def resume_writing(self) -> None:
        """The socket takes bytes again."""
        super().resume_writing()
        if self._pong is not None:
            pong, self._pong = self._pong, None
            self._post_control(pong)

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Take what had followed the request; aiohttp's parser interface, see ``upgrade``."""
        self.data_received(data)
        return False, b""

    # --- to the peer

    def post(self, message: bytes) -> None:
        """Send a text message, together with others of this turn of the loop."""
        self._post_frame(self._frame(Opcode.TEXT, message))

    def post_binary(self, message: bytes) -> None:
        """Send a binary message, together with others of this turn of the loop."""
        self._post_frame(self._frame(Opcode.BINARY, message))

    def send_text(self, message: bytes) -> None:
        """Send a text message now."""
        if self._deflater is not None:
            frame = self._frame(Opcode.TEXT, message)
            self._write([frame], len(frame))
            return
        start = framing.header(Opcode.TEXT, len(message))
        self._write([start, message], len(start) + len(message))

    def send_batch(self, batch: Batch) -> None:
        """Send text messages now, in frames that all WebSockets share."""
        if self._deflater is not None:
            frames = self._deflated(batch, self._deflater.window_bits)
            self._write([frames], len(frames))
            return
        if batch.frames is None:
            batch.frames = b"".join(framing.frame(Opcode.TEXT, text) for text in batch.messages)
        self._write([batch.frames], len(batch.frames))

    def _deflated(self, batch: Batch, window_bits: int) -> bytes:
        """The frames of a batch, made once for all links that compress alike."""
        if batch.deflated is None:
            batch.deflated = {}
        frames = batch.deflated.get(window_bits)
        if frames is None:
            frames = b"".join(self._frame(Opcode.TEXT, text) for text in batch.messages)
            batch.deflated[window_bits] = frames
        return frames

    def _frame(self, opcode: Opcode, message: bytes) -> bytes:
        """A message in one frame, compressed where that makes it smaller."""
        if self._deflater is not None and len(message) >= deflate.MIN_BYTES:
            packed = self._deflater.message(message)
            if len(packed) < len(message):
                return framing.frame(opcode | COMPRESSED, packed)
        return framing.frame(opcode, message)

    def send_binary(
        self, header: bytes, parts: Sequence[memoryview | bytes], *, key: object = None
    ) -> None:
        """Send a binary message now."""
        size = len(header) + sum(map(len, parts))
        if self._deflater is not None and size >= deflate.MIN_BYTES:
            begin, packed = self._deflater.shared(header, parts, key=key and (key, size))
            packed_size = len(begin) + len(packed)
            if packed_size < size:
                start = framing.header(Opcode.BINARY | COMPRESSED, packed_size)
                self._write([start + begin, packed], packed_size + len(start))
                return
        start = framing.header(_BINARY, size)
        self._write([start + header, *parts], size + len(start))

    def stream_binary(self, header: bytes, pieces: Iterator[bytes]) -> None:
        """Send one binary message as fragments (RFC 6455 section 5.4), a piece a turn."""
        opcode = int(Opcode.BINARY)
        if self._deflater is not None:
            pieces = self._deflater.pieces(header, pieces)
            header, opcode = b"", opcode | COMPRESSED
        self._begin_stream(framing.fragments(header, pieces, opcode=opcode))

    def stream_text(self, messages: Iterator[bytes]) -> None:
        """Send text messages, one a turn."""
        self._begin_stream(self._frame(Opcode.TEXT, message) for message in messages)

    def ping(self) -> None:
        """Send a ping frame."""
        if self.is_ready and self._stream is None:
            self._write([_PING], len(_PING))
        else:
            self._post_control(_PING)

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

    def _post_control(self, frame: bytes) -> None:
        """Send a control frame, which may stand between fragments (RFC 6455 section 5.4)."""
        if self._stream is None:
            self._post_frame(frame)
        elif not self._is_closing:
            self._transport.write(frame)
