"""Messages without WebSocket: server-sent events down, JSON bodies up (docs/wire.md section 5).

The event stream is the one of the HTML standard, section 9.2: lines of ``field: value``, an event
ended by an empty line, comments that begin with a colon.
"""

import re
import struct
from binascii import b2a_base64
from collections.abc import Iterator, Sequence
from typing import Annotated

import msgspec

from ptybridge.wire.errors import MalformedMessage
from ptybridge.wire.fields import MAX_ID
from ptybridge.wire.frames import HEADER

CONTENT_TYPE = "text/event-stream"

COMMENT = b": alive\n\n"
"""What keeps proxies from closing a stream on which nothing happens."""

MAX_BATCH = 256
"""Messages that one POST may carry."""

UNANSWERED = frozenset({"input", "resize", "ack"})
"""Types of message that nothing answers, unless they are refused."""

_POSITION = re.compile(r"(?P<seq>[0-9]{0,16})\.(?P<offset>[0-9]{0,16})\Z")


class Position(msgspec.Struct, frozen=True):
    """Where a stream can be taken up again: what ``Last-Event-ID`` holds, as ``SEQ.OFFSET``.

    Attributes:
        seq: The session's last event that was sent; None while none was.
        offset: The first byte not yet sent of the terminal that the stream's address names.

    >>> Position(7, 4096).text()
    b'7.4096'
    >>> Position.parse(".4096")
    Position(seq=None, offset=4096)
    """

    seq: int | None = None
    offset: int | None = None

    @classmethod
    def parse(cls, text: str) -> "Position":
        """Read a position.

        Raises:
            MalformedMessage: It is not one.
        """
        match = _POSITION.match(text)
        if match is None:
            raise MalformedMessage("Last-Event-ID is not a position of this stream")
        seq, offset = (int(part) if part else None for part in match.group("seq", "offset"))
        if max(seq or 0, offset or 0) > MAX_ID:
            raise MalformedMessage("Last-Event-ID is not a position of this stream")
        return cls(seq, offset)

    def text(self) -> bytes:
        """As it stands behind ``id:``."""
        seq = "" if self.seq is None else self.seq
        offset = "" if self.offset is None else self.offset
        return f"{seq}.{offset}".encode("ascii")


class Envelope(msgspec.Struct, frozen=True, omit_defaults=True):
    """The outside of a message of ours, or of a client's as far as it can be read.

    ``data`` is JSON text; empty when there is none.
    """

    type: str = ""
    data: msgspec.Raw = msgspec.Raw(b"")
    id: Annotated[int, msgspec.Meta(ge=0, le=MAX_ID)] | None = None


class _Place(msgspec.Struct, frozen=True):
    """What of an event's data says how far the session has come."""

    session_id: str | None = msgspec.field(default=None, name="sessionID")
    seq: int | None = None
    to: int | None = None


_envelopes = msgspec.json.Decoder(Envelope)
_places = msgspec.json.Decoder(_Place)
_bodies = msgspec.json.Decoder(list[msgspec.Raw])
_raw = msgspec.json.Decoder(msgspec.Raw)
_encoder = msgspec.json.Encoder()


def envelope(message: bytes) -> Envelope:
    """Read the outside of a message; one that has none has no type either."""
    try:
        return _envelopes.decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Envelope()


def event(event_type: str, data: bytes, position: bytes = b"") -> bytes:
    """One event; ``data`` is JSON in one line, as all that msgspec encodes is."""
    start = b"event: %b\n" % event_type.encode()
    if position:
        start += b"id: %b\n" % position
    return b"%bdata: %b\n\n" % (start, data or b"{}")


def seq_of(outside: Envelope, session_id: str) -> int | None:
    """How far an event brings the session; None when it is no event of that session's.

    ``subscribed`` tells a ``seq`` too, of events that are still to come.
    """
    if outside.type == "subscribed" or b'"sessionID"' not in bytes(outside.data):
        return None
    try:
        place = _places.decode(outside.data)
    except msgspec.DecodeError:
        return None
    if place.session_id != session_id:
        return None
    return place.to if outside.type == "gap" and place.to is not None else place.seq


def output_event(offset: int, channel: int, parts: Sequence[memoryview | bytes]) -> bytes:
    """The data of an OUTPUT frame as an event's."""
    encoded = b2a_base64(b"".join(parts), newline=False)
    return b'{"channel":%d,"offset":%d,"base64":"%b"}' % (channel, offset, encoded)


def ack_event(offset: int, channel: int) -> bytes:
    """The data of an INPUT_ACK frame as an event's."""
    return b'{"channel":%d,"offset":%d}' % (channel, offset)


def snapshot_event(header: bytes, pieces: Iterator[bytes], position: bytes) -> Iterator[bytes]:
    """A SNAPSHOT frame as one event, in as many pieces as it comes in.

    ``header`` is the frame's, with the size that stands before the snapshot's bytes.
    """
    _, channel, offset = HEADER.unpack_from(header)
    rows, cols = struct.unpack_from("!HH", header, HEADER.size)
    numbers = b'"channel":%d,"offset":%d,"rows":%d,"cols":%d' % (channel, offset, rows, cols)
    whole = event("snapshot", b'{%b,"base64":"' % numbers, position)
    yield whole.removesuffix(b"\n\n")
    held = b""
    for piece in pieces:
        held += piece
        end = len(held) - len(held) % 3  # base64 has four characters for every three bytes
        yield b2a_base64(held[:end], newline=False)
        held = held[end:]
    yield b'%b"}\n\n' % b2a_base64(held, newline=False)


def split(body: bytes) -> tuple[list[bytes], bool]:
    """The messages of a POST's body, and whether they came as a list.

    Raises:
        MalformedMessage: It is neither a message nor a list of at most ``MAX_BATCH``.
    """
    try:
        if not body.lstrip(b" \t\r\n").startswith(b"["):
            return [bytes(_raw.decode(body))], False
        texts = [bytes(text) for text in _bodies.decode(body)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MalformedMessage("the body must be a JSON message, or a list of them") from None
    if len(texts) > MAX_BATCH:
        raise MalformedMessage(f"a list has at most {MAX_BATCH} messages")
    return texts, True


def join(answers: Sequence[Envelope], *, is_list: bool) -> bytes:
    """The answer to a POST: a list for a list, else the one message, or nothing."""
    if is_list:
        return _encoder.encode([_whole(answer) for answer in answers])
    return _encoder.encode(_whole(answers[0])) if answers else b""


def _whole(answer: Envelope) -> Envelope | dict[str, object]:
    """An envelope that encodes to JSON, with ``data`` left out when it is empty."""
    if bytes(answer.data):
        return answer
    without: dict[str, object] = {"type": answer.type}
    if answer.id is not None:
        without["id"] = answer.id
    return without
