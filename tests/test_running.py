"""The answer that runs: its deltas are joined, its tools remembered, and its end is an end."""

import asyncio

import pytest

from ptybridge.core.errors import NotFound
from ptybridge.core.running import JOIN_SECONDS, RunningAnswer
from ptybridge.core.session_events import (
    ChatMessage,
    SessionEvent,
    TextDelta,
    ToolApproval,
    ToolCall,
    ToolResult,
)
from tests.fakes import ManualClock


class Stage:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.events: list[SessionEvent] = []
        self.kept: list[ChatMessage] = []
        message = ChatMessage("m1", "assistant", "shell", "", 0.0, None, number=1)
        self.answer = RunningAnswer(
            message,
            clock=self.clock,
            publish=self._publish,
            changed=lambda answer, _: self.kept.append(answer.message),
        )

    def _publish(self, event: SessionEvent) -> int:
        self.events.append(event)
        return len(self.events)

    @property
    def deltas(self) -> list[str]:
        return [event.delta for event in self.events if isinstance(event, TextDelta)]


def test_the_first_words_go_at_once_and_what_follows_is_joined_for_sixteen_milliseconds() -> None:
    stage = Stage()
    for word in ("a", "b", "c"):
        stage.answer.text(word)
        stage.clock.advance(JOIN_SECONDS / 4)
    assert stage.deltas == ["a"]
    stage.clock.advance(JOIN_SECONDS / 4)
    assert stage.deltas == ["a", "bc"]
    stage.answer.text("d")
    stage.clock.advance(JOIN_SECONDS)
    assert stage.deltas == ["a", "bc", "d"]
    stage.clock.advance(10 * JOIN_SECONDS)
    stage.answer.text("e")
    assert stage.deltas[-1] == "e"
    assert stage.answer.message.text == stage.kept[-1].text == "abcde"


def test_words_stand_before_the_tool_that_follows_them_and_its_use_is_remembered() -> None:
    stage = Stage()
    stage.answer.text("a")
    stage.answer.text("b")
    call = stage.answer.tool_call("shell", {"command": "ls"})
    stage.answer.text("c")
    stage.answer.tool_result(call, "exit code 1", failed=True)
    kinds = [type(event) for event in stage.events]
    assert kinds == [TextDelta, TextDelta, ToolCall, TextDelta, ToolResult]
    (use,) = stage.answer.message.tools
    assert (use.call_id, use.tool, use.input) == (call, "shell", {"command": "ls"})
    assert (use.output, use.failed, use.approved) == ("exit code 1", True, None)


@pytest.mark.parametrize("approved", [True, False])
async def test_the_first_word_on_a_tool_counts(approved: bool) -> None:
    stage = Stage()
    call = stage.answer.tool_call("type_text", {"text": "x"}, needs_approval=True)
    waiting = asyncio.create_task(stage.answer.approval(call))
    await asyncio.sleep(0)
    stage.answer.approve(call, approved=approved, author="Ann")
    with pytest.raises(NotFound):
        stage.answer.approve(call, approved=not approved, author="Bob")
    assert await waiting is approved
    assert stage.events[-1] == ToolApproval("m1", call, approved, "Ann")
    assert stage.answer.message.tools[0].approved is approved


async def test_after_its_end_nothing_is_heard_and_nothing_waits() -> None:
    stage = Stage()
    call = stage.answer.tool_call("type_text", {"text": "x"}, needs_approval=True)
    waiting = asyncio.create_task(stage.answer.approval(call))
    await asyncio.sleep(0)
    stage.answer.text("a")
    stage.answer.text("b")
    stage.answer.end()
    count = len(stage.events)
    assert stage.deltas == ["a", "b"]
    stage.answer.text("c")
    stage.answer.tool_result(stage.answer.tool_call("shell", {}), "x", failed=False)
    stage.clock.advance(1)
    assert len(stage.events) == count
    with pytest.raises(NotFound):
        stage.answer.approve(call, approved=True, author="Ann")
    with pytest.raises(asyncio.CancelledError):
        await waiting
