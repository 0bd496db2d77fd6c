"""One WebSocket on a fake transport: order, full sockets, closing."""

import asyncio
import os
import socket
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from ptybridge.server import websocket
from ptybridge.server.links import Batch
from ptybridge.server.transport_link import MAX_OUTBOX
from ptybridge.server.websocket import WebSocketLink
from ptybridge.wire.codes import CloseCode
from ptybridge.wire.deflate import Deflater, inflate
from ptybridge.wire.websocket import Opcode, close_frame, frame, header
from tests.test_websocket_framing import client_frame


class FakeTransport(asyncio.Transport):
    """A transport on one end of a socket pair whose own buffer drains when the test says."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__({"socket": sock})
        self.buffered = bytearray()
        self.is_closed = False
        self.is_aborted = False
        self.is_at_end = False
        self.is_paused = False
        self.link: WebSocketLink | None = None

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert high == 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.is_closed
        self.buffered += data
        assert self.link is not None
        self.link.pause_writing()

    def get_write_buffer_size(self) -> int:
        return len(self.buffered)

    def drained(self) -> bytes:
        """What was in the buffer, which is empty now."""
        data = bytes(self.buffered)
        self.buffered.clear()
        return data

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.is_at_end = True

    def pause_reading(self) -> None:
        assert not self.is_paused
        self.is_paused = True

    def resume_reading(self) -> None:
        assert self.is_paused
        self.is_paused = False

    def abort(self) -> None:
        self.is_aborted = True


class Received:
    """A receiver that keeps what came."""

    def __init__(self) -> None:
        self.log: list[Any] = []
        self.replies_to: WebSocketLink | None = None

    def on_text(self, message: bytes) -> None:
        self.log.append(message)
        if self.replies_to is not None:
            self.replies_to.post(b"reply")

    def on_binary(self, message: bytes) -> None:
        self.log.append(message)

    def on_heard(self) -> None:
        self.log.append("heard")

    def on_writable(self) -> None:
        self.log.append("writable")

    def on_closed(self) -> None:
        self.log.append("closed")


class Line:
    """A link, its receiver, its transport, and the peer's end of the socket."""

    def __init__(
        self, ours: socket.socket, theirs: socket.socket, *, deflater: Deflater | None = None
    ) -> None:
        self.theirs = theirs
        self.transport = FakeTransport(ours)
        self.received = Received()
        loop = asyncio.get_running_loop()
        self.link = WebSocketLink(
            self.received, self.transport, max_message=1000, loop=loop, deflater=deflater
        )
        self.transport.link = self.link

    def read(self) -> bytes:
        """All that the peer has got on the socket so far."""
        data = bytearray()
        try:
            while True:
                data += self.theirs.recv(1 << 20)
        except BlockingIOError:
            return bytes(data)

    def fill(self) -> None:
        """Let the socket be full, with a part of a message left over in the transport."""
        while self.link.is_ready:
            self.link.send_binary(b"", [bytes(1 << 20)])


@pytest.fixture
async def line() -> Any:
    ours, theirs = socket.socketpair()
    for sock in (ours, theirs):
        sock.setblocking(False)
    with ours, theirs:
        yield Line(ours, theirs)


@pytest.fixture
async def packing_line() -> Any:
    ours, theirs = socket.socketpair()
    for sock in (ours, theirs):
        sock.setblocking(False)
    with ours, theirs:
        yield Line(ours, theirs, deflater=Deflater())


