"""The audit file: who did what from where, whatever happens to the file."""

import asyncio
import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ptybridge.adapters.audit import MAX_TEXT, AuditFile, AuditFileError
from tests.people import by_users, connected, editor_in, logged_in, person, share
from tests.server import TOKEN, running, settings_of, stranger

ROOT = Path(__file__).parents[1]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def test_a_line_says_what_is_known(path: Path) -> None:
    audit = AuditFile(path, wall_clock=lambda: 1_700_000_000.1234)
    audit.record("login", who="alice", address="192.0.2.1", how="password", session=None)
    audit.record("login.refused")
    assert lines(path) == [
        {
            "time": "2023-11-14T22:13:20.123Z",
            "event": "login",
            "who": "alice",
            "from": "192.0.2.1",
            "how": "password",
        },
        {"time": "2023-11-14T22:13:20.123Z", "event": "login.refused"},
    ]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    audit.close()
    audit.close()
    audit.record("late")
    assert len(lines(path)) == 2


@pytest.mark.parametrize("name", ["a\nb", "\u2028", "\x1b[2J", '"', "\ud800", "x" * 1000])
def test_no_name_breaks_a_line_or_grows_without_end(path: Path, name: str) -> None:
    audit = AuditFile(path)
    audit.record("login", who=name)
    audit.record("next")
    audit.close()
    first, second = path.read_bytes().split(b"\n")[:2]
    assert len(json.loads(first)["who"]) <= MAX_TEXT
    assert b"\x1b" not in first
    assert json.loads(second)["event"] == "next"


def test_a_renamed_file_is_followed_by_a_new_one(path: Path) -> None:
    audit = AuditFile(path)
    audit.record("first")
    path.rename(path.with_suffix(".1"))
    audit.record("second")
    assert [line["event"] for line in lines(path.with_suffix(".1"))] == ["first"]
    assert [line["event"] for line in lines(path)] == ["second"]
    path.unlink()
    audit.reopen()
    audit.record("third")
    assert [line["event"] for line in lines(path)] == ["third"]
    audit.close()


def test_what_cannot_be_written_stops_nothing(path: Path) -> None:
    folder = path.parent / "folder"
    folder.mkdir()
    audit = AuditFile(folder / "audit.jsonl")
    (folder / "audit.jsonl").unlink()
    folder.rmdir()
    audit.record("lost")
    folder.mkdir()
    audit.record("kept")
    assert [line["event"] for line in lines(folder / "audit.jsonl")] == ["kept"]
    audit.close()


TORN = """
import resource, sys
from pathlib import Path
from ptybridge.adapters.audit import AuditFile
audit = AuditFile(Path(sys.argv[1]))
audit.record("whole", who="alice")
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (Path(sys.argv[1]).stat().st_size + 20, hard))
audit.record("torn", who="bob")
audit.record("lost", who="bob")
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
audit.record("next", who="carl")
audit.record("last", who="carl")
"""
"""Writes into a file that takes no more for a while, as on a full disk."""


def test_a_line_that_is_cut_short_spoils_no_other(path: Path) -> None:
    subprocess.run(
        (sys.executable, "-c", TORN, path), cwd=ROOT, check=True, capture_output=True, timeout=30
    )
    written = path.read_text().splitlines()
    assert len(written) == 4
    assert len(written[1]) == 20
    assert [json.loads(written[n])["event"] for n in (0, 2, 3)] == ["whole", "next", "last"]


def test_a_place_that_cannot_be_is_named(path: Path) -> None:
    with pytest.raises(AuditFileError, match="no/such"):
        AuditFile(Path("/no/such/audit"))
    path.symlink_to("/dev/null")
    with pytest.raises(AuditFileError):
        AuditFile(path)


