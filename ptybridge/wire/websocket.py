"""WebSocket framing (RFC 6455), the server's side: bytes to messages and back, no I/O.

Written here, and not taken from aiohttp, because it is the hot path and its edge: aiohttp's reader
hands messages over through a queue to a task, and takes frames that a client did not mask, which
section 5.1 forbids.
"""

import enum
import struct
import sys
from collections.abc import Iterable, Iterator

from ptybridge.wire import deflate
from ptybridge.wire.codes import CloseCode
from ptybridge.wire.errors import ProtocolViolation

COMPRESSED = 0x40
"""Added to the opcode of a message that is compressed (RFC 7692 section 6: the bit RSV1)."""

MAX_CONTROL_PAYLOAD = 125
"""Bytes that a control frame may carry (section 5.5)."""


class Opcode(enum.IntEnum):
    """What a frame is (section 5.2)."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


_FIN = 0x80
_RSV = 0x70
_MASKED = 0x80
_CONTROL = 0x08
_BINARY = Opcode.BINARY
_WHOLE_BINARY = _FIN | _BINARY
_WHOLE_PONG = _FIN | Opcode.PONG
_EMPTY_PONG = ((Opcode.PONG, b""),)
_DATA = (Opcode.TEXT, Opcode.BINARY)
_KNOWN = frozenset(int(opcode) for opcode in Opcode)
_SHORT = struct.Struct("!H")
_LONG = struct.Struct("!Q")


def unmask(mask: bytes, payload: bytes | bytearray | memoryview) -> bytes:
    """Combine ``payload`` with the repeated four bytes of ``mask`` (section 5.3).

    One big exclusive-or: a hundred times faster than a loop over the bytes.
    """
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    order = sys.byteorder
    mixed = int.from_bytes(payload, order) ^ int.from_bytes(key, order)
    return mixed.to_bytes(size, order)


def header(opcode: int, size: int, *, is_last: bool = True) -> bytes:
    """Begin an unmasked frame with ``size`` bytes of payload, a message's last (section 5.2).

    ``opcode`` may have ``COMPRESSED`` added.
    """
    first = _FIN | opcode if is_last else opcode
    if size < 126:
        return bytes((first, size))
    if size < 0x10000:
        return bytes((first, 126)) + _SHORT.pack(size)
    return bytes((first, 127)) + _LONG.pack(size)


def frame(opcode: int, payload: bytes) -> bytes:
    """One whole frame."""
    return header(opcode, len(payload)) + payload


def fragments(
    start: bytes, pieces: Iterable[bytes], *, opcode: int = Opcode.BINARY
) -> Iterator[bytes]:
    r"""Frames of one binary message: ``start`` and then ``pieces`` (section 5.4).

    Each piece is asked for when its frame is. What is short goes as one frame. ``opcode`` may have
    ``COMPRESSED`` added, which then stands in the first frame only.

    >>> list(fragments(b"a", [b"b"])), len(list(fragments(b"a", [b"b", b"c"])))
    ([b'\x82\x02ab'], 2)
    """
    waiting = start
    is_start = True
    for piece in pieces:
        if is_start:
            waiting += piece
            is_start = False
            continue
        yield header(opcode, len(waiting), is_last=False) + waiting
        opcode, waiting = Opcode.CONTINUATION, piece
    yield frame(opcode, waiting)


def close_frame(code: int, reason: str) -> bytes:
    """A close frame; the reason is cut to what a control frame holds (section 5.5.1)."""
    text = reason.encode()[: MAX_CONTROL_PAYLOAD - 2].decode(errors="ignore").encode()
    return frame(Opcode.CLOSE, _SHORT.pack(code) + text)


def parse_close(payload: bytes) -> tuple[int, str]:
    """Code and reason of a received close frame; 1005 stands for "none given" (7.1.5).

    Raises:
        ProtocolViolation: A code that no peer may send (section 7.4), or a reason that is not
            UTF-8.
    """
    if not payload:
        return 1005, ""
    if len(payload) == 1:
        raise ProtocolViolation(CloseCode.PROTOCOL_ERROR, "close code cut short")
    (code,) = _SHORT.unpack_from(payload)
    if not (3000 <= code <= 4999 or code in {*range(1000, 1004), *range(1007, 1015)}):
        raise ProtocolViolation(CloseCode.PROTOCOL_ERROR, "close code not allowed")
    try:
        return code, payload[2:].decode()
    except UnicodeDecodeError as error:
        raise ProtocolViolation(CloseCode.INVALID_TEXT, "close reason is not UTF-8") from error


class FrameReader:
    """Turns what arrives from one client into messages and control frames.

    Holds at most one unfinished message of at most ``max_message`` bytes; what is refused is
    refused by its header, before its payload is waited for. With ``inflates``, a message may be
    compressed (RFC 7692), and what it unpacks to has the same limit.
    """

    __slots__ = ("_buffer", "_inflates", "_max_message", "_opcode", "_unfinished")

    def __init__(self, *, max_message: int, inflates: bool = False) -> None:
        self._buffer: bytes = b""
        self._max_message = max_message
        self._inflates = inflates
        self._unfinished: bytearray | None = None
        self._opcode = 0

    def feed(self, data: bytes) -> Iterable[tuple[int, bytes]]:
        """Take bytes; give each (opcode, payload) that they complete, in order.

        Messages come whole, joined from their fragments; text is checked to be UTF-8. What is
        given has to be taken before the next call.

        Raises:
            ProtocolViolation: After all that came before the violation was given.
        """
        # A key is one small frame in a read of its own: it goes the short way. So does the answer
        # to a ping, which each of ten thousand gives twice a minute.
        if len(data) > 6 and data[0] == _WHOLE_BINARY and not self._buffer:
            size = len(data) - 6
            if size < 126 and data[1] == _MASKED | size and self._unfinished is None:
                return ((_BINARY, unmask(data[2:6], data[6:])),)
        if len(data) == 6 and data[0] == _WHOLE_PONG and data[1] == _MASKED and not self._buffer:
            return _EMPTY_PONG
        return self._feed(data)

    def _feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        buffer = self._buffer + data if self._buffer else data
        at = 0
        available = len(buffer)
        try:
            while available - at >= 2:
                first, second = buffer[at], buffer[at + 1]
                size = second & 0x7F
                start = at + 2
                if size == 126:
                    if available < start + 2:
                        break
                    (size,) = _SHORT.unpack_from(buffer, start)
                    start += 2
                elif size == 127:
                    if available < start + 8:
                        break
                    (size,) = _LONG.unpack_from(buffer, start)
                    start += 8
                self._check(first, second, size)
                end = start + 4 + size
                if available < end:
                    break
                payload = unmask(buffer[start : start + 4], buffer[start + 4 : end])
                at = end
                if first & _CONTROL:
                    yield first & 0x0F, payload
                elif (message := self._join(first, payload)) is not None:
                    yield message
        finally:
            self._buffer = buffer[at:] if at else buffer

    def _check(self, first: int, second: int, size: int) -> None:
        """Refuse a frame by its header."""
        opcode = first & 0x0F
        if first & _RSV and not (
            self._inflates and first & _RSV == COMPRESSED and opcode in _DATA
        ):  # section 5.2: no extension was negotiated that gives them a meaning here
            raise ProtocolViolation(CloseCode.PROTOCOL_ERROR, "reserved bits are set")
        if opcode not in _KNOWN:
            raise ProtocolViolation(CloseCode.PROTOCOL_ERROR, "unknown opcode")
        if not second & _MASKED:  # section 5.1
            raise ProtocolViolation(CloseCode.PROTOCOL_ERROR, "frame is not masked")
        if opcode & _CONTROL:
            if not first & _FIN or size > MAX_CONTROL_PAYLOAD:  # section 5.5
                raise ProtocolViolation(CloseCode.PROTOCOL_ERROR, "control frame too long")
            return
        if (opcode == Opcode.CONTINUATION) != (self._unfinished is not None):  # section 5.4
            raise ProtocolViolation(CloseCode.PROTOCOL_ERROR, "fragment out of order")
        kind = first
        if self._unfinished is not None:
            size += len(self._unfinished)
            kind = self._opcode
        limit = self._max_message
        if size > (deflate.compressed_bound(limit) if kind & COMPRESSED else limit):
            raise ProtocolViolation(CloseCode.TOO_LARGE, f"more than {self._max_message} bytes")

    def _join(self, first: int, payload: bytes) -> tuple[int, bytes] | None:
        """Add a data frame to the message it belongs to; the message when that is its last."""
        kind = first & (COMPRESSED | 0x0F)
        if self._unfinished is not None:
            self._unfinished += payload
            if not first & _FIN:
                return None
            kind, payload = self._opcode, bytes(self._unfinished)
            self._unfinished = None
        elif not first & _FIN:
            self._opcode, self._unfinished = kind, bytearray(payload)
            return None
        if kind & COMPRESSED:
            payload = deflate.inflate(payload, limit=self._max_message)
        opcode = kind & 0x0F
        if opcode == Opcode.TEXT and not payload.isascii():
            try:
                payload.decode()
            except UnicodeDecodeError as error:  # section 8.1
                raise ProtocolViolation(CloseCode.INVALID_TEXT, "text is not UTF-8") from error
        return opcode, payload