async def turn() -> None:
    """Let the loop run what is ready."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_messages_of_one_turn_are_written_once_and_in_order(line: Line) -> None:
    line.link.post(b"one")
    line.link.post(b"two")
    assert line.read() == b""
    await turn()
    assert line.read() == frame(Opcode.TEXT, b"one") + frame(Opcode.TEXT, b"two")


@pytest.fixture
def flood(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """As many small messages as are read at once; every one of them takes a whole slice."""
    monkeypatch.setattr(websocket, "SLICE_SECONDS", 0.0)
    return client_frame(Opcode.TEXT, b"x") * (websocket.BURST_BYTES // 7 + 3)


async def test_a_flood_is_taken_in_slices_and_nothing_is_read_meanwhile(
    line: Line, flood: bytes
) -> None:
    count = len(flood) // 7
    line.link.data_received(flood)
    assert line.received.log == [b"x", "heard"]
    while line.received.log.count(b"x") < count:
        assert line.transport.is_paused
        before = line.received.log.count(b"x")
        await asyncio.sleep(0)
        assert line.received.log.count(b"x") - before <= 1
    await turn()
    assert not line.transport.is_paused
    line.link.data_received(client_frame(Opcode.TEXT, b"next"))
    assert line.received.log[-2:] == [b"next", "heard"]


async def test_less_is_taken_at_once_of_what_may_unpack_to_much(
    packing_line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "SLICE_SECONDS", 0.0)
    packer = zlib.compressobj(wbits=-15)
    bomb = packer.compress(bytes(1000)) + packer.flush(zlib.Z_SYNC_FLUSH)
    burst = client_frame(Opcode.BINARY, bomb[:-4], rsv=0x40) * 40
    assert websocket.PACKED_BURST_BYTES < len(burst) < websocket.BURST_BYTES
    packing_line.link.data_received(burst)
    assert packing_line.received.log == [bytes(1000), "heard"]


async def test_the_rest_of_a_flood_is_not_acted_on_when_its_sender_is_cut_off(
    line: Line, flood: bytes
) -> None:
    line.link.data_received(flood)
    line.link.cut(CloseCode.REMOVED, "")
    for _ in range(10):
        await turn()
    assert line.received.log.count(b"x") == 1


async def test_the_rest_of_a_flood_is_gone_with_its_socket(line: Line, flood: bytes) -> None:
    line.link.data_received(flood)
    line.transport.is_closed = True
    line.link.connection_lost(None)
    for _ in range(10):
        await turn()
    assert line.received.log == [b"x", "heard", "closed"]


async def test_a_violation_in_a_flood_ends_it(line: Line, flood: bytes) -> None:
    unmasked = frame(Opcode.TEXT, b"y")
    line.link.data_received(flood[:14] + unmasked + flood)
    for _ in range(10):
        await turn()
    assert line.received.log.count(b"x") == 2
    assert line.transport.is_at_end
    assert not line.transport.is_paused  # what still comes is read and dropped


async def test_output_does_not_overtake_what_was_posted(line: Line) -> None:
    line.link.post(b"first")
    line.link.post_binary(b"ack")
    line.link.send_binary(b"head", [memoryview(b"ab"), memoryview(b"cd")])
    assert line.read() == (
        frame(Opcode.TEXT, b"first")
        + frame(Opcode.BINARY, b"ack")
        + frame(Opcode.BINARY, b"headabcd")
    )


async def test_what_is_posted_while_reading_leaves_with_what_the_turn_still_brings(
    line: Line,
) -> None:
    line.received.replies_to = line.link
    asyncio.get_running_loop().call_soon(line.link.send_text, b"event")
    line.link.data_received(client_frame(Opcode.TEXT, b"a") + client_frame(Opcode.TEXT, b"b"))
    assert line.read() == b""
    await turn()
    assert line.read() == frame(Opcode.TEXT, b"reply") * 2 + frame(Opcode.TEXT, b"event")


async def test_a_ping_is_answered_in_the_same_turn(line: Line) -> None:
    line.link.data_received(client_frame(Opcode.PING, b"hi"))
    assert line.received.log == ["heard"]
    await turn()
    assert line.read() == frame(Opcode.PONG, b"hi")


async def test_a_full_socket_loses_nothing_and_mixes_nothing_up(line: Line) -> None:
    line.fill()
    line.link.post(b"waits")
    await turn()
    got = line.read()
    leftover = bytes(line.transport.buffered)
    assert leftover
    line.transport.buffered.clear()
    assert line.received.log == []
    line.link.resume_writing()
    assert line.received.log == ["writable"]
    assert line.read() == frame(Opcode.TEXT, b"waits")
    whole = got + leftover
    assert len(whole) % (10 + (1 << 20)) == 0  # whole frames, one after the other


async def test_a_peer_that_reads_nothing_is_dropped_when_its_messages_pile_up(line: Line) -> None:
    line.fill()
    for _ in range(MAX_OUTBOX // 1000 + 1):
        line.link.post(bytes(1000))
    assert line.transport.is_aborted


async def test_a_violation_closes_with_its_code_and_nothing_more_is_heard(line: Line) -> None:
    good = client_frame(Opcode.TEXT, b"good")
    line.link.data_received(good + client_frame(0x3, b"") + good)
    assert line.transport.is_at_end
    assert not line.transport.is_closed  # which would reset what has not been read
    line.link.data_received(good)
    assert line.received.log == [b"good", "heard"]
    assert line.read() == close_frame(CloseCode.PROTOCOL_ERROR, "unknown opcode")


async def test_a_peers_close_is_answered_and_ends_the_transport(line: Line) -> None:
    line.link.post(b"last")
    line.link.data_received(client_frame(Opcode.CLOSE, b"\x03\xe8"))
    assert line.read() == frame(Opcode.TEXT, b"last") + close_frame(1000, "")
    assert line.transport.is_closed


async def test_after_our_close_only_the_peers_close_counts(line: Line) -> None:
    line.link.close(CloseCode.ENDED, "over")
    line.link.close(CloseCode.DONE, "again")
    line.link.post(b"too late")
    line.link.send_binary(b"too", [b"late"])
    line.link.data_received(client_frame(Opcode.TEXT, b"late too"))
    await turn()
    assert line.read() == close_frame(CloseCode.ENDED, "over")
    assert not line.transport.is_closed
    line.link.data_received(client_frame(Opcode.CLOSE, b"\x0f\xa1"))
    assert line.transport.is_closed
    assert line.received.log == ["heard", "heard"]


async def test_closing_a_full_socket_sends_what_was_posted_first(line: Line) -> None:
    line.fill()
    line.link.post(b"last words")
    before = len(line.transport.buffered)
    line.link.close(CloseCode.GOING_AWAY, "bye")
    assert bytes(line.transport.buffered[before:]) == frame(
        Opcode.TEXT, b"last words"
    ) + close_frame(CloseCode.GOING_AWAY, "bye")


async def test_a_lost_socket_is_told_once_and_never_written_again(line: Line) -> None:
    line.link.connection_lost(None)
    line.link.post(b"x")
    line.link.send_text(b"x")
    line.link.send_binary(b"x", [])
    await turn()
    assert line.received.log == ["closed"]
    assert line.read() == b""
    assert not line.transport.buffered


async def test_a_peer_that_vanished_is_noticed_when_writing(line: Line) -> None:
    line.theirs.close()
    line.link.send_binary(b"x", [b"y"])
    assert line.transport.is_aborted
    assert not line.link.is_ready


async def settled(line: Line) -> None:
    """Let the loop run until the link has nothing left to do."""
    for _ in range(20):
        await turn()


async def test_a_long_message_is_streamed_a_piece_a_turn_and_what_is_posted_follows(
    line: Line,
) -> None:
    asked: list[int] = []

    def pieces() -> Iterator[bytes]:
        for number in range(4):
            asked.append(number)
            yield bytes([number]) * 10

    line.link.post(b"before")
    line.link.stream_binary(b"head", pieces())
    assert asked == []
    assert not line.link.is_ready
    line.link.post(b"after")
    line.link.data_received(client_frame(Opcode.PING, b"hi"))
    await turn()
    assert len(asked) < 4
    await settled(line)
    assert line.received.log == ["heard", "writable"]
    whole = frame(Opcode.TEXT, b"before") + line.transport.drained()
    assert line.read() == b"".join(
        [
            frame(Opcode.TEXT, b"before"),
            header(Opcode.BINARY, 14, is_last=False) + b"head" + bytes(10),
            header(Opcode.CONTINUATION, 10, is_last=False) + b"\1" * 10,
            header(Opcode.CONTINUATION, 10, is_last=False) + b"\2" * 10,
            frame(Opcode.CONTINUATION, b"\3" * 10),
            frame(Opcode.TEXT, b"after"),
        ]
    )
    assert whole.endswith(frame(Opcode.PONG, b"hi"))


async def test_a_stream_waits_for_a_full_socket_and_asks_for_no_piece_meanwhile(line: Line) -> None:
    asked: list[int] = []

    def pieces() -> Iterator[bytes]:
        for number in range(1000):
            asked.append(number)
            yield bytes(1 << 16)

    line.link.stream_binary(b"", pieces())
    await settled(line)
    stalled = len(asked)
    await settled(line)
    assert len(asked) == stalled < 1000
    while len(asked) < 1000 or not line.link.is_ready:
        line.read()
        line.transport.drained()
        line.link.resume_writing()
        await settled(line)
    assert line.received.log.count("writable") == 1


async def test_who_pings_and_reads_nothing_of_a_stream_has_one_answer_waiting(line: Line) -> None:
    line.link.stream_binary(b"", iter([bytes(1 << 16)] * 1000))
    await settled(line)
    stalled = line.transport.get_write_buffer_size()
    assert stalled
    for number in range(1000):
        line.link.data_received(client_frame(Opcode.PING, b"%3d" % number))
    assert line.transport.get_write_buffer_size() == stalled
    line.read()
    line.transport.drained()
    line.link.resume_writing()
    assert line.transport.drained() == frame(Opcode.PONG, b"999")
    line.link.resume_writing()
    await settled(line)
    assert frame(Opcode.PONG, b"999") not in line.read() + line.transport.drained()


async def test_texts_are_streamed_as_whole_messages(line: Line) -> None:
    line.link.stream_text(iter([b"one", b"two"]))
    await settled(line)
    assert line.read() == frame(Opcode.TEXT, b"one") + frame(Opcode.TEXT, b"two")


async def test_closing_in_the_middle_of_a_stream_puts_nothing_but_the_close_into_it(
    line: Line,
) -> None:
    line.link.stream_binary(b"", iter([bytes(10)] * 1000))
    await turn()
    line.link.post(b"not between fragments")
    before = line.read()
    line.link.close(CloseCode.GOING_AWAY, "bye")
    await settled(line)
    assert before
    sent = line.read() + line.transport.drained()
    assert sent == close_frame(CloseCode.GOING_AWAY, "bye")


async def test_a_stream_that_breaks_off_ends_the_connection(line: Line) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"a"
        yield b"b"
        raise RuntimeError("broken")

    line.link.stream_binary(b"", pieces())
    await settled(line)
    assert line.transport.drained() == close_frame(CloseCode.INTERNAL, "")


# --- compression

LONG = b"many a word, and many a word again; " * 40


def unpacked(data: bytes) -> list[tuple[int, bool, bytes]]:
    """Each frame's opcode, whether it is marked as compressed, and its payload, unpacked if so."""
    found = []
    while data:
        size, begin = data[1], 2
        if size == 126:
            size, begin = int.from_bytes(data[2:4], "big"), 4
        payload = data[begin : begin + size]
        is_packed = bool(data[0] & 0x40)
        assert data[0] & 0xB0 == 0x80
        found.append((data[0] & 0x0F, is_packed, payload))
        if is_packed:
            assert size < len(LONG) // 4
            found[-1] = (data[0] & 0x0F, True, inflate(payload, limit=1 << 20))
        data = data[begin + size :]
    return found


