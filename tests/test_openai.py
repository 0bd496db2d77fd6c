"""A language model as a responder: a real endpoint on loopback, and a whole server before it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from ptybridge.adapters.responders.completions import Endpoint
from ptybridge.adapters.responders.openai import MAX_ROUNDS, OpenAIResponder
from ptybridge.adapters.responders.tools import MAX_OUTPUT, REFUSED
from ptybridge.cli.channel import responder_of
from ptybridge.cli.preparation import ServeError
from ptybridge.core.registry import TerminalDefaults
from ptybridge.core.rules import Rules
from tests.server import running, settings_of
from tests.test_session_channel import answer_of, prompt, until

CANARY = "sk-canary-3141592653589793"


def chunk(finish: str | None = None, **delta: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


def says(*texts: str) -> list[bytes]:
    return [*(chunk(content=text) for text in texts), chunk("stop"), DONE]


def asks(tool: str, **arguments: str) -> list[bytes]:
    """A call whose arguments come in two pieces."""
    written = json.dumps(arguments)
    call = {"index": 0, "id": "c1", "function": {"name": tool, "arguments": ""}}
    pieces = [{"index": 0, "function": {"arguments": part}} for part in (written[:5], written[5:])]
    return [chunk(tool_calls=[piece]) for piece in (call, *pieces)] + [chunk("tool_calls"), DONE]


class Model:
    """An endpoint that gives its replies in turn.

    Attributes:
        requests: What it was sent.
        keys: The Authorization headers.
        closed: Set when a client has gone before the end.
    """

    def __init__(self, *replies: list[bytes], status: int = 200, holds: bool = False) -> None:
        self.replies = list(replies)
        self.status = status
        self.holds = holds
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.closed = asyncio.Event()
        self.url = ""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(await request.json())
        self.keys.append(request.headers["Authorization"])
        response = web.StreamResponse(status=self.status)
        await response.prepare(request)
        try:
            for part in self.replies.pop(0):
                await response.write(part)
            if self.holds:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.closed.set()
            raise
        return response

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Model"]:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self.serve)
        runner = web.AppRunner(app, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
            yield self
        finally:
            await runner.cleanup()

    def responder(self, *, needs_approval: bool = True, url: str | None = None) -> OpenAIResponder:
        return OpenAIResponder(
            Endpoint(url or self.url, model="parrot-1", key=CANARY),
            shell="/bin/sh",
            env={"PATH": "/usr/bin:/bin"},
            cwd="/",
            needs_approval=needs_approval,
        )


async def test_an_answer_is_streamed_and_the_history_is_sent() -> None:
    async with (
        Model(says("Hel", "lo"), says("again")).serving() as model,
        running(responder=model.responder()) as server,
        server.plain() as ann,
    ):
        await prompt(ann, "hi")
        events = await until(ann, "message.completed")
        assert answer_of(events) == "Hello"
        assert events[-1]["data"]["reason"] == "done"
        assert "parrot-1" in json.dumps(events)
        await prompt(ann, "and then?")
        assert answer_of(await until(ann, "message.completed")) == "again"
    first, second = model.requests
    assert (first["model"], first["stream"]) == ("parrot-1", True)
    names = [tool["function"]["name"] for tool in first["tools"]]
    assert names == ["run_command", "read_screen", "type_text"]
    assert [(m["role"], m["content"]) for m in second["messages"][1:]] == [
        ("user", "hi"),
        ("assistant", "Hello"),
        ("user", "and then?"),
    ]
    assert model.keys == [f"Bearer {CANARY}"] * 2


@pytest.mark.parametrize("approved", [True, False])
async def test_a_command_runs_only_once_a_writer_approves(approved: bool, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    call = asks("run_command", command=f"echo ran | tee {mark}; exit 3")
    async with (
        Model(call, says("so")).serving() as model,
        running(responder=model.responder()) as server,
        server.plain() as ann,
    ):
        await prompt(ann, "do it")
        asked = (await until(ann, "tool-call"))[-1]["data"]
        assert asked["needsApproval"] is True
        assert not mark.exists()
        await ann.send("approve", callID=asked["callID"], approved=approved)
        events = await until(ann, "message.completed")
        result = next(e["data"] for e in events if e["type"] == "tool-result")
    told = "exit code 3\nran\n" if approved else REFUSED
    assert (result["output"], result["failed"]) == (told, True)
    assert answer_of(events) == "so"
    assert mark.exists() == approved
    said, fed_back = model.requests[1]["messages"][-2:]
    assert said["tool_calls"][0]["function"]["name"] == "run_command"
    assert fed_back == {"role": "tool", "tool_call_id": "c1", "content": told}


async def test_without_approval_a_model_types_and_reads_the_screen() -> None:
    typing = asks("type_text", text="typed words\r")
    async with (
        Model(typing, says("a"), asks("read_screen"), says("b")).serving() as model,
        running(responder=model.responder(needs_approval=False)) as server,
        server.binary() as ann,
    ):
        terminal = await ann.open("sh", "-c", "stty -echo; echo READY; read l; echo got: $l; cat")
        attached = await ann.attach(terminal)
        await ann.output_until(b"READY", offset=attached.get("offset"))
        await prompt(ann, "type")
        await ann.output_until(b"got: typed words")
        await ann.send("ping")
        async with asyncio.timeout(20):
            while len(model.requests) < 2:
                await asyncio.sleep(0.01)
        await prompt(ann, "read")
        while True:
            result = (await ann.receive("tool-result"))["data"]
            if result["output"] != "typed":
                break
    assert "got: typed words" in result["output"]


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [("fly", {}), ("run_command", {"cmd": "true"}), ("type_text", {"text": "no terminal"})],
)
async def test_a_tool_that_cannot_be_used_is_told_to_the_model(
    tool: str, arguments: dict[str, str]
) -> None:
    async with (
        Model(asks(tool, **arguments), says("oh")).serving() as model,
        running(responder=model.responder(needs_approval=False)) as server,
        server.plain() as ann,
    ):
        await prompt(ann, "go")
        events = await until(ann, "message.completed")
    assert next(e["data"]["failed"] for e in events if e["type"] == "tool-result") is True
    assert answer_of(events) == "oh"
    assert model.requests[1]["messages"][-1]["role"] == "tool"


async def test_a_long_output_is_clipped_in_the_middle() -> None:
    call = asks(
        "run_command", command="echo first; head -c 200000 /dev/zero | tr '\\0' x; echo end"
    )
    async with (
        Model(call, says("ok")).serving() as model,
        running(responder=model.responder(needs_approval=False)) as server,
        server.plain() as ann,
    ):
        await prompt(ann, "go")
        await until(ann, "message.completed")
    told = model.requests[1]["messages"][-1]["content"]
    assert told.startswith("exit code 0\nfirst\n")
    assert told.endswith("xend\n")
    assert len(told) < MAX_OUTPUT + 100


async def test_a_model_without_an_end_is_stopped() -> None:
    async with (
        Model(*[asks("read_screen")] * MAX_ROUNDS).serving() as model,
        running(responder=model.responder()) as server,
        server.plain() as ann,
    ):
        await prompt(ann, "go")
        events = await until(ann, "message.completed")
    assert events[-1]["data"]["reason"] == "failed"
    assert len(model.requests) == MAX_ROUNDS


async def test_cancel_closes_the_stream_and_keeps_what_came() -> None:
    async with (
        Model([chunk(content="begun")], holds=True).serving() as model,
        running(responder=model.responder()) as server,
        server.plain() as ann,
    ):
        await prompt(ann, "go")
        await until(ann, "text-delta")
        await ann.send("cancel")
        assert (await until(ann, "cancelled"))[-2]["data"]["reason"] == "cancelled"
        async with asyncio.timeout(10):
            await model.closed.wait()


@pytest.mark.parametrize(
    ("status", "reply", "line"),
    [
        (401, b'{"error": {"message": "wrong key %s"}}', "refused the key (HTTP 401)"),
        (500, b'{"error": {"message": "no\\n\\u001b %s"}}', "answered HTTP 500: no ***"),
        (200, b'data: {"error": {"message": "full %s"}}\n\n', "reported an error: full ***"),
        (200, b"data: %s\n\n", "sent a malformed stream"),
        (200, b'data: {"choices": "%s"}\n\n', "sent a malformed stream"),
        (200, chunk(content="half "), "ended before the answer did"),
        (200, chunk("length", content="half ") + DONE, "cut short (length)"),
    ],
)
async def test_what_fails_is_said_in_one_line_without_the_key(
    status: int, reply: bytes, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        Model([reply.replace(b"%s", CANARY.encode())], status=status).serving() as model,
        running(responder=model.responder()) as server,
        server.plain() as ann,
    ):
        await prompt(ann, "go")
        events = await until(ann, "message.completed")
    said = [e["data"]["message"] for e in events if e["type"] == "message.created"][-1]
    text = said["parts"][0]["text"]
    assert said["role"] == "system"
    assert line in text
    assert "\n" not in text
    assert CANARY not in json.dumps(events) + caplog.text
    assert events[-1]["data"]["reason"] == "failed"


async def test_an_endpoint_that_is_not_there_is_said(
    unused_tcp_port_factory: Callable[[], int],
) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port_factory()}/v1"
    async with running(responder=Model().responder(url=url)) as server, server.plain() as ann:
        await prompt(ann, "go")
        events = await until(ann, "message.completed")
    assert "cannot be reached: Connection refused" in json.dumps(events)


DEFAULTS = TerminalDefaults(
    command=("/bin/sh",), cwd="/", env={}, tail_bytes=4096, keep_detached=1, rules=Rules()
)
WHOLE = {"baseURL": "http://127.0.0.1:9/v1", "model": "m", "apiKeyEnv": "TEST_MODEL_KEY"}


@pytest.mark.parametrize(
    ("openai", "key", "line"),
    [
        ({**WHOLE, "baseURL": None}, CANARY, r"^responder\.openai\.baseURL: needed"),
        ({**WHOLE, "model": None}, CANARY, r"^responder\.openai\.model: needed"),
        ({**WHOLE, "baseURL": "ftp://x"}, CANARY, r"^responder\.openai\.baseURL: expected"),
        (WHOLE, "", r"^responder\.openai\.apiKeyEnv: TEST_MODEL_KEY is not set"),
        (WHOLE, f"{CANARY} two", "^TEST_MODEL_KEY: holds no usable key$"),
    ],
)
def test_what_is_missing_stops_the_start(
    openai: dict[str, Any], key: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_MODEL_KEY", key)
    with pytest.raises(ServeError, match=line) as caught:
        responder_of(settings_of(responder={"kind": "openai", "openai": openai}), DEFAULTS)
    assert CANARY not in str(caught.value)


async def test_the_key_may_be_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{CANARY}\n")
    monkeypatch.setenv("TEST_MODEL_KEY_FILE", str(file))
    async with Model(says("hi")).serving() as model:
        chosen = {"kind": "openai", "openai": {**WHOLE, "baseURL": model.url}}
        responder = responder_of(settings_of(responder=chosen), DEFAULTS)
        async with running(responder=responder) as server, server.plain() as ann:
            await prompt(ann, "go")
            assert answer_of(await until(ann, "message.completed")) == "hi"
    assert model.keys == [f"Bearer {CANARY}"]
    file.unlink()
    with pytest.raises(ServeError, match=r"^TEST_MODEL_KEY_FILE: .* cannot be read"):
        responder_of(settings_of(responder=chosen), DEFAULTS)
