"""Many viewers of one real terminal, each on a connection of its own."""

import asyncio
import re
import sys
from contextlib import AsyncExitStack
from typing import Any

import pytest

from ptybridge.wire.frames import Frame, Kind
from tests.server import Client, Server, running, settings_of

ASKS = """
import os, tty
tty.setraw(0)
queries = [b"[c", b"[>c", b"[6n", b"[?2004$p", b"P$qm\\x1b\\\\", b"]11;?\\a", b"[>q", b"[5n"]
os.write(1, b"".join(b"\\x1b" + query for query in queries))
answers = b""
while not answers.endswith(b"[0n"):
    answers += os.read(0, 1000)
os.write(1, answers.hex().encode() + b" END")
"""
"""DA1, DA2, CPR, DECRQM, DECRQSS, a colour, XTVERSION, and DSR, whose answer is the last."""


async def viewers(client: Client) -> dict[str, dict[str, Any]]:
    """Who views, as the next ``viewers`` says."""
    message = await client.receive("viewers")
    return {viewer["id"]: viewer for viewer in message["data"]["viewers"]}


async def viewers_until(client: Client, wanted: Any) -> dict[str, dict[str, Any]]:
    """Who views, once that is as wanted."""
    async with asyncio.timeout(20):
        while not wanted(present := await viewers(client)):
            pass
    return present


@pytest.mark.parametrize("count", [0, 1, 16])
async def test_a_programs_queries_get_one_answer_each(count: int) -> None:
    async with running() as server, AsyncExitStack() as stack:
        opener = await stack.enter_async_context(server.binary())
        terminal = await opener.open(sys.executable, "-c", ASKS)
        for _ in range(count):
            client = await stack.enter_async_context(server.binary())
            await client.attach(terminal)
        await opener.attach(terminal)
        printed = await opener.output_until(b" END")
    answers = bytes.fromhex(printed.removesuffix(b" END").split(b"\x1b[5n")[1].decode())
    assert re.fullmatch(
        rb"\x1b\[\?6[0-9;]*c\x1b\[>[0-9;]*c\x1b\[1;1R\x1b\[\?2004;2\$y\x1bP1\$r0?m\x1b\\"
        rb"\x1b\]11;rgb:[0-9a-f/]+(\a|\x1b\\)\x1bP>\|ptybridge[^\x1b]*\x1b\\\x1b\[0n",
        answers,
    ), answers


async def test_who_comes_late_is_shown_the_screen_with_its_history() -> None:
    settings = settings_of(terminals={"tailBytes": 8192})
    async with running(settings) as server, server.binary() as first, server.binary() as late:
        script = r"i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo line $i; done; printf READY; cat"
        terminal = await first.open("sh", "-c", script)
        await first.attach(terminal)
        await first.output_until(b"READY")
        attached = await late.attach(terminal)
        snapshot = await late.frame(Kind.SNAPSHOT)
        assert snapshot.offset == attached["end"] == attached["offset"]
        rows, cols = snapshot.payload[:2], snapshot.payload[2:4]
        assert (int.from_bytes(rows, "big"), int.from_bytes(cols, "big")) == (24, 80)
        assert b"line 1\r\n" in snapshot.payload
        assert b"line 2999\r\n" in snapshot.payload
        await late.type(b"more\r")
        assert (await late.output_until(b"more", offset=snapshot.offset)).startswith(b"more")


async def test_a_stalled_viewer_holds_nobody_up_and_is_told_to_lag() -> None:
    settings = settings_of(terminals={"tailBytes": 65536 * 10})
    async with running(settings) as server, server.binary() as live, server.binary() as slow:
        terminal = await live.open(
            "sh", "-c", "read go; head -c 20000000 /dev/zero | tr '\\0' x; echo END; cat"
        )
        slow_id = (await slow.attach(terminal, window=1000))["viewerID"]
        await live.attach(terminal)
        await live.type(b"\r")
        lagging = False
        tail = b""
        async with asyncio.timeout(30):
            while b"END" not in tail:
                message = await live.next()
                if isinstance(message, Frame):
                    if message.kind is Kind.OUTPUT:
                        tail = (tail + message.payload)[-100:]
                elif message["type"] == "viewers":
                    here = {viewer["id"]: viewer for viewer in message["data"]["viewers"]}
                    lagging = lagging or here[slow_id]["lagging"]
        if not lagging:
            await viewers_until(live, lambda here: here[slow_id]["lagging"])
        first = await slow.frame(Kind.OUTPUT)
        assert len(first.payload) <= 1000
        await slow.send("ack", channel=1, offset=first.offset + len(first.payload))
        snapshot = await slow.frame(Kind.SNAPSHOT)
        assert snapshot.offset > 19_000_000
        assert b"END" in snapshot.payload
        await viewers_until(live, lambda here: not here[slow_id]["lagging"])


