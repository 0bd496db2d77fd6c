"""Following a session: a position in its log, and what is sent from there."""

from ptybridge.core.bus import Bus
from ptybridge.core.session import Session
from ptybridge.core.session_events import (
    Cancelled,
    ChatMessage,
    Member,
    MemberJoined,
    MemberLeft,
    MessageCompleted,
    MessageCreated,
    SessionEvent,
    TerminalClosed,
    TerminalCreated,
    TerminalInfo,
    TextDelta,
    ToolCall,
    ToolResult,
)
from ptybridge.core.session_log import Entry
from ptybridge.server.links import Link
from ptybridge.wire import messages
from ptybridge.wire import session_messages as wire

BATCH_EVENTS = 256
"""Events that are posted before the link is asked again whether it takes more."""

BATCH_BYTES = 65_536
"""And bytes of them."""


class Subscription:
    """One connection's following of one session. It holds no events: the log does."""

    __slots__ = ("_bus", "_link", "seq", "session")

    def __init__(self, session: Session, link: Link, bus: Bus, *, since: int | None) -> None:
        """Follow from behind event ``since``; None is from now on."""
        self.session = session
        self.seq = session.log.seq if since is None else min(since, session.log.seq)
        self._link = link
        self._bus = bus

    def begin(self) -> None:
        """Send what there is, and what comes."""
        self._bus.subscribe(self.session.id, self)
        self.wake()

    def end(self) -> None:
        """Follow no more. Idempotent."""
        self._bus.unsubscribe(self.session.id, self)

    def wake(self) -> None:
        """Send what is new, as far as the link takes it."""
        log, link = self.session.log, self._link
        while self.seq < log.seq and link.is_ready:
            if self.seq + 1 < log.oldest:
                gap = wire.Gap(self.session.id, self.seq + 1, log.oldest - 1)
                link.post(messages.encode(gap))
                self.seq = log.oldest - 1
            size = 0
            for entry in log.after(self.seq, limit=BATCH_EVENTS):
                if entry.encoded is None:
                    entry.encoded = messages.encode(event_message(self.session.id, entry))
                link.post(entry.encoded)
                self.seq = entry.seq
                size += len(entry.encoded)
                if size >= BATCH_BYTES:
                    break
            if self.seq < log.seq:
                link.flush()


def event_message(session_id: str, entry: Entry) -> wire.SessionReply:
    """The message that tells of an event."""
    seq = entry.seq
    event: SessionEvent = entry.event
    told: wire.SessionReply
    match event:
        case MessageCreated(message):
            told = wire.MessageCreated(session_id, seq, message_state(message))
        case TextDelta(message_id, delta):
            told = wire.TextDelta(session_id, seq, message_id, delta)
        case ToolCall(message_id, call_id, tool, arguments, needs_approval):
            told = wire.ToolCall(
                session_id, seq, message_id, call_id, tool, dict(arguments), needs_approval
            )
        case ToolResult(message_id, call_id, output, failed):
            told = wire.ToolResult(session_id, seq, message_id, call_id, output, failed)
        case MessageCompleted(message_id, outcome):
            told = wire.MessageCompleted(session_id, seq, message_id, outcome)
        case Cancelled(message_id):
            told = wire.Cancelled(session_id, seq, message_id)
        case MemberJoined(member):
            told = wire.MemberJoined(session_id, seq, member_state(member))
        case MemberLeft(member):
            told = wire.MemberLeft(session_id, seq, member_state(member))
        case TerminalCreated(terminal):
            told = wire.TerminalCreated(session_id, seq, terminal_of(terminal))
        case TerminalClosed(terminal):
            told = wire.TerminalClosed(session_id, seq, terminal_of(terminal))
    return told


def message_state(message: ChatMessage) -> wire.MessageState:
    """A message of the chat as clients see it; an answer that has just begun has no parts."""
    parts = [wire.Part("text", message.text)] if message.text else []
    return wire.MessageState(
        id=message.id,
        role=message.speaker,
        author=message.author,
        parts=parts,
        time=int(message.time * 1000),
        reason=message.outcome if message.speaker == "assistant" else None,
        reply_to=message.reply_to,
    )


def member_state(member: Member) -> wire.MemberState:
    """A member as clients see it."""
    return wire.MemberState(member.id, member.name, member.role.label)


def terminal_of(terminal: TerminalInfo) -> wire.TerminalOf:
    """A terminal as a session's events tell of it."""
    status = terminal.status
    return wire.TerminalOf(
        id=terminal.id,
        title=terminal.title,
        rows=terminal.size.rows,
        cols=terminal.size.cols,
        created=int(terminal.created * 1000),
        exit=wire.ExitOf(status.code, status.signal) if status else None,
    )


def channel_state(session: Session) -> wire.ChannelState:
    """A session as a new subscriber finds it, an answer that runs with its words so far."""
    return wire.ChannelState(
        id=session.id,
        created=int(session.created * 1000),
        terminals=[terminal_of(info) for info in session.terminal_infos()],
        members=[member_state(member) for member in session.members],
        messages=[message_state(message) for message in session.chat.messages.values()],
    )