async def test_long_messages_are_compressed_and_short_ones_are_not(packing_line: Line) -> None:
    line = packing_line
    noise = os.urandom(2000)
    line.link.post(b"short")
    line.link.post(LONG)
    line.link.send_text(LONG + b"2")
    line.link.send_binary(b"head", [memoryview(LONG)], key=("terminal", 0))
    line.link.send_binary(b"h2", [memoryview(LONG)], key=("terminal", 0))
    line.link.send_binary(b"head", [memoryview(LONG)[:600]], key=("terminal", 0))
    line.link.send_binary(b"key", [b"k"])
    line.link.send_binary(b"", [noise])
    line.link.post_binary(LONG)
    line.link.ping()
    await turn()
    assert unpacked(line.read()) == [
        (Opcode.TEXT, False, b"short"),
        (Opcode.TEXT, True, LONG),
        (Opcode.TEXT, True, LONG + b"2"),
        (Opcode.BINARY, True, b"head" + LONG),
        (Opcode.BINARY, True, b"h2" + LONG),
        (Opcode.BINARY, True, b"head" + LONG[:600]),
        (Opcode.BINARY, False, b"keyk"),
        (Opcode.BINARY, False, noise),
        (Opcode.BINARY, True, LONG),
        (Opcode.PING, False, b""),
    ]


