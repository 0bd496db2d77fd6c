"""The message that carries what is typed: docs/wire.md sections 2 and 5."""

from typing import ClassVar

from ptybridge.wire.fields import Channel, Message, Offset


class Input(Message, frozen=True):
    """Type ``data`` or, where it is not text, ``base64``; without ``channel`` on the only one.

    ``offset`` is the input that the channel has sent before, for clients that count it.
    """

    type: ClassVar[str] = "input"
    data: str | None = None
    base64: bytes | None = None
    channel: Channel | None = None
    offset: Offset | None = None

    def __post_init__(self) -> None:
        if (self.data is None) == (self.base64 is None):
            raise ValueError("either data or base64 is needed")

    @property
    def typed(self) -> bytes:
        """The bytes for the program."""
        return self.data.encode() if self.data is not None else self.base64 or b""
