"""A whole server, real shells, real sockets: what wire.md promises of terminals."""

import asyncio
import hashlib
import json
import os
from typing import Any

import aiohttp
import pytest

from ptybridge.core.viewer import CHUNK_BYTES
from ptybridge.wire.frames import Frame, Kind
from tests.server import Client, Server, running, settings_of

RAW_SHA256 = (
    "stty raw -echo; echo READY; head -c $1 | sha256sum; echo DONE"  # input is read as it comes
)


async def test_a_shell_over_the_subprotocol() -> None:
    async with running() as server, server.binary() as client:
        terminal = await client.open()
        attached = await client.attach(terminal)
        assert attached.pop("end") >= 0  # the prompt may be there already
        assert attached.pop("answers") is True
        assert attached.pop("viewerID") == f"{terminal}/1"
        state = attached.pop("terminal")
        assert (state["id"], state["rows"], state["cols"]) == (terminal, 24, 80)
        assert attached == {
            "channel": 1,
            "terminalID": terminal,
            "role": "owner",
            "rows": 24,
            "cols": 80,
            "offset": 0,
        }
        await client.type(b"echo $((6*7)) $TERM $COLORTERM; exit 3\r")
        output, exited = await client.output_to_the_end(offset=0)
        assert b"42 xterm-256color truecolor\r\n" in output
        assert exited == {"terminalID": terminal, "code": 3}


async def test_welcome_tells_what_a_client_needs() -> None:
    async with running() as server, server.binary() as client:
        assert client.welcome["user"] == {"id": "owner", "name": "owner"}
        assert client.welcome["ping"] == {"interval": 30000, "timeout": 10000}
        assert client.welcome["reconnect"] == {"maxAttempts": 5, "delay": 1000}
        assert client.welcome["inputWindow"] > 0
        assert client.welcome["connectionID"]
        assert "files" not in client.welcome
    async with running(settings_of(files={"enabled": False})) as server, server.binary() as client:
        assert client.welcome["files"] is False


async def test_a_plain_client_gets_text_with_whole_characters() -> None:
    async with running() as server, server.plain() as client:
        script = r"printf '\342\202'; sleep 0.05; printf '\254\n\377'"
        terminal = await client.open("sh", "-c", script)
        await client.attach(terminal, channel=4)
        text, offsets = "", []
        while (message := await client.receive("output", "exited"))["type"] == "output":
            text += message["data"]["output"]
            offsets.append(message["data"]["offset"])
            assert message["data"]["channel"] == 4
        assert text == "€\r\n\ufffd"
        assert offsets[0] == 0


async def test_one_terminal_plainly() -> None:
    async with running() as server, server.plain("/pty?sessionID=build") as client:
        await client.send("ping", request_id=5)
        assert await client.receive("pong") == {"type": "pong", "id": 5}
        await client.send("resize", rows=30, cols=111)
        await client.send("input", data="stty size; exit\r")
        text = ""
        while (message := await client.receive("output", "exited"))["type"] == "output":
            assert set(message["data"]) == {"output"}
            text += message["data"]["output"]
        assert "30 111\r\n" in text
        assert message["data"] == {"terminalID": "build", "code": 0}
        assert (await client.ws.receive()).type is aiohttp.WSMsgType.CLOSE
        assert client.ws.close_code == 4001


async def test_a_terminal_reached_again_by_its_name_is_the_same() -> None:
    async with running() as server:
        async with server.plain("/pty?sessionID=mine") as client:
            await client.send("input", data="x=kept; echo se''t\r")
            while "set\r\n" not in (await client.receive("output"))["data"]["output"]:
                pass
        async with server.plain("/pty?sessionID=mine") as client:
            await client.send("input", data="echo $x''-still\r")
            text = ""
            while "kept-still" not in text:
                text += (await client.receive("output"))["data"]["output"]


async def test_any_byte_comes_through_unchanged_both_ways() -> None:
    everything = bytes(range(256)) * 64
    async with running() as server, server.binary() as client:
        terminal = await client.open("sh", "-c", "stty raw -echo; echo READY; exec cat")
        await client.attach(terminal)
        await client.output_until(b"READY")
        for begin in range(0, len(everything), 997):
            await client.type(everything[begin : begin + 997])
        received = b""
        while len(received) < len(everything):
            received += (await client.frame(Kind.OUTPUT)).payload
        assert received.removeprefix(b"\n") == everything or received == everything


