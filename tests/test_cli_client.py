"""The commands that hold a connection, as processes of their own, against a real server."""

import asyncio
import json
import os
import re
import shlex
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ptybridge.adapters.ghostty import state
from ptybridge.adapters.spawner import Spawner
from ptybridge.cli.attaching import LEAVE, Attachment, EscapeReader
from ptybridge.cli.talking import Words
from ptybridge.client import Output, Snapshot
from ptybridge.client.queries import MAX_HELD, QueryFilter
from ptybridge.core.values import WindowSize
from ptybridge.wire import session_messages as wire
from tests.real_pty import Keeper, start
from tests.server import TOKEN, Client, Server, running, settings_of
from tests.test_ghostty import screen_of

EAGER = settings_of(transport={"websocket": {"reconnect": {"delay": 20}}})


def environment(server: Server) -> dict[str, str]:
    own = {"PTYBRIDGE_URL": server.url(""), "PTYBRIDGE_TOKEN": TOKEN, "PYTHONUNBUFFERED": "1"}
    return {**os.environ, **own}


async def started(server: Server, *arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ptybridge", *arguments,
        stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment(server),
    )  # fmt: skip


async def ran(server: Server, *arguments: str, given: str = "") -> tuple[int, str, str]:
    """Exit code, output and errors of a command."""
    process = await started(server, *arguments)
    async with asyncio.timeout(50):
        out, err = await process.communicate(given.encode())
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


# --- run


@pytest.mark.parametrize("transport", ["auto", "sse", "direct"])
async def test_a_command_s_output_and_exit_code_come_here(transport: str) -> None:
    script = "tty >/dev/null && seq 1 30000; exit 3"
    async with running() as server:
        given = ("--transport", transport, "--", "sh", "-c", script)
        code, out, err = await ran(server, "run", *given)
    assert (code, err) == (3, "")
    assert out.split() == [str(number) for number in range(1, 30_001)]


async def test_a_command_that_a_signal_ends_is_told_as_shells_do_and_as_json() -> None:
    async with running() as server:
        code, out, _ = await ran(server, "run", "--json", "sh", "-c", "echo word; kill -9 $$")
    told = json.loads(out)
    assert (code, told["exit"], told["output"]) == (137, 137, "word\r\n")


async def test_a_command_that_is_not_there_is_said() -> None:
    async with running() as server:
        code, _, err = await ran(server, "run", "no-such-command")
    assert code == 2
    assert "no-such-command" in err


async def test_ctrl_c_reaches_the_command_and_being_ended_ends_it() -> None:
    async with running() as server:
        for number, expected in ((signal.SIGINT, 7), (signal.SIGTERM, 129)):
            process = await started(
                server,
                "run",
                "sh",
                "-c",
                "trap 'exit 7' INT; echo READY; while :; do sleep .1; done",
            )
            assert process.stdout is not None
            async with asyncio.timeout(50):
                while b"READY" not in await process.stdout.readline():
                    pass
                process.send_signal(number)
                await process.communicate()
            assert process.returncode == expected
        async with asyncio.timeout(20):
            while any(one.status is None for one in server.registry.terminals.values()):
                await asyncio.sleep(0.02)


# --- say, prompt, chat


async def test_something_is_said_prompted_and_answered() -> None:
    async with running() as server, server.plain() as other:
        code, out, _ = await ran(server, "say", "--json", "main", "hello")
        said = (await other.receive("message.created"))["data"]["message"]
        assert (code, json.loads(out)["messageID"]) == (0, said["id"])
        code, out, err = await ran(server, "prompt", "main", "-", given="echo one; echo two\n")
        assert (code, out, err) == (0, "one\ntwo\n", "")
        code, out, _ = await ran(server, "prompt", "--json", "main", "echo one")
        told = [json.loads(line) for line in out.splitlines()]
        assert [event["type"] for event in told] == [
            "tool-call", "text-delta", "tool-result", "message.completed",
        ]  # fmt: skip
        code, _, err = await ran(server, "prompt", "main", " ")
        assert code == 2
        assert "empty" in err


@pytest.mark.parametrize(("ending", "expected"), [("exit 3", 3), ("kill -9 $$", 137)])
async def test_a_command_that_was_prompted_ends_the_prompt_as_it_ended(
    ending: str, expected: int
) -> None:
    async with running() as server:
        code, out, err = await ran(server, "prompt", "main", f"echo word; {ending}")
    assert (code, out, err) == (expected, "word\n", "")


