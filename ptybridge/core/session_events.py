"""What happens in a session beside its terminals' output, as values that its log keeps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ptybridge.core.values import ExitStatus, Role, TerminalId, WindowSize

Speaker = Literal["user", "assistant", "system"]
"""Whose words a message holds: a member's, a responder's, or the server's own."""

Outcome = Literal["done", "cancelled", "failed"]
"""How an answer ended."""


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool that an answer has used.

    Attributes:
        call_id: Its name in the session.
        tool: What is used.
        input: What it is given.
        needs_approval: Nothing is done until a writer has approved.
        approved: What the writer said; None before, and where none is asked.
        output: What came of it; None before.
        failed: Whether that is a failure.
        status: How the command ended that it was; None before, and where it is none.
    """

    call_id: str
    tool: str
    input: Mapping[str, str]
    needs_approval: bool = False
    approved: bool | None = None
    output: str | None = None
    failed: bool = False
    status: ExitStatus | None = None


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message of a session's chat.

    Attributes:
        id: Its name, unique in its session.
        speaker: Whose words these are.
        author: The name that others are shown.
        text: The words; of an answer that runs, those so far.
        time: When it began, in seconds since the Unix epoch.
        outcome: How it ended; None for an answer that runs.
        reply_to: The prompt that it answers; None where it is no answer.
        number: Its place among all messages of the session; the first is 1.
        is_prompt: A responder was asked.
        tools: What an answer has used, in order.
    """

    id: str
    speaker: Speaker
    author: str
    text: str
    time: float
    outcome: Outcome | None = "done"
    reply_to: str | None = None
    number: int = 0
    is_prompt: bool = False
    tools: tuple[ToolUse, ...] = ()

    @property
    def characters(self) -> int:
        """Characters of text that it holds, its tools' included."""
        return len(self.text) + sum(
            len(use.output or "") + sum(map(len, use.input.values())) for use in self.tools
        )


@dataclass(frozen=True, slots=True)
class Member:
    """An identity that is present in a session."""

    id: str
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class TerminalInfo:
    """A terminal as it was at that moment; ``created`` in seconds since the Unix epoch.

    ``is_renamed``: people gave the title, not the program.
    """

    id: TerminalId
    title: str
    size: WindowSize
    created: float
    status: ExitStatus | None
    is_renamed: bool = False


@dataclass(frozen=True, slots=True)
class MessageCreated:
    """A message was said, or an answer has begun."""

    message: ChatMessage


@dataclass(frozen=True, slots=True)
class TextDelta:
    """An answer goes on."""

    message_id: str
    delta: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A responder uses a tool.

    Attributes:
        message_id: The answer that it belongs to.
        call_id: Its name in that answer's session.
        tool: What is used.
        input: What it is given.
        needs_approval: Nothing is done until a writer has approved.
    """

    message_id: str
    call_id: str
    tool: str
    input: Mapping[str, str]
    needs_approval: bool = False


@dataclass(frozen=True, slots=True)
class ToolApproval:
    """A writer has let a tool be used, or not; ``author`` is the name that others are shown."""

    message_id: str
    call_id: str
    approved: bool
    author: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What came of a tool's use; ``status`` is how it ended where it was a command."""

    message_id: str
    call_id: str
    output: str
    failed: bool
    status: ExitStatus | None = None


@dataclass(frozen=True, slots=True)
class MessageCompleted:
    """An answer has ended."""

    message_id: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Somebody has stopped an answer, or withdrawn a prompt that waited for one."""

    message_id: str


@dataclass(frozen=True, slots=True)
class MemberJoined:
    """An identity is present now."""

    member: Member


@dataclass(frozen=True, slots=True)
class MemberChanged:
    """Somebody who is present has another role."""

    member: Member


@dataclass(frozen=True, slots=True)
class MemberLeft:
    """An identity's last connection has gone."""

    member: Member


@dataclass(frozen=True, slots=True)
class TerminalCreated:
    """A terminal was started."""

    terminal: TerminalInfo


@dataclass(frozen=True, slots=True)
class TerminalClosed:
    """A terminal's program has ended."""

    terminal: TerminalInfo


@dataclass(frozen=True, slots=True)
class TerminalRenamed:
    """Somebody has given a terminal a title, or taken it back."""

    terminal: TerminalInfo


@dataclass(frozen=True, slots=True)
class SessionRenamed:
    """The session has another title; empty when it has none."""

    title: str


@dataclass(frozen=True, slots=True)
class SessionClosed:
    """The session has ended for good; nothing follows."""


ChatEvent = (
    MessageCreated | TextDelta | ToolCall | ToolApproval | ToolResult | MessageCompleted | Cancelled
)
SessionEvent = (
    ChatEvent
    | MemberJoined
    | MemberChanged
    | MemberLeft
    | TerminalCreated
    | TerminalClosed
    | TerminalRenamed
    | SessionRenamed
    | SessionClosed
)