async def test_who_comes_back_gets_exactly_what_it_missed() -> None:
    script = "i=0; while [ $i -lt 4000 ]; do i=$((i+1)); echo line $i; done"
    expected = b"".join(b"line %d\r\n" % number for number in range(1, 4001))
    async with running() as server:
        async with server.binary() as client:
            terminal = await client.open("sh", "-c", script)
            await client.attach(terminal, window=3000)
            seen = b""
            while len(seen) < 2000:
                seen += (await client.frame(Kind.OUTPUT)).payload
            client.ws._response.connection.transport.abort()  # type: ignore[union-attr]
        async with server.binary() as client:
            attached = await client.attach(terminal, since=len(seen))
            assert attached["offset"] == len(seen)
            rest, exited = await client.output_to_the_end(offset=len(seen))
            assert seen + rest == expected
            assert exited["code"] == 0


async def test_a_window_holds_the_program_back_and_acks_let_it_go_on() -> None:
    async with running() as server, server.binary() as client:
        terminal = await client.open("sh", "-c", "stty raw -echo; exec cat /dev/zero")
        await client.attach(terminal, window=10_000)
        taken = 0
        while taken < 10_000:
            taken += len((await client.frame(Kind.OUTPUT)).payload)
        assert taken == 10_000
        await client.send("ping")
        message: dict[str, Any] | Frame = {"type": "nothing yet"}
        while isinstance(message, dict) and message["type"] != "pong":
            message = await client.next()
        assert isinstance(message, dict)  # no output came before the pong
        held = server.registry.terminals[terminal]  # type: ignore[index]
        printed = held.tail.end
        await client.send("ack", channel=1, offset=4_000)
        while taken < 14_000:
            taken += len((await client.frame(Kind.OUTPUT)).payload)
        assert taken == 14_000
        assert held.tail.end <= max(printed, 14_000 + CHUNK_BYTES)


@pytest.mark.slow
async def test_ten_megabytes_of_paste_arrive_whole() -> None:
    size = 10 * 1024 * 1024
    paste = os.urandom(size)
    async with running() as server, server.binary() as client:
        terminal = await client.open("sh", "-c", RAW_SHA256, "sh", str(size))
        await client.attach(terminal)
        await client.output_until(b"READY")
        await paste_by_acks(client, paste)
        output = await client.output_until(b"DONE")
        assert hashlib.sha256(paste).hexdigest().encode() in output


async def paste_by_acks(client: Client, paste: bytes) -> None:
    """Send as the wire says: never more unacknowledged than ``inputWindow``."""
    window = client.welcome["inputWindow"]
    acked = client.sent
    goal = client.sent + len(paste)
    begin = client.sent
    while client.sent < goal:
        room = min(acked + window - client.sent, 16384)
        if room > 0:
            at = client.sent - begin
            await client.type(paste[at : at + room])
        else:
            acked = (await client.frame(Kind.INPUT_ACK)).offset


async def test_ctrl_c_works_at_once_while_the_program_floods() -> None:
    async with running() as server, server.binary() as client:
        terminal = await client.open("sh", "-c", "trap 'echo; echo STOPPED; exit 7' INT; yes flood")
        await client.attach(terminal, window=100_000)
        consumed = 0
        tail = b""
        while True:
            message = await client.next()
            if isinstance(message, dict):
                if message["type"] == "exited":
                    break
                continue
            if message.kind is not Kind.OUTPUT:
                continue
            end = message.offset + len(message.payload)
            tail = (tail + message.payload)[-100:]
            if consumed <= 1_000_000 < end:
                await client.type(b"\x03")
            consumed = end
            await client.send("ack", channel=1, offset=end)
        assert message["data"]["code"] == 7
        assert b"STOPPED" in tail
        assert consumed < 3_000_000


