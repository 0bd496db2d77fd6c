"""How output and acknowledgements are put on the wire."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptybridge.core.events import Exited, Notice, Resized, Snapshot, ViewerInfo, Viewers
from ptybridge.core.offers import DownloadOffered
from ptybridge.core.screen import (
    Bell,
    ClipboardWrite,
    CommandFinished,
    CommandStarted,
    Notification,
    Progress,
    ProgressState,
    PromptMark,
    PromptPart,
    Title,
    WorkingDirectory,
)
from ptybridge.core.values import ExitStatus, Role, TerminalId, ViewerId, WindowSize
from ptybridge.server.links import Batch
from ptybridge.server.outlets import ACK_BYTES, BinaryOutlet, TextOutlet
from ptybridge.wire.frames import Frame, Kind, decode


class FakeLink:
    """Keeps what was sent, decoded."""

    is_ready = True

    def __init__(self) -> None:
        self.sent: list[Frame | dict[str, object]] = []
        self.soon: list[Callable[[], None]] = []
        self.closed: int | None = None

    def post(self, message: bytes) -> None:
        self.sent.append(msgspec.json.decode(message))

    send_text = post

    def post_binary(self, message: bytes) -> None:
        self.sent.append(decode(message))

    def send_batch(self, batch: Batch) -> None:
        raise AssertionError("an outlet sends to one link")

    def send_binary(
        self, header: bytes, parts: Sequence[memoryview | bytes], *, key: object = None
    ) -> None:
        self.sent.append(decode(header + b"".join(parts)))

    def stream_binary(self, header: bytes, pieces: Iterator[bytes]) -> None:
        self.sent.append(decode(header + b"".join(pieces)))

    def stream_text(self, messages: Iterator[bytes]) -> None:
        for message in messages:
            self.post(message)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """All JSON messages, in order."""
        return [sent for sent in self.sent if isinstance(sent, dict)]

    @property
    def data(self) -> list[dict[str, Any]]:
        """Their data."""
        return [message["data"] for message in self.messages]

    def flush(self) -> None:
        raise AssertionError("an outlet does not flush")

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.soon.append(callback)

    def ping(self) -> None:
        raise AssertionError("an outlet does not ping")

    def close(self, code: int, reason: str) -> None:
        self.closed = code

    def cut(self, code: int, reason: str) -> None:
        raise AssertionError("an outlet does not cut")

    def abort(self) -> None:
        raise AssertionError("an outlet does not abort")

    def time_passes(self) -> None:
        due, self.soon = self.soon, []
        for callback in due:
            callback()


T1 = TerminalId("t1")


def test_binary_output_and_snapshot() -> None:
    link = FakeLink()
    outlet = BinaryOutlet(link, 7, T1)
    outlet.output(3, (memoryview(b"ab"), memoryview(b"c")))
    outlet.snapshot(Snapshot(9, WindowSize(2, 3), iter([b"v", b"t"])))
    assert link.sent == [
        Frame(Kind.OUTPUT, 7, 3, b"abc"),
        Frame(Kind.SNAPSHOT, 7, 9, b"\0\2\0\3vt"),
    ]


def test_keys_are_acknowledged_together_and_a_paste_at_once() -> None:
    link = FakeLink()
    outlet = BinaryOutlet(link, 1, T1)
    for count in (1, 2, 3):
        outlet.input_taken(count)
    assert link.sent == []
    link.time_passes()
    assert link.sent == [Frame(Kind.INPUT_ACK, 1, 3, b"")]
    outlet.input_taken(3 + ACK_BYTES)
    assert link.sent[1:] == [Frame(Kind.INPUT_ACK, 1, 3 + ACK_BYTES, b"")]
    link.time_passes()
    assert len(link.sent) == 2


@given(st.binary(max_size=60), st.lists(st.integers(0, 60)))
def test_text_is_decoded_whole_however_it_is_cut(data: bytes, cuts: list[int]) -> None:
    link = FakeLink()
    outlet = TextOutlet(link, 1, T1)
    edges = sorted({0, len(data), *(cut for cut in cuts if cut <= len(data))})
    for begin, end in pairwise(edges):
        outlet.output(begin, (memoryview(data[begin:end]),))
    outlet.event(Exited(ExitStatus(code=0)))
    *outputs, exited = link.sent
    assert exited == {"type": "exited", "data": {"terminalID": "t1", "code": 0}}
    text = "".join(output["data"]["output"] for output in outputs)  # type: ignore[call-overload,index]
    assert text == data.decode(errors="replace")


def test_the_offset_of_text_is_that_of_its_first_byte() -> None:
    link = FakeLink()
    outlet = TextOutlet(link, 1, T1)
    outlet.output(10, (memoryview(b"a\xe2\x82"),))
    outlet.output(13, (memoryview(b"\xacb"),))
    assert link.sent == [
        {"type": "output", "data": {"output": "a", "channel": 1, "offset": 10}},
        {"type": "output", "data": {"output": "€b", "channel": 1, "offset": 11}},
    ]


def test_a_terminals_own_connection_ends_with_it() -> None:
    link = FakeLink()
    outlet = TextOutlet(link, None, T1)
    outlet.output(0, (memoryview(b"hi"),))
    outlet.event(Resized(WindowSize(30, 100), 2))
    outlet.event(Exited(ExitStatus(signal=9)))
    assert link.sent == [
        {"type": "output", "data": {"output": "hi"}},
        {"type": "resized", "data": {"terminalID": "t1", "rows": 30, "cols": 100, "offset": 2}},
        {"type": "exited", "data": {"terminalID": "t1", "signal": 9}},
    ]
    assert link.closed == 4001


def test_a_plain_snapshot_begins_with_a_reset() -> None:
    link = FakeLink()
    pieces = iter([b"vt\xe2", b"\x82\xac\xe2"])
    TextOutlet(link, 1, T1).snapshot(Snapshot(9, WindowSize(2, 3), pieces))
    assert [message["type"] for message in link.messages] == ["output"] * 4
    assert {(data["channel"], data["offset"]) for data in link.data} == {(1, 9)}
    assert "".join(data["output"] for data in link.data) == "\x18\x1bcvt€\ufffd"


NOTICES: list[tuple[Notice, dict[str, Any]]] = [
    (Title("vim"), {"type": "title", "data": {"terminalID": "t1", "title": "vim"}}),
    (
        WorkingDirectory("/tmp", "far"),
        {"type": "cwd", "data": {"terminalID": "t1", "cwd": "/tmp", "host": "far"}},
    ),
    (Bell(), {"type": "bell", "data": {"terminalID": "t1"}}),
    (
        Notification("", "done"),
        {"type": "notification", "data": {"terminalID": "t1", "title": "", "body": "done"}},
    ),
    (
        Progress(ProgressState.NORMAL, 40),
        {"type": "progress", "data": {"terminalID": "t1", "state": "normal", "percent": 40}},
    ),
    (
        PromptMark(PromptPart.START),
        {"type": "prompt.mark", "data": {"terminalID": "t1", "part": "start"}},
    ),
    (
        CommandStarted("make"),
        {"type": "command.started", "data": {"terminalID": "t1", "commandLine": "make"}},
    ),
    (
        CommandFinished(2),
        {"type": "command.finished", "data": {"terminalID": "t1", "exitCode": 2}},
    ),
    (
        ClipboardWrite("clipboard", "text"),
        {
            "type": "clipboard",
            "data": {"terminalID": "t1", "selection": "clipboard", "text": "text"},
        },
    ),
    (
        DownloadOffered("7", "/a", 12),
        {
            "type": "download.offered",
            "data": {"terminalID": "t1", "downloadID": "7", "path": "/a", "size": 12},
        },
    ),
]


@pytest.mark.parametrize(("notice", "message"), NOTICES)
def test_notices_are_messages(notice: Notice, message: dict[str, Any]) -> None:
    for outlet_of in (BinaryOutlet, TextOutlet):
        link = FakeLink()
        outlet_of(link, 1, T1).notice(notice)
        assert link.sent == [message]


def test_a_terminals_own_connection_carries_no_notices() -> None:
    link = FakeLink()
    TextOutlet(link, None, T1).notice(Bell())
    assert link.sent == []


def test_who_views_is_told_whole() -> None:
    link = FakeLink()
    info = ViewerInfo(
        ViewerId("t1/1"),
        "ann",
        Role.WRITER,
        WindowSize(24, 80),
        visible=True,
        controls=True,
        waits=False,
        lagging=False,
    )
    BinaryOutlet(link, 1, T1).notice(Viewers((info,)))
    viewer = {"id": "t1/1", "name": "ann", "role": "writer", "rows": 24, "cols": 80}
    state = {"visible": True, "controls": True, "lagging": False, "waits": False}
    assert link.sent == [
        {"type": "viewers", "data": {"terminalID": "t1", "viewers": [{**viewer, **state}]}}
    ]
