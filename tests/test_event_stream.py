"""Connections without WebSocket: events down, POSTs up, the same in all else."""

import asyncio
import base64
import socket
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptybridge.wire.errors import MalformedMessage
from ptybridge.wire.event_stream import MAX_BATCH, Envelope, Position, join, seq_of, split
from ptybridge.wire.fields import MAX_ID
from tests.server import TOKEN, Server, running, settings_of, stranger
from tests.streams import post, request_stream, streaming

NUMBERS = st.none() | st.integers(0, MAX_ID)
QUICK = settings_of(transport={"websocket": {"ping": {"interval": 200, "timeout": 400}}})
MESSAGES = "/api/sessions/main/messages"

# --- positions and bodies


@given(NUMBERS, NUMBERS)
def test_a_position_is_read_as_it_was_written(seq: int | None, offset: int | None) -> None:
    position = Position(seq, offset)
    assert Position.parse(position.text().decode()) == position


@pytest.mark.parametrize(
    "text", ["", "1", "1.2.3", "-1.2", "a.b", f"{MAX_ID + 1}.", "٣.1", "1.2\n"]
)
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(MalformedMessage):
        Position.parse(text)


@pytest.mark.parametrize(
    ("text", "seq"),
    [
        pytest.param(b'{"type":"text-delta","data":{"sessionID":"main","seq":7}}', 7, id="event"),
        pytest.param(b'{"type":"text-delta","data":{"sessionID":"b","seq":7}}', None, id="other"),
        pytest.param(b'{"type":"gap","data":{"sessionID":"main","from":1,"to":9}}', 9, id="gap"),
        pytest.param(
            b'{"type":"subscribed","data":{"sessionID":"main","seq":7}}', None, id="to-come"
        ),
        pytest.param(b'{"type":"pong"}', None, id="no-data"),
    ],
)
def test_how_far_an_event_brings_the_session(text: bytes, seq: int | None) -> None:
    assert seq_of(msgspec.json.decode(text, type=Envelope), "main") == seq


@given(st.binary())
def test_any_body_is_split_or_refused(body: bytes) -> None:
    try:
        texts, is_list = split(body)
    except MalformedMessage:
        return
    assert is_list or len(texts) == 1


def test_a_list_has_an_end() -> None:
    assert len(split(b"[" + b",".join([b"{}"] * MAX_BATCH) + b"]")[0]) == MAX_BATCH
    with pytest.raises(MalformedMessage):
        split(b"[" + b",".join([b"{}"] * (MAX_BATCH + 1)) + b"]")


def test_an_answer_has_no_empty_data() -> None:
    assert join([Envelope("pong", id=3)], is_list=True) == b'[{"type":"pong","id":3}]'
    assert join([Envelope("pong")], is_list=False) == b'{"type":"pong"}'


# --- the stream


async def opened(server: Server, *command: str) -> str:
    """A new terminal's name."""
    data: dict[str, Any] = {"rows": 24, "cols": 80}
    if command:
        data["command"] = list(command)
    reply = await post(server, MESSAGES, {"type": "terminal.open", "data": data, "id": 5})
    assert reply["type"] == "terminal.opened"
    assert reply["id"] == 5
    name: str = reply["data"]["terminal"]["id"]
    return name


async def test_a_stream_begins_with_a_welcome() -> None:
    async with running() as server, streaming(server) as stream:
        assert stream.headers["content-type"] == "text/event-stream"
        assert "no-store" in stream.headers["cache-control"]
        assert stream.headers["x-content-type-options"] == "nosniff"
        assert stream.welcome["user"] == {"id": "owner", "name": "owner"}
        assert stream.welcome["ping"] == {"interval": 30000, "timeout": 10000}
        assert len(server.pool) == 1


async def test_a_terminal_comes_as_events_and_is_typed_into_by_post() -> None:
    async with running() as server:
        name = await opened(server)
        async with streaming(server, f"?terminalID={name}&rows=30&cols=90") as stream:
            attached = await stream.receive("attached")
            assert attached.data["terminalID"] == name
            offset = await stream.output_until(b"sh> ", offset=attached.data["offset"])
            assert str(stream.position).endswith(f".{offset}")
            await stream.type(b"stty size; printf '\\377\\n'\r", offset=0)
            await stream.output_until(b"30 90\r\n\xff", offset=offset)


