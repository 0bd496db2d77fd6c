"""Following a session: its events across cuts of the connection, and the answers among them."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Protocol, Self

from ptybridge.client.errors import ClientError
from ptybridge.wire import messages
from ptybridge.wire import session_messages as wire

MAX_WAITING = 10_000
"""Events that a subscription holds; what comes beyond is asked for again when it is wanted."""

Happening = wire.Event | wire.Gap
"""An event of a session, or a gap where some can no longer be given."""


class Office(Protocol):
    """What a subscription needs of its client."""

    async def request(self, message: messages.ClientMessage) -> messages.ServerMessage:
        """Send a request, and wait for its reply."""

    def forget_subscription(self, subscription: "Subscription") -> None:
        """A subscription has ended."""


class Subscription:
    """A session's events, in their order, each once. Iterate over it; the session's end ends it.

    Attributes:
        session_id: The session's name.
        state: The session as the server told it last: at the beginning, and after a cut.
        seq: The last event that came.
    """

    def __init__(self, office: Office, session_id: str, *, since: int | None = None) -> None:
        self.session_id = session_id
        self.state: wire.ChannelState | None = None
        self.state_seq = 0
        self.seq = since
        self._office = office
        self._waiting: deque[Happening] = deque()
        self._is_behind = False
        self._suspended_at: int | None = None
        self._news = asyncio.Event()
        self._is_over = False
        self._failure: ClientError | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Happening:
        """The next event.

        Raises:
            ClientError: The connection is over for good.
        """
        while not self._waiting:
            if self._failure is not None:
                raise self._failure
            if self._is_over:
                raise StopAsyncIteration
            if self._is_behind:
                self._is_behind = False
                await self._office.request(self.request())
            else:
                self._news.clear()
                await self._news.wait()
        return self._waiting.popleft()

    def close(self) -> None:
        """Follow no more. Idempotent."""
        self.end(None)

    # --- the past, and what others are told of this member

    async def history(
        self, *, before: int | None = None, limit: int = 50
    ) -> list[wire.MessageState]:
        """Messages that stand before the one of number ``before``, or the newest, oldest first.

        They may be fewer than ``limit``; there are older ones while the first's number is not 1,
        as far as the server keeps them: then it gives none.

        Raises:
            RequestFailed: This client may not.
            LinkBroke: The link broke meanwhile.
        """
        page = await self._office.request(wire.History(self.session_id, before, limit))
        assert isinstance(page, wire.HistoryPage)
        return page.messages

    async def mark_read(self, number: int) -> None:
        """Say that all up to the message of that number was read.

        Raises:
            RequestFailed: This client may not.
            LinkBroke: The link broke meanwhile.
        """
        await self._office.request(wire.Read(number, self.session_id))

    async def typing(self, *, is_typing: bool = True) -> None:
        """Say that somebody types here, every few seconds while they do, or no more.

        Raises:
            RequestFailed: This client may not.
            LinkBroke: The link broke meanwhile.
        """
        await self._office.request(wire.TypingRequest(is_typing, self.session_id))

    # --- for the client

    @property
    def is_current(self) -> bool:
        """Whether it has, or holds, all that came until now."""
        return self.seq is not None and not self._is_behind and not self._is_over

    def request(self) -> wire.Subscribe:
        """The ``subscribe`` that begins, or goes on."""
        return wire.Subscribe(self.session_id, self.seq)

    def begin(self, subscribed: wire.Subscribed) -> None:
        """The server has told what there is; events follow."""
        self.state, self.state_seq = subscribed.session, subscribed.seq
        is_another = self._suspended_at is not None and subscribed.seq < self._suspended_at
        if self.seq is None or is_another:  # one that was made anew under the name
            self.seq = subscribed.seq
        self._suspended_at = None

    def suspend(self) -> None:
        """The link is gone; another may come."""
        self._suspended_at = self.seq

    def told(self, event: Happening) -> None:
        """An event has come, perhaps once more, perhaps too early.

        A connection follows its default session by itself; what lies between the last event here
        and those comes by the ``subscribe`` that is under way.
        """
        if isinstance(event, wire.Gap):
            first, last = event.first, event.last
        else:
            first = last = event.seq
        if self.seq is None or not first <= self.seq + 1 <= last:
            return
        if self._is_behind or self._is_over:
            return
        if len(self._waiting) >= MAX_WAITING:
            self._is_behind = True
            return
        self.seq = last
        self._waiting.append(event)
        self._news.set()
        if isinstance(event, wire.SessionClosed):
            self.end(None)

    def end(self, failure: ClientError | None) -> None:
        """Nothing more comes; what came can still be taken. Idempotent."""
        if not self._is_over:
            self._is_over = True
            self._failure = failure
            self._office.forget_subscription(self)
        self._news.set()


AnswerEvent = wire.TextDelta | wire.ToolCall | wire.ToolApproval | wire.ToolResult
"""What an answer consists of."""

SHELL = "shell"
"""The tool that is the prompt itself, run as a command line."""


class Answer:
    """What a responder says to one prompt. Iterate over it for its words as they come.

    Attributes:
        prompt_id: The prompt's name.
        message_id: The answer's name; None until it has begun.
        text: The words so far.
        reason: How it ended: done, cancelled or failed; None while it runs.
        exit: How the command ended that the prompt was; None while it runs, and where the prompt
            was none.
        notes: What the server has said in the channel meanwhile, such as why it failed.
    """

    def __init__(self, office: Office, subscription: Subscription, prompt_id: str) -> None:
        self.prompt_id = prompt_id
        self.message_id: str | None = None
        self.text = ""
        self.reason: str | None = None
        self.exit: wire.ExitOf | None = None
        self.notes: list[str] = []
        self._office = office
        self._subscription = subscription
        self._command: str | None = None

    async def __aiter__(self) -> AsyncIterator[str]:
        async for event in self.events():
            if isinstance(event, wire.TextDelta):
                yield event.delta

    async def events(self) -> AsyncIterator[AnswerEvent]:
        """Its words and the use of its tools, as they come.

        Raises:
            ClientError: The connection is over for good.
        """
        known = 0
        try:
            async for event in self._subscription:
                own: AnswerEvent | None = None
                if isinstance(event, wire.Gap):
                    known = self._subscription.state_seq
                    own = self._catch_up(event.last)
                elif event.seq > known or not isinstance(event, wire.TextDelta):
                    own = self._told(event)
                if own is not None:
                    yield own
                if self.reason is not None:
                    return
        finally:
            self._subscription.close()

    def _told(self, event: wire.Event) -> AnswerEvent | None:
        """Take note of an event; the event itself where it is a part of this answer."""
        match event:
            case wire.MessageCreated(message=message):
                if message.reply_to == self.prompt_id:
                    self.message_id = message.id
                elif message.role == "system" and self.message_id is not None:
                    self.notes.append("".join(part.text for part in message.parts))
            case wire.Cancelled(message_id=self.prompt_id):
                self.reason = "cancelled"  # before its turn came
            case wire.TextDelta(message_id=self.message_id):
                self.text += event.delta
                return event
            case wire.ToolCall(message_id=self.message_id):
                if event.tool == SHELL:
                    self._command = event.call_id
                return event
            case wire.ToolResult(message_id=self.message_id):
                if event.call_id == self._command:
                    self.exit = event.exit
                return event
            case wire.ToolApproval(message_id=self.message_id):
                return event
            case wire.MessageCompleted(message_id=self.message_id):
                self.reason = event.reason
            case _:
                pass
        return None

    def _catch_up(self, seq: int) -> wire.TextDelta | None:
        """Events are lost: what was said meanwhile, by the session's state."""
        state = self._subscription.state
        for message in state.messages if state is not None else ():
            if self.prompt_id == message.reply_to:
                self.message_id = message.id
                missed = "".join(part.text for part in message.parts)[len(self.text) :]
                self.text += missed
                self.reason = message.reason
                for use in message.tools:
                    if use.tool == SHELL:
                        self._command, self.exit = use.call_id, use.exit
                if missed:
                    return wire.TextDelta(self._subscription.session_id, seq, message.id, missed)
        return None

    async def cancel(self) -> None:
        """Stop it, or withdraw the prompt. What came until then stays.

        Raises:
            RequestFailed: It has ended already (``conflict``), or this client may not.
        """
        request = wire.Cancel(self._subscription.session_id, self.prompt_id)
        await self._office.request(request)

    async def approve(self, call_id: str, *, approved: bool) -> None:
        """Let a tool be used that waits for it, or not.

        Raises:
            RequestFailed: No such call waits, or this client may not.
        """
        request = wire.Approve(call_id, approved, self._subscription.session_id)
        await self._office.request(request)
