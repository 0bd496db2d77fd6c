"""The client of the figures with many connections misses nothing, whatever the reads cut."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.crowd import text_frame
from bench.visitors import ROOM, Visitors
from ptybridge.wire.websocket import Opcode, frame

ROOT = Path(__file__).parents[1]

PING = frame(Opcode.PING, b"")
ACCEPTED = text_frame(b'{"type":"accepted","data":{}}')


class Counting:
    pings = 0

    def ping(self) -> None:
        self.pings += 1


@given(
    st.lists(st.sampled_from([PING, ACCEPTED, text_frame(b"e" * 126), text_frame(b"e" * 900)])),
    st.lists(st.integers(1, 2000), min_size=1, max_size=5),
)
def test_frames_are_taken_however_they_are_cut(sent: list[bytes], reads: list[int]) -> None:
    visitors, visitor = Visitors(0, token="", cookie=""), Counting()
    events: list[int] = []
    visitors.on_event = lambda start, end: events.append(end - start)  # type: ignore[method-assign] # what a subclass would do
    stream, cut, at = b"".join(sent), b"", 0
    while at < len(stream):
        piece = stream[at : at + reads[at % len(reads)]]
        at += len(piece)
        begin, end = ROOM - len(cut), ROOM + len(piece)
        visitors.buffer[begin:end] = cut + piece
        stopped = visitors.walk(begin, end, visitor)
        cut = bytes(visitors.buffer[stopped:end])
    assert cut == b""
    assert visitor.pings == sent.count(PING)
    assert events == [len(one) - 4 for one in sent if len(one) > 126]


@pytest.mark.slow
@pytest.mark.timeout(180)  # many processes, one after the other
def test_a_hundred_connections_are_measured(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    arguments = ["--quick", "--only", "compression,connections,start", "--subjects", "ptybridge"]
    result = subprocess.run(
        [sys.executable, "-m", "bench", *arguments, "--json", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    assert result.returncode == 0, result.stderr
    rows = json.loads(path.read_text())["rows"]
    assert {row["name"] for row in rows[:3]} == {
        "bytes on the wire, compressed",
        "flood, compressed",
        "CPU per MB, compressed",
    }
    assert [row["scale"]["count"] for row in rows if row["scale"]] == [100] * 7
    assert rows[-1]["name"] == "start to first answer"
