"""The session channel over real sockets: talk, prompt, stream, interrupt."""

import asyncio
import json
import os
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.server import Client, running


async def until(client: Client, *types: str) -> list[dict[str, Any]]:
    """The session's events until one of these types has come, checking their numbers."""
    events: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        while not events or events[-1]["type"] not in types:
            message = await client.next()
            if isinstance(message, dict) and "seq" in message.get("data", {}):
                if message["type"] == "subscribed":
                    continue
                if events:
                    assert message["data"]["seq"] == events[-1]["data"]["seq"] + 1
                events.append(message)
    return events


async def prompt(client: Client, text: str, **data: Any) -> None:
    parts = [{"type": "text", "text": text}]
    await client.send("prompt", request_id=9, parts=parts, **data)


def answer_of(events: list[dict[str, Any]]) -> str:
    return "".join(e["data"]["delta"] for e in events if e["type"] == "text-delta")


async def test_two_people_see_the_prompt_and_the_streamed_answer_in_the_same_order() -> None:
    async with running() as server, server.plain() as ann, server.plain() as bob:
        await bob.send("ping")
        await bob.receive("pong")  # both follow by now
        await prompt(ann, "echo $((6*7)); pwd; exit 3")
        seen = [await until(client, "message.completed") for client in (ann, bob)]
        by_ann = [event for event in seen[0] if not event["type"].startswith("member")]
        by_bob = [event for event in seen[1] if not event["type"].startswith("member")]
    assert by_ann == by_bob
    types = [event["type"] for event in by_ann]
    assert types[:3] == ["message.created", "message.created", "tool-call"]
    assert types[-2:] == ["tool-result", "message.completed"]
    said, answer = by_ann[0]["data"]["message"], by_ann[1]["data"]["message"]
    assert (said["role"], said["author"], said["parts"][0]["text"][:4]) == ("user", "owner", "echo")
    assert (answer["role"], answer["author"], answer["parts"]) == ("assistant", "shell", [])
    assert answer_of(by_ann) == "42\n/\n"
    assert by_ann[2]["data"]["tool"] == "shell"
    assert by_ann[2]["data"]["input"] == {"command": "echo $((6*7)); pwd; exit 3", "cwd": "/"}
    result = by_ann[-2]["data"]
    assert (result["output"], result["failed"]) == ("exit code 3", True)
    assert by_ann[-1]["data"]["reason"] == "done"


async def test_a_long_task_is_interrupted_and_what_came_is_kept() -> None:
    async with running() as server, server.binary() as ann, server.binary() as bob:
        await prompt(ann, "trap '' TERM; echo begun; while :; do sleep 0.1; done")
        await until(bob, "text-delta")
        await bob.send("cancel", request_id=4)
        assert (await bob.receive("accepted", "error"))["type"] == "accepted"
        events = await until(ann, "cancelled")
        assert events[-2]["type"] == "message.completed"
        assert events[-2]["data"]["reason"] == "cancelled"
        assert answer_of(events) == "begun\n"
        await bob.send("cancel", request_id=5)
        while (reply := await bob.receive("error", "accepted")).get("id") != 5:
            pass
        assert reply["data"]["code"] == "conflict"
        await prompt(ann, "echo next")
        assert answer_of(await until(ann, "message.completed")) == "next\n"


async def test_a_prompt_that_waits_is_withdrawn_by_name_and_no_other_answer_is_stopped() -> None:
    async with running() as server, server.plain() as ann:
        await prompt(ann, "echo begun; read forever < /dev/zero")
        first = (await ann.receive("message.created"))["data"]["message"]["id"]
        await ann.receive("text-delta")
        await prompt(ann, "echo never")
        waiting = (await ann.receive("message.created"))["data"]["message"]["id"]
        await ann.send("cancel", messageID=waiting)
        assert (await ann.receive("cancelled"))["data"]["messageID"] == waiting
        await ann.send("cancel", request_id=5, messageID=waiting)
        assert (await ann.receive("error"))["data"]["code"] == "conflict"
        await ann.send("cancel", messageID=first)
        events = await until(ann, "cancelled")
        assert events[-2]["data"]["reason"] == "cancelled"
        await prompt(ann, "echo next")
        events = await until(ann, "message.completed")
        assert answer_of(events) == "next\n"
        said, answer = (event["data"]["message"] for event in events[:2])
        assert answer["replyTo"] == said["id"]


async def test_who_comes_back_gets_exactly_what_it_missed() -> None:
    async with running() as server, server.plain() as ann:
        await ann.send("subscribe", request_id=1)
        first = (await ann.receive("subscribed"))["data"]
        assert first["session"]["members"] == [{"id": "owner", "name": "owner", "role": "owner"}]
        for number in range(5):
            await ann.send("say", request_id=20 + number, text=f"word {number}")
        seen = [e for _ in range(5) for e in await until(ann, "message.created")]
        seq = seen[1]["data"]["seq"]
        async with server.plain("/ws") as late:
            await late.send("subscribe", sessionID="main", since=seq, request_id=2)
            subscribed = (await late.receive("subscribed"))["data"]
            missed = [e for _ in range(3) for e in await until(late, "message.created")]
        assert missed == seen[2:]
        texts = [m["parts"][0]["text"] for m in subscribed["session"]["messages"]]
        assert texts == [f"word {number}" for number in range(5)]