async def test_input_that_is_counted_is_acknowledged_and_never_typed_twice() -> None:
    async with running() as server:
        name = await opened(server)
        async with streaming(server, f"?terminalID={name}") as stream:
            await stream.type(b"echo on''ce\r", offset=0)
            assert (await stream.receive("input-ack")).data == {"channel": 1, "offset": 12}
            again = {"type": "input", "data": {"channel": 1, "data": "echo\r", "offset": 0}}
            reply = await stream.post(again)
            assert reply["type"] == "error"
            assert reply["data"]["code"] == "bad-message"


async def test_a_stream_goes_on_at_its_position() -> None:
    async with running() as server:
        name = await opened(server, "sh", "-c", "printf one; read x; printf two; read x")
        address = f"?terminalID={name}"
        async with streaming(server, address) as stream:
            offset = await stream.output_until(b"one", offset=0)
            position = stream.position
        assert str(position).endswith(f".{offset}")
        async with streaming(server, address, position=position) as stream:
            attached = await stream.receive("attached")
            assert attached.data["offset"] == offset
            await stream.type(b"\r")
            await stream.output_until(b"two", offset=offset)


async def test_what_the_tail_has_lost_is_replaced_by_a_snapshot() -> None:
    settings = settings_of(terminals={"tailBytes": 65536})
    async with running(settings) as server:
        name = await opened(server, "sh", "-c", "seq 100000; echo END; read x")
        async with streaming(server, f"?terminalID={name}") as stream:
            while True:
                event = await stream.receive("output", "snapshot")
                if b"END" in base64.b64decode(event.data["base64"]):
                    break
        async with streaming(server, f"?terminalID={name}&since=0", position=".1") as stream:
            attached = await stream.receive("attached")
            event = await stream.receive("output", "snapshot")
            assert event.data["offset"] >= attached.data["offset"] > 1


async def test_a_list_is_answered_by_a_list_in_its_order() -> None:
    async with running() as server, streaming(server) as stream:
        replies = await stream.post(
            [
                {"type": "terminal.open", "data": {"rows": 24, "cols": 80}},
                {"type": "ping", "id": 9},
                {"type": "ack", "data": {"offset": 0}},
                {"type": "nonsense", "id": 9},
                {"no": "type"},
                {"type": "ping"},
            ]
        )
        types = [reply["type"] for reply in replies]
        assert types == ["terminal.opened", "pong", "error", "error", "error", "pong"]
        assert [reply.get("id") for reply in replies] == [None, 9, None, 9, None, None]
        assert await stream.post([]) == []


async def test_without_a_stream_a_post_is_a_connection_of_its_own() -> None:
    async with running() as server:
        name = await opened(server, "sh", "-c", "read x; echo got $x; read x")
        attach = {"channel": 1, "terminalID": name, "rows": 24, "cols": 80}
        replies = await post(
            server,
            MESSAGES,
            [
                {"type": "attach", "data": attach},
                {"type": "input", "data": {"data": "this\r"}},
            ],
        )
        assert [reply["type"] for reply in replies] == ["attached"]
        assert len(server.pool) == 0
        async with streaming(server, f"?terminalID={name}") as stream:
            await stream.output_until(b"got this", offset=0)


async def test_the_end_of_a_terminal_is_an_event() -> None:
    async with running() as server:
        name = await opened(server, "sh", "-c", "exit 3")
        async with streaming(server, f"?terminalID={name}") as stream:
            exited = await stream.receive("exited")
            assert exited.data == {"terminalID": name, "code": 3}


async def test_a_server_that_ends_says_so() -> None:
    async with running() as server:
        stream = await request_stream(server)
        await stream.receive("welcome")
        server.pool.close_all(1001, "the server is going away")  # type: ignore[arg-type]
        closing = await stream.receive("closing")
        assert closing.data == {"code": 1001, "reason": "the server is going away"}
        assert await stream.reader.read() == b""
        stream.writer.close()


# --- who may, and how much


