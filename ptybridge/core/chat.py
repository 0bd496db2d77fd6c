"""A session's chat: what is said, what is prompted, one answer at a time, and stopping it."""

import asyncio
import itertools
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from ptybridge.core.errors import BadRequest, Conflict, LimitReached, NotFound, Unavailable
from ptybridge.core.keeper import Forgetful, Keeper
from ptybridge.core.ports import Clock
from ptybridge.core.recent import Recent
from ptybridge.core.responder import Prompt, Responder, ResponderFailed, Workspace
from ptybridge.core.running import RunningAnswer
from ptybridge.core.session_events import (
    Cancelled,
    ChatMessage,
    MessageCompleted,
    MessageCreated,
    Outcome,
    SessionEvent,
    Speaker,
)

MAX_WAITING = 16
"""Prompts that may wait for the one that is being answered."""

MAX_WORDS = 64 * 1024
"""Characters of one message that a member says."""

MAX_ANSWER = 1024 * 1024
"""Characters of one answer, its tools' results included; a longer one is stopped."""

MAX_PAGE = 100
"""Messages of the past that are given at once, and to a new subscriber."""

MAX_PAGE_CHARACTERS = 256 * 1024
"""Characters of text that they hold together, unless a single message has more."""


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
        recent: The newest messages; a running answer with its words so far.
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
        self.recent = Recent()
        self._session = session
        self._names = secrets.token_hex(6)  # so that none is given again after a restart
        self._names_given = itertools.count(1)
        self._publish = publish
        self._workspace = workspace
        self._responder = responder
        self._clock = clock
        self._wall_clock = wall_clock
        self._keeper = keeper
        self._waiting: deque[_Waiting] = deque()
        self._running: RunningAnswer | None = None
        self._stopping: set[asyncio.Task[None]] = set()

    # --- what members do

    def say(self, text: str, *, author: str) -> ChatMessage:
        """Say something to the members.

        Raises:
            BadRequest: It is empty or too long.
        """
        return self._add("user", author, _checked(text))

    def prompt(
        self, text: str, *, author: str, may_still: Callable[[], bool] = lambda: True
    ) -> ChatMessage:
        """Say something that the responder is to answer.

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
        message = self._add("user", author, text, is_prompt=True)
        self._waiting.append(_Waiting(text, author, message.id, may_still))
        if self._running is None:
            self._answer_next()
        return message

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

    def approve(self, call_id: str, *, approved: bool, author: str) -> None:
        """Let a tool be used, or not.

        Raises:
            NotFound: No call of that name waits for it.
        """
        if self._running is None:
            raise NotFound("call that waits for approval", "(callID)")
        self._running.approve(call_id, approved=approved, author=author)

    # --- what there is

    @property
    def waiting(self) -> list[str]:
        """The names of the prompts that wait, in the order of their turns."""
        return [waiting.message_id for waiting in self._waiting]

    @property
    def is_answering(self) -> bool:
        """Whether an answer runs."""
        return self._running is not None

    async def history(self, *, before: int | None, limit: int) -> list[ChatMessage]:
        """The newest messages before number ``before``, or of all, oldest first.

        They may be fewer than ``limit`` although there are older ones; none if there are none.

        Raises:
            Unavailable: Those that are kept elsewhere cannot be read.
        """
        before = self.recent.last + 1 if before is None else before
        limit = min(limit, MAX_PAGE)
        found = self.recent.before(before, limit=limit, characters=MAX_PAGE_CHARACTERS)
        if found:
            return found
        return await self._keeper.history(
            self._session, before=before, limit=limit, characters=MAX_PAGE_CHARACTERS
        )

    # --- beginning and end

    def restore(self, message: ChatMessage) -> None:
        """Take in a message from before."""
        self.recent.note(message)

    def end(self) -> None:
        """Stop all work for good; nothing of what still happens is kept."""
        self._keeper = Forgetful()
        while self._waiting:
            self._publish(Cancelled(self._waiting.popleft().message_id))
        if self._running is not None:
            self.cancel()

    async def close(self) -> None:
        """Stop all work, and wait until it has stopped."""
        self._waiting.clear()
        if self._running is not None:
            self.cancel()
        if self._stopping:
            await asyncio.wait(self._stopping)

    # --- answering

    def _answer_next(self) -> None:
        while self._waiting and not self._waiting[0].may_still():
            self._publish(Cancelled(self._waiting.popleft().message_id))
        if not self._waiting or self._responder is None:
            return
        waiting = self._waiting.popleft()
        earlier = self.recent.until(waiting.message_id)
        history = tuple(message for message in earlier if message.outcome is not None)
        prompt = Prompt(waiting.text, waiting.author, self._session, history, self._workspace)
        message = self._add(
            "assistant", self._responder.name, "", outcome=None, reply_to=waiting.message_id
        )
        running = RunningAnswer(
            message, clock=self._clock, publish=self._publish, changed=self._went_on
        )
        self._running = running
        running.task = asyncio.create_task(
            self._respond(self._responder, prompt, running), name=f"answer {message.id}"
        )
        self._stopping.add(running.task)
        running.task.add_done_callback(self._stopping.discard)

    async def _respond(self, responder: Responder, prompt: Prompt, running: RunningAnswer) -> None:
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

    def _end(self, running: RunningAnswer, outcome: Outcome) -> None:
        """End an answer, once: what its responder still says is not heard."""
        if running.is_over:
            return
        running.end()
        if self._running is not running:  # its last words were too many
            return
        message = replace(running.message, outcome=outcome)
        self.recent.note(message)
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
        is_prompt: bool = False,
    ) -> ChatMessage:
        message = ChatMessage(
            f"{self._names}-{next(self._names_given)}",
            speaker,
            author,
            text,
            self._wall_clock(),
            outcome,
            reply_to,
            self.recent.last + 1,
            is_prompt,
        )
        self.recent.note(message)
        self._keeper.keep(self._session, message, self._publish(MessageCreated(message)))
        return message

    def _went_on(self, running: RunningAnswer, seq: int) -> None:
        """Keep what an answer has gone on with."""
        message = running.message
        self.recent.note(message)
        self._keeper.keep(self._session, message, seq)
        if message.characters > MAX_ANSWER and not running.is_over:
            self._add("system", "ptybridge", f"the answer was stopped at {MAX_ANSWER} characters")
            self._end(running, "failed")
            running.task.cancel()


def _checked(text: str) -> str:
    if not text.strip():
        raise BadRequest("there is nothing to say: the text is empty")
    if len(text) > MAX_WORDS:
        raise BadRequest(f"the text has more than {MAX_WORDS} characters")
    return text
