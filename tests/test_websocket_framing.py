"""RFC 6455 framing: any split, any violation."""

import struct
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptybridge.wire.codes import CloseCode
from ptybridge.wire.errors import ProtocolViolation
from ptybridge.wire.websocket import (
    FrameReader,
    Opcode,
    close_frame,
    frame,
    header,
    parse_close,
    unmask,
)


def client_frame(
    opcode: int, payload: bytes, *, fin: bool = True, rsv: int = 0, mask: bytes | None = b"\1\2\3\4"
) -> bytes:
    """A frame as a client sends it, spelt out byte by byte (RFC 6455 section 5.2)."""
    first = (0x80 if fin else 0) | rsv | opcode
    masked = 0x80 if mask else 0
    if len(payload) < 126:
        head = bytes([first, masked | len(payload)])
    elif len(payload) < 65536:
        head = bytes([first, masked | 126]) + struct.pack("!H", len(payload))
    else:
        head = bytes([first, masked | 127]) + struct.pack("!Q", len(payload))
    if mask is None:
        return head + payload
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def read_all(data: bytes, *, max_message: int = 1 << 20) -> list[tuple[int, bytes]]:
    return list(FrameReader(max_message=max_message).feed(data))


@given(st.binary(min_size=4, max_size=4), st.binary(max_size=300))
def test_unmasking_is_exclusive_or_with_the_repeated_mask(mask: bytes, payload: bytes) -> None:
    expected = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    assert unmask(mask, payload) == expected


messages = st.lists(
    st.tuples(st.just(Opcode.BINARY), st.binary(max_size=200))
    | st.tuples(st.just(Opcode.TEXT), st.text(max_size=60).map(str.encode))
    | st.tuples(st.just(Opcode.PING), st.binary(max_size=125)),
    max_size=6,
)


@given(messages, st.lists(st.integers(0, 2000), max_size=20), st.integers(0, 3))
def test_messages_come_through_however_they_are_cut(
    sent: list[tuple[Opcode, bytes]], cuts: list[int], fragments: int
) -> None:
    stream = b""
    for opcode, payload in sent:
        if opcode is Opcode.PING or not fragments:
            stream += client_frame(opcode, payload)
            continue
        step = len(payload) // (fragments + 1) + 1
        parts = [payload[at : at + step] for at in range(0, len(payload), step)] or [b""]
        for number, part in enumerate(parts):
            kind = opcode if number == 0 else Opcode.CONTINUATION
            stream += client_frame(kind, part, fin=number == len(parts) - 1)
            stream += client_frame(Opcode.PONG, b"between")
    reader = FrameReader(max_message=1 << 20)
    received: list[tuple[int, bytes]] = []
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    for begin, end in pairwise(edges):
        received += reader.feed(stream[begin:end])
    assert [entry for entry in received if entry != (Opcode.PONG, b"between")] == sent


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
def test_every_length_form_is_written_and_read(size: int) -> None:
    payload = b"x" * size
    assert read_all(client_frame(Opcode.BINARY, payload)) == [(Opcode.BINARY, payload)]
    head = header(Opcode.BINARY, size)
    assert len(head) == (2 if size < 126 else 4 if size < 65536 else 10)
    assert frame(Opcode.BINARY, payload) == client_frame(Opcode.BINARY, payload, mask=None)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(
            client_frame(Opcode.TEXT, b"hi", mask=None), CloseCode.PROTOCOL_ERROR, id="not-masked"
        ),
        pytest.param(
            client_frame(Opcode.TEXT, b"hi", rsv=0x40), CloseCode.PROTOCOL_ERROR, id="reserved-bit"
        ),
        pytest.param(client_frame(0x3, b""), CloseCode.PROTOCOL_ERROR, id="unknown-opcode"),
        pytest.param(client_frame(0xB, b""), CloseCode.PROTOCOL_ERROR, id="unknown-control"),
        pytest.param(
            client_frame(Opcode.PING, b"x" * 126), CloseCode.PROTOCOL_ERROR, id="long-ping"
        ),
        pytest.param(
            client_frame(Opcode.PING, b"", fin=False), CloseCode.PROTOCOL_ERROR, id="split-ping"
        ),
        pytest.param(
            client_frame(Opcode.CONTINUATION, b"x"), CloseCode.PROTOCOL_ERROR, id="from-nowhere"
        ),
        pytest.param(
            client_frame(Opcode.TEXT, b"a", fin=False) + client_frame(Opcode.TEXT, b"b"),
            CloseCode.PROTOCOL_ERROR,
            id="interrupted",
        ),
        pytest.param(client_frame(Opcode.TEXT, b"\xff"), CloseCode.INVALID_TEXT, id="not-utf-8"),
        pytest.param(client_frame(Opcode.TEXT, b"x" * 1001), CloseCode.TOO_LARGE, id="too-large"),
        pytest.param(
            client_frame(Opcode.TEXT, b"x" * 600, fin=False)
            + client_frame(Opcode.CONTINUATION, b"x" * 600),
            CloseCode.TOO_LARGE,
            id="too-large-in-fragments",
        ),
    ],
)
def test_a_violation_ends_the_reading_after_what_came_before(data: bytes, code: int) -> None:
    reader = FrameReader(max_message=1000)
    received: list[tuple[int, bytes]] = []
    with pytest.raises(ProtocolViolation) as violation:
        received.extend(reader.feed(client_frame(Opcode.PING, b"before") + data))
    assert received[0] == (Opcode.PING, b"before")
    assert violation.value.code == code


