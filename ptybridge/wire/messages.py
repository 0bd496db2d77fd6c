"""JSON messages as values: docs/wire.md sections 1 and 2.

A message is ``{"type": TYPE, "data": {...}, "id": ID}``; each class here is the ``data`` of one
type. Fields are named as on the wire but for the case: ``terminal_id`` is ``terminalID`` there.
"""

from typing import Annotated, Any, ClassVar, Literal

import msgspec

from ptybridge.wire.errors import MalformedMessage
from ptybridge.wire.fields import (
    MAX_ID,
    Channel,
    Cols,
    Message,
    Name,
    Offset,
    RoleName,
    Rows,
    wire_name,
)
from ptybridge.wire.keyboard import Input
from ptybridge.wire.notices import NOTICES, Notice
from ptybridge.wire.session_messages import (
    SESSION_EVENTS,
    SESSION_REQUESTS,
    SessionReply,
    SessionRequest,
)


class TerminalState(msgspec.Struct, frozen=True, rename=wire_name, omit_defaults=True):
    """A terminal as clients see it; ``created`` in milliseconds since the Unix epoch.

    ``command`` is what runs in the shell, ``exit_code`` is of the last command; ``end`` is how many
    bytes of output there were, ``bells`` how often it rang.
    ``renamed``: the title was given by people, not by the program.
    """

    id: str
    title: str
    rows: int
    cols: int
    created: int
    exit: "ExitState | None" = None
    session_id: str | None = None
    cwd: str | None = None
    progress: "ProgressState | None" = None
    command: str | None = None
    exit_code: int | None = None
    viewers: int = 0
    renamed: bool = False
    end: int = 0
    bells: int = 0


class ExitState(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a program ended: ``code`` or ``signal``."""

    code: int | None = None
    signal: int | None = None


class ProgressState(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far a program says it is, in per cent."""

    state: str
    percent: int | None = None


# --- from clients


class Ping(Message, frozen=True):
    """Ask for a ``pong``: life for clients that cannot see ping frames."""

    type: ClassVar[str] = "ping"


class OpenTerminal(Message, frozen=True):
    """Start a terminal in a session; ``command`` left out is the configured one.

    With ``channel`` it is viewed there from its first byte on, as if by an ``attach``. ``like``
    names a terminal of the session whose command and directory are taken.
    """

    type: ClassVar[str] = "terminal.open"
    rows: Rows
    cols: Cols
    session_id: Name | None = None
    command: Annotated[list[str], msgspec.Meta(min_length=1, max_length=256)] | None = None
    cwd: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)] | None = None
    channel: Channel | None = None
    window: Offset = 0
    like: Name | None = None


class CloseTerminal(Message, frozen=True):
    """End a terminal's program."""

    type: ClassVar[str] = "terminal.close"
    terminal_id: Name


class Attach(Message, frozen=True):
    """Start viewing a terminal on ``channel``.

    ``since`` resumes a broken view: the offset of the first byte not yet shown, and of no meaning
    if the terminal was not ``created`` then: another has its name now. ``window`` is how many bytes
    may be in flight beyond the last ``ack``; 0 leaves it to the socket.
    """

    type: ClassVar[str] = "attach"
    channel: Channel
    terminal_id: Name
    rows: Rows
    cols: Cols
    since: Offset | None = None
    window: Offset = 0
    role: RoleName | None = None
    created: Offset | None = None


class Detach(Message, frozen=True):
    """Stop viewing."""

    type: ClassVar[str] = "detach"
    channel: Channel


class Resize(Message, frozen=True):
    """The viewer's own size has changed, or whether somebody can see it."""

    type: ClassVar[str] = "resize"
    rows: Rows
    cols: Cols
    channel: Channel | None = None
    visible: bool = True


class Ack(Message, frozen=True):
    """All bytes before ``offset`` have been rendered."""

    type: ClassVar[str] = "ack"
    offset: Offset
    channel: Channel | None = None


class Control(Message, frozen=True):
    """Ask for the keyboard, give it up, hand it on or take it; ``to`` names a viewer."""

    type: ClassVar[str] = "control"
    channel: Channel
    action: Literal["request", "grant", "release", "revoke"]
    to: Annotated[str, msgspec.Meta(max_length=128)] | None = None


# --- from the server


class Pong(Message, frozen=True):
    """The answer to ``ping``."""

    type: ClassVar[str] = "pong"


class Error(Message, frozen=True):
    """A request that could not be served, and why; never with the request's own text."""

    type: ClassVar[str] = "error"
    code: str
    message: str


class Accepted(Message, frozen=True):
    """The request is under way."""

    type: ClassVar[str] = "accepted"


class User(msgspec.Struct, frozen=True):
    """Whom the server takes the client for."""

    id: str
    name: str


class PingTimes(msgspec.Struct, frozen=True):
    """Milliseconds of silence before a ping, and after it before the end."""

    interval: int
    timeout: int


class ReconnectTimes(msgspec.Struct, frozen=True, rename=wire_name):
    """How often a client tries again (0: for ever), and the first delay in milliseconds."""

    max_attempts: int
    delay: int


class Welcome(Message, frozen=True):
    """The first frame of ``ptybridge.v1``; ``files`` is whether any can be moved here."""

    type: ClassVar[str] = "welcome"
    connection_id: str
    user: User
    ping: PingTimes
    reconnect: ReconnectTimes
    input_window: int
    files: bool = True


