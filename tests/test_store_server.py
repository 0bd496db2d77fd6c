"""A whole server and its store: a restart, a kill in the middle of an answer, a full disk."""

import asyncio
import resource
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest

from ptybridge.client import Client, Subscription, connect
from ptybridge.wire import session_messages as wire
from tests.test_cli import PATIENCE, Machine, Serving, machine

__all__ = ["machine"]  # a fixture

pytestmark = pytest.mark.slow


def connected(serving: Serving) -> AbstractAsyncContextManager[Client]:
    address, _, token = serving.printed.partition("#token=")
    return connect(address, token=token, transport="websocket", is_returning=False)


async def messages_of(client: Client, session: str = "main") -> list[wire.MessageState]:
    """All of a session's messages, page by page."""
    async with await client.subscribe(session) as heard:
        found = await heard.history(limit=100)
        while found and found[0].number > 1:
            older = await heard.history(before=found[0].number, limit=100)
            assert older
            found = older + found
        return found


def text_of(message: wire.MessageState) -> str:
    return "".join(part.text for part in message.parts)


async def text_until(heard: Subscription, length: int) -> str:
    """An answer's words until there are so many."""
    text = ""
    async for event in heard:
        if isinstance(event, wire.TextDelta):
            text += event.delta
            if len(text) >= length:
                break
    return text


async def first_created(heard: Subscription) -> AsyncIterator[wire.MessageCreated]:
    """The next message that is said."""
    async for event in heard:
        if isinstance(event, wire.MessageCreated):
            yield event
            return


async def test_a_restart_brings_back_sessions_messages_and_numbers(machine: Machine) -> None:
    with machine.serving() as serving:
        async with connected(serving) as client, asyncio.timeout(PATIENCE):
            await client.say("work", "before")
            answer = await client.prompt("work", "echo answered; exit 2")
            assert "".join([delta async for delta in answer]) == "answered\n"
            seq = (await client.subscribe("work")).seq
            assert seq is not None
        assert serving.end(signal.SIGTERM)[0] == 0
    with machine.serving() as serving:
        async with connected(serving) as client, asyncio.timeout(PATIENCE):
            before, prompt, answered = await messages_of(client, "work")
            assert (text_of(before), before.number) == ("before", 1)
            assert (prompt.prompt, answered.reply_to, answered.reason) == (True, prompt.id, "done")
            (use,) = answered.tools
            assert (use.tool, use.output, use.failed) == ("shell", "exit code 2", True)
            async with await client.subscribe("work", since=seq) as heard:
                gap = await anext(heard)
                assert isinstance(gap, wire.Gap)
                assert gap.first == seq + 1
                await client.say("work", "after")
                created = [event async for event in first_created(heard)]
            assert created[0].seq > gap.last
            assert created[0].message.number == 4


async def test_a_kill_loses_at_most_a_second_of_the_answer_that_ran(machine: Machine) -> None:
    counting = "i=0; while :; do i=$((i+1)); printf '%07d\\n' $i; sleep 0.01; done"
    with machine.serving() as serving:
        async with connected(serving) as client, asyncio.timeout(PATIENCE):
            await client.say("main", "before")
            heard = await client.subscribe("main")
            await client.request(wire.PromptRequest([wire.Part("text", counting)], "main"))
            began = time.monotonic()
            times: list[tuple[float, int]] = []
            length = 0
            async for event in heard:
                if isinstance(event, wire.TextDelta):
                    length += len(event.delta)
                    times.append((time.monotonic(), length))
                    if time.monotonic() - began > 2.5:
                        break
            serving.process.kill()
            killed = time.monotonic()
    with machine.serving() as serving:
        async with connected(serving) as client, asyncio.timeout(PATIENCE):
            before, _, answer = await messages_of(client)
    assert text_of(before) == "before"
    assert answer.reason == "failed"
    kept = text_of(answer)
    assert kept.split() == [f"{number:07d}" for number in range(1, len(kept) // 8 + 1)]
    # A second, and what a busy machine adds to writing it.
    assert len(kept) >= max(length for at, length in times if at < killed - 1.5)


async def test_a_full_disk_is_said_once_and_the_live_channel_goes_on(machine: Machine) -> None:
    words = "x" * 20_000
    with machine.serving() as serving:
        pid = serving.process.pid
        async with connected(serving) as client, asyncio.timeout(PATIENCE):
            heard = await client.subscribe("main")
            await client.say("main", "kept")
            await asyncio.sleep(0.2)
            unlimited = resource.prlimit(pid, resource.RLIMIT_FSIZE, (65_536, -1))
            for number in range(12):
                await client.say("main", f"{number} {words}")
            texts = []
            async for event in heard:
                if isinstance(event, wire.MessageCreated):
                    texts.append(text_of(event.message).partition(" ")[0])
                    if texts[-1] == "11":
                        break
            assert texts == ["kept", *map(str, range(12))]
            answer = await client.prompt("main", "echo still here")
            assert "".join([delta async for delta in answer]) == "still here\n"
            await asyncio.sleep(2)  # the store writes within a second
            resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)
            await client.say("main", "room again")
        code, _, errors = serving.end(signal.SIGTERM)
    assert code == 0
    assert errors.count("sessions cannot be written") == 1
    assert words[:100] not in errors
    with machine.serving() as serving:
        async with connected(serving) as client, asyncio.timeout(PATIENCE):
            again = [text_of(message).partition(" ")[0] for message in await messages_of(client)]
    assert again == ["kept", *map(str, range(12)), "echo", "still", "room"]