def test_a_frame_that_announces_too_much_is_refused_before_it_arrives() -> None:
    with pytest.raises(ProtocolViolation) as violation:
        read_all(bytes([0x82, 0x80 | 127]) + struct.pack("!Q", 1 << 62), max_message=1000)
    assert violation.value.code == CloseCode.TOO_LARGE


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_any_bytes_are_read_or_refused(chunks: list[bytes]) -> None:
    reader = FrameReader(max_message=100)
    with suppress(ProtocolViolation):
        for chunk in chunks:
            for _, payload in reader.feed(chunk):
                assert len(payload) <= 125


def test_a_close_frame_round_trips_and_cuts_a_long_reason_at_a_character() -> None:
    payload = close_frame(CloseCode.ENDED, "é" * 100)[2:]
    code, reason = parse_close(payload)
    assert (code, reason) == (CloseCode.ENDED, "é" * 61)


PONG = client_frame(Opcode.PONG, b"")


@pytest.mark.parametrize(
    ("reads", "read"),
    [
        pytest.param([PONG], [(Opcode.PONG, b"")], id="alone"),
        pytest.param(
            [
                client_frame(Opcode.BINARY, b"a", fin=False),
                PONG,
                client_frame(Opcode.CONTINUATION, b"b"),
            ],
            [(Opcode.PONG, b""), (Opcode.BINARY, b"ab")],
            id="between-fragments",
        ),
        pytest.param(
            [client_frame(Opcode.PONG, b"four")[:6], client_frame(Opcode.PONG, b"four")[6:]],
            [(Opcode.PONG, b"four")],
            id="with-a-payload-that-comes-later",
        ),
        pytest.param(
            [
                b"\x82\x86" + bytes(4),  # a binary frame of six bytes, masked with zeros
                b"\x8a\x80" + bytes(4),
            ],
            [(Opcode.BINARY, b"\x8a\x80" + bytes(4))],
            id="what-looks-like-one-in-a-frame-that-has-begun",
        ),
    ],
)
def test_a_pong_is_read_where_it_is_one(reads: list[bytes], read: list[tuple[int, bytes]]) -> None:
    reader = FrameReader(max_message=1000)
    assert [message for data in reads for message in reader.feed(data)] == read


def test_a_short_pong_has_to_be_masked_as_any_frame() -> None:
    with pytest.raises(ProtocolViolation):
        read_all(client_frame(Opcode.PONG, b"four", mask=None))


@pytest.mark.parametrize(
    "payload", [b"\x03", b"\x03\xed", b"\x03\xee", b"\x00\x00", b"\x03\xe8\xff", b"\x13\x88"]
)
def test_a_close_frame_that_no_peer_may_send_is_refused(payload: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        parse_close(payload)


def test_a_close_frame_may_be_empty() -> None:
    assert parse_close(b"") == (1005, "")


HELLO = bytes.fromhex("f248cdc9c90700")  # RFC 7692 section 7.2.3.1

RSV1 = 0x40


def read_inflated(data: bytes, *, max_message: int = 1000) -> list[tuple[int, bytes]]:
    return list(FrameReader(max_message=max_message, inflates=True).feed(data))


def test_a_compressed_message_comes_whole_or_in_fragments_beside_others() -> None:
    whole = client_frame(Opcode.TEXT, HELLO, rsv=RSV1)
    parts = (
        client_frame(Opcode.BINARY, HELLO[:3], fin=False, rsv=RSV1)
        + client_frame(Opcode.PING, b"between")
        + client_frame(Opcode.CONTINUATION, HELLO[3:])
    )
    plain = client_frame(Opcode.TEXT, b"plain", fin=False)
    plain += client_frame(Opcode.CONTINUATION, b"ly")
    assert read_inflated(whole + parts + plain + client_frame(Opcode.BINARY, b"key")) == [
        (Opcode.TEXT, b"Hello"),
        (Opcode.PING, b"between"),
        (Opcode.BINARY, b"Hello"),
        (Opcode.TEXT, b"plainly"),
        (Opcode.BINARY, b"key"),
    ]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(client_frame(Opcode.PING, HELLO, rsv=RSV1), 1002, id="control-frame"),
        pytest.param(client_frame(Opcode.TEXT, HELLO, rsv=0x60), 1002, id="another-bit-too"),
        pytest.param(client_frame(Opcode.TEXT, HELLO, rsv=0x20), 1002, id="another-bit"),
        pytest.param(
            client_frame(Opcode.TEXT, HELLO[:3], fin=False, rsv=RSV1)
            + client_frame(Opcode.CONTINUATION, HELLO[3:], rsv=RSV1),
            1002,
            id="not-in-the-first-fragment-only",
        ),
        pytest.param(client_frame(Opcode.TEXT, b"\xff\xff", rsv=RSV1), 1007, id="no-deflate"),
        pytest.param(
            client_frame(Opcode.TEXT, b"\0\2\0\xfd\xff\xc3\x28\0", rsv=RSV1),
            1007,
            id="unpacks-to-no-utf-8",
        ),
        pytest.param(client_frame(Opcode.TEXT, b"x" * 1500, rsv=RSV1), 1009, id="too-large-packed"),
    ],
)
def test_what_is_wrong_with_a_compressed_message(data: bytes, code: int) -> None:
    with pytest.raises(ProtocolViolation) as refused:
        read_inflated(data)
    assert refused.value.code == code


def test_a_message_that_cannot_be_packed_may_be_as_large_as_any() -> None:
    stored = b"\0" + (1000).to_bytes(2, "little") + (0xFFFF ^ 1000).to_bytes(2, "little")
    message = bytes(range(250)) * 4
    data = client_frame(Opcode.BINARY, stored + message + b"\0", rsv=RSV1)
    assert read_inflated(data) == [(Opcode.BINARY, message)]
