"""A session's events to many: encoded once, written once a turn, and no queue for the slow."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from ptybridge.core.bus import Bus
from ptybridge.core.session import Session, Surroundings
from ptybridge.core.values import SessionId
from ptybridge.server import links
from ptybridge.server.subscriptions import BATCH_EVENTS, REMEMBERED, Batches, Subscription
from ptybridge.server.websocket import WebSocketLink
from ptybridge.wire import messages
from ptybridge.wire.websocket import Opcode
from tests.fakes import ManualClock


class Wire(asyncio.Transport):
    """Keeps each write; is full after the next one when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.is_narrow = False
        self.link: WebSocketLink | None = None

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert high == 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))
        if self.is_narrow:
            assert self.link is not None
            self.link.pause_writing()


class Follower:
    """A connection that follows a session and says nothing."""

    def __init__(self, stage: "Stage") -> None:
        self.wire = Wire()
        loop = asyncio.get_running_loop()
        self.link = WebSocketLink(self, self.wire, max_message=1000, loop=loop)
        self.wire.link = self.link
        self.subscription = Subscription(
            stage.session, self.link, stage.bus, stage.batches, since=None
        )
        self.subscription.begin()

    def on_text(self, message: bytes) -> None:
        raise AssertionError

    def on_binary(self, message: bytes) -> None:
        raise AssertionError

    def on_heard(self) -> None:
        raise AssertionError

    def on_writable(self) -> None:
        self.subscription.wake()

    def on_closed(self) -> None:
        raise AssertionError

    @property
    def texts(self) -> list[str]:
        """What it was told, in order."""
        return [
            told["data"]["message"]["parts"][0]["text"]
            for told in map(msgspec.json.decode, payloads(b"".join(self.wire.writes)))
        ]


def payloads(data: bytes) -> list[bytes]:
    """The payloads of unmasked text frames of 126 to 65,535 bytes (RFC 6455 section 5.2)."""
    found: list[bytes] = []
    while data:
        assert data[:2] == bytes((0x80 | Opcode.TEXT, 126))
        end = 4 + int.from_bytes(data[2:4], "big")
        found.append(data[4:end])
        data = data[end:]
    return found


class Stage:
    """A session, its bus, and time."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.bus = Bus(self.clock)
        self.batches = Batches()
        around = Surroundings(self.clock, lambda: 1.0, self.bus)
        self.session = Session(SessionId("main"), around, created=1.0)

    def say(self, first: int, last: int) -> list[str]:
        """Have so many messages said in this turn; their texts."""
        texts = [f"message {number}" for number in range(first, last)]
        for text in texts:
            self.session.chat.say(text, author="ann")
        return texts

    def turn(self) -> None:
        """Let the next turn of the loop begin."""
        self.clock.advance(0)


@pytest.fixture
async def stage() -> Stage:
    return Stage()


def counted(original: Callable[..., bytes], calls: list[object]) -> Callable[..., bytes]:
    def count(message: object, *rest: object) -> bytes:
        calls.append(message)
        return original(message, *rest)

    return count


async def test_a_burst_is_written_once_per_subscriber_and_turn(stage: Stage) -> None:
    followers = [Follower(stage) for _ in range(100)]
    texts = stage.say(0, 50)
    assert all(follower.wire.writes == [] for follower in followers)
    stage.turn()
    assert [len(follower.wire.writes) for follower in followers] == [1] * 100
    assert all(follower.texts == texts for follower in followers)
    texts += stage.say(50, 60)
    stage.turn()
    stage.turn()
    assert [len(follower.wire.writes) for follower in followers] == [2] * 100
    assert all(follower.texts == texts for follower in followers)


async def test_an_event_is_encoded_and_a_batch_joined_once_for_all_subscribers(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[object] = []
    batches: list[links.Batch] = []

    def send_batch(link: WebSocketLink, batch: links.Batch) -> None:
        batches.append(batch)
        original(link, batch)

    original = WebSocketLink.send_batch
    encode = messages.encode
    monkeypatch.setattr(messages, "encode", counted(encode, encoded))
    monkeypatch.setattr(WebSocketLink, "send_batch", send_batch)
    followers = [Follower(stage) for _ in range(100)]
    texts = stage.say(0, REMEMBERED * BATCH_EVENTS)
    stage.turn()
    assert len(encoded) == len(texts)
    assert len(batches) == 100 * REMEMBERED
    assert len(set(map(id, batches))) == REMEMBERED
    assert all(follower.texts == texts for follower in followers)


async def test_a_slow_subscriber_holds_nobody_up_and_is_sent_on_from_where_it_is(
    stage: Stage,
) -> None:
    slow, quick = Follower(stage), Follower(stage)
    slow.wire.is_narrow = True
    texts = stage.say(0, 1)
    stage.turn()
    for number in range(1, 101):
        texts += stage.say(number, number + 1)
        stage.turn()
    assert (len(slow.wire.writes), len(quick.wire.writes)) == (1, 101)
    slow.wire.is_narrow = False
    slow.link.resume_writing()
    assert len(slow.wire.writes) == 2
    assert slow.texts == quick.texts == texts


async def test_what_was_posted_before_goes_before(stage: Stage) -> None:
    follower = Follower(stage)
    reply = msgspec.json.encode({"data": {"message": {"parts": [{"text": "r" * 200}]}}})
    stage.say(0, 1)
    follower.link.post(reply)
    stage.turn()
    assert follower.texts == ["r" * 200, "message 0"]
    assert len(follower.wire.writes) == 1


async def test_sessions_do_not_share_batches(stage: Stage) -> None:
    other = Stage()
    other.batches = stage.batches
    here, there = Follower(stage), Follower(other)
    for number in range(3):
        stage.say(number, number + 1)
        other.say(10 + number, 11 + number)
        stage.turn()
        other.turn()
    assert here.texts == ["message 0", "message 1", "message 2"]
    assert there.texts == ["message 10", "message 11", "message 12"]
