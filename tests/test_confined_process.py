"""What a prompt runs has the bounds of a terminal: a prompt is no way around them."""

import asyncio
import os
from pathlib import Path

import pytest

from ptybridge.adapters.cgroups import Place
from ptybridge.adapters.confinement import Confinement, SystemUser
from ptybridge.adapters.responders import processes
from tests.test_cgroups import LIMITS, real_places
from tests.test_cli import Machine
from tests.test_confinement import needs_root, sandbox
from tests.test_leaks import json_request

ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
NOBODY = SystemUser("nobody", 65534, 65534)


async def heard(
    bounds: Confinement | None, line: str, *, cwd: str | None = "/", text: str = "input\n"
) -> tuple[str, int]:
    """What a command line writes within the bounds, and its exit code."""
    written: list[str] = []
    code = await processes.run(
        ("/bin/sh", "-c", line),
        env=ENV,
        cwd=cwd,
        text=text,
        heard=written.append,
        confinement=bounds,
    )
    return "".join(written), code


async def test_it_is_the_program_with_its_streams_its_directory_and_its_end(tmp_path: Path) -> None:
    bounds = Confinement(no_new_privs=True)
    line = "pwd; read x; echo got $x; echo wrong >&2; grep NoNewPrivs /proc/self/status; exit 7"
    output, code = await heard(bounds, line, cwd=str(tmp_path))
    assert output.split() == [str(tmp_path), "got", "input", "wrong", "NoNewPrivs:", "1"]
    assert code == 7
    assert (await heard(bounds, "kill -9 $$"))[1] == -9


async def test_limits_hold() -> None:
    assert (await heard(Confinement(limits={"openFiles": 99}), "ulimit -n")) == ("99\n", 0)


@needs_root
async def test_it_is_another_user() -> None:
    output, code = await heard(Confinement(user=NOBODY), "id -u; id -G; cat /proc/1/environ")
    assert output.split()[:2] == ["65534", "65534"]
    assert "denied" in output
    assert code != 0


@needs_root
async def test_what_it_reads_from_does_not_become_its_user_s() -> None:
    output, _ = await heard(Confinement(user=NOBODY), "stat -L -c %u /dev/stdin", text="")
    assert output == "0\n"


@needs_root
async def test_what_its_user_may_not_enter_is_refused(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    output, code = await heard(Confinement(user=NOBODY), "echo ran", cwd=str(closed))
    assert "ran" not in output
    assert "within its bounds" in output
    assert code == 126


async def test_it_is_in_the_sandbox(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("canary")
    output, _ = await heard(
        sandbox(tmp_path, hidden=(tmp_path / "secret",)), f"cat {tmp_path}/secret; echo $$"
    )
    assert "canary" not in output
    assert int(output.split()[-1]) < 10


def names(output: str) -> set[str]:
    """The names of the cgroups that a program says it is in."""
    return {line.rpartition("/")[2] for line in output.splitlines() if "/ptybridge-" in line}


def folders(places: tuple[Place, ...], wanted: set[str]) -> list[Path]:
    """Those of the cgroups of these names that are still there."""
    return [
        path for place in places for name in wanted if (path := Path(place.folder, name)).exists()
    ]


STRAY = "setsid sleep 600 </dev/null >/dev/null 2>&1 &"
"""Leaves a process behind that is in no group of the program's."""


@pytest.mark.parametrize(("end", "code"), [("exit 3", 3), ("kill -9 $$", -9)])
async def test_its_cgroup_has_the_limits_and_goes_with_it(end: str, code: int) -> None:
    places = real_places()
    (pids,) = (place for place in places if "pids" in place.controllers)
    bounds = Confinement(cgroup=LIMITS, places=places)
    limit = f"cat {pids.folder}/ptybridge-*-0/pids.max"
    output, ended = await heard(bounds, f"cat /proc/self/cgroup; {limit}; {STRAY} {end}")
    assert ended == code
    assert names(output)
    assert str(LIMITS.processes) in output.splitlines()
    assert folders(places, names(output)) == []


async def test_cancelling_ends_it_and_its_cgroup() -> None:
    places = real_places()
    started = asyncio.Event()
    written: list[str] = []

    def hear(text: str) -> None:
        written.append(text)
        if "READY" in "".join(written):
            started.set()

    running = asyncio.create_task(
        processes.run(
            ("/bin/sh", "-c", f"cat /proc/self/cgroup; {STRAY} echo READY; exec sleep 600"),
            env=ENV,
            cwd="/",
            text="",
            heard=hear,
            confinement=Confinement(cgroup=LIMITS, places=places),
        )
    )
    await started.wait()
    of_it = names("".join(written))
    assert folders(places, of_it)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert folders(places, of_it) == []


@needs_root
def test_a_prompt_is_no_way_around_another_user(tmp_path: Path) -> None:
    env = {"PYTHONPATH": str(Path(__file__).parents[1]), "PTYBRIDGE_STATE_DIR": f"{tmp_path}/state"}
    machine = Machine(tmp_path, {**os.environ, **env, "SHELL": "/bin/sh"})
    prompt = {"type": "prompt", "data": {"parts": [{"type": "text", "text": "id -u; echo $HOME"}]}}
    path = "/api/sessions/main/messages"
    with machine.serving("--set", "terminals.runAs=nobody") as server:
        bearer = {"Authorization": f"Bearer {(tmp_path / 'state/token').read_text().strip()}"}
        json_request(server, "POST", path, prompt, **bearer)
        while True:
            reply = json_request(server, "POST", path, {"type": "subscribe"}, **bearer)
            answers = [
                message
                for message in reply["data"]["session"]["messages"]
                if message["role"] == "assistant" and "reason" in message
            ]
            if answers:
                break
    text = "".join(part["text"] for part in answers[0]["parts"])
    assert text.splitlines()[0] == "65534"