async def test_strangers_and_other_sites_are_refused() -> None:
    async with running() as server, stranger() as http:
        for token in (None, "wrong"):
            stream = await request_stream(server, token=token)
            assert stream.status == 401
            stream.writer.close()
        stream = await request_stream(server, headers={"Origin": "http://evil.example"})
        assert stream.status == 403
        stream.writer.close()
        async with http.post(server.url(MESSAGES), json={"type": "ping"}) as response:
            assert response.status == 401
        headers = {"Origin": "http://evil.example", "Authorization": f"Bearer {TOKEN}"}
        url = server.url(MESSAGES)
        async with http.post(url, json={"type": "ping"}, headers=headers) as response:
            assert response.status == 403
        assert len(server.pool) == 0


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        pytest.param("?terminalID=none", {}, 404, id="no-such-terminal"),
        pytest.param("?terminalID=none&rows=0", {}, 400, id="out-of-range"),
        pytest.param("?terminalID=none&rows=x", {}, 400, id="no-number"),
        pytest.param("", {"Last-Event-ID": "x"}, 400, id="no-position"),
    ],
)
async def test_what_cannot_be_streamed_has_a_status(
    query: str, headers: dict[str, str], status: int
) -> None:
    async with running() as server:
        stream = await request_stream(server, query, headers=headers)
        assert stream.status == status
        stream.writer.close()


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        pytest.param("?connectionID=none", b"{}", 404, id="no-such-stream"),
        pytest.param("", b"{", 400, id="no-json"),
        pytest.param("", b'{"type":"say","x":"' + b"x" * 70_000 + b'"}', 413, id="too-large"),
    ],
)
async def test_what_cannot_be_posted_has_a_status(path: str, body: bytes, status: int) -> None:
    async with running() as server:
        headers = {"Content-Type": "application/json"}
        async with server.http.post(
            server.url(MESSAGES + path), data=body, headers=headers
        ) as response:
            assert response.status == status


async def test_a_post_belongs_to_a_stream_of_its_own_session() -> None:
    async with running() as server, streaming(server) as stream, server.binary() as client:
        for session, connection in (
            ("other", stream.welcome["connectionID"]),
            ("main", client.welcome["connectionID"]),
        ):
            url = server.url(f"/api/sessions/{session}/messages?connectionID={connection}")
            async with server.http.post(url, json={"type": "ping"}) as response:
                assert response.status == 404


async def test_streams_and_posts_count_as_connections() -> None:
    settings = settings_of(limits={"connections": 1})
    async with running(settings) as server, streaming(server) as stream:
        second = await request_stream(server)
        assert second.status == 429
        second.writer.close()
        async with server.http.post(server.url(MESSAGES), json={"type": "ping"}) as response:
            assert response.status == 429
        assert (await stream.post({"type": "ping"}))["type"] == "pong"


# --- back-pressure and life


async def test_a_reader_that_stands_still_holds_the_program_back() -> None:
    async with running() as server, server.binary() as client:
        flood = "read x; yes | head -c 30000000; echo END; read x"
        name = await opened(server, "sh", "-c", flood)
        stream = await request_stream(server, f"?terminalID={name}")
        stream.welcome = (await stream.receive("welcome")).data
        await stream.type(b"\r")
        await stream.receive("output")
        stream.writer.transport.pause_reading()  # type: ignore[attr-defined]
        terminal = server.registry.terminal(name)
        (viewer,) = terminal.viewers
        async with asyncio.timeout(20):
            while not viewer.is_stalled:
                await asyncio.sleep(0.01)
        other = await client.open("sh", "-c", "yes | head -c 500000; echo EN''D; read x")
        await client.attach(other)
        await client.output_until(b"END")  # all that time nobody held that program back
        assert terminal.tail.end < 25_000_000
        stream.writer.transport.resume_reading()  # type: ignore[attr-defined]
        async with asyncio.timeout(40):
            while True:
                event = await stream.receive("output")
                if b"END" in base64.b64decode(event.data["base64"]):
                    break
        stream.writer.transport.abort()


async def test_a_stream_whose_client_takes_nothing_is_dropped() -> None:
    async with running(QUICK) as server:
        name = await opened(server, "sh", "-c", "yes | head -c 50000000; read x")
        with socket.create_connection(("127.0.0.1", server.port)) as sock:
            sock.sendall(
                f"GET /api/sessions/main/events?terminalID={name} HTTP/1.1\r\n"
                f"Host: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
            )
            async with asyncio.timeout(10):
                while len(server.pool) == 0:
                    await asyncio.sleep(0.01)
                while len(server.pool) == 1:
                    await asyncio.sleep(0.01)
            assert not list(server.registry.terminal(name).viewers)


async def test_a_stream_whose_client_takes_all_stays_and_is_told_comments() -> None:
    async with running(QUICK) as server, streaming(server) as stream:
        began = time.monotonic()
        while stream.comments < 8:  # well beyond interval + timeout
            line = await stream.reader.readuntil(b"\n")
            stream.comments += line.startswith(b":")
        assert time.monotonic() - began > 0.6
        assert (await stream.post({"type": "ping"}))["type"] == "pong"
        assert len(server.pool) == 1
