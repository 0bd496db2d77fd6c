"""Answers whose events are lost: the client asks what has become of them, and waits no longer."""

import asyncio

import pytest

from ptybridge.cli.talking import Asked
from ptybridge.client.answers import Answer
from ptybridge.client.errors import LinkBroke, RequestFailed
from ptybridge.client.subscriptions import Subscription
from ptybridge.wire import messages
from ptybridge.wire import session_messages as wire

PROMPT, REPLY = "p1", "a1"


def said(number: int, name: str = "", *, text: str = "x") -> wire.MessageState:
    part = wire.Part("text", text)
    return wire.MessageState(name or f"m{number}", "user", "ann", [part], 0, number=number)


def answer(number: int, text: str, reason: str | None) -> wire.MessageState:
    parts = [wire.Part("text", text)]
    tools = [wire.ToolState("k1", "shell", {}, output="", exit=wire.ExitOf(code=4))]
    return wire.MessageState(
        REPLY, "assistant", "shell", parts, 0, reason, PROMPT, number, tools=tools
    )


class Server:
    """A session as the server has it, of which nothing is told but when it is asked for."""

    def __init__(self, *kept: wire.MessageState, waiting: tuple[str, ...] = ()) -> None:
        """Of what is ``kept``, only the newest two messages are given to who subscribes."""
        self.kept = list(kept)
        self.waiting = list(waiting)
        self.seq = 50
        self.broken = 0
        self.has_history = True
        self.then: list[wire.Event] = []
        self.subscription = Subscription(self, "s", since=5)

    async def request(self, message: messages.ClientMessage) -> messages.ServerMessage:
        await asyncio.sleep(0)
        if self.broken:
            self.broken -= 1
            raise LinkBroke("gone")
        if isinstance(message, wire.History):
            if not self.has_history:
                raise RequestFailed("unavailable", "the store cannot be read")
            assert message.before is not None
            older = [one for one in self.kept if one.number < message.before]
            return wire.HistoryPage("s", older[-2:])
        assert isinstance(message, wire.Subscribe)
        state = wire.ChannelState("s", 0, [], [], self.kept[-2:], waiting=self.waiting)
        told = wire.Subscribed("s", self.seq, state)
        self.subscription.begin(told)
        for event in self.then:
            self.subscription.told(event)
        return told

    def forget_subscription(self, subscription: Subscription) -> None: ...

    def lose(self, last: int = 50) -> None:
        """Events are lost, from the first that the client has not."""
        self.subscription.told(wire.Gap("s", 6, last))

    async def answered(self) -> tuple[Answer, list[str]]:
        """The answer to the prompt, and its words as they came."""
        asked = Answer(self, self.subscription, PROMPT)
        async with asyncio.timeout(10):
            return asked, [delta async for delta in asked]


async def test_an_answer_that_has_ended_meanwhile_is_taken_over() -> None:
    server = Server(said(1, PROMPT), answer(2, "one\n", "done"))
    server.lose()
    asked, words = await server.answered()
    assert (asked.reason, asked.exit, words) == ("done", wire.ExitOf(code=4), ["one\n"])


async def test_an_answer_that_runs_goes_on_and_no_word_comes_twice() -> None:
    server = Server(said(1, PROMPT), answer(2, "one two ", None))
    server.then = [
        wire.TextDelta("s", 50, REPLY, "two "),
        wire.TextDelta("s", 51, REPLY, "three"),
        wire.MessageCompleted("s", 52, REPLY, "done"),
    ]
    server.lose(49)
    asked, words = await server.answered()
    assert (asked.reason, words, asked.text) == ("done", ["one two ", "three"], "one two three")


@pytest.mark.parametrize("number", range(2, 9))
async def test_an_answer_is_found_however_much_was_said_behind_it(number: int) -> None:
    behind = [said(each) for each in range(number + 1, 10)]
    server = Server(said(1, PROMPT), answer(number, "one\n", "failed"), *behind)
    server.lose()
    asked, words = await server.answered()
    assert (asked.reason, words) == ("failed", ["one\n"])


async def test_an_old_answer_that_runs_is_heard_from_behind_the_gap_on() -> None:
    server = Server(said(1, PROMPT), answer(2, "one two ", None), said(3), said(4))
    server.then = [
        wire.TextDelta("s", 50, REPLY, "two "),
        wire.MessageCompleted("s", 51, REPLY, "done"),
    ]
    server.lose(49)
    asked, words = await server.answered()
    assert (asked.reason, words) == ("done", ["two "])


async def test_a_prompt_that_waits_is_waited_for() -> None:
    server = Server(said(1, PROMPT), waiting=(PROMPT,))
    server.then = [wire.Cancelled("s", 51, PROMPT)]
    server.lose()
    asked, words = await server.answered()
    assert (asked.reason, words) == ("cancelled", [])


@pytest.mark.parametrize("behind", [0, 5])
async def test_a_prompt_that_neither_waits_nor_was_answered_was_withdrawn(behind: int) -> None:
    server = Server(said(1, PROMPT), *(said(2 + each) for each in range(behind)))
    server.lose()
    asked, words = await server.answered()
    assert (asked.reason, words) == ("cancelled", [])


@pytest.mark.parametrize("has_history", [False, True])
async def test_what_can_no_longer_be_had_has_failed(has_history: bool) -> None:
    server = Server(*(said(number) for number in range(7, 12)))
    server.has_history = has_history
    server.lose()
    asked, _ = await server.answered()
    assert asked.reason == "failed"


async def test_a_link_that_breaks_over_the_question_is_waited_for() -> None:
    server = Server(said(1, PROMPT), answer(2, "one\n", "done"), said(3), said(4))
    server.broken = 2
    server.lose()
    asked, _ = await server.answered()
    assert asked.reason == "done"


async def test_a_session_that_has_ended_is_not_made_anew_by_asking() -> None:
    server = Server()
    server.lose()
    server.subscription.told(wire.SessionClosed("s", 51))
    server.broken = 1_000_000
    asked, _ = await server.answered()
    assert asked.reason is None


@pytest.mark.parametrize("is_known_before", [True, False])
async def test_a_chat_does_not_wait_for_an_answer_whose_end_is_lost(is_known_before: bool) -> None:
    server = Server(said(1, PROMPT), answer(2, "one\n", None))
    asked = Asked()
    if is_known_before:
        asked.add(PROMPT)
    asked.note(wire.Gap("s", 6, 50))
    await asked.catch_up(server.subscription)
    asked.add(PROMPT)
    server.kept[-1] = answer(2, "one\n", "done")
    if is_known_before:  # the end of an answer whose beginning is lost
        asked.note(wire.MessageCompleted("s", 51, REPLY, "done"))
    else:
        await asked.catch_up(server.subscription)
    async with asyncio.timeout(10):
        await asked.answered()
