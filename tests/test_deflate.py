"""permessage-deflate: what is agreed to, what is packed, and that nothing unpacks to much."""

import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptybridge.wire import deflate
from ptybridge.wire.codes import CloseCode
from ptybridge.wire.deflate import Deflater, inflate, negotiate
from ptybridge.wire.errors import ProtocolViolation

TAIL = b"\0\0\xff\xff"

AGREED = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

MEBIBYTE = 1 << 20


def packed(data: bytes, *, mode: int = zlib.Z_SYNC_FLUSH) -> bytes:
    """What a client of another make sends."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (packer.compress(data) + packer.flush(mode)).removesuffix(TAIL)


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        pytest.param([], None, id="no-header"),
        pytest.param([""], None, id="empty"),
        pytest.param(["x-webkit-deflate-frame"], None, id="unknown-extension"),
        pytest.param(["permessage-deflate"], (AGREED, 15), id="bare"),
        pytest.param(
            ["permessage-deflate; client_max_window_bits"], (AGREED, 15), id="as-browsers-offer"
        ),
        pytest.param(
            ["foo", "bar, permessage-deflate;client_max_window_bits=10"],
            (AGREED, 15),
            id="among-others",
        ),
        pytest.param(
            ['permessage-deflate; server_max_window_bits="12"'],
            (f"{AGREED}; server_max_window_bits=12", 12),
            id="a-smaller-window-quoted",
        ),
        pytest.param(
            ["permessage-deflate; server_max_window_bits=8, permessage-deflate"],
            (AGREED, 15),
            id="the-first-cannot-be-done",
        ),
        pytest.param(["permessage-deflate; server_max_window_bits"], None, id="value-missing"),
        pytest.param(["permessage-deflate; server_max_window_bits=16"], None, id="too-great"),
        pytest.param(["permessage-deflate; server_max_window_bits=09"], None, id="leading-zero"),
        pytest.param(["permessage-deflate; client_max_window_bits=7"], None, id="too-small"),
        pytest.param(["permessage-deflate; client_no_context_takeover=1"], None, id="value"),
        pytest.param(["permessage-deflate; color=red"], None, id="unknown-parameter"),
        pytest.param(
            ["permessage-deflate; client_max_window_bits; client_max_window_bits=9"],
            None,
            id="twice",
        ),
    ],
)
def test_what_is_answered_to_an_offer(headers: list[str], answer: tuple[str, int] | None) -> None:
    assert negotiate(headers) == answer


@given(st.lists(st.text(max_size=80), max_size=3))
def test_any_offer_is_answered_or_declined(headers: list[str]) -> None:
    assert negotiate(headers) is None or any(deflate.NAME in header for header in headers)


messages = st.binary(max_size=300) | st.text(alphabet="ab \n", max_size=3000).map(str.encode)


@given(messages, st.sampled_from([9, 12, 15]))
def test_what_is_packed_unpacks(message: bytes, window_bits: int) -> None:
    made = Deflater(window_bits).message(message)
    assert zlib.decompressobj(-window_bits).decompress(made + TAIL) == message
    assert inflate(made, limit=len(message)) == message


@given(st.binary(max_size=40), st.lists(messages, max_size=3))
def test_what_all_are_sent_is_packed_once_behind_what_each_is(
    start: bytes, parts: list[bytes]
) -> None:
    deflater = Deflater()
    begin, made = deflater.shared(start, parts, key=("terminal", 7))
    assert zlib.decompressobj(-15).decompress(begin + made + TAIL) == start + b"".join(parts)
    other, again = deflater.shared(b"other", [b"".join(parts)], key=("terminal", 7))
    assert again is made
    assert inflate(other + made, limit=MEBIBYTE) == b"other" + b"".join(parts)


def test_a_key_that_is_said_of_other_bytes_shows_nobody_what_is_another_s() -> None:
    """A terminal with the name of one that has ended prints as many bytes at the same place."""
    deflater = Deflater()
    for printed in (b"alice's secret" * 50, b"bob's own text" * 50):
        begin, made = deflater.shared(b"start", [printed], key=(("terminal", 0), 705))
        assert inflate(begin + made, limit=MEBIBYTE) == b"start" + printed


def test_another_key_is_packed_anew_and_none_always() -> None:
    deflater = Deflater()
    for key in (None, None, 1, 2, None):
        begin, made = deflater.shared(b"", [str(key).encode()], key=key)
        assert inflate(begin + made, limit=10) == str(key).encode()


@given(st.binary(max_size=20), st.lists(messages, max_size=5))
def test_a_long_message_is_packed_in_pieces(start: bytes, pieces: list[bytes]) -> None:
    made = list(Deflater().pieces(start, iter(pieces)))
    assert len(made) == len(pieces) + 1
    assert inflate(b"".join(made), limit=MEBIBYTE) == start + b"".join(pieces)


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = packed(bytes(100 * MEBIBYTE))
    assert len(bomb) < 200_000
    with pytest.raises(ProtocolViolation, match="more than 65536 bytes") as refused:
        inflate(bomb, limit=65_536)
    assert refused.value.code == CloseCode.TOO_LARGE
    assert inflate(packed(bytes(65_536)), limit=65_536) == bytes(65_536)
    with pytest.raises(ProtocolViolation):
        inflate(packed(bytes(65_537)), limit=65_536)


def test_streams_that_were_ended_are_read_on_but_not_without_end() -> None:
    final = packed(b"Hello", mode=zlib.Z_FINISH)
    assert inflate(final + b"\0", limit=100) == b"Hello"  # RFC 7692 section 7.2.3.4
    assert inflate(final + packed(b", world"), limit=100) == b"Hello, world"
    with pytest.raises(ProtocolViolation) as refused:
        inflate(final * 100, limit=1000)
    assert refused.value.code == CloseCode.INVALID_TEXT
    with pytest.raises(ProtocolViolation, match="more than 7"):
        inflate(final * 2, limit=7)


def test_examples_of_the_rfc() -> None:
    hello = bytes.fromhex("f248cdc9c90700")  # section 7.2.3.1
    assert inflate(hello, limit=5) == b"Hello"
    assert inflate(bytes.fromhex("000500faff48656c6c6f00"), limit=5) == b"Hello"  # 7.2.3.3
    assert inflate(bytes.fromhex("f248050000 00ffffcac9c90700"), limit=5) == b"Hello"  # 7.2.3.5
    assert inflate(b"\0", limit=0) == b""  # 7.2.3.6


@given(st.binary(max_size=200))
def test_anything_unpacks_or_is_refused(payload: bytes) -> None:
    with suppress(ProtocolViolation):
        assert len(inflate(payload, limit=1000)) <= 1000


@given(st.binary(max_size=3000))
def test_the_bound_holds_for_what_cannot_be_packed(message: bytes) -> None:
    assert len(packed(message)) <= deflate.compressed_bound(len(message))
