"""What carries a connection, seen from the connection."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol


class Batch:
    """JSON messages that many links are sent, so that they are put into frames once for all.

    Attributes:
        messages: The messages, in order.
        frames: The same as WebSocket frames, kept by the link that made them first.
        deflated: The same as frames of which some are compressed, by window bits.
    """

    __slots__ = ("deflated", "frames", "messages")

    def __init__(self, messages: Sequence[bytes]) -> None:
        self.messages = messages
        self.frames: bytes | None = None
        self.deflated: dict[int, bytes] | None = None


class Link(Protocol):
    """One client's link. All that is written goes out in the order of the calls."""

    @property
    def is_ready(self) -> bool:
        """Whether what is written now goes out at once, as far as is known."""

    def post(self, message: bytes) -> None:
        """Send one JSON message, together with others of this turn of the loop."""

    def post_binary(self, message: bytes) -> None:
        """Send one binary message, together with others of this turn of the loop."""

    def flush(self) -> None:
        """Send what was posted now, as far as the link takes it."""

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Call back within some milliseconds, whatever becomes of the link."""

    def send_text(self, message: bytes) -> None:
        """Send one JSON message now."""

    def send_batch(self, batch: Batch) -> None:
        """Send JSON messages now, all in one write."""

    def send_binary(
        self, header: bytes, parts: Sequence[memoryview | bytes], *, key: object = None
    ) -> None:
        """Send one binary message now; ``parts`` are only good during the call.

        The same ``key`` says of another call that its ``parts`` are the same bytes, if they are as
        many, so that what is made of them is made once for all links; None says nothing.
        """

    def stream_binary(self, header: bytes, pieces: Iterator[bytes]) -> None:
        """Send one binary message in pieces, one in each turn of the loop as long as it goes out.

        The link is not ready until the last has gone; what is posted meanwhile follows it.
        """

    def stream_text(self, messages: Iterator[bytes]) -> None:
        """Send JSON messages one after the other, as ``stream_binary`` does with pieces."""

    def ping(self) -> None:
        """Ask the client's link for a sign of life."""

    def close(self, code: int, reason: str) -> None:
        """Send what was posted, say why, and end the link. Idempotent."""

    def cut(self, code: int, reason: str) -> None:
        """Drop all that has not been sent, say why if that is still possible, and end the link.

        From the call on, nothing that comes is acted on. Idempotent.
        """

    def abort(self) -> None:
        """End the link at once."""