async def test_ctrl_c_cancels_a_prompt() -> None:
    async with running() as server, server.plain() as other:
        process = await started(server, "prompt", "main", "echo begun; sleep 600")
        assert process.stdout is not None
        async with asyncio.timeout(50):
            assert await process.stdout.readline() == b"begun\n"
            process.send_signal(signal.SIGINT)
            await process.communicate()
        assert process.returncode == 130
        completed = await other.receive("message.completed")
        assert completed["data"]["reason"] == "cancelled"


async def test_a_chat_says_its_lines_and_prints_what_happens() -> None:
    async with running() as server, server.plain() as other:
        process = await started(server, "chat", "main")
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"hello\n/ask echo $((6*7))\n/nonsense\n")
        await process.stdin.drain()
        seen = []
        async with asyncio.timeout(50):
            while "42" not in seen:
                seen.append((await process.stdout.readline()).decode().strip())
            assert "owner: hello" in seen
            await other.send("say", text="from afar")
            while "owner: from afar" not in seen:
                seen.append((await process.stdout.readline()).decode().strip())
            process.stdin.write(b"/quit\n")
            _, err = await process.communicate()
        assert process.returncode == 0
        assert b"/ask TEXT" in err


async def test_a_chat_whose_lines_have_ended_waits_for_the_answers() -> None:
    async with running() as server:
        given = "/ask sleep 0.5; echo slow''ly\n/ask echo th''en\n"
        code, out, err = await ran(server, "chat", "main", given=given)
    assert (code, err) == (0, "")
    assert out.index("slowly\n") < out.index("then\n")


def test_an_answer_s_words_stand_in_lines_of_their_own() -> None:
    words = Words()
    begun = wire.MessageCreated("s", 1, wire.MessageState("m", "assistant", "shell", [], 0))
    done = wire.MessageCompleted("s", 4, "m", "cancelled")
    told = (begun, wire.TextDelta("s", 2, "m", "on"), wire.TextDelta("s", 3, "m", "e"), done)
    assert "".join(map(words.of, told)) == "shell:\none\n[cancelled]\n"


# --- attach


@asynccontextmanager
async def attached(
    server: Server, terminal: str, *options: str, python_path: str = ""
) -> AsyncIterator[tuple[Keeper, Client]]:
    """``attach`` in a real terminal, and another viewer of the same one.

    It runs in a shell that prints the line settings before and behind it.
    """
    words = (sys.executable, "-m", "ptybridge", "attach", *options, terminal)
    script = f"stty -g; {shlex.join(words)}; echo rc=$?; stty -g; echo OVER"
    async with Spawner() as spawner, server.binary() as other:
        await other.attach(terminal)
        env = {**environment(server), "PYTHONPATH": python_path}
        keeper = await start(spawner, "/bin/sh", "-c", script, **env)
        try:
            yield keeper, other
        finally:
            if keeper.status is None:
                keeper.pty.hang_up()
            await keeper.ended()


async def shows(keeper: Keeper, pattern: bytes) -> None:
    async with asyncio.timeout(50):
        while re.search(pattern, keeper.data) is None:
            await asyncio.sleep(0.02)


async def over(keeper: Keeper, code: int) -> None:
    """The command has ended with ``code``, and the terminal is as it was before."""
    await shows(keeper, rb"OVER\r\n")
    lines = [line for line in bytes(keeper.data).split(b"\r\n") if line]
    assert b"rc=%d" % code in lines
    assert lines[0] == lines[-2], "the line settings"


SHELL = ("/bin/sh", "-c", "stty -echo; echo READY; exec sh")


async def test_a_terminal_is_shown_typed_into_resized_and_left() -> None:
    async with running() as server, server.binary() as owner:
        terminal = await owner.open(*SHELL)
        async with attached(server, terminal) as (keeper, _):
            await shows(keeper, b"READY")
            keeper.pty.write(b"echo a''b; stty size\r")
            await shows(keeper, rb"ab\r+\n24 80")
            keeper.pty.resize(WindowSize(20, 70))
            async with asyncio.timeout(20):
                while server.registry.terminal(terminal).size != WindowSize(20, 70):
                    await asyncio.sleep(0.02)
            keeper.pty.write(b"echo ~.c''d\r")
            await shows(keeper, b"~.cd")
            keeper.pty.write(b"~?")
            await shows(keeper, b"detaches")
            keeper.pty.write(b"\r~.")
            await over(keeper, 0)
        assert server.registry.terminal(terminal).status is None


async def test_the_end_of_the_terminal_is_the_end_with_its_exit_code() -> None:
    async with running() as server, server.binary() as owner:
        terminal = await owner.open(*SHELL)
        async with attached(server, terminal) as (keeper, _):
            await shows(keeper, b"READY")
            keeper.pty.write(b"exit 5\r")
            await over(keeper, 5)


