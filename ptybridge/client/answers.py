"""Answers to prompts: their words as they come, and what has become of one when events are lost."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import msgspec

from ptybridge.client.errors import LinkBroke, RequestFailed
from ptybridge.client.subscriptions import Office, Subscription
from ptybridge.wire import session_messages as wire

AnswerEvent = wire.TextDelta | wire.ToolCall | wire.ToolApproval | wire.ToolResult
"""What an answer consists of."""

SHELL = "shell"
"""The tool that is the prompt itself, run as a command line."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What has become of a prompt.

    Attributes:
        seq: The event as of which this is known.
        reason: How it has ended; None while it waits or is being answered.
        answer: The answer; None where there is none, or none that can still be had.
    """

    seq: int
    reason: str | None = None
    answer: wire.MessageState | None = None


async def fate_of(subscription: Subscription, prompt_id: str) -> Fate | None:
    """Ask what has become of a prompt that was taken; None where the session has ended.

    Raises:
        RequestFailed: This client may not follow the session any more.
        ConnectionEnded: The connection is over for good.
    """
    while True:
        state = await subscription.look_again()
        if state is None:
            return None
        seq = subscription.state_seq
        if prompt_id in state.waiting:
            return Fate(seq)
        try:
            return await _found(subscription, prompt_id, state.messages, seq)
        except LinkBroke:
            continue


async def _found(
    subscription: Subscription, prompt_id: str, newest: list[wire.MessageState], seq: int
) -> Fate:
    """Look for a prompt that does not wait, and its answer, from the newest messages backwards."""
    messages = newest
    while messages:
        for message in messages:
            if message.reply_to != prompt_id:
                continue
            if messages is newest or message.reason is not None:
                return Fate(seq, message.reason, message)
            # It runs, and its words are not as of ``seq``: those that follow would come twice.
            return Fate(0, None, msgspec.structs.replace(message, parts=[]))
        if any(message.id == prompt_id for message in messages):
            return Fate(seq, "cancelled")  # before its turn came
        try:
            messages = await subscription.history(before=messages[0].number, limit=100)
        except RequestFailed:  # they are kept elsewhere, and cannot be read
            break
    return Fate(seq, "failed")  # it has ended: what runs or waits is never forgotten


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
                    known, own = await self._catch_up(event.last)
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

    async def _catch_up(self, seq: int) -> tuple[int, wire.TextDelta | None]:
        """Behind lost events: as of which one all is known again, and which words were missed."""
        fate = await fate_of(self._subscription, self.prompt_id)
        if fate is None:  # the session's end, which is told next
            return seq, None
        self.reason = fate.reason
        message = fate.answer
        if message is None:
            return fate.seq, None
        self.message_id = message.id
        for use in message.tools:
            if use.tool == SHELL:
                self._command, self.exit = use.call_id, use.exit
        missed = "".join(part.text for part in message.parts)[len(self.text) :]
        self.text += missed
        if not missed:
            return fate.seq, None
        return fate.seq, wire.TextDelta(self._subscription.session_id, seq, message.id, missed)

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