async def test_the_end_is_reported_while_a_background_process_holds_the_terminal() -> None:
    async with running() as server, server.binary() as client:
        terminal = await client.open("sh", "-c", "sleep 30 & echo last words; exit 5")
        await client.attach(terminal)
        async with asyncio.timeout(1):
            output, exited = await client.output_to_the_end(offset=0)
        assert output == b"last words\r\n"
        assert exited["code"] == 5


async def test_closing_a_terminal_ends_its_program() -> None:
    async with running() as server, server.binary() as client:
        terminal = await client.open("sh", "-c", "trap '' HUP; echo READY; sleep 60")
        await client.attach(terminal)
        await client.output_until(b"READY\r\n")
        await client.send("terminal.close", request_id=3, terminalID=terminal)
        assert (await client.receive("accepted"))["id"] == 3
        exited = await client.receive("exited")
        assert exited["data"] == {"terminalID": terminal, "signal": 9}


async def test_a_resize_reaches_the_program_and_is_told_in_place() -> None:
    async with running() as server, server.binary() as client:
        script = "trap 'stty size; exit' WINCH; echo READY; while :; do sleep 0.01; done"
        terminal = await client.open("sh", "-c", script)
        await client.attach(terminal)
        await client.output_until(b"READY\r\n")
        await client.send("resize", channel=1, rows=33, cols=99)
        resized = (await client.receive("resized"))["data"]
        assert (resized["rows"], resized["cols"], resized["offset"]) == (33, 99, 7)
        assert (await client.output_until(b"33 99")) == b"33 99\r\n"


REFUSALS: list[Any] = [
    pytest.param("nonsense", "bad-message", id="not-json"),
    pytest.param({"type": "dance"}, "bad-message", id="unknown-type"),
    pytest.param({"type": "attach", "data": {"channel": 1}}, "bad-message", id="fields-missing"),
    pytest.param(
        {"type": "attach", "data": {"channel": 1, "terminalID": "x", "rows": 24, "cols": 80}},
        "not-found",
        id="no-such-terminal",
    ),
    pytest.param(
        {"type": "resize", "data": {"channel": 1, "rows": 501, "cols": 80}},
        "bad-message",
        id="too-tall",
    ),
    pytest.param({"type": "input", "data": {"data": "x"}}, "not-found", id="not-attached"),
    pytest.param({"type": "detach", "data": {"channel": 9}}, "not-found", id="no-such-channel"),
    pytest.param({"type": "terminal.close", "data": {"terminalID": "x"}}, "not-found", id="close"),
    pytest.param(
        {"type": "terminal.open", "data": {"rows": 24, "cols": 80, "command": ["no-such-program"]}},
        "unavailable",
        id="no-such-program",
    ),
    pytest.param(
        {"type": "terminal.open", "data": {"rows": 24, "cols": 80, "sessionID": "../x"}},
        "bad-message",
        id="not-a-name",
    ),
    pytest.param(b"\x01\x00", "bad-message", id="frame-cut-short"),
    pytest.param(bytes.fromhex("02000000010000000000000000"), "bad-message", id="output-upwards"),
    pytest.param(bytes.fromhex("010000000900000000000000006c"), "not-found", id="input-nowhere"),
]


@pytest.mark.parametrize(("sent", "code"), REFUSALS)
async def test_what_cannot_be_served_is_refused_and_the_connection_goes_on(
    sent: str | bytes | dict[str, Any], code: str
) -> None:
    async with running() as server, server.binary() as client:
        if isinstance(sent, bytes):
            await client.ws.send_bytes(sent)
        else:
            text = sent if isinstance(sent, str) else json.dumps({**sent, "id": 77})
            await client.ws.send_str(text)
        error = await client.receive("error")
        assert error["data"]["code"] == code
        if isinstance(sent, dict):
            assert error["id"] == 77
        await client.send("ping")
        await client.receive("pong")


async def test_a_channel_is_used_once() -> None:
    async with running() as server, server.binary() as client:
        terminal = await client.open()
        await client.attach(terminal)
        await client.send("attach", channel=1, terminalID=terminal, rows=24, cols=80)
        assert (await client.receive("error"))["data"]["code"] == "conflict"
        await client.send("detach", channel=1)
        await client.receive("detached")
        await client.attach(terminal)


