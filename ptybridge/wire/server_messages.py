"""Messages as a client writes and reads them: the other side of ``ptybridge.wire.messages``."""

from typing import Annotated, Any, NamedTuple

import msgspec

from ptybridge.wire.errors import MalformedMessage
from ptybridge.wire.fields import MAX_ID
from ptybridge.wire.messages import SERVER_MESSAGES, Accepted, ClientMessage, ServerMessage
from ptybridge.wire.session_messages import Taken


class Told(NamedTuple):
    """A message of the server's.

    Attributes:
        message: None where it is of a type that this version does not know.
        id: Of the request that it answers.
        type: Its type.
    """

    message: ServerMessage | None
    id: int | None
    type: str


class _Envelope(msgspec.Struct, frozen=True):
    type: str
    data: msgspec.Raw = msgspec.Raw(b"{}")
    id: Annotated[int, msgspec.Meta(ge=0, le=MAX_ID)] | None = None


class _Outgoing(msgspec.Struct, frozen=True, omit_defaults=True):
    type: str
    data: Any = None
    id: int | None = None


_envelopes = msgspec.json.Decoder(_Envelope)
_taken = msgspec.json.Decoder(Taken)
_decoders = {name: msgspec.json.Decoder(cls) for name, cls in SERVER_MESSAGES.items()}
_encoder = msgspec.json.Encoder()


def decode(text: bytes | str) -> Told:
    """Read one JSON message of a server. Fields that are not known are passed over.

    Raises:
        MalformedMessage: It is not one.
    """
    try:
        envelope = _envelopes.decode(text)
        decoder = _decoders.get(envelope.type)
        if decoder is None:
            return Told(None, envelope.id, envelope.type)
        if envelope.type == Accepted.type and b'"messageID"' in bytes(envelope.data):
            return Told(_taken.decode(envelope.data), envelope.id, envelope.type)
        return Told(decoder.decode(envelope.data), envelope.id, envelope.type)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedMessage(f"not a message of this protocol: {error}") from error


def encode(message: ClientMessage, request_id: int | None = None) -> bytes:
    """Serialize a client's message; ``data`` is left out when it is empty."""
    data = message if message.__struct_fields__ else None
    return _encoder.encode(_Outgoing(message.type, data, request_id))
