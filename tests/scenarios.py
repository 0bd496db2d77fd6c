"""The three scenarios of real use in Python, from docs/wire.md alone: no word of ptybridge's."""

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import aiohttp

Open = Callable[[str], AbstractAsyncContextManager[aiohttp.ClientWebSocketResponse]]
"""Opens a WebSocket at a path of the server's, authorized."""

STORY = {"message.created", "tool-call", "text-delta", "tool-result", "message.completed"}


async def _send(ws: aiohttp.ClientWebSocketResponse, kind: str, **data: Any) -> None:
    await ws.send_str(json.dumps({"type": kind, "data": data, "id": 1}))


async def _next(ws: aiohttp.ClientWebSocketResponse, *kinds: str) -> dict[str, Any]:
    while True:
        message: dict[str, Any] = json.loads((await ws.receive(timeout=20)).data)
        if message["type"] in kinds:
            return message


async def _story(ws: aiohttp.ClientWebSocketResponse, end: str) -> list[dict[str, Any]]:
    told = [await _next(ws, *STORY, end)]
    while told[-1]["type"] != end:
        told.append(await _next(ws, *STORY, end))
    return told


async def _shows(ws: aiohttp.ClientWebSocketResponse, marker: str) -> str:
    shown = ""
    while marker not in shown:
        shown += (await _next(ws, "output"))["data"]["output"]
    return shown


def _parts(text: str) -> list[dict[str, str]]:
    return [{"type": "text", "text": text}]


async def two_people(open_at: Open) -> None:
    """B sees A's prompt and the answer as it is streamed; both see the same in the same order."""
    async with open_at("/ws?sessionID=room") as a, open_at("/ws?sessionID=room") as b:
        await _send(b, "ping")
        await _next(b, "pong")
        text = "for i in 1 2 3; do echo line $i; sleep 0.15; done"
        await _send(a, "prompt", parts=_parts(text))
        by_a, by_b = [await _story(ws, "message.completed") for ws in (a, b)]
        assert by_a == by_b
        prompt, answer = (event["data"]["message"] for event in by_b[:2])
        assert (prompt["role"], prompt["parts"]) == ("user", _parts(text))
        assert answer["role"] == "assistant"
        deltas = [event["data"]["delta"] for event in by_b if event["type"] == "text-delta"]
        assert len(deltas) >= 3
        assert "".join(deltas) == "line 1\nline 2\nline 3\n"
        seqs = [event["data"]["seq"] for event in by_b]
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))


async def interactive(open_at: Open) -> None:
    """An interactive terminal over ``/pty``, from a script."""
    async with open_at("/pty?sessionID=terminal") as pty:
        await _send(pty, "resize", rows=30, cols=100)
        await _send(pty, "input", data="stty size; echo $((6*7))-é中\r")
        assert "30 100" in await _shows(pty, "42-é中")
        await _send(pty, "input", data="exit 3\r")
        assert (await _next(pty, "exited"))["data"]["code"] == 3
        async for _ in pty:
            pass
        assert pty.close_code == 4001


async def interrupted(open_at: Open) -> None:
    """A long task is interrupted: by Ctrl-C in a terminal, by ``cancel`` in the channel."""
    async with open_at("/ws?sessionID=task") as ws:
        await _send(ws, "terminal.open", rows=24, cols=80)
        terminal = (await _next(ws, "terminal.opened"))["data"]["terminal"]["id"]
        await _send(ws, "attach", channel=1, terminalID=terminal, rows=24, cols=80)
        # It is the task that says so, and not the shell before it: a Ctrl-C in between is lost.
        task = "sh -c 'echo be$((0))gun; exec sleep 600'; echo ne''ver\r"
        await _send(ws, "input", channel=1, data=task)
        await _shows(ws, "be0gun")
        await _send(ws, "input", channel=1, data="\x03")
        await _send(ws, "input", channel=1, data="echo aft''er\r")
        assert "never" not in await _shows(ws, "after")
        await _send(ws, "prompt", parts=_parts("echo begun; sleep 600"))
        await _next(ws, "text-delta")
        await _send(ws, "cancel")
        told = await _story(ws, "cancelled")
        assert told[-2]["data"]["reason"] == "cancelled"
