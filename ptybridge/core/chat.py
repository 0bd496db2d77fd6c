"""A session's chat: what is said, what is prompted, one answer at a time, and stopping it."""

import asyncio
import itertools
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from ptybridge.core.errors import BadRequest, Conflict, LimitReached, NotFound, Unavailable
from ptybridge.core.ports import Clock, Timer
from ptybridge.core.responder import Prompt, Responder, ResponderFailed, Workspace
from ptybridge.core.session_events import (
    Cancelled,
    ChatMessage,
    MessageCompleted,
    MessageCreated,
    Outcome,
    SessionEvent,
    Speaker,
    TextDelta,
    ToolCall,
    ToolResult,
)

MAX_WAITING = 16
"""Prompts that may wait for the one that is being answered."""

MAX_MESSAGES = 500
"""Messages that are kept in memory."""

MAX_WORDS = 64 * 1024
"""Characters of one message that a member says."""

MAX_ANSWER = 1024 * 1024
"""Characters of one answer; a longer one is stopped."""

JOIN_SECONDS = 0.016
"""Deltas that come within so long of each other are one event."""


class Keeper(Protocol):
    """Who keeps sessions and their messages beyond this process; never waits."""

    def reserve(self, session: str, created: float, seq: int) -> None:
        """Note that a session exists, and that it may number its events up to ``seq``."""

    def forget(self, session: str) -> None:
        """Drop all that is kept of a session."""

    def keep(self, session: str, message: ChatMessage, seq: int) -> None:
        """Keep ``message`` as it is now, in the place of an earlier form of it.

        Args:
            session: The session's name.
            message: The message.
            seq: The number of the session's event that made it so.
        """


class Forgetful:
    """Keeps nothing beyond this process."""

    def reserve(self, session: str, created: float, seq: int) -> None:
        """Do nothing."""

    def forget(self, session: str) -> None:
        """Do nothing."""

    def keep(self, session: str, message: ChatMessage, seq: int) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A prompt that waits for its turn."""

    text: str
    author: str
    message_id: str
    may_still: Callable[[], bool]


class Chat:
    """What is said in one session.

    Attributes:
        messages: The newest messages by name, oldest first; a running answer with its words so
            far.
    """

    def __init__(
        self,
        session: str,
        *,
        publish: Callable[[SessionEvent], int],
        workspace: Workspace,
        responder: Responder | None,
        clock: Clock,
        wall_clock: Callable[[], float],
        keeper: Keeper,
    ) -> None:
        """``publish`` puts an event into the session's log and gives its number."""
        self.messages: dict[str, ChatMessage] = {}
        self._session = session
        self._names = secrets.token_hex(6)  # so that none is given again after a restart
        self._numbers = itertools.count(1)
        self._publish = publish
        self._workspace = workspace
        self._responder = responder
        self._clock = clock
        self._wall_clock = wall_clock
        self._keeper = keeper
        self._waiting: deque[_Waiting] = deque()
        self._running: _Running | None = None
        self._stopping: set[asyncio.Task[None]] = set()

    # --- what members do

    def say(self, text: str, *, author: str) -> str:
        """Say something to the members; the message's name.

        Raises:
            BadRequest: It is empty or too long.
        """
        return self._add("user", author, _checked(text)).id

    def prompt(
        self, text: str, *, author: str, may_still: Callable[[], bool] = lambda: True
    ) -> str:
        """Say something that the responder is to answer; the message's name.

        Args:
            text: The words.
            author: Whose they are.
            may_still: Whether they may prompt at the time that it is asked; a prompt that waits is
                withdrawn if not.

        Raises:
            BadRequest: It is empty or too long.
            LimitReached: Too many prompts wait already.
            Unavailable: There is no responder.
        """
        text = _checked(text)
        if self._responder is None:
            raise Unavailable("nobody answers prompts here (responder.kind is none)")
        if len(self._waiting) >= MAX_WAITING:
            raise LimitReached("prompts waiting in this session", MAX_WAITING)
        message = self._add("user", author, text)
        self._waiting.append(_Waiting(text, author, message.id, may_still))
        if self._running is None:
            self._answer_next()
        return message.id

    def cancel(self, message_id: str | None = None) -> None:
        """Stop the answer that runs, keeping what was streamed.

        Args:
            message_id: An answer, or a prompt, whose answer alone is meant; one that still waits
                is withdrawn.

        Raises:
            Conflict: None runs, or not that one.
        """
        for waiting in self._waiting:
            if waiting.message_id == message_id:
                self._waiting.remove(waiting)
                self._publish(Cancelled(waiting.message_id))
                return
        running = self._running
        if running is None or message_id not in {None, running.id, running.message.reply_to}:
            raise Conflict("nothing runs that could be cancelled")
        self._end(running, "cancelled")
        running.task.cancel()

    def approve(self, call_id: str, *, approved: bool) -> None:
        """Let a tool be used, or not.

        Raises:
            NotFound: No call of that name waits for it.
        """
        running = self._running
        waiting = None if running is None else running.approvals.get(call_id)
        if waiting is None or waiting.done():
            raise NotFound("call that waits for approval", "(callID)")
        waiting.set_result(approved)

    async def close(self) -> None:
        """Stop all work, and wait until it has stopped."""
        self._waiting.clear()
        if self._running is not None:
            self.cancel()
        if self._stopping:
            await asyncio.wait(self._stopping)

    def restore(self, message: ChatMessage) -> None:
        """Take in a message from before."""
        self._note(message)

    # --- answering

    def _answer_next(self) -> None:
        while self._waiting and not self._waiting[0].may_still():
            self._publish(Cancelled(self._waiting.popleft().message_id))
        if not self._waiting or self._responder is None:
            return
        waiting = self._waiting.popleft()
        earlier = itertools.takewhile(
            lambda message: message.id != waiting.message_id, self.messages.values()
        )
        history = tuple(message for message in earlier if message.outcome is not None)
        prompt = Prompt(waiting.text, waiting.author, self._session, history, self._workspace)
        message = self._add(
            "assistant", self._responder.name, "", outcome=None, reply_to=waiting.message_id
        )
        running = _Running(
            message, clock=self._clock, publish=self._publish, streamed=self._streamed
        )
        self._running = running
        running.task = asyncio.create_task(
            self._respond(self._responder, prompt, running), name=f"answer {message.id}"
        )
        self._stopping.add(running.task)
        running.task.add_done_callback(self._stopping.discard)

    async def _respond(self, responder: Responder, prompt: Prompt, running: "_Running") -> None:
        outcome: Outcome = "done"
        try:
            await responder.respond(prompt, running)
        except ResponderFailed as error:
            outcome = "failed"
            if not running.is_over:
                running.flush()
                self._add("system", "ptybridge", str(error))
        except asyncio.CancelledError:
            outcome = "cancelled"
        except Exception:
            outcome = "failed"
            if not running.is_over:
                self._add("system", "ptybridge", "the responder failed; the server's log says why")
            raise
        finally:
            self._end(running, outcome)

    def _end(self, running: "_Running", outcome: Outcome) -> None:
        """End an answer, once: what its responder still says is not heard."""
        if running.is_over:
            return
        running.flush()
        running.is_over = True
        for waiting in running.approvals.values():
            waiting.cancel()
        message = replace(self.messages.get(running.id, running.message), outcome=outcome)
        self._note(message)
        self._keeper.keep(
            self._session, message, self._publish(MessageCompleted(running.id, outcome))
        )
        if outcome == "cancelled":
            self._publish(Cancelled(running.id))
        self._running = None
        self._answer_next()

    # --- messages

    def _add(
        self,
        speaker: Speaker,
        author: str,
        text: str,
        *,
        outcome: Outcome | None = "done",
        reply_to: str | None = None,
    ) -> ChatMessage:
        name = f"{self._names}-{next(self._numbers)}"
        message = ChatMessage(name, speaker, author, text, self._wall_clock(), outcome, reply_to)
        self._note(message)
        self._keeper.keep(self._session, message, self._publish(MessageCreated(message)))
        return message

    def _note(self, message: ChatMessage) -> None:
        self.messages[message.id] = message
        while len(self.messages) > MAX_MESSAGES:
            del self.messages[next(iter(self.messages))]

    def _streamed(self, running: "_Running", delta: str) -> None:
        """Publish what an answer has gone on with."""
        before = self.messages.get(running.id, running.message)
        message = replace(before, text=before.text + delta)
        self._note(message)
        seq = self._publish(TextDelta(running.id, delta))
        self._keeper.keep(self._session, message, seq)
        if len(message.text) > MAX_ANSWER:
            self._add("system", "ptybridge", f"the answer was stopped at {MAX_ANSWER} characters")
            self._end(running, "failed")
            running.task.cancel()


