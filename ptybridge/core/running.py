"""The answer that runs: what its responder speaks through, joined into fewer events."""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace

from ptybridge.core.errors import NotFound
from ptybridge.core.ports import Clock, Timer
from ptybridge.core.session_events import (
    ChatMessage,
    SessionEvent,
    TextDelta,
    ToolApproval,
    ToolCall,
    ToolResult,
    ToolUse,
)
from ptybridge.core.values import ExitStatus

JOIN_SECONDS = 0.016
"""Deltas that come within so long of each other are one event."""


class RunningAnswer:
    """`ptybridge.core.responder.Answer`, and the message that grows by it.

    Attributes:
        message: The message as it is now.
        is_over: Nothing of it is heard any more.
        task: The responder's work.
    """

    task: "asyncio.Task[None]"

    def __init__(
        self,
        message: ChatMessage,
        *,
        clock: Clock,
        publish: Callable[[SessionEvent], int],
        changed: Callable[["RunningAnswer", int], None],
    ) -> None:
        """``publish`` puts an event into the log; ``changed`` is told with the event's number."""
        self.message = message
        self.is_over = False
        self._clock = clock
        self._publish = publish
        self._changed = changed
        self._joined: list[str] = []
        self._timer: Timer | None = None
        self._flushed_at = float("-inf")
        self._approvals: dict[str, asyncio.Future[bool]] = {}

    @property
    def id(self) -> str:
        """The message's name."""
        return self.message.id

    # --- what the responder says

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
            self.message = replace(self.message, text=self.message.text + delta)
            self._tell(TextDelta(self.id, delta))

    def tool_call(
        self, tool: str, arguments: Mapping[str, str], *, needs_approval: bool = False
    ) -> str:
        """Announce the use of a tool; the call's name."""
        call_id = secrets.token_hex(6)
        if not self.is_over:
            self.flush()
            if needs_approval:
                self._approvals[call_id] = asyncio.get_running_loop().create_future()
            use = ToolUse(call_id, tool, dict(arguments), needs_approval)
            self.message = replace(self.message, tools=(*self.message.tools, use))
            self._tell(ToolCall(self.id, call_id, tool, use.input, needs_approval))
        return call_id

    def tool_result(
        self, call_id: str, output: str, *, failed: bool, status: ExitStatus | None = None
    ) -> None:
        """Say what came of a tool's use, and how it ended where it was a command."""
        if not self.is_over:
            self.flush()
            self._change_use(call_id, output=output, failed=failed, status=status)
            self._tell(ToolResult(self.id, call_id, output, failed, status))

    async def approval(self, call_id: str) -> bool:
        """Wait until a writer has approved or refused."""
        waiting = self._approvals.get(call_id)
        return waiting is not None and await waiting

    # --- what members do

    def approve(self, call_id: str, *, approved: bool, author: str) -> None:
        """Let a tool be used, or not.

        Raises:
            NotFound: No call of that name waits for it.
        """
        waiting = self._approvals.pop(call_id, None)
        if waiting is None or waiting.done():
            raise NotFound("call that waits for approval", "(callID)")
        waiting.set_result(approved)
        self._change_use(call_id, approved=approved)
        self._tell(ToolApproval(self.id, call_id, approved, author))

    def end(self) -> None:
        """Publish what was joined, and hear nothing more."""
        self.flush()
        self.is_over = True
        for waiting in self._approvals.values():
            waiting.cancel()

    def _change_use(self, call_id: str, **changes: str | bool | ExitStatus | None) -> None:
        tools = (
            replace(use, **changes) if use.call_id == call_id else use  # type: ignore[arg-type]  # names and types are the callers'
            for use in self.message.tools
        )
        self.message = replace(self.message, tools=tuple(tools))

    def _tell(self, event: SessionEvent) -> None:
        self._changed(self, self._publish(event))