async def attach_of(keeper: Keeper) -> int:
    """The process id of the ``attach`` that the shell in this terminal runs."""
    found: list[int] = []
    async with asyncio.timeout(20):
        while not found:
            await asyncio.sleep(0.02)
            found = children_of(keeper.pty.pid)
    return found[0]


def children_of(pid: int) -> list[int]:
    """The process ids of a process's children (proc(5)); none where it has gone."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def is_alive(pid: int) -> bool:
    """Whether there is such a process."""
    return Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
async def test_a_signal_leaves_the_terminal_as_it_was(number: signal.Signals) -> None:
    async with running() as server, server.binary() as owner:
        terminal = await owner.open("/bin/sh", "-c", "printf '\\033[?1049hREADY'; exec sh")
        async with attached(server, terminal) as (keeper, _):
            await shows(keeper, b"READY")
            os.kill(await attach_of(keeper), number)
            await over(keeper, 128 + number)
            assert b"\x1b[?1049l" in keeper.data
        assert server.registry.terminal(terminal).status is None


async def test_a_fault_of_ours_leaves_the_terminal_as_it_was(tmp_path: Path) -> None:
    fault = "from ptybridge.client.queries import QueryFilter\nQueryFilter.feed = None\n"
    (tmp_path / "sitecustomize.py").write_text(fault)
    async with running() as server, server.binary() as owner:
        terminal = await owner.open(*SHELL)
        await owner.attach(terminal)
        async with attached(server, terminal, python_path=str(tmp_path)) as (keeper, _):
            await over(keeper, 1)


async def test_who_loses_their_terminal_loses_no_other() -> None:
    async with running() as server, server.binary() as owner:
        terminal = await owner.open(*SHELL)
        async with attached(server, terminal) as (keeper, _):
            await shows(keeper, b"READY")
            attach = await attach_of(keeper)
            keeper.pty.hang_up()
            async with asyncio.timeout(20):
                while is_alive(attach):
                    await asyncio.sleep(0.02)
        assert server.registry.terminal(terminal).status is None


async def test_a_cut_is_said_and_mended_with_the_whole_screen() -> None:
    async with running(EAGER) as server, server.binary() as owner:
        terminal = await owner.open(*SHELL)
        async with attached(server, terminal) as (keeper, _):
            await shows(keeper, b"READY")
            keeper.pty.write(b"echo on''ce\r")
            await shows(keeper, b"once")
            for connection in server.pool:
                connection.link.abort()
            await shows(keeper, b"trying again")
            del keeper.data[: keeper.data.find(b"trying again")]
            await shows(keeper, b"once")  # the screen, again
            keeper.pty.write(b"echo tw''ice\r")
            await shows(keeper, b"twice")
            keeper.pty.write(b"\r~.")
            await shows(keeper, rb"rc=0\r\n")


async def test_a_question_of_the_program_is_answered_by_the_server_alone() -> None:
    async with running() as server, server.binary() as owner:
        command = "stty raw -echo; printf 'READY\\033[6n'; head -c 6 | od -c; echo DONE; read x"
        terminal = await owner.open("/bin/sh", "-c", command)
        async with attached(server, terminal) as (keeper, _):
            await shows(keeper, b"DONE")
            assert b"\x1b[6n" not in keeper.data
            keeper.pty.write(b"\r~.")
            await over(keeper, 0)


async def test_a_watcher_types_nothing_and_can_leave() -> None:
    async with running() as server, server.binary() as owner:
        terminal = await owner.open(*SHELL)
        async with attached(server, terminal, "--watch") as (keeper, other):
            await shows(keeper, b"READY")
            keeper.pty.write(b"echo st''olen\r")
            await shows(keeper, b"\a")
            await other.type(b"echo right''ful\r")
            await shows(keeper, b"rightful")
            assert b"stolen" not in keeper.data
            keeper.pty.write(b"\r~.")
            await over(keeper, 0)


async def test_without_a_terminal_here_or_there_attach_says_so() -> None:
    async with running() as server, server.binary() as owner:
        terminal = await owner.open()
        code, _, err = await ran(server, "attach", terminal)
        assert (code, "needs a terminal" in err) == (2, True)


@pytest.mark.parametrize(
    ("keys", "typed", "asked"),
    [
        (b"~.", b"", "."),
        (b"a~.", b"a~.", ""),
        (b"a\r~.rest", b"a\r", "."),
        (b"~~.", b"~.", ""),
        (b"~x", b"~x", ""),
        (b"~\r~.", b"~\r", "."),
        (b"\n~?", b"\n", "?"),
        (b"~~~.", b"~~.", ""),
    ],
)
def test_a_tilde_at_the_start_of_a_line_is_ours(keys: bytes, typed: bytes, asked: str) -> None:
    assert EscapeReader().feed(keys) == (typed, asked)
    reader = EscapeReader()
    one_by_one = [reader.feed(keys[at : at + 1]) for at in range(len(keys.removesuffix(b"rest")))]
    assert b"".join(part for part, _ in one_by_one) == typed
    assert "".join(word for _, word in one_by_one) == asked


# --- queries


@pytest.mark.parametrize(
    "query",
    [
        b"\x05", b"\x1bZ", b"\x1b[c", b"\x1b[0c", b"\x1b[>c", b"\x1b[=c", b"\x1b[5n", b"\x1b[?6n",
        b"\x1b[?25$p", b"\x1b[4$p", b"\x1b[>q", b"\x1b[>0q", b"\x1b[14t", b"\x1b[21t", b"\x1b[?u",
        b"\x1b]10;?\x07", b"\x1b]11;?\x1b\\", b"\x1b]4;1;?\x07", b"\x1b]52;c;?\x07",
        b"\x1bP$qm\x1b\\", b"\x1bP+q544e\x1b\\", b"\x1b[1;1;1;1;1;1*y", b"\x1b[x",
    ],
)  # fmt: skip
def test_queries_are_taken_out_however_they_are_cut(query: bytes) -> None:
    stream = b"before" + query + b"after\x1b[m"
    for cut in range(len(stream) + 1):
        keep = QueryFilter()
        assert keep.feed(stream[:cut]) + keep.feed(stream[cut:]) == b"beforeafter\x1b[m"


@pytest.mark.parametrize(
    "sequence",
    [
        b"\x1b[1;31m", b"\x1b[2 q", b"\x1b[>4;1m", b"\x1b[>4n", b"\x1b[8;24;80t", b"\x1b[22;0t",
        b"\x1b]0;what?\x07", b"\x1b]52;c;aGk=\x07", b"\x1b[?1049h", b"\x1b[u", b"\x1b[>1u",
        "ä¢é".encode(), b"\x1b]8;;http://x/?a=?\x07", b"\x1b[2;3r",
    ],
)  # fmt: skip
def test_all_else_passes_however_it_is_cut(sequence: bytes) -> None:
    for cut in range(len(sequence) + 1):
        keep = QueryFilter()
        shown = keep.feed(sequence[:cut]) + keep.feed(sequence[cut:])
        assert shown + keep.flush() == sequence


def test_what_never_ends_is_not_held_for_ever() -> None:
    keep = QueryFilter()
    endless = b"\x1b]0;" + b"x" * (2 * MAX_HELD)
    assert len(keep.feed(endless)) >= MAX_HELD


async def shown(*items: Snapshot | Output) -> bytes:
    """What ``attach`` writes to the user's terminal."""

    class View:
        on_refused = None

        async def __aiter__(self) -> AsyncIterator[Snapshot | Output]:
            for item in items:
                yield item

    written = bytearray()
    terminal = SimpleNamespace(write=written.extend)
    attachment = Attachment(cast("Any", None), cast("Any", View()), cast("Any", terminal))
    await attachment._show()
    return bytes(written)


async def test_a_query_that_a_snapshot_begins_is_not_asked_here() -> None:
    """The user's terminal would answer, beside the server."""
    written = await shown(Snapshot(9, 24, 80, b"text\x1b[6"), Output(9, b"nmore", is_old=False))
    assert written.endswith(b"textmore")


def test_what_programs_leave_on_is_off_when_it_is_left() -> None:
    screen, _ = screen_of(
        b"\x1b[?1;5;9;66;1000;1002;1003;1004;1006;1016;2004;2026;2031;2048h\x1b[20h\x1b[4h\x1b[?25l"
        b"\x1b[>4;2m\x1b[>1u\x1b]8;;http://x\x1b\\\x1b[31mtext"
    )
    screen.feed(LEAVE)
    left = state.decode(screen.encoded())
    assert left.modes == left.default_modes
    assert left.mouse_event == 0
    assert not left.modify_other_keys
    assert left.screens[left.active].hyperlink is None
    assert left.screens[left.active].keyboard_flags == (0,)


def test_reports_of_the_size_are_the_server_s() -> None:
    assert QueryFilter().feed(b"a\x1b[?2048hb\x1b[?2004hc") == b"ab\x1b[?2004hc"
