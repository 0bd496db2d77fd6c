"""What runs in a terminal and where, as the system tells, and starting it again."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.server import Client, Server, running
from tests.test_resources import get, open_terminal


async def told(server: Server, terminal: str, key: str, wanted: object) -> None:
    """Wait until the server says that of a terminal."""
    async with asyncio.timeout(10):
        while (await get(server, f"/api/terminals/{terminal}"))["terminal"].get(key) != wanted:
            await asyncio.sleep(0.01)


async def again(client: Client, like: str) -> Any:
    await client.send("terminal.open", 9, rows=24, cols=80, like=like)
    return await client.receive("terminal.opened")


async def test_the_program_in_front_and_its_directory_are_known(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    async with running() as server, server.binary() as client:
        terminal = await open_terminal(server, "bash", "--norc", cwd=str(tmp_path))
        name = terminal["id"]
        await told(server, name, "cwd", str(tmp_path))
        await told(server, name, "command", None)
        await client.attach(name)
        await client.type(b"cd inner; cat\n")
        await told(server, name, "command", "cat")
        await told(server, name, "cwd", str(tmp_path / "inner"))
        await client.type(b"\x04")
        await told(server, name, "command", None)
        await client.type(b"exit\n")
        await client.receive("exited")
        await told(server, name, "cwd", None)


async def test_output_and_bells_are_counted() -> None:
    async with running() as server:
        terminal = await open_terminal(server, "sh", "-c", r"printf 'a\007b\007'; cat")
        await told(server, terminal["id"], "end", 4)
        await told(server, terminal["id"], "bells", 2)


async def test_what_has_ended_is_started_again_with_its_command_and_directory(
    tmp_path: Path,
) -> None:
    async with running() as server, server.binary() as client:
        script = ("sh", "-c", "pwd; echo of $0", "it")
        first = await open_terminal(server, *script, cwd=str(tmp_path))
        await told(server, first["id"], "exit", {"code": 0})
        opened = (await again(client, first["id"]))["data"]["terminal"]
        assert opened["id"] != first["id"]
        await client.attach(opened["id"])
        assert f"{tmp_path}\r\nof it" in (await client.output_until(b"of it\r\n")).decode()
        body = {"like": first["id"]}
        async with server.http.post(server.url("/api/sessions/main/terminals"), json=body) as reply:
            assert reply.status == 201


@pytest.mark.parametrize(
    ("session", "more", "code"),
    [
        pytest.param("main", {"command": ["cat"]}, "bad-message", id="and-a-command"),
        pytest.param("main", {"cwd": "/"}, "bad-message", id="and-a-directory"),
        pytest.param("other", {}, "not-found", id="another-session's"),
        pytest.param("main", {"like": "gone"}, "not-found", id="unknown"),
    ],
)
async def test_what_cannot_be_started_again(
    session: str, more: dict[str, object], code: str
) -> None:
    async with running() as server, server.binary(f"/ws?sessionID={session}") as client:
        await open_terminal(server, "cat", id="first")
        await client.send("terminal.open", 9, **{"rows": 2, "cols": 9, "like": "first"} | more)
        assert (await client.receive("error"))["data"]["code"] == code
        assert len(server.registry.terminals) == 1
