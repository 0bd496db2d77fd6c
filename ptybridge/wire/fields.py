"""What the fields of messages may be, and what all messages share."""

from typing import Annotated, ClassVar, Literal

import msgspec

MAX_CHANNEL = 2**32 - 1
MAX_ID = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly (RFC 8259 section 6)."""


def wire_name(field: str) -> str:
    """``terminal_id`` to ``terminalID``, ``input_window`` to ``inputWindow``."""
    first, *rest = field.split("_")
    return first + "".join("ID" if word == "id" else word.capitalize() for word in rest)


Rows = Annotated[int, msgspec.Meta(ge=1, le=500)]
Cols = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Channel = Annotated[int, msgspec.Meta(ge=1, le=MAX_CHANNEL)]
Offset = Annotated[int, msgspec.Meta(ge=0, le=MAX_ID)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
RoleName = Literal["watcher", "writer", "owner"]


class Message(msgspec.Struct, frozen=True, rename=wire_name, omit_defaults=True):
    """What all messages share: the word that stands as their ``type``."""

    type: ClassVar[str]