class _Running:
    """The answer that runs: `ptybridge.core.responder.Answer`, joined into fewer events."""

    task: "asyncio.Task[None]"

    def __init__(
        self,
        message: ChatMessage,
        *,
        clock: Clock,
        publish: Callable[[SessionEvent], int],
        streamed: Callable[["_Running", str], None],
    ) -> None:
        self.id = message.id
        self.message = message
        self.is_over = False
        self.approvals: dict[str, asyncio.Future[bool]] = {}
        self._clock = clock
        self._publish = publish
        self._streamed = streamed
        self._joined: list[str] = []
        self._timer: Timer | None = None
        self._flushed_at = float("-inf")

    def text(self, delta: str) -> None:
        """Go on with the answer: at once after a pause, else joined with what follows."""
        if self.is_over or not delta:
            return
        self._joined.append(delta)
        if self._timer is None:
            wait = self._flushed_at + JOIN_SECONDS - self._clock.time()
            if wait <= 0:
                self.flush()
            else:
                self._timer = self._clock.call_later(wait, self.flush)

    def flush(self) -> None:
        """Publish what was joined."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._joined and not self.is_over:
            delta = "".join(self._joined)
            self._joined.clear()
            self._flushed_at = self._clock.time()
            self._streamed(self, delta)

    def tool_call(
        self, tool: str, arguments: Mapping[str, str], *, needs_approval: bool = False
    ) -> str:
        """Announce the use of a tool; the call's name."""
        call_id = secrets.token_hex(6)
        if not self.is_over:
            self.flush()
            if needs_approval:
                self.approvals[call_id] = asyncio.get_running_loop().create_future()
            self._publish(ToolCall(self.id, call_id, tool, dict(arguments), needs_approval))
        return call_id

    def tool_result(self, call_id: str, output: str, *, failed: bool) -> None:
        """Say what came of a tool's use."""
        if not self.is_over:
            self.flush()
            self._publish(ToolResult(self.id, call_id, output, failed))

    async def approval(self, call_id: str) -> bool:
        """Wait until a writer has approved or refused."""
        return await self.approvals[call_id]


def _checked(text: str) -> str:
    if not text.strip():
        raise BadRequest("there is nothing to say: the text is empty")
    if len(text) > MAX_WORDS:
        raise BadRequest(f"the text has more than {MAX_WORDS} characters")
    return text