async def test_what_is_no_longer_kept_is_one_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ptybridge.core.session_log.MAX_EVENTS", 3)
    async with running() as server, server.plain() as ann:
        for number in range(6):
            await ann.send("say", text=str(number))
        await ann.send("ping")
        await ann.receive("pong")
        async with server.plain("/ws") as late:
            await late.send("subscribe", sessionID="main", since=1)
            await late.receive("subscribed")
            gap = (await late.receive("gap"))["data"]
            events = [e for _ in range(3) for e in await until(late, "message.created")]
        newest = events[-1]["data"]["seq"]
        assert gap == {"sessionID": "main", "from": 2, "to": newest - 3}


async def test_who_joins_during_an_answer_gets_it_so_far_and_then_its_deltas(
    tmp_path: Path,
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    async with running() as server, server.plain() as ann:
        await prompt(ann, f"echo one; read go < {gate}; echo two")
        await until(ann, "text-delta")
        async with server.plain("/ws") as late:
            await late.send("subscribe", sessionID="main")
            session = (await late.receive("subscribed"))["data"]["session"]
            answer = session["messages"][-1]
            so_far = "".join(part["text"] for part in answer["parts"])
            assert so_far.startswith("one\n")
            assert "reason" not in answer
            gate.write_text("go\n")
            rest = answer_of(await until(late, "message.completed"))
        assert (so_far + rest).endswith("two\n")


async def test_terminals_and_members_are_told_of() -> None:
    async with running() as server, server.plain() as ann:
        await until(ann, "member.joined")
        await ann.send("terminal.open", rows=24, cols=80, command=["sh", "-c", "exit 5"])
        events = await until(ann, "terminal.closed")
        created, closed = events[0], events[-1]
        terminal = created["data"]["terminal"]["id"]
        assert created["type"] == "terminal.created"
        assert closed["data"]["terminal"]["id"] == terminal
        assert closed["data"]["terminal"]["exit"] == {"code": 5}
        await ann.send("unsubscribe", request_id=3)
        assert (await ann.receive("unsubscribed"))["data"] == {"sessionID": "main"}
        await ann.send("unsubscribe", request_id=4)
        assert (await ann.receive("error"))["data"]["code"] == "not-found"


async def test_more_prompts_than_may_wait_are_refused() -> None:
    async with running() as server, server.plain() as ann:
        for _ in range(18):
            await prompt(ann, "sleep 60")
        replies = [await ann.receive("accepted", "error") for _ in range(18)]
        assert [reply["type"] for reply in replies] == ["accepted"] * 17 + ["error"]
        assert replies[-1]["data"]["code"] == "limit-reached"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "say", "data": {"text": " "}}, "bad-message"),
        ({"type": "prompt", "data": {"parts": []}}, "bad-message"),
        ({"type": "prompt", "data": {"parts": [{"type": "image", "text": ""}]}}, "bad-message"),
        ({"type": "cancel"}, "conflict"),
        ({"type": "approve", "data": {"callID": "none", "approved": True}}, "not-found"),
        ({"type": "unsubscribe", "data": {"sessionID": "other"}}, "not-found"),
    ],
)
async def test_what_makes_no_sense_is_refused(message: dict[str, Any], code: str) -> None:
    async with running() as server, server.plain() as ann:
        await ann.ws.send_str(json.dumps(message))
        assert (await ann.receive("error"))["data"]["code"] == code


async def test_a_subscriber_that_reads_nothing_costs_no_queue_and_holds_nobody_up() -> None:
    async with running() as server, AsyncExitStack() as stack:
        ann = await stack.enter_async_context(server.plain())
        slow = await stack.enter_async_context(server.plain())
        await prompt(ann, "head -c 900000 /dev/zero | tr '\\0' x")
        events = await until(ann, "message.completed")
        assert len(answer_of(events)) == 900_000
        assert len(answer_of(await until(slow, "message.completed"))) == 900_000


async def test_to_leave_a_session_that_is_not_there_makes_none() -> None:
    async with running() as server, server.plain() as client:
        for name in ("unheard-of", "not a name"):
            await client.send("unsubscribe", request_id=3, sessionID=name)
            assert (await client.receive("error"))["data"]["code"] == "not-found"
        assert set(server.registry.sessions) == {"main"}


async def test_who_comes_back_to_another_session_of_the_name_misses_none_of_it() -> None:
    async with running() as server, server.plain("/ws") as ann:
        await ann.send("subscribe", sessionID="again", since=1000)
        subscribed = (await ann.receive("subscribed"))["data"]
        assert subscribed["seq"] == 0
        joined = (await ann.receive("member.joined"))["data"]
        assert joined["seq"] == 1
