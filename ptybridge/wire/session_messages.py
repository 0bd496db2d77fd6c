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


class History(Message, frozen=True):
    """Give messages that stand before number ``before``; left out, the newest."""

    type: ClassVar[str] = "history"
    session_id: Name | None = None
    before: Annotated[int, msgspec.Meta(ge=1, le=MAX_ID)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 50


class Read(Message, frozen=True):
    """Whoever sends this has read up to the message of that number."""

    type: ClassVar[str] = "read"
    number: Annotated[int, msgspec.Meta(ge=0, le=MAX_ID)]
    session_id: Name | None = None


class TypingRequest(Message, frozen=True):
    """Whoever sends this is typing, or no more; to be said again every few seconds."""

    type: ClassVar[str] = "typing"
    typing: bool
    session_id: Name | None = None


class Approve(Message, frozen=True):
    """Let the responder use a tool that waits for it, or not."""

    type: ClassVar[str] = "approve"
    call_id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    approved: bool
    session_id: Name | None = None


# --- from the server


class ExitOf(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a program ended: ``code`` or ``signal``."""

    code: int | None = None
    signal: int | None = None


class ToolState(msgspec.Struct, frozen=True, rename=wire_name, omit_defaults=True):
    """A tool that an answer uses; without ``output`` nothing has come of it yet.

    ``exit`` is how it ended where it was a command.
    """

    call_id: str
    tool: str
    input: dict[str, str]
    needs_approval: bool = False
    approved: bool | None = None
    output: str | None = None
    failed: bool = False
    exit: ExitOf | None = None


class MessageState(msgspec.Struct, frozen=True, rename=wire_name, omit_defaults=True):
    """A message of the chat; ``time`` in milliseconds since the Unix epoch.

    ``reason`` is how an answer ended; without it, it runs. ``reply_to`` is the prompt's name.
    ``number`` is the message's place in its session, from 1.
    """

    id: str
    role: Literal["user", "assistant", "system"]
    author: str
    parts: list[Part]
    time: int
    reason: str | None = None
    reply_to: str | None = None
    number: int = 0
    prompt: bool = False
    tools: list[ToolState] = []


class MemberState(msgspec.Struct, frozen=True):
    """An identity that is present."""

    id: str
    name: str
    role: RoleName


class TerminalOf(msgspec.Struct, frozen=True, omit_defaults=True):
    """A terminal in a session's events; ``created`` in milliseconds since the Unix epoch."""

    id: str
    title: str
    rows: int
    cols: int
    created: int
    exit: ExitOf | None = None
    renamed: bool = False


class ChannelState(msgspec.Struct, frozen=True, omit_defaults=True):
    """A session as a subscriber finds it; ``created`` in milliseconds since the Unix epoch.

    ``waiting`` are the names of the prompts that wait, in the order of their turns.
    """

    id: str
    created: int
    terminals: list[TerminalOf]
    members: list[MemberState]
    messages: list[MessageState]
    title: str = ""
    waiting: list[str] = []


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


class HistoryPage(Message, frozen=True):
    """The answer to ``history``, oldest first; ``more``: there may be older ones."""

    type: ClassVar[str] = "history"
    session_id: str
    messages: list[MessageState]
    more: bool = False


class Typist(msgspec.Struct, frozen=True):
    """Somebody who is typing."""

    id: str
    name: str


class Typing(Message, frozen=True):
    """Who is typing now; of no lasting interest, so it has no number."""

    type: ClassVar[str] = "typing"
    session_id: str
    members: list[Typist]


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


class ToolApproval(Event, frozen=True):
    """A writer has let a tool be used, or not."""

    type: ClassVar[str] = "tool-approval"
    message_id: str
    call_id: str
    approved: bool
    author: str


class ToolResult(Event, frozen=True):
    """What came of it; ``exit`` is how it ended where it was a command."""

    type: ClassVar[str] = "tool-result"
    message_id: str
    call_id: str
    output: str
    failed: bool
    exit: ExitOf | None = None


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


class MemberChanged(Event, frozen=True):
    """Somebody who is present has another role."""

    type: ClassVar[str] = "member.changed"
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


class TerminalRenamed(Event, frozen=True):
    """Somebody has given a terminal a title, or taken it back."""

    type: ClassVar[str] = "terminal.renamed"
    terminal: TerminalOf


class SessionRenamed(Event, frozen=True):
    """The session has another title; empty when it has none."""

    type: ClassVar[str] = "session.renamed"
    title: str


class SessionClosed(Event, frozen=True):
    """The session has ended for good; nothing follows."""

    type: ClassVar[str] = "session.closed"


class Gap(Message, frozen=True, rename={"session_id": "sessionID", "first": "from", "last": "to"}):
    """Events that can no longer be given."""

    type: ClassVar[str] = "gap"
    session_id: str
    first: int
    last: int


SessionRequest = (
    Subscribe
    | Unsubscribe
    | PromptRequest
    | Say
    | Cancel
    | Approve
    | History
    | Read
    | TypingRequest
)
SessionReply = (
    Subscribed
    | Unsubscribed
    | Taken
    | HistoryPage
    | Typing
    | MessageCreated
    | TextDelta
    | ToolCall
    | ToolApproval
    | ToolResult
    | MessageCompleted
    | Cancelled
    | MemberJoined
    | MemberChanged
    | MemberLeft
    | TerminalCreated
    | TerminalClosed
    | TerminalRenamed
    | SessionRenamed
    | SessionClosed
    | Gap
)
SESSION_REQUESTS: tuple[type[SessionRequest], ...] = (
    Subscribe, Unsubscribe, PromptRequest, Say, Cancel, Approve, History, Read, TypingRequest,
)  # fmt: skip
SESSION_EVENTS: tuple[type[SessionReply], ...] = (
    Subscribed,
    Unsubscribed,
    HistoryPage,
    Typing,
    MessageCreated,
    TextDelta,
    ToolCall,
    ToolApproval,
    ToolResult,
    MessageCompleted,
    Cancelled,
    MemberJoined,
    MemberChanged,
    MemberLeft,
    TerminalCreated,
    TerminalClosed,
    TerminalRenamed,
    SessionRenamed,
    SessionClosed,
    Gap,
)
