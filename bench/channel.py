"""Channel: prompts, and messages to few and to many, on a session's channel."""

import json
import socket
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

import uvloop

from bench import broadcast
from bench.crowd import SHORT, Crowd, masked_text_frame
from bench.figures import Row, Target
from bench.subjects import Subject, Talking, Unmeasured, limit_to
from bench.summary import percentile
from bench.websocket import TEXT, WebSocket

BURST = 64
"""Messages that are said and have not reached everybody, of all who talk together."""

TEXT_SAID = "the quick brown fox jumps over the lazy dog"

PROMPT = "echo fox"

ROUND_LIMIT = 60.0
"""Seconds that one round may take."""

FLOOR = broadcast.Broadcast.name


@dataclass(frozen=True, slots=True)
class _Crossing:
    """What one round gave: messages a second, and server CPU for each delivery in seconds."""

    rate: float
    cpu: float


Crossings = dict[str, list[_Crossing]]
"""The rounds of ptybridge and of the floor, by name."""


class Channel:
    """A session's channel, beside a bare protocol that writes the same bytes."""

    name = "channel"

    def measure(self, subjects: Sequence[Subject], *, quick: bool) -> list[Row]:
        """Seven rows, of ptybridge and, where bytes can be compared, of the floor."""
        served = next((subject for subject in subjects if isinstance(subject, Talking)), None)
        if served is None:
            return []
        rounds, prompts, few, many, single = (
            (2, 20, 2_000, 2_000, 100) if quick else (5, 100, 20_000, 10_000, 500)
        )
        first, words = _prompts(served, rounds=rounds, count=prompts)
        with broadcast.start() as floor:
            between = partial(_crossings, served, floor, rounds=rounds)
            two = between(few, talkers=2, followers=2, window=BURST)
            hundred = between(many, talkers=0, followers=100, window=BURST)
            apart = between(single, talkers=0, followers=100, window=1)
        name = served.name
        return [
            Row("prompt to event p99", "ms", {name: first}, (Target(10.0),)),
            Row("prompt to text p99", "ms", {name: words}),
            _rate("messages, 2 members", two, 1, Target(10_000, at_least=True)),
            _rate(
                "deliveries to 100",
                hundred,
                100,
                Target(150_000, at_least=True),
                Target(0.5, FLOOR, at_least=True),
            ),
            _cpu("CPU, delivery to 100", hundred, Target(2.0, FLOOR)),
            _rate("  one by one", apart, 100, Target(0.5, FLOOR, at_least=True)),
            _cpu("  one by one", apart, Target(2.0, FLOOR)),
        ]


def _rate(name: str, crossings: Crossings, followers: int, *targets: Target) -> Row:
    rounds = {who: [followers * one.rate for one in found] for who, found in crossings.items()}
    return Row(name, "/s", rounds, targets)


def _cpu(name: str, crossings: Crossings, *targets: Target) -> Row:
    rounds = {who: [1e6 * one.cpu for one in found] for who, found in crossings.items()}
    return Row(name, "µs", rounds, targets)


# --- prompts


def _prompts(served: Talking, *, rounds: int, count: int) -> tuple[list[float], list[float]]:
    """Milliseconds until the first event and until the first words, the p99 of each round."""
    firsts: list[float] = []
    words: list[float] = []
    with limit_to(ROUND_LIMIT, "prompts"), closing(served.join("prompts")) as member:
        request = {"type": "prompt", "data": {"parts": [{"type": "text", "text": PROMPT}]}}
        frame = json.dumps(request).encode()
        for _ in range(rounds):
            times = [_prompt(member, frame) for _ in range(count)]
            firsts.append(1000 * percentile([first for first, _ in times], 99))
            words.append(1000 * percentile([word for _, word in times], 99))
    return firsts, words


def _prompt(member: WebSocket, frame: bytes) -> tuple[float, float]:
    """Prompt, and wait for the answer's end; seconds to the first event and the first words."""
    began = time.perf_counter()
    member.send(TEXT, frame)
    first = word = 0.0
    while True:
        payload = bytes(member.receive()[1])
        now = time.perf_counter() - began
        message = json.loads(payload)
        kind = message["type"]
        if kind == "error":
            raise Unmeasured(f"ptybridge: {message['data']}")
        if "seq" in message["data"]:
            first = first or now
        if kind == "text-delta":
            word = word or now
        if kind == "message.completed":
            if not word:
                raise Unmeasured("an answer ended without words")
            return first, word


# --- messages


def _crossings(
    served: Talking,
    floor: broadcast.Broadcast,
    messages: int,
    *,
    rounds: int,
    talkers: int,
    followers: int,
    window: int,
) -> Crossings:
    """Rounds of messages by turns: ptybridge, then the floor with the same bytes.

    Who talks follows, too, unless ``talkers`` is 0: then one connection more does nothing else.
    ``window`` messages are under way at a time.
    """
    session = f"crowd-{followers}-{window}"
    said = {"type": "say", "data": {"sessionID": session, "text": TEXT_SAID}}
    frame = masked_text_frame(json.dumps(said).encode())
    sizes = _sizes(served, said, session)

    def join_floor(*, follows: bool) -> socket.socket:
        return floor.connect(follows=follows, said=len(frame), reply=sizes[0], event=sizes[1])

    def join_served(*, follows: bool) -> socket.socket:
        return served.join(session if follows else None).take()

    async def measure() -> Crossings:
        measured = (
            (served.name, Crowd(frame, window=window), join_served, served.cpu_seconds),
            (floor.name, Crowd(frame, window=window), join_floor, floor.cpu_seconds),
        )
        found: Crossings = {name: [] for name, *_ in measured}
        for _, crowd, join, _ in measured:
            for number in range(followers):
                await crowd.add(join(follows=True), talks=number < talkers, follows=True)
            if not talkers:
                await crowd.add(join(follows=False), talks=True, follows=False)
            await crowd.exchange(min(messages, 1000))  # for warming up
        for _ in range(rounds):
            for name, crowd, _, cpu_seconds in measured:
                before = cpu_seconds()
                seconds = await crowd.exchange(messages)
                cpu = (cpu_seconds() - before) / messages / followers
                found[name].append(_Crossing(messages / seconds, cpu))
        for _, crowd, *_ in measured:
            crowd.close()
        return found

    with limit_to(ROUND_LIMIT, f"messages to {followers}"):
        return uvloop.run(measure())


def _sizes(served: Talking, said: dict[str, Any], session: str) -> tuple[int, int]:
    """Bytes of what answers a message, and of what tells of it.

    Raises:
        Unmeasured: A crowd could not tell the one from the other.
    """
    member = served.join(session)
    reply = event = 0
    member.send(TEXT, json.dumps(said).encode())
    while not (reply and event):
        payload = bytes(member.receive()[1])
        kind = json.loads(payload)["type"]
        if kind == "accepted":
            reply = len(payload)
        elif kind == "message.created":
            event = len(payload)
    member.close()
    if not reply < SHORT <= event:
        raise Unmeasured(f"replies of {reply} bytes, events of {event}")
    return reply, event