class TerminalOpened(Message, frozen=True):
    """The answer to ``terminal.open``."""

    type: ClassVar[str] = "terminal.opened"
    terminal: TerminalState


class Attached(Message, frozen=True):
    """The answer to ``attach``: output follows from ``offset``, at this size.

    What lies before ``end`` was printed before the attach: it is shown, but not answered, anew.
    Where the server ``answers`` what programs ask of their terminal, nobody else may.
    ``viewer_id`` is this viewer's name in ``viewers``.
    """

    type: ClassVar[str] = "attached"
    channel: int
    terminal_id: str
    role: RoleName
    rows: int
    cols: int
    offset: int
    end: int
    answers: bool
    viewer_id: str
    terminal: TerminalState


class Detached(Message, frozen=True):
    """The answer to ``detach``: nothing more comes on this channel."""

    type: ClassVar[str] = "detached"
    channel: int


class Output(Message, frozen=True):
    """Output for plain clients, decoded from UTF-8; ``offset`` is of its first byte."""

    type: ClassVar[str] = "output"
    output: str
    channel: int | None = None
    offset: int | None = None


class Resized(Message, frozen=True):
    """From ``offset`` on the terminal has another size."""

    type: ClassVar[str] = "resized"
    terminal_id: str
    rows: int
    cols: int
    offset: int


class Exited(Message, frozen=True):
    """The program has ended, and all that it printed was sent."""

    type: ClassVar[str] = "exited"
    terminal_id: str
    code: int | None = None
    signal: int | None = None


ClientMessage = (
    Ping
    | OpenTerminal
    | CloseTerminal
    | Attach
    | Detach
    | Input
    | Resize
    | Ack
    | Control
    | SessionRequest
)
ServerMessage = (
    Pong
    | Error
    | Accepted
    | Welcome
    | TerminalOpened
    | Attached
    | Detached
    | Output
    | Resized
    | Exited
    | Notice
    | SessionReply
)

CLIENT_MESSAGES: dict[str, type[ClientMessage]] = {
    cls.type: cls
    for cls in (
        *(Ping, OpenTerminal, CloseTerminal, Attach, Detach, Input, Resize, Ack, Control),
        *SESSION_REQUESTS,
    )
}
"""Type to class, for all that clients send."""
SERVER_MESSAGES: dict[str, type[ServerMessage]] = {
    cls.type: cls
    for cls in (
        Pong,
        Error,
        Accepted,
        Welcome,
        TerminalOpened,
        Attached,
        Detached,
        Output,
        Resized,
        Exited,
        *NOTICES,
        *SESSION_EVENTS,
    )
}
"""Type to class, for all that the server sends."""


class Request(msgspec.Struct, frozen=True):
    """A client's message and the ``id`` that its one reply carries."""

    message: ClientMessage
    id: int | None = None


class _Envelope(msgspec.Struct, frozen=True):
    """The outside of a message; what ``data`` must be depends on ``type``."""

    type: str
    data: msgspec.Raw = msgspec.Raw(b"{}")
    id: Annotated[int, msgspec.Meta(ge=0, le=MAX_ID)] | None = None


class _Outgoing(msgspec.Struct, frozen=True, omit_defaults=True):
    """The outside of a message on its way to a client."""

    type: str
    data: Any = None
    id: int | None = None


_envelope_decoder = msgspec.json.Decoder(_Envelope)
_decoders = {name: msgspec.json.Decoder(cls) for name, cls in CLIENT_MESSAGES.items()}
_encoder = msgspec.json.Encoder()


class MalformedRequest(MalformedMessage):
    """A malformed message whose ``id`` could still be read.

    Attributes:
        id: The ``id`` that the error carries, or None.
    """

    def __init__(self, text: str, request_id: int | None = None) -> None:
        super().__init__(text)
        self.id = request_id


_REFUSALS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are not the message asked for."""


def _complaint(error: Exception) -> str:
    """What msgspec found wrong, less the phrases in which it quotes the payload."""
    if isinstance(error, UnicodeDecodeError):
        return "text is not UTF-8"
    if isinstance(error, RecursionError):
        return "nested too deep"
    text = str(error)
    if text.startswith("Invalid enum value"):
        _, _, place = text.rpartition(" - at ")
        return f"Invalid value - at {place}"
    return text


def decode(text: bytes) -> Request:
    """Read one JSON message of a client.

    Raises:
        MalformedRequest: Not JSON, not an object, unknown type, or a field missing, ill-typed
            or out of range.
    """
    try:
        envelope = _envelope_decoder.decode(text)
    except _REFUSALS as error:
        raise MalformedRequest(_complaint(error)) from None
    decoder = _decoders.get(envelope.type)
    if decoder is None:
        raise MalformedRequest("unknown type of message", envelope.id)
    try:
        return Request(decoder.decode(envelope.data), envelope.id)
    except _REFUSALS as error:
        raise MalformedRequest(f"{envelope.type}: {_complaint(error)}", envelope.id) from None


def encode(message: ServerMessage, request_id: int | None = None) -> bytes:
    """Serialize a message to a client; ``data`` is left out when it is empty."""
    if message.__struct_fields__:
        return _encoder.encode(_Outgoing(message.type, message, request_id))
    return _encoder.encode(_Outgoing(message.type, None, request_id))
