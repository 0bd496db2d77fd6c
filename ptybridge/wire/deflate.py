"""permessage-deflate (RFC 7692), the server's side: bytes to fewer bytes and back, no I/O.

Every message is compressed by itself ("no context takeover", section 7.1.1), in both directions.
So a connection keeps no state, which would be some hundred kilobytes for each; what many are sent
is compressed once for all; and no message shows by its length what an earlier one held.
"""

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from ptybridge.wire.codes import CloseCode
from ptybridge.wire.errors import ProtocolViolation

MIN_BYTES: Final = 512
"""Shorter messages go as they are: little is saved, and they are those that must be quick."""

MAX_WINDOW_BITS: Final = 15
"""The greatest window, 32 KiB (section 7.1.2), and the one that is used unless a client asks."""

_MIN_WINDOW_BITS: Final = 9
"""zlib cannot make the least window of the RFC, 8 bit, without a header (zlib's manual)."""

_LEVEL: Final = 1
"""The quickest: 64 KiB of a terminal's output in 0.3 ms to a fifth; level 6 takes 2 ms to 15 %."""

_TAIL: Final = b"\0\0\xff\xff"
"""How a flush ends; it is left out at a message's end (section 7.2.1)."""

_CONTINUED: Final = b"\0"
"""Ends a message at whose end a flush was not left out: with the tail, an empty block."""

_MAX_STREAMS: Final = 4
"""Of DEFLATE streams in one message, which a peer may end and begin anew (section 7.2.3.5)."""

NAME: Final = "permessage-deflate"

_NUMBER: Final = re.compile(r"(?:[89]|1[0-5])\Z")


def compressed_bound(size: int) -> int:
    """The most bytes that a message of ``size`` may take compressed (zlib's deflateBound)."""
    return size + size // 1000 + 64


class Deflater:
    """Compresses messages for all links with the same window; what it has made last, once.

    Attributes:
        window_bits: The base-2 logarithm of the window.
    """

    def __init__(self, window_bits: int = MAX_WINDOW_BITS) -> None:
        self.window_bits = window_bits
        self._key: object = self  # nobody's yet
        self._plain = b""
        self._made: bytes = b""

    def message(self, message: bytes) -> bytes:
        """A compressed message's payload."""
        return self._begin_and_end((message,))

    def shared(
        self, start: bytes, parts: Sequence[bytes | memoryview], *, key: object
    ) -> tuple[bytes, bytes]:
        """A compressed message: ``start``, as it is, then ``parts``, made once for a ``key``.

        ``start`` differs from link to link. It stands in a block that is not compressed (RFC 1951
        section 3.2.4), of at most 65,535 bytes, and what follows refers only to itself.
        """
        plain = b"".join(parts)
        # A key is a promise; were it broken, somebody would be shown what is another's. A terminal
        # may have the name of one that has ended, and print as many bytes at the same place.
        if key is None or key != self._key or plain != self._plain:
            self._made = self._begin_and_end((plain,))
            self._key, self._plain = key, plain
        size = len(start)
        block = b"\0" + size.to_bytes(2, "little") + (size ^ 0xFFFF).to_bytes(2, "little")
        return block + start, self._made

    def pieces(self, start: bytes, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """A long message, ``start`` and ``pieces``, each asked for when its output is."""
        compressor = self._compressor()
        for piece in pieces:
            yield compressor.compress(start + piece) + compressor.flush(zlib.Z_SYNC_FLUSH)
            start = b""
        yield compressor.compress(start) + compressor.flush(zlib.Z_SYNC_FLUSH) + _CONTINUED

    def _begin_and_end(self, parts: Iterable[bytes | memoryview]) -> bytes:
        compressor = self._compressor()
        made = [compressor.compress(part) for part in parts]
        made.append(compressor.flush(zlib.Z_SYNC_FLUSH))
        return b"".join(made).removesuffix(_TAIL)

    def _compressor(self) -> "zlib._Compress":
        return zlib.compressobj(_LEVEL, zlib.DEFLATED, -self.window_bits)


def inflate(payload: bytes, *, limit: int) -> bytes:
    """Unpack a message, to at most ``limit`` bytes (section 7.2.2).

    Raises:
        ProtocolViolation: It is more, or was not packed by DEFLATE.
    """
    rest = payload + _TAIL
    made = b""
    for _ in range(_MAX_STREAMS):
        unpacker = zlib.decompressobj(-MAX_WINDOW_BITS)
        try:
            made += unpacker.decompress(rest, limit + 1 - len(made))
        except zlib.error as error:
            raise ProtocolViolation(CloseCode.INVALID_TEXT, "malformed compression") from error
        if len(made) > limit:
            raise ProtocolViolation(CloseCode.TOO_LARGE, f"more than {limit} bytes")
        rest = unpacker.unused_data  # behind a final block
        if not rest:
            return made
    raise ProtocolViolation(CloseCode.INVALID_TEXT, "compressed in too many streams")


# --- negotiation


def negotiate(headers: Sequence[str]) -> tuple[str, int] | None:
    """Answer a client's ``Sec-WebSocket-Extensions`` headers (section 5.1).

    Returns:
        The value of the answer's header, and the window bits to compress with; None when the
        client offers nothing that can be done.
    """
    for offer in (offer for header in headers for offer in header.split(",")):
        name, *parameters = (part.strip() for part in offer.split(";"))
        if name == NAME and (window_bits := _window_bits(parameters)) is not None:
            answer = f"{NAME}; server_no_context_takeover; client_no_context_takeover"
            if window_bits != MAX_WINDOW_BITS:
                answer += f"; server_max_window_bits={window_bits}"
            return answer, window_bits
    return None


def _window_bits(parameters: Sequence[str]) -> int | None:
    """The window that an offer allows the server; None when it must be declined (section 7.1)."""
    values: dict[str, str | None] = {}
    for parameter in parameters:
        name, equals, value = (part.strip() for part in parameter.partition("="))
        if name in values:
            return None
        # RFC 6455 section 9.1: a value may be quoted.
        values[name] = value.removeprefix('"').removesuffix('"') if equals else None
    for name in ("server_no_context_takeover", "client_no_context_takeover"):
        if values.pop(name, None) is not None:
            return None
    client = values.pop("client_max_window_bits", None)
    server = values.pop("server_max_window_bits", str(MAX_WINDOW_BITS))
    if values or server is None or not all(map(_NUMBER.match, (client or "8", server))):
        return None
    return int(server) if int(server) >= _MIN_WINDOW_BITS else None
