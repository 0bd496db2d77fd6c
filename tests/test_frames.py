"""Binary frames, against the vectors that the page's tests read too."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptybridge.wire.errors import MalformedMessage
from ptybridge.wire.frames import Frame, Kind, decode, encode, parse_snapshot, snapshot_payload

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors/wire.json").read_text())


def _name(vector: dict[str, Any]) -> str:
    return str(vector["name"])


@pytest.mark.parametrize("vector", VECTORS["frames"], ids=_name)
def test_a_frame_is_read_and_written_as_in_the_vectors(vector: dict[str, Any]) -> None:
    encoded = bytes.fromhex(vector["hex"])
    frame = Frame(
        Kind(vector["kind"]),
        vector["channel"],
        vector["offset"],
        bytes.fromhex(vector["payload"]),
    )
    assert decode(encoded) == frame
    assert encode(frame) == encoded


@pytest.mark.parametrize("vector", VECTORS["malformedFrames"], ids=_name)
def test_a_malformed_frame_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(MalformedMessage):
        decode(bytes.fromhex(vector["hex"]))


@given(st.binary(max_size=64))
def test_any_bytes_are_a_frame_or_refused(data: bytes) -> None:
    try:
        frame = decode(data)
    except MalformedMessage:
        return
    assert encode(frame) == data


@given(st.integers(1, 500), st.integers(1, 1000), st.binary())
def test_a_snapshots_payload_round_trips(rows: int, cols: int, vt: bytes) -> None:
    assert parse_snapshot(snapshot_payload(rows, cols, vt)) == (rows, cols, vt)


def test_a_snapshot_without_its_size_is_refused() -> None:
    with pytest.raises(MalformedMessage):
        parse_snapshot(b"\x00\x18\x00")