async def test_what_people_do_is_written_down_without_content(path: Path, tmp_path: Path) -> None:
    editor = editor_in(tmp_path, alice="owner", bob="writer")
    audit = AuditFile(path)
    async with running(make_authenticator=by_users(tmp_path), audit=audit) as server:
        async with stranger() as http:
            wrong = {"user": "alice", "password": "keystrokes-of-mine"}
            await http.post(server.url("/api/login"), json=wrong)
        async with person(server, "alice") as alice, person(server, "bob") as bob:
            response = await alice.post(server.url("/api/sessions/main/shares"), json={"name": "G"})
            link = await response.json()
            async with connected(server, alice) as hers, connected(server, bob) as his:
                terminal = await hers.open("sh", "-c", "exec cat")
                await hers.attach(terminal)
                await hers.send("input", data="secret words\r")
                await his.attach(terminal)
                editor.set_role("bob", "watcher")
                while True:
                    viewers = (await his.receive("viewers"))["data"]["viewers"]
                    if "watcher" in [viewer["role"] for viewer in viewers]:
                        break
                async with (
                    logged_in(server, share=link["token"]) as http,
                    connected(server, http) as guest,
                ):
                    url = server.url(f"/api/sessions/main/shares/{link['share']['id']}")
                    assert (await alice.delete(url)).status == 204
                    async for _ in guest.ws:
                        pass
                await hers.send("terminal.close", terminalID=terminal)
                await hers.receive("exited")
            assert (await bob.post(server.url("/api/logout"), json={})).status == 204
    audit.close()
    noted = lines(path)
    assert {line.get("from") for line in noted if line["event"] != "terminal.end"} == {"127.0.0.1"}
    for event, facts in (
        ("login.refused", {"how": "password"}),
        ("login", {"who": "alice", "how": "password"}),
        ("join", {"who": "bob", "session": "main"}),
        ("share", {"who": "alice", "session": "main", "role": "watcher"}),
        ("terminal.open", {"who": "alice", "session": "main", "terminal": terminal}),
        ("role", {"who": "bob", "session": "main", "role": "watcher"}),
        ("login", {"how": "share", "session": "main"}),
        ("revoke", {"who": "alice", "session": "main", "share": link["share"]["id"]}),
        ("removed", {}),
        ("terminal.close", {"who": "alice", "terminal": terminal}),
        ("terminal.end", {"session": "main", "terminal": terminal}),
        ("logout", {"who": "bob"}),
    ):
        assert [line for line in noted if line["event"] == event and facts.items() <= line.items()]
    text = json.dumps(noted)
    for secret in ("secret words", "keystrokes", link["token"], "correct horse"):
        assert secret not in text


async def test_each_refusal_and_each_way_in_is_written_down(path: Path) -> None:
    audit = AuditFile(path)
    few = settings_of(limits={"loginAttempts": 4})
    async with running(few, audit=audit) as server, stranger() as http:
        await http.get(server.url("/api/whoami"), headers={"Authorization": "Bearer wrong-wrong"})
        await http.post(server.url("/api/login"), json={"share": "wrong"})
        await http.post(server.url("/api/login"), json={"token": TOKEN})
        terminals = server.url("/api/sessions/main/terminals")
        made = await (await server.http.post(terminals, json={})).json()
        url = server.url(f"/api/terminals/{made['terminal']['id']}")
        assert (await server.http.delete(url)).status == 204
        async with server.plain("/pty?sessionID=plain"):
            pass
        await share(server)
        for _ in range(3):
            await http.get(server.url("/healthz"), headers={"Host": "evil.example"})
            await http.get(server.url("/ws"), headers={"Origin": "http://evil.example"})
        wrong = {"token": "wrong"}
        tries = [await http.post(server.url("/api/login"), json=wrong) for _ in range(10)]
        assert tries[-1].status == 429
    audit.close()
    reasons = [line["reason"] for line in lines(path) if "reason" in line]
    assert sorted(reasons) == ["host", "origin", "too many attempts"]  # each once a minute
    events = [(line["event"], line.get("how")) for line in lines(path)]
    for event in (
        ("login.refused", "token"),
        ("login.refused", "share"),
        ("login", "token"),
        ("terminal.open", None),
        ("terminal.close", None),
        ("join", None),
        ("share", None),
    ):
        assert event in events
    assert events.count(("terminal.open", None)) == 2


async def test_who_has_a_responder_do_what_is_written_down_without_the_words(path: Path) -> None:
    audit = AuditFile(path)
    async with running(audit=audit) as server, server.plain() as ann, asyncio.timeout(20):
        words = "echo secret words; sleep 600"
        await ann.send("prompt", request_id=1, parts=[{"type": "text", "text": words}])
        message = (await ann.receive("accepted"))["data"]["messageID"]
        await ann.receive("text-delta")
        await ann.send("cancel")
        await ann.receive("cancelled")
        url = server.url("/api/sessions/main")
        assert (await server.http.patch(url, json={"title": "secret title"})).status == 200
        assert (await server.http.delete(url)).status == 204
    audit.close()
    noted = [(line["event"], line.get("who"), line.get("message")) for line in lines(path)]
    for event in (
        ("prompt", "owner", message),
        ("cancel", "owner", None),
        ("session.rename", "owner", None),
        ("session.close", "owner", None),
    ):
        assert event in noted
    assert "secret" not in json.dumps(lines(path))
