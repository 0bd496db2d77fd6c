"""The client of the channel's figures counts right, whatever the reads cut."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.crowd import ROOM, SHORT, FrameCounter, masked_text_frame, text_frame
from ptybridge.wire.websocket import FrameReader, Opcode, frame

ROOT = Path(__file__).parents[1]

SIZES = st.sampled_from([0, 1, SHORT - 1, SHORT, SHORT + 1, 300, 0xFFFF, 0x10000, 70_000])


@given(st.lists(SIZES, max_size=8), st.lists(st.integers(1, 40_000), min_size=1, max_size=5))
def test_frames_are_counted_however_they_are_cut(sizes: list[int], reads: list[int]) -> None:
    stream = b"".join(text_frame(b"\x81" * size) for size in sizes)
    counter = FrameCounter()
    buffer = bytearray(ROOM + max(reads))
    at = told = turn = 0
    while at < len(stream):
        piece = stream[at : at + reads[turn % len(reads)]]
        buffer[ROOM : ROOM + len(piece)] = piece
        told += counter.feed(buffer, len(piece))
        at += len(piece)
        turn += 1
    assert counter.events == told == sum(size >= SHORT for size in sizes)


@given(st.binary(max_size=300))
def test_frames_are_what_the_protocol_says(payload: bytes) -> None:
    assert text_frame(payload) == frame(Opcode.TEXT, payload)
    text = payload.hex().encode()
    reader = FrameReader(max_message=1000)
    assert list(reader.feed(masked_text_frame(text))) == [(Opcode.TEXT, text)]


@pytest.mark.slow
def test_the_channel_is_measured_beside_its_floor(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    arguments = ["--quick", "--only", "channel", "--subjects", "ptybridge", "--json", str(path)]
    result = subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    assert result.returncode == 0, result.stderr
    rows = json.loads(path.read_text())["rows"]
    floors = [row["name"] for row in rows if "bare sockets" in row["rounds"]]
    assert len(rows) == 7
    assert len(floors) == 5
    assert all(value > 0 for row in rows for value in row["rounds"]["ptybridge"])
