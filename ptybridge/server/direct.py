"""A connection inside this process: both ends of a link without a network."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence

import structlog

from ptybridge.server.links import Batch
from ptybridge.server.transport_link import MAX_OUTBOX, SOON_SECONDS, Receiver
from ptybridge.wire import frames
from ptybridge.wire.codes import CloseCode
from ptybridge.wire.frames import HEADER, Frame, Kind

_log = structlog.get_logger(__name__)

MAX_WAITING = 256 * 1024
"""Bytes of output that the client may leave untaken, as a socket's buffers would."""

Item = bytes | Frame
"""A JSON message as text, or a binary frame."""


class DirectLink:
    """A link to a client in this process, which calls ``hear``, ``next`` and ``leave``.

    Attributes:
        is_ready: Output may be sent: not too much of it waits, and the link is not closing.
        end: The close code and the reason, once the link is closing.
    """

    def __init__(
        self, receiver: Receiver, *, max_message: int, loop: asyncio.AbstractEventLoop
    ) -> None:
        """``max_message`` is how many bytes a message of the client's may have."""
        self._receiver = receiver
        self._max_message = max_message
        self._loop = loop
        self._items: deque[Item] = deque()
        self._bytes = 0
        self._news = asyncio.Event()
        self.end: tuple[int, str] | None = None
        self._stream: Iterator[Item] | None = None
        self._behind_stream: deque[Item] = deque()
        self.is_ready = True

    # --- the client's end

    def hear(self, item: Item) -> None:
        """Take a message or frame of the client's; nothing more once the link is closing."""
        if self.end is not None:
            return
        message = frames.encode(item) if isinstance(item, Frame) else item
        if len(message) > self._max_message:
            self.close(CloseCode.TOO_LARGE, "the message is too large")
        elif isinstance(item, Frame):
            self._receiver.on_binary(message)
        else:
            self._receiver.on_text(message)
        self._receiver.on_heard()

    async def next(self) -> Item | None:
        """The next message or frame; None when nothing more comes, for which ``end`` says why."""
        while not self._items:
            if self.end is not None:
                return None
            self._news.clear()
            await self._news.wait()
        item = self._items.popleft()
        self._bytes -= _size(item)
        if not self.is_ready and self._bytes <= MAX_WAITING // 2 and self._stream is None:
            self._loop.call_soon(self._drained)
        return item

    def leave(self) -> None:
        """The client has gone. Idempotent."""
        self.close(CloseCode.DONE, "")

    # --- the server's end: `ptybridge.server.links.Link`

    def post(self, message: bytes) -> None:
        """Send a JSON message."""
        self._put(message)

    def post_binary(self, message: bytes) -> None:
        """Send a binary frame."""
        self._put(frames.decode(message))

    def flush(self) -> None:
        """Nothing waits here."""

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Call back within ``SOON_SECONDS``, whatever becomes of the link."""
        self._loop.call_later(SOON_SECONDS, callback)

    def send_text(self, message: bytes) -> None:
        """As ``post``."""
        self._put(message)

    def send_batch(self, batch: Batch) -> None:
        """Send JSON messages, as ``post`` does each."""
        for message in batch.messages:
            self._put(message)

    def send_binary(
        self, header: bytes, parts: Sequence[memoryview | bytes], *, key: object = None
    ) -> None:
        """Send a binary frame; ``parts`` are copied, being good during the call only."""
        kind, channel, offset = HEADER.unpack(header)
        self._put(Frame(Kind(kind), channel, offset, b"".join(parts)))

    def stream_binary(self, header: bytes, pieces: Iterator[bytes]) -> None:
        """Send one binary frame, made a piece a turn of the loop."""
        kind, channel, offset = HEADER.unpack_from(header)
        begun = header[HEADER.size :]

        def whole() -> Iterator[Item]:
            payload = bytearray(begun)
            for piece in pieces:
                payload += piece
                yield b""
            yield Frame(Kind(kind), channel, offset, bytes(payload))

        self._begin_stream(whole())

    def stream_text(self, messages: Iterator[bytes]) -> None:
        """Send JSON messages, one a turn of the loop."""
        self._begin_stream(messages)

    def ping(self) -> None:
        """Whoever is in the same process lives as long as the server does."""
        self._loop.call_soon(self._receiver.on_heard)

    def close(self, code: int, reason: str) -> None:
        """Say why behind what waits, and end the link. Idempotent."""
        if self.end is None:
            self.end = (int(code), reason)
            self._stream = None
            self.is_ready = False
            self._news.set()
            self._loop.call_soon(self._receiver.on_closed)

    def cut(self, code: int, reason: str) -> None:
        """Drop all that was not taken, say why, and end the link. Idempotent."""
        self._items.clear()
        self._bytes = 0
        self.close(code, reason)

    def abort(self) -> None:
        """End the link at once. Idempotent."""
        self.cut(CloseCode.INTERNAL, "")

    # --- in between

    def _put(self, item: Item) -> None:
        if self.end is not None:
            return
        if self._stream is not None:
            self._behind_stream.append(item)
            return
        self._items.append(item)
        self._bytes += _size(item)
        self._news.set()
        if self._bytes > MAX_WAITING:
            self.is_ready = False
        if self._bytes > MAX_OUTBOX + 2 * MAX_WAITING:
            self.abort()

    def _begin_stream(self, items: Iterator[Item]) -> None:
        self._stream = items
        self.is_ready = False
        self._loop.call_soon(self._stream_on)

    def _stream_on(self) -> None:
        if self._stream is None:
            return
        try:
            item = next(self._stream, None)
        except Exception:
            _log.exception("what was being sent broke off")
            self.close(CloseCode.INTERNAL, "")
            return
        if item is None:
            self._stream = None
            behind, self._behind_stream = self._behind_stream, deque()
            for late in behind:
                self._put(late)
            self._drained()
            return
        if item:
            self._items.append(item)
            self._bytes += _size(item)
            self._news.set()
        self._loop.call_soon(self._stream_on)

    def _drained(self) -> None:
        if self.end is None and self._stream is None and self._bytes <= MAX_WAITING:
            self.is_ready = True
            self._receiver.on_writable()


def _size(item: Item) -> int:
    return len(item.payload) + HEADER.size if isinstance(item, Frame) else len(item)