async def join(server: Server, stack: AsyncExitStack, terminal: str, **data: Any) -> Any:
    client = await stack.enter_async_context(server.binary())
    return client, await client.attach(terminal, **data)


async def test_the_keyboard_is_handed_on_and_all_see_who_has_it() -> None:
    settings = settings_of(terminals={"control": "turn"})
    async with running(settings) as server, AsyncExitStack() as stack:
        opener = await stack.enter_async_context(server.binary())
        terminal = await opener.open("cat")
        ann, at_ann = await join(server, stack, terminal, role="writer")
        bob, at_bob = await join(server, stack, terminal, role="writer")
        await viewers_until(bob, lambda here: here[at_ann["viewerID"]]["controls"])
        await bob.type(b"no")
        assert (await bob.receive("error"))["data"]["code"] == "denied"
        bob.sent = 0
        await bob.send("control", request_id=1, channel=1, action="request")
        assert (await bob.receive("accepted", "error"))["type"] == "accepted"
        await viewers_until(ann, lambda here: here.get(at_bob["viewerID"], {}).get("waits"))
        await ann.send("control", channel=1, action="grant", to=at_bob["viewerID"])
        here = await viewers_until(bob, lambda here: here[at_bob["viewerID"]]["controls"])
        assert not here[at_ann["viewerID"]]["controls"]
        await bob.type(b"yes\r")
        assert b"yes" in await bob.output_until(b"yes\r\n")


async def test_after_the_demotion_is_told_not_a_byte_of_the_demoted_arrives() -> None:
    async with running() as server, AsyncExitStack() as stack:
        owner = await stack.enter_async_context(server.binary())
        terminal = await owner.open("sh", "-c", "stty raw -echo; printf READY; sleep 1; cat")
        await owner.attach(terminal)
        other, at_other = await join(server, stack, terminal)
        name = at_other["viewerID"]
        await owner.output_until(b"READY")
        for _ in range(5):
            await other.type(b"w" * 40_000)
        await viewers_until(owner, lambda here: name in here)
        await other.send("ping", request_id=1)
        await other.receive("pong")  # its paste has come to the server
        await owner.send("control", channel=1, action="revoke", to=name)
        await viewers_until(owner, lambda here: here[name]["role"] == "watcher")
        await other.type(b"late")
        assert (await other.receive("error"))["data"]["code"] == "denied"
        await owner.type(b"DONE")
        output = await owner.output_until(b"DONE")
    before, _, _ = output.partition(b"DONE")
    assert set(before) <= {ord("w")}
    assert len(before) < 200_000
    assert b"late" not in output


WATCHER_MESSAGES: list[dict[str, Any]] = [
    {"type": "input", "data": {"data": "x"}},
    {"type": "input", "data": {"channel": 1, "data": "\x03"}},
    {"type": "control", "data": {"channel": 1, "action": "request"}},
    {"type": "control", "data": {"channel": 1, "action": "revoke"}},
]


async def test_a_watcher_reaches_the_program_with_nothing() -> None:
    script = (
        "stty raw -echo; trap 'printf WINCH' WINCH; printf READY; "
        "while :; do read -r x && printf GOT; sleep 0.05; done"
    )
    async with running() as server, AsyncExitStack() as stack:
        owner = await stack.enter_async_context(server.binary())
        terminal = await owner.open("sh", "-c", script)
        await owner.attach(terminal)
        await owner.output_until(b"READY")
        watcher, at_watcher = await join(server, stack, terminal, role="watcher", rows=5, cols=20)
        grant = {"channel": 1, "action": "grant", "to": at_watcher["viewerID"]}
        for message in [*WATCHER_MESSAGES, {"type": "control", "data": grant}]:
            await watcher.ws.send_json(message)
            assert (await watcher.receive("error", "accepted"))["data"]["code"] == "denied"
        await watcher.type(b"\x03\n")
        assert (await watcher.receive("error"))["data"]["code"] == "denied"
        await watcher.send("resize", channel=1, rows=7, cols=30)
        await watcher.send("ping")
        await watcher.receive("pong")
        await owner.send("resize", channel=1, rows=25, cols=81)
        resized = (await owner.receive("resized"))["data"]
        assert (resized["rows"], resized["cols"]) == (25, 81)
        assert b"GOT" not in await owner.output_until(b"WINCH")


