"""Sessions, their events and their messages, as clients see them."""

from ptybridge.core.chat import MAX_PAGE, MAX_PAGE_CHARACTERS
from ptybridge.core.session import Session
from ptybridge.core.session_events import (
    Cancelled,
    ChatEvent,
    ChatMessage,
    Member,
    MemberChanged,
    MemberJoined,
    MemberLeft,
    MessageCompleted,
    MessageCreated,
    SessionClosed,
    SessionRenamed,
    TerminalClosed,
    TerminalCreated,
    TerminalInfo,
    TerminalRenamed,
    TextDelta,
    ToolApproval,
    ToolCall,
    ToolResult,
    ToolUse,
)
from ptybridge.core.session_log import Entry
from ptybridge.core.values import ExitStatus
from ptybridge.wire import session_messages as wire


def event_message(session_id: str, entry: Entry) -> wire.SessionReply:
    """The message that tells of an event."""
    seq, event = entry.seq, entry.event
    told: wire.SessionReply
    match event:
        case MemberJoined(member):
            told = wire.MemberJoined(session_id, seq, member_state(member))
        case MemberChanged(member):
            told = wire.MemberChanged(session_id, seq, member_state(member))
        case MemberLeft(member):
            told = wire.MemberLeft(session_id, seq, member_state(member))
        case TerminalCreated(terminal):
            told = wire.TerminalCreated(session_id, seq, terminal_of(terminal))
        case TerminalClosed(terminal):
            told = wire.TerminalClosed(session_id, seq, terminal_of(terminal))
        case TerminalRenamed(terminal):
            told = wire.TerminalRenamed(session_id, seq, terminal_of(terminal))
        case SessionRenamed(title):
            told = wire.SessionRenamed(session_id, seq, title)
        case SessionClosed():
            told = wire.SessionClosed(session_id, seq)
        case _:
            told = _chat_message(session_id, seq, event)
    return told


def _chat_message(session_id: str, seq: int, event: ChatEvent) -> wire.SessionReply:
    """The message that tells of an event of the chat."""
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
        case ToolApproval(message_id, call_id, approved, author):
            told = wire.ToolApproval(session_id, seq, message_id, call_id, approved, author)
        case ToolResult(message_id, call_id, output, failed, status):
            told = wire.ToolResult(
                session_id, seq, message_id, call_id, output, failed, _exit_of(status)
            )
        case MessageCompleted(message_id, outcome):
            told = wire.MessageCompleted(session_id, seq, message_id, outcome)
        case Cancelled(message_id):
            told = wire.Cancelled(session_id, seq, message_id)
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
        number=message.number,
        prompt=message.is_prompt,
        tools=[tool_state(use) for use in message.tools],
    )


def tool_state(use: ToolUse) -> wire.ToolState:
    """A tool's use as clients see it."""
    return wire.ToolState(
        use.call_id,
        use.tool,
        dict(use.input),
        use.needs_approval,
        use.approved,
        use.output,
        use.failed,
        _exit_of(use.status),
    )


def _exit_of(status: ExitStatus | None) -> wire.ExitOf | None:
    return None if status is None else wire.ExitOf(status.code, status.signal)


def member_state(member: Member) -> wire.MemberState:
    """A member as clients see it."""
    return wire.MemberState(member.id, member.name, member.role.label)


def terminal_of(terminal: TerminalInfo) -> wire.TerminalOf:
    """A terminal as a session's events tell of it."""
    return wire.TerminalOf(
        id=terminal.id,
        title=terminal.title,
        rows=terminal.size.rows,
        cols=terminal.size.cols,
        created=int(terminal.created * 1000),
        exit=_exit_of(terminal.status),
        renamed=terminal.is_renamed,
    )


def channel_state(session: Session) -> wire.ChannelState:
    """A session as a new subscriber finds it, an answer that runs with its words so far."""
    return wire.ChannelState(
        id=session.id,
        created=int(session.created * 1000),
        terminals=[terminal_of(info) for info in session.terminal_infos()],
        members=[member_state(member) for member in session.members],
        messages=[
            message_state(message)
            for message in session.chat.recent.newest(
                limit=MAX_PAGE, characters=MAX_PAGE_CHARACTERS
            )
        ],
        title=session.title,
        waiting=session.chat.waiting,
    )


async def history_page(session: Session, *, before: int | None, limit: int) -> wire.HistoryPage:
    """Messages of a session that stand before number ``before``, or the newest."""
    found = await session.chat.history(before=before, limit=limit)
    return wire.HistoryPage(
        session.id,
        [message_state(message) for message in found],
        more=bool(found) and found[0].number > 1,
    )
