"""Messages without WebSocket: server-sent events down, JSON bodies up (docs/wire.md section 5).

The event stream is the one of the HTML standard, section 9.2: lines of ``field: value``, an event
ended by an empty line, comments that begin with a colon.
"""

import re
from binascii import b2a_base64
from collections.abc import Sequence
from typing import Annotated

import msgspec

from ptybridge.wire.errors import MalformedMessage
from ptybridge.wire.frames import HEADER, Kind
from ptybridge.wire.messages import MAX_ID

CONTENT_TYPE = "text/event-stream"

COMMENT = b": alive\n\n"
"""What keeps proxies from closing a stream on which nothing happens."""

MAX_BATCH = 256
"""Messages that one POST may carry."""

UNANSWERED = frozenset({"input", "resize", "ack"})
"""Types of message that nothing answers, unless they are refused."""

_NO_ID = b""
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


def event(event_type: str, data: bytes, position: bytes = _NO_ID) -> bytes:
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


def frame_event(
    header: bytes, parts: Sequence[memoryview | bytes]
) -> tuple[Kind, int, int, str, bytes]:
    """A binary frame of section 4 as an event: kind, channel, the offset behind it, type, data."""
    number, channel, offset = HEADER.unpack(header)
    kind = Kind(number)
    start = b'{"channel":%d,"offset":%d' % (channel, offset)
    if kind is Kind.INPUT_ACK:
        return kind, channel, offset, "input-ack", start + b"}"
    payload = b"".join(parts)
    if kind is Kind.SNAPSHOT:
        rows, cols = int.from_bytes(payload[:2]), int.from_bytes(payload[2:4])
        start += b',"rows":%d,"cols":%d' % (rows, cols)
        payload = payload[4:]
        name, end = "snapshot", offset
    else:
        name, end = "output", offset + len(payload)
    encoded = b2a_base64(payload, newline=False)
    return kind, channel, end, name, b'%b,"base64":"%b"}' % (start, encoded)


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
