"""Programs of responders: what they read, what is heard of them, how they end."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ptybridge.adapters.responders import processes
from ptybridge.core.responder import ResponderFailed
from tests.real_pty import PATIENCE, gone

ENV = {"PATH": os.environ["PATH"]}


async def run(script: str, *, text: str = "") -> tuple[int, str]:
    """The exit code of a shell's script, and what was heard."""
    heard: list[str] = []
    argv = ("/bin/sh", "-c", script)
    code = await processes.run(argv, env=ENV, cwd="/", text=text, heard=heard.append)
    return code, "".join(heard)


@pytest.mark.parametrize("text", ["", "words"])
async def test_standard_input_is_no_socket(text: str) -> None:
    # bash with a socket as its standard input takes itself for a remote one and reads ~/.bashrc
    assert await run("[ -S /dev/stdin ] || echo none; cat", text=text) == (0, f"none\n{text}")


async def test_a_killed_server_leaves_no_program_that_was_prompted() -> None:
    script = """
import asyncio
from ptybridge.adapters.responders import processes

asyncio.run(processes.run(
    ("/bin/sh", "-c", "trap '' TERM HUP; sleep 600 & echo $$ $!; wait; sleep 600"),
    env={"PATH": "/usr/bin:/bin"}, cwd="/", text="", heard=lambda text: print(text, flush=True),
))
"""
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1]
    )
    assert server.stdout is not None
    async with asyncio.timeout(PATIENCE):
        pids = [int(pid) for pid in (await server.stdout.readline()).split()]
    assert len(pids) == 2
    server.kill()
    await server.wait()
    for pid in pids:
        await gone(pid)


async def test_what_a_program_left_in_the_background_outlives_the_server_s_guard() -> None:
    code, heard = await run("sleep 600 >/dev/null 2>&1 & echo $!")
    assert code == 0
    os.kill(int(heard), 0)
    os.kill(int(heard), signal.SIGKILL)


async def test_text_beyond_what_a_pipe_holds_is_read_whole() -> None:
    code, heard = await run("wc -c", text="x" * 1_000_000)
    assert (code, heard.strip()) == (0, "1000000")


async def test_text_that_is_not_read_is_no_failure() -> None:
    assert await run("exec 0<&-; echo deaf", text="x" * 1_000_000) == (0, "deaf\n")


@pytest.mark.parametrize(
    ("script", "code", "heard"),
    [
        pytest.param("echo out; echo err >&2; exit 3", 3, "out\nerr\n", id="both-outputs"),
        pytest.param("printf '\\342\\202'; printf '\\254'; kill -9 $$", -9, "€", id="a-signal"),
        pytest.param("printf '\\342'", 0, "\ufffd", id="unfinished"),
        pytest.param("exec >&- 2>&-; exit 4", 4, "", id="output-closed-early"),
        pytest.param("head -c 3000000 /dev/zero | tr '\\0' x", 0, "x" * 3_000_000, id="much"),
    ],
)
async def test_all_that_it_writes_is_heard_and_how_it_ends(
    script: str, code: int, heard: str
) -> None:
    assert await run(script) == (code, heard)


async def test_a_background_child_does_not_hold_the_end_up() -> None:
    code, heard = await run("sleep 600 & echo $!")
    os.kill(int(heard), signal.SIGKILL)
    assert code == 0


@pytest.mark.parametrize(
    ("argv", "cwd"), [(("/nowhere/program",), "/"), (("true",), "/nowhere"), (("a\0b",), "/")]
)
async def test_what_cannot_be_started_is_said(argv: tuple[str, ...], cwd: str) -> None:
    with pytest.raises(ResponderFailed, match="cannot be started"):
        await processes.run(argv, env=ENV, cwd=cwd, text="", heard=pytest.fail)


async def test_nothing_is_left_open() -> None:
    await run("cat", text="words")
    before = sorted(os.listdir("/proc/self/fd"))
    for _ in range(5):
        await run("cat", text="words")
        await run("true")
    assert sorted(os.listdir("/proc/self/fd")) == before
