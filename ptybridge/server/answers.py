"""Replies that go back in the answer to a POST, and the link of a POST without a stream."""

import asyncio
from collections.abc import Callable, Iterator, Sequence

from ptybridge.core.errors import Unavailable
from ptybridge.server.links import Batch
from ptybridge.server.transport_link import NOBODY, SOON_SECONDS, Receiver
from ptybridge.wire import event_stream
from ptybridge.wire.event_stream import Envelope

NO_ANSWER = "the connection has ended"


class Answers:
    """Requests of one connection that came by POST and wait for their reply.

    Each is served under a number of ours, since clients may leave theirs out and may use one
    twice; the reply is known by it again.
    """

    __slots__ = ("_is_closed", "_last", "_waiting")

    def __init__(self) -> None:
        self._last = 0
        self._is_closed = False
        self._waiting: dict[int, asyncio.Future[Envelope]] = {}

    def ask(self) -> tuple[int, asyncio.Future[Envelope]]:
        """A number to serve a request under, and where its reply will be."""
        self._last += 1
        future = asyncio.get_running_loop().create_future()
        self._waiting[self._last] = future
        if self._is_closed:
            self.close()
        return self._last, future

    def forget(self, number: int) -> None:
        """Expect a reply no longer. Idempotent."""
        self._waiting.pop(number, None)

    def give(self, reply: Envelope) -> None:
        """Hand a reply to whom it is for; one that nobody waits for any more is dropped."""
        future = None if reply.id is None else self._waiting.pop(reply.id, None)
        if future is not None and not future.done():
            future.set_result(reply)

    def close(self) -> None:
        """Tell all who wait that nothing will come. Idempotent."""
        self._is_closed = True
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(Unavailable(NO_ANSWER))
                future.exception()  # nobody has to look: a client that has left does not


class AnswerLink:
    """What carries a connection that lasts for one POST: replies, and nothing else.

    Attributes:
        answers: The requests that wait.
        is_ready: Never: output has nowhere to go.
    """

    __slots__ = ("_is_closed", "_loop", "_receiver", "answers", "is_ready")

    def __init__(self, receiver: Receiver, *, loop: asyncio.AbstractEventLoop) -> None:
        self._receiver: Receiver = receiver
        self._loop = loop
        self._is_closed = False
        self.answers = Answers()
        self.is_ready = False

    def post(self, message: bytes) -> None:
        """Keep a reply; events are nobody's here."""
        self.answers.give(event_stream.envelope(message))

    def post_binary(self, message: bytes) -> None:
        """Drop it: nobody listens."""

    def flush(self) -> None:
        """Nothing waits here."""

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Call back within ``SOON_SECONDS``, whatever becomes of the link."""
        self._loop.call_later(SOON_SECONDS, callback)

    def send_text(self, message: bytes) -> None:
        """As ``post``."""
        self.post(message)

    def send_batch(self, batch: Batch) -> None:
        """Drop it: events are nobody's here."""

    def send_binary(
        self, header: bytes, parts: Sequence[memoryview | bytes], *, key: object = None
    ) -> None:
        """Drop it: nobody listens."""

    def stream_binary(self, header: bytes, pieces: Iterator[bytes]) -> None:
        """Drop it: nobody listens."""

    def stream_text(self, messages: Iterator[bytes]) -> None:
        """Drop them: nobody listens."""

    def ping(self) -> None:
        """Nothing can be asked of it; what takes too long is dropped."""

    def close(self, code: int, reason: str) -> None:
        """End the link; the code has nowhere to go. Idempotent."""
        self.abort()

    def cut(self, code: int, reason: str) -> None:
        """As ``close``: nothing waits here but replies, and nobody is given them."""
        self.abort()

    def abort(self) -> None:
        """End the link. Idempotent."""
        if not self._is_closed:
            self._is_closed = True
            self.answers.close()
            receiver, self._receiver = self._receiver, NOBODY
            receiver.on_closed()
