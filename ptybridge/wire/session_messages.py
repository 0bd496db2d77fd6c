"""Messages of a session's channel: docs/wire.md section 2."""

from typing import Annotated, ClassVar, Literal

import msgspec

from ptybridge.wire.fields import MAX_ID, Message, Name, RoleName, wire_name

Seq = Annotated[int, msgspec.Meta(ge=0, le=MAX_ID)]
Words = Annotated[str, msgspec.Meta(max_length=65_536)]


class Part(msgspec.Struct, frozen=True):
    """A piece of a message; text is the only kind there is."""

    type: Literal["text"]
    text: Words


# --- from clients


class Subscribe(Message, frozen=True):
    """Follow a session; with ``since``, beginning behind the event of that number."""

    type: ClassVar[str] = "subscribe"
    session_id: Name | None = None
    since: Seq | None = None


class Unsubscribe(Message, frozen=True):
    """Follow a session no more."""

    type: ClassVar[str] = "unsubscribe"
    session_id: Name | None = None


class PromptRequest(Message, frozen=True):
    """Ask the responder."""

    type: ClassVar[str] = "prompt"
    parts: Annotated[list[Part], msgspec.Meta(min_length=1, max_length=64)]
    session_id: Name | None = None


class Say(Message, frozen=True):
    """Say something to the members; no responder is asked."""

    type: ClassVar[str] = "say"
    text: Words
    session_id: Name | None = None


class Cancel(Message, frozen=True):
    """Stop the answer that runs; with ``messageID``, only the answer or prompt of that name."""

    type: ClassVar[str] = "cancel"
    session_id: Name | None = None
    message_id: Name | None = None


class Approve(Message, frozen=True):
    """Let the responder use a tool that waits for it, or not."""

    type: ClassVar[str] = "approve"
    call_id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    approved: bool
    session_id: Name | None = None


# --- from the server


class MessageState(msgspec.Struct, frozen=True, rename=wire_name, omit_defaults=True):
    """A message of the chat; ``time`` in milliseconds since the Unix epoch.

    ``reason`` is how an answer ended; without it, it runs. ``reply_to`` is the prompt's name.
    """

    id: str
    role: Literal["user", "assistant", "system"]
    author: str
    parts: list[Part]
    time: int
    reason: str | None = None
    reply_to: str | None = None


class MemberState(msgspec.Struct, frozen=True):
    """An identity that is present."""

    id: str
    name: str
    role: RoleName


class ExitOf(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a program ended: ``code`` or ``signal``."""

    code: int | None = None
    signal: int | None = None


class TerminalOf(msgspec.Struct, frozen=True, omit_defaults=True):
    """A terminal in a session's events; ``created`` in milliseconds since the Unix epoch."""

    id: str
    title: str
    rows: int
    cols: int
    created: int
    exit: ExitOf | None = None


class ChannelState(msgspec.Struct, frozen=True):
    """A session as a subscriber finds it; ``created`` in milliseconds since the Unix epoch."""

    id: str
    created: int
    terminals: list[TerminalOf]
    members: list[MemberState]
    messages: list[MessageState]


class Subscribed(Message, frozen=True):
    """The answer to ``subscribe``: what there is as of event ``seq``; later events follow."""

    type: ClassVar[str] = "subscribed"
    session_id: str
    seq: int
    session: ChannelState


class Unsubscribed(Message, frozen=True):
    """The answer to ``unsubscribe``."""

    type: ClassVar[str] = "unsubscribed"
    session_id: str


class Taken(Message, frozen=True):
    """The answer to ``prompt`` and ``say``: the message that was made of it."""

    type: ClassVar[str] = "accepted"
    message_id: str


class Event(Message, frozen=True):
    """What all events of a session share."""

    session_id: str
    seq: int


class MessageCreated(Event, frozen=True):
    """A message was said, or an answer has begun."""

    type: ClassVar[str] = "message.created"
    message: MessageState


class TextDelta(Event, frozen=True):
    """An answer goes on."""

    type: ClassVar[str] = "text-delta"
    message_id: str
    delta: str


class ToolCall(Event, frozen=True):
    """The responder uses a tool; with ``needsApproval`` it waits for ``approve``."""

    type: ClassVar[str] = "tool-call"
    message_id: str
    call_id: str
    tool: str
    input: dict[str, str]
    needs_approval: bool = False


class ToolResult(Event, frozen=True):
    """What came of it."""

    type: ClassVar[str] = "tool-result"
    message_id: str
    call_id: str
    output: str
    failed: bool


class MessageCompleted(Event, frozen=True):
    """An answer has ended; ``reason`` is done, cancelled or failed."""

    type: ClassVar[str] = "message.completed"
    message_id: str
    reason: str


class Cancelled(Event, frozen=True):
    """Somebody has stopped an answer."""

    type: ClassVar[str] = "cancelled"
    message_id: str


class MemberJoined(Event, frozen=True):
    """Somebody is present now."""

    type: ClassVar[str] = "member.joined"
    member: MemberState


class MemberLeft(Event, frozen=True):
    """Somebody has left."""

    type: ClassVar[str] = "member.left"
    member: MemberState


class TerminalCreated(Event, frozen=True):
    """A terminal was started."""

    type: ClassVar[str] = "terminal.created"
    terminal: TerminalOf


class TerminalClosed(Event, frozen=True):
    """A terminal's program has ended."""

    type: ClassVar[str] = "terminal.closed"
    terminal: TerminalOf


class Gap(Message, frozen=True, rename={"session_id": "sessionID", "first": "from", "last": "to"}):
    """Events that can no longer be given."""

    type: ClassVar[str] = "gap"
    session_id: str
    first: int
    last: int


SessionRequest = Subscribe | Unsubscribe | PromptRequest | Say | Cancel | Approve
SessionReply = (
    Subscribed
    | Unsubscribed
    | Taken
    | MessageCreated
    | TextDelta
    | ToolCall
    | ToolResult
    | MessageCompleted
    | Cancelled
    | MemberJoined
    | MemberLeft
    | TerminalCreated
    | TerminalClosed
    | Gap
)
SESSION_REQUESTS: tuple[type[SessionRequest], ...] = (
    Subscribe, Unsubscribe, PromptRequest, Say, Cancel, Approve,
)  # fmt: skip
SESSION_EVENTS: tuple[type[SessionReply], ...] = (
    Subscribed,
    Unsubscribed,
    MessageCreated,
    TextDelta,
    ToolCall,
    ToolResult,
    MessageCompleted,
    Cancelled,
    MemberJoined,
    MemberLeft,
    TerminalCreated,
    TerminalClosed,
    Gap,
)