async def test_a_batch_is_compressed_once_for_all_who_compress_alike(
    line: Line, packing_line: Line
) -> None:
    batch = Batch([b"short", LONG])
    packing_line.link.send_batch(batch)
    line.link.send_batch(batch)
    packing_line.link.send_batch(batch)
    packed = packing_line.read()
    assert unpacked(packed) == [(Opcode.TEXT, False, b"short"), (Opcode.TEXT, True, LONG)] * 2
    assert line.read() == frame(Opcode.TEXT, b"short") + frame(Opcode.TEXT, LONG)
    assert batch.deflated == {15: packed[: len(packed) // 2]}


async def test_a_snapshot_is_compressed_as_it_is_written(packing_line: Line) -> None:
    line = packing_line
    line.link.stream_binary(b"head", iter([LONG, LONG, b"end"]))
    line.link.ping()  # between the fragments
    line.link.post(b"behind")
    for _ in range(10):
        await turn()
    stream = line.read() + line.transport.drained()
    message, opcodes = b"", []
    while stream:
        size, begin = stream[1], 2
        if size == 126:
            size, begin = int.from_bytes(stream[2:4], "big"), 4
        opcodes.append(stream[0])
        if stream[0] & 0x0F in (Opcode.BINARY, Opcode.CONTINUATION):
            message += stream[begin : begin + size]
        stream = stream[begin + size :]
    assert inflate(message, limit=1 << 20) == b"head" + LONG + LONG + b"end"
    fragments = [first for first in opcodes if first & 0x0F in (0x0, 0x2)]
    assert fragments[0] == 0x42
    assert set(fragments[1:-1]) == {0x00}
    assert fragments[-1] == 0x80
    assert sorted(set(opcodes) - set(fragments)) == [0x81, 0x89]


async def test_what_a_client_compresses_is_unpacked(packing_line: Line) -> None:
    hello = bytes.fromhex("f248cdc9c90700")  # RFC 7692 section 7.2.3.1
    packing_line.link.data_received(client_frame(Opcode.TEXT, hello, rsv=0x40))
    assert packing_line.received.log == [b"Hello", "heard"]


async def test_the_answer_to_the_handshake_leaves_with_what_follows_it() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        transport, loop = FakeTransport(ours), asyncio.get_running_loop()
        link = WebSocketLink(Received(), transport, head=b"HTTP/1.1 101", max_message=9, loop=loop)
        link.post(b"welcome")
        link.send_text(b"event")
        assert theirs.recv(100) == (
            b"HTTP/1.1 101" + frame(Opcode.TEXT, b"welcome") + frame(Opcode.TEXT, b"event")
        )
        silent = WebSocketLink(Received(), transport, head=b"101", max_message=9, loop=loop)
        await turn()
        assert theirs.recv(100) == b"101"
        assert silent.is_ready
