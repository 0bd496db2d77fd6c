"""Binary frames of the subprotocol ``ptybridge.v1``: docs/wire.md section 4.

``kind: u8 | channel: u32 | offset: u64 | payload``, big-endian.
"""

import enum
import struct
from typing import NamedTuple

from ptybridge.wire.errors import MalformedMessage

SUBPROTOCOL = "ptybridge.v1"

HEADER = struct.Struct("!BIQ")
_SIZE = struct.Struct("!HH")


class Kind(enum.IntEnum):
    """What a binary frame carries; a kind means one thing whichever way it goes."""

    INPUT = 1
    OUTPUT = 2
    SNAPSHOT = 3
    INPUT_ACK = 4


_KINDS = {int(kind): kind for kind in Kind}


class Frame(NamedTuple):
    """One binary frame, decoded.

    Attributes:
        kind: What it carries.
        channel: The viewer it belongs to, 1..2**32-1.
        offset: A position whose meaning the kind gives.
        payload: The rest.
    """

    kind: Kind
    channel: int
    offset: int
    payload: bytes


def encode(frame: Frame) -> bytes:
    """Serialize a frame."""
    return HEADER.pack(frame.kind, frame.channel, frame.offset) + frame.payload


def snapshot_payload(rows: int, cols: int, vt: bytes) -> bytes:
    """Payload of a SNAPSHOT: the size it was made at, then bytes for a reset emulator."""
    return _SIZE.pack(rows, cols) + vt


def decode(message: bytes) -> Frame:
    """Read a binary message.

    Raises:
        MalformedMessage: Cut short, of unknown kind, or for channel 0.
    """
    if len(message) < HEADER.size:
        raise MalformedMessage(f"a binary frame has at least {HEADER.size} bytes")
    kind, channel, offset = HEADER.unpack_from(message)
    known = _KINDS.get(kind)
    if known is None:
        raise MalformedMessage("unknown kind of binary frame")
    if channel == 0:
        raise MalformedMessage("channel must be in 1..4294967295")
    return Frame(known, channel, offset, message[HEADER.size :])


def parse_snapshot(payload: bytes) -> tuple[int, int, bytes]:
    """Rows, columns and bytes of a SNAPSHOT's payload.

    Raises:
        MalformedMessage: Cut short.
    """
    if len(payload) < _SIZE.size:
        raise MalformedMessage("a snapshot begins with its size")
    rows, cols = _SIZE.unpack_from(payload)
    return rows, cols, payload[_SIZE.size :]
