"""Responders: what answers prompts, seen from the chat."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ptybridge.core.errors import BridgeError
from ptybridge.core.session_events import ChatMessage
from ptybridge.core.values import ExitStatus


class ResponderFailed(BridgeError):
    """No answer, or no whole one; the text is said in the channel."""


class Answer(Protocol):
    """What a responder speaks through. After a cancel nothing of it is heard."""

    def text(self, delta: str) -> None:
        """Go on with the answer."""

    def tool_call(
        self, tool: str, arguments: Mapping[str, str], *, needs_approval: bool = False
    ) -> str:
        """Announce the use of a tool; the call's name."""

    def tool_result(
        self, call_id: str, output: str, *, failed: bool, status: ExitStatus | None = None
    ) -> None:
        """Say what came of it, and how it ended where it was a command."""

    async def approval(self, call_id: str) -> bool:
        """Wait until a writer has approved or refused a call that needs it."""


class Workspace(Protocol):
    """What a responder may see and do of the session's terminals."""

    def directory(self) -> str | None:
        """The working directory of the active terminal; None where it is not known."""

    def read_screen(self) -> str:
        """What is on the active terminal's screen, as text.

        Raises:
            ResponderFailed: There is no terminal, or it has no screen.
        """

    def type_text(self, text: str) -> None:
        """Type into the active terminal.

        Raises:
            ResponderFailed: There is no terminal, or it takes no input.
        """


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a responder is asked.

    Attributes:
        text: The words.
        author: Whose they are.
        session: The session's name.
        history: The messages before it, oldest first.
        workspace: The session's terminals.
    """

    text: str
    author: str
    session: str
    history: Sequence[ChatMessage]
    workspace: Workspace


class Responder(Protocol):
    """Answers prompts.

    Attributes:
        name: What others are shown as the answers' author.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - see Attributes

    async def respond(self, prompt: Prompt, answer: Answer) -> None:
        """Answer ``prompt``. Cancelling the task stops the work, and waits until it has stopped.

        Raises:
            ResponderFailed: It could not.
        """