@pytest.mark.parametrize(
    ("sizing", "expected"), [("smallest", (20, 70)), ("controller", (40, 70)), ("fixed", (24, 80))]
)
async def test_the_size_is_by_the_rule(sizing: str, expected: tuple[int, int]) -> None:
    settings = settings_of(terminals={"sizing": sizing})
    async with running(settings) as server, AsyncExitStack() as stack:
        opener = await stack.enter_async_context(server.binary())
        terminal = await opener.open("cat")
        ann, _ = await join(server, stack, terminal, rows=20, cols=90)
        bob, _ = await join(server, stack, terminal, rows=40, cols=70)
        await bob.type(b"x")
        await bob.output_until(b"x")
        if sizing != "fixed":
            async with asyncio.timeout(20):
                while True:
                    resized = (await ann.receive("resized"))["data"]
                    if (resized["rows"], resized["cols"]) == expected:
                        break
        size = server.registry.terminal(terminal).size
        assert (size.rows, size.cols) == expected


async def test_what_the_stream_says_of_itself_is_told_and_kept() -> None:
    says = (
        r"\033]2;the title\007\033]7;file:///tmp/a%%20b\007\007\033]777;notify;T;B\007"
        r"\033]9;4;1;40\007\033]133;A\007\033]133;B\007\033]133;C\007\033]133;D;3\007"
        r"\033]52;c;aGVsbG8=\007"
    )
    async with running() as server, AsyncExitStack() as stack:
        opener = await stack.enter_async_context(server.binary())
        terminal = await opener.open("sh", "-c", f"read go; printf '{says}'; cat")
        typist, _ = await join(server, stack, terminal)
        watcher, _ = await join(server, stack, terminal, role="watcher")
        await typist.type(b"\r")
        told: dict[str, Any] = {}
        while "clipboard" not in told:
            message = await typist.next()
            if isinstance(message, dict):
                told[message["type"]] = message["data"]
        assert told["title"] == {"terminalID": terminal, "title": "the title"}
        assert told["cwd"] == {"terminalID": terminal, "cwd": "/tmp/a b"}
        assert told["bell"] == {"terminalID": terminal}
        assert told["notification"] == {"terminalID": terminal, "title": "T", "body": "B"}
        assert told["progress"] == {"terminalID": terminal, "state": "normal", "percent": 40}
        assert told["prompt.mark"] == {"terminalID": terminal, "part": "end"}
        assert told["command.finished"] == {"terminalID": terminal, "exitCode": 3}
        assert told["clipboard"] == {
            "terminalID": terminal, "selection": "clipboard", "text": "hello"
        }  # fmt: skip
        await watcher.send("ping")
        seen = set()
        while "pong" not in seen or "command.finished" not in seen:
            message = await watcher.next()
            if isinstance(message, dict):
                seen.add(message["type"])
        assert "clipboard" not in seen
        late = await stack.enter_async_context(server.binary())
        state = (await late.attach(terminal))["terminal"]
        assert (state["title"], state["cwd"]) == ("the title", "/tmp/a b")
        assert state["progress"] == {"state": "normal", "percent": 40}
        assert state["exitCode"] == 3
        assert state["viewers"] == 3


async def test_a_plain_client_is_not_shown_anything_twice_after_a_resize() -> None:
    async with running() as server, AsyncExitStack() as stack:
        plain = await stack.enter_async_context(server.plain())
        terminal = await plain.open("sh", "-c", "printf READY; cat")
        await plain.attach(terminal)
        ann, _ = await join(server, stack, terminal)
        await ann.output_until(b"READY")
        await ann.send("resize", channel=1, rows=20, cols=70)
        await ann.frame(Kind.SNAPSHOT)
        await ann.type(b"end\r")
        shown = ""
        while "end" not in shown:
            shown += (await plain.receive("output"))["data"]["output"]
        assert shown.count("READY") == 1


async def test_two_viewers_are_shown_the_same_after_a_resize() -> None:
    async with running() as server, AsyncExitStack() as stack:
        opener = await stack.enter_async_context(server.binary())
        terminal = await opener.open("sh", "-c", "printf READY; cat")
        ann, _ = await join(server, stack, terminal)
        bob, _ = await join(server, stack, terminal)
        await ann.send("resize", channel=1, rows=20, cols=70)
        seen = [(await client.frame(Kind.SNAPSHOT)).payload for client in (ann, bob)]
        assert seen[0] == seen[1]
        assert seen[0][:4] == bytes((0, 20, 0, 70))