async def test_a_watcher_reaches_the_program_with_nothing() -> None:
    async with running() as server, server.binary() as client:
        terminal = await client.open("sh", "-c", "stty raw -echo; exec cat")
        assert (await client.attach(terminal, role="watcher"))["role"] == "watcher"
        await client.type(b"x")
        assert (await client.receive("error"))["data"]["code"] == "denied"
        await client.send("input", channel=1, data="x")
        assert (await client.receive("error"))["data"]["code"] == "denied"
        await client.send("resize", channel=1, rows=10, cols=10)
        await client.send("ping")
        await client.receive("pong")
        held = server.registry.terminal(terminal)
        assert held.tail.end == 0
        assert held.size.rows == 24


async def test_limits_are_told() -> None:
    settings = settings_of(limits={"terminals": 1, "connections": 2, "sessions": 1})
    async with running(settings) as server, server.binary() as client:
        await client.open()
        await client.send("terminal.open", rows=24, cols=80)
        assert (await client.receive("error"))["data"]["code"] == "limit-reached"
        await client.send("terminal.open", rows=24, cols=80, sessionID="second")
        assert (await client.receive("error"))["data"]["code"] == "limit-reached"
        async with server.plain(), server.plain() as third:
            assert (await third.ws.receive()).type is aiohttp.WSMsgType.CLOSE
            assert third.ws.close_code == 1013


async def test_a_message_that_is_too_large_closes_with_1009() -> None:
    async with running() as server, server.plain() as client:
        await client.receive("member.joined")
        await client.send("input", data="x" * 70_000)
        assert (await client.ws.receive()).type is aiohttp.WSMsgType.CLOSE
        assert client.ws.close_code == 1009


async def test_input_beyond_the_queue_is_refused_and_nothing_else() -> None:
    settings = settings_of(limits={"inputQueueBytes": 4096})
    async with running(settings) as server, server.plain() as client:
        terminal = await client.open("sh", "-c", "stty raw -echo; echo READY; sleep 60")
        await client.attach(terminal)
        await client.receive("output")
        for _ in range(40):
            await client.send("input", channel=1, data="x" * 2000)
        assert (await client.receive("error"))["data"]["code"] == "limit-reached"
        await client.send("ping")
        await client.receive("pong")


async def test_at_its_end_the_server_tells_everybody_and_ends_the_programs() -> None:
    async with running() as server, server.binary() as client:
        await client.attach(await client.open())
        pid = await pid_of_shell(client)
        stopping = asyncio.create_task(_receive_close(client))
        server.pool.close_all(1001, "the server is going away")  # type: ignore[arg-type]
        assert await stopping == 1001
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def _receive_close(client: Client) -> int | None:
    while True:
        message = await client.ws.receive()
        if message.type is not aiohttp.WSMsgType.BINARY:
            return client.ws.close_code


async def pid_of_shell(client: Client) -> int:
    await client.type(b"echo pid=$$=\r")
    text = b""
    while text.count(b"=") < 4:
        message = await client.next()
        if isinstance(message, Frame) and message.kind is Kind.OUTPUT:
            text += message.payload
    return int(text.rpartition(b"pid=")[2].partition(b"=")[0])


async def test_terminals_outlive_their_viewers_and_then_end() -> None:
    settings = settings_of(
        terminals={"keepDetached": 200},
        transport={"websocket": {"ping": {"interval": 200, "timeout": 200}}},
    )
    async with running(settings) as server:
        async with server.binary() as client:
            terminal = await client.open()
            await client.attach(terminal)
        held = server.registry.terminal(terminal)
        async with asyncio.timeout(5):
            while held.status is None:
                await asyncio.sleep(0.02)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_connections_leave_nothing_behind() -> None:
    async with running() as server:

        async def cycle(server: Server) -> None:
            async with server.binary() as client:
                terminal = await client.open("sh", "-c", "exit 0")
                await client.attach(terminal)
                await client.receive("exited")

        await cycle(server)
        before = descriptors()
        for _ in range(30):
            await cycle(server)
        async with asyncio.timeout(5):
            while len(server.pool) or descriptors() > before:
                await asyncio.sleep(0.01)
