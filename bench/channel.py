"""Channel: prompts, and messages to few and to many, on a session's channel."""

import json
import socket
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import uvloop

from bench import broadcast
from bench.crowd import SHORT, Crowd, masked_text_frame
from bench.figures import Row, Target
from bench.subjects import Subject, Talking, Unmeasured, limit_to
from bench.summary import percentile
from bench.websocket import TEXT, WebSocket

WINDOW = 64
"""Messages that are said and have not reached everybody; they are shared by who talks."""

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


class Channel:
    """A session's channel, beside a bare protocol that writes the same bytes."""

    name = "channel"

    def measure(self, subjects: Sequence[Subject], *, quick: bool) -> list[Row]:
        """Five rows, of ptybridge and, where bytes can be compared, of the floor."""
        served = next((subject for subject in subjects if isinstance(subject, Talking)), None)
        if served is None:
            return []
        rounds, prompts, few, many = (2, 20, 2_000, 500) if quick else (5, 100, 40_000, 6_000)
        first, words = _prompts(served, rounds=rounds, count=prompts)
        with broadcast.start() as floor:
            two = _crossings(served, floor, rounds=rounds, messages=few, talkers=2, followers=2)
            hundred = _crossings(
                served, floor, rounds=rounds, messages=many, talkers=0, followers=100
            )
        name = served.name
        return [
            Row("prompt to event p99", "ms", {name: first}, (Target(10.0),)),
            Row("prompt to text p99", "ms", {name: words}),
            Row(
                "messages, 2 members",
                "/s",
                {who: [one.rate for one in found] for who, found in two.items()},
                (Target(10_000, at_least=True),),
            ),
            Row(
                "deliveries, 100 members",
                "/s",
                {who: [100 * one.rate for one in found] for who, found in hundred.items()},
                (Target(150_000, at_least=True), Target(0.5, FLOOR, at_least=True)),
            ),
            Row(
                "CPU per delivery",
                "µs",
                {who: [1e6 * one.cpu for one in found] for who, found in hundred.items()},
                (Target(2.0, FLOOR),),
            ),
        ]


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
    *,
    rounds: int,
    messages: int,
    talkers: int,
    followers: int,
) -> dict[str, list[_Crossing]]:
    """Rounds of messages by turns: ptybridge, then the floor with the same bytes.

    Who talks follows, too, unless ``talkers`` is 0: then one connection more does nothing else.
    """
    session = f"crowd-{followers}"
    said = {"type": "say", "data": {"sessionID": session, "text": TEXT_SAID}}
    frame = masked_text_frame(json.dumps(said).encode())
    sizes = _sizes(served, said, session)

    def join_floor(*, follows: bool) -> socket.socket:
        return floor.connect(follows=follows, said=len(frame), reply=sizes[0], event=sizes[1])

    def join_served(*, follows: bool) -> socket.socket:
        return served.join(session if follows else None).take()

    async def measure() -> dict[str, list[_Crossing]]:
        measured = (
            (served.name, Crowd(frame, window=WINDOW), join_served, served.cpu_seconds),
            (floor.name, Crowd(frame, window=WINDOW), join_floor, floor.cpu_seconds),
        )
        found: dict[str, list[_Crossing]] = {name: [] for name, *_ in measured}
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
