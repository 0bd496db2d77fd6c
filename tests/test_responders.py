"""The shell and any program as responders, in a whole server; and how their work is stopped."""

import asyncio
import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from ptybridge.adapters.responders import processes
from ptybridge.adapters.responders.command import CommandResponder
from ptybridge.adapters.responders.processes import KILL_SECONDS
from ptybridge.cli.channel import responder_of
from ptybridge.cli.preparation import ServeError
from ptybridge.core.registry import TerminalDefaults
from tests.server import running, settings_of
from tests.test_session_channel import answer_of, prompt, until

ENV = {"PATH": os.environ["PATH"], "SECRET_OF_NOBODY": ""}

ANSWERING = """
import json, os, stat, sys
name = os.environ["PTYBRIDGE_HISTORY"]
print("stderr is nobody's", file=sys.stderr)
print(json.dumps({
    "prompt": sys.stdin.read(), "history": json.load(open(name)), "file": name,
    "mode": stat.S_IMODE(os.stat(name).st_mode), "session": os.environ["PTYBRIDGE_SESSION"],
    "cwd": os.getcwd(), "names": sorted(os.environ),
}))
"""


def program(script: str) -> CommandResponder:
    return CommandResponder((sys.executable, "-c", script), env=ENV, cwd="/")


async def test_a_program_reads_the_prompt_and_what_was_said_before_it() -> None:
    async with running(responder=program(ANSWERING)) as server, server.plain() as ann:
        await ann.send("say", text="before")
        await ann.receive("message.created")
        await prompt(ann, "what was said?")
        events = await until(ann, "message.completed")
        told = json.loads(answer_of(events))
        await prompt(ann, "and now?")
        again = json.loads(answer_of(await until(ann, "message.completed")))
    assert events[-1]["data"]["reason"] == "done"
    assert (told["prompt"], told["session"], told["cwd"]) == ("what was said?", "main", "/")
    (said,) = told["history"]
    assert (said["role"], said["author"], said["text"]) == ("user", "owner", "before")
    assert abs(said["time"] - time.time()) < 60
    assert told["mode"] == 0o600
    assert not os.path.exists(told["file"])  # noqa: ASYNC240 - a moment
    assert set(told["names"]) - {"LC_CTYPE"} == {*ENV, "PTYBRIDGE_HISTORY", "PTYBRIDGE_SESSION"}
    assert [one["text"] for one in again["history"]][:2] == ["before", "what was said?"]
    assert json.loads(again["history"][2]["text"]) == told


async def test_a_program_that_fails_or_is_not_there_is_said() -> None:
    async with (
        running(responder=program("print('half', flush=True); exit(3)")) as server,
        server.plain() as ann,
    ):
        await prompt(ann, "go")
        events = await until(ann, "message.completed")
    assert answer_of(events) == "half\n"
    assert events[-1]["data"]["reason"] == "failed"
    assert "ended with exit code 3" in json.dumps(events)
    absent = CommandResponder(("/nowhere/program",), env=ENV, cwd="/")
    async with running(responder=absent) as server, server.plain() as ann:
        await prompt(ann, "go")
        events = await until(ann, "message.completed")
    assert "/nowhere/program cannot be started: No such file" in json.dumps(events)


async def test_the_shell_runs_where_the_terminal_is_that_was_typed_into_last(
    tmp_path: Path,
) -> None:
    async with running() as server, server.plain() as ann:
        for channel, name in enumerate(("one", "two"), 1):
            (tmp_path / name).mkdir()
            terminal = await ann.open("/bin/sh")
            await ann.attach(terminal, channel=channel)
            await ann.send("input", channel=channel, data=f"cd {tmp_path / name} && echo th''ere\r")
            while "there" not in (await ann.receive("output"))["data"]["output"]:
                pass
        await asyncio.sleep(
            0.01
        )  # uvloop's clock counts milliseconds; nobody types in two within one
        await ann.send("input", channel=1, data="\r")
        await ann.send("ping")
        await ann.receive("pong")
        await prompt(ann, "pwd")
        events = await until(ann, "message.completed")
    assert answer_of(events) == f"{tmp_path / 'one'}\n"
    call = next(event["data"] for event in events if event["type"] == "tool-call")
    assert call["input"] == {"command": "pwd", "cwd": str(tmp_path / "one")}


DEFAULTS = TerminalDefaults(("/bin/sh",), "/", ENV, tail_bytes=4096, keep_detached=0.0)


def test_what_answers_is_as_the_settings_say() -> None:
    def kind(name: str, **more: object) -> object:
        return responder_of(settings_of(responder={"kind": name, **more}), DEFAULTS)

    assert kind("none") is None
    assert isinstance(kind("command", command=["cat"]), CommandResponder)
    with pytest.raises(ServeError, match=r"^responder\.command: needed"):
        kind("command")


# --- stopping


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


async def stopped(script: str, words: int) -> tuple[list[int], float]:
    """The process ids that a script told, and how long stopping it took, in seconds."""
    heard: list[str] = []
    run = processes.run(("/bin/sh", "-c", script), env=ENV, cwd="/", text="", heard=heard.append)
    task = asyncio.create_task(run)
    async with asyncio.timeout(20):
        while len("".join(heard).split()) < words:
            await asyncio.sleep(0.01)
    began = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return [int(word) for word in "".join(heard).split()], time.monotonic() - began


async def test_cancelling_ends_the_whole_group_at_once() -> None:
    pids, took = await stopped("echo $$; sleep 600 & echo $!; sleep 600 & echo $!; wait", 3)
    assert took < KILL_SECONDS / 2
    async with asyncio.timeout(20):
        while any(map(is_alive, pids)):
            await asyncio.sleep(0.01)


@pytest.mark.slow
async def test_what_ignores_being_asked_to_end_is_killed_after_two_seconds() -> None:
    pids, took = await stopped("trap '' TERM; echo $$; while :; do sleep 0.05; done", 1)
    assert KILL_SECONDS <= took < KILL_SECONDS + 3
    assert not any(map(is_alive, pids))
