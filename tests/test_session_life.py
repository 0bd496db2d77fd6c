"""A session's life beside its terminals: titles, what is unread, the past, who types, its end."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ptybridge.adapters.audit import AuditFile
from tests.people import by_users, connected, editor_in, logged_in, person, share
from tests.server import Client, Server, running


async def state_of(
    server: Server, session: str = "main", http: aiohttp.ClientSession | None = None
) -> dict[str, Any]:
    response = await (http or server.http).get(server.url(f"/api/sessions/{session}"))
    assert response.status == 200, await response.text()
    state: dict[str, Any] = (await response.json())["session"]
    return state


async def say(client: Client, *texts: str) -> None:
    for text in texts:
        await client.send("say", request_id=1, text=text)
        await client.receive("accepted")


async def test_a_session_is_renamed_and_all_are_told() -> None:
    async with running() as server, server.plain() as ann:
        url = server.url("/api/sessions/main")
        response = await server.http.patch(url, json={"title": " Deploy 🚀 "})
        assert (await response.json())["session"]["title"] == "Deploy 🚀"
        event = (await ann.receive("session.renamed"))["data"]
        assert event == {"sessionID": "main", "seq": event["seq"], "title": "Deploy 🚀"}
        await ann.send("subscribe")
        assert (await ann.receive("subscribed"))["data"]["session"]["title"] == "Deploy 🚀"
        assert (await server.http.patch(url, json={"title": ""})).status == 200
        assert (await ann.receive("session.renamed"))["data"]["title"] == ""
        assert "title" not in await state_of(server)
        for title in ("x" * 257, "a\x1b[2J", "a\nb"):
            response = await server.http.patch(url, json={"title": title})
            assert response.status == 400


async def test_a_terminal_is_renamed_and_takes_its_program_s_title_back() -> None:
    async with running() as server, server.plain() as ann:
        terminal = await ann.open("sh", "-c", "read x; printf '\\033]2;mine\\007'; exec cat")
        await ann.attach(terminal)
        url = server.url(f"/api/terminals/{terminal}")
        response = await server.http.patch(url, json={"title": "logs"})
        renamed = (await response.json())["terminal"]
        assert (renamed["title"], renamed["renamed"]) == ("logs", True)
        assert (await ann.receive("terminal.renamed"))["data"]["terminal"]["title"] == "logs"
        assert (await ann.receive("title"))["data"]["title"] == "logs"
        await ann.send("input", data="\r")
        async with asyncio.timeout(20):
            while server.registry.terminal(terminal).description.rename("logs"):
                await asyncio.sleep(0.01)
            response = await server.http.patch(url, json={"title": ""})
            while (await response.json())["terminal"]["title"] != "mine":
                await asyncio.sleep(0.01)
                response = await server.http.get(url)
        assert "renamed" not in (await response.json())["terminal"]


async def test_the_list_says_what_is_new_for_whoever_asks(tmp_path: Path) -> None:
    editor_in(tmp_path, alice="owner", bob="member")
    async with (
        running(make_authenticator=by_users(tmp_path)) as server,
        person(server, "alice") as alice,
        person(server, "bob") as bob,
        connected(server, alice) as hers,
    ):
        assert "newest" not in await state_of(server, http=alice)
        await say(hers, "one", "two " * 100)
        state = await state_of(server, http=alice)
        assert (state["role"], state["unread"], state["answering"]) == ("owner", 0, False)
        assert [member["id"] for member in state["members"]] == ["alice"]
        newest = state["newest"]
        assert (newest["number"], newest["author"]) == (2, "alice")
        assert newest["parts"][0]["text"] == ("two " * 100)[:200]
        assert state["seq"] == server.registry.session("main").log.seq
        response = await bob.get(server.url("/api/sessions"))
        assert [one["id"] for one in (await response.json())["sessions"]] == []
        link = await (await alice.post(server.url("/api/sessions/main/shares"), json={})).json()
        async with (
            logged_in(server, share=link["token"]) as guest,
            connected(server, guest) as theirs,
        ):
            assert (await state_of(server, http=guest))["unread"] == 2
            for number, unread in ((1, 1), (0, 1), (2, 0), (10**9, 0)):
                await theirs.send("read", request_id=4, number=number)
                await theirs.receive("accepted")
                assert (await state_of(server, http=guest))["unread"] == unread
            await say(hers, "three")
            state = await state_of(server, http=guest)
            assert (state["unread"], state["role"]) == (1, "watcher")


async def test_the_past_is_read_page_by_page() -> None:
    async with running() as server, server.plain() as ann:
        await say(ann, *(f"word {number}" for number in range(1, 106)))
        await ann.send("subscribe")
        state = (await ann.receive("subscribed"))["data"]["session"]
        assert [message["number"] for message in state["messages"]] == list(range(6, 106))
        await ann.send("history", request_id=3, before=6, limit=3)
        page = (await ann.receive("history"))["data"]
        assert [message["number"] for message in page["messages"]] == [3, 4, 5]
        assert page["more"] is True
        await ann.send("history", request_id=3, before=3)
        page = (await ann.receive("history"))["data"]
        assert [message["parts"][0]["text"] for message in page["messages"]] == ["word 1", "word 2"]
        assert "more" not in page
        url = server.url("/api/sessions/main/messages")
        response = await server.http.get(url, params={"before": 3})
        assert await response.json() == {"messages": page["messages"], "more": False}
        newest = await (await server.http.get(url, params={"limit": 1})).json()
        assert [message["number"] for message in newest["messages"]] == [105]
        await ann.send("history", request_id=4, sessionID="unheard-of")
        assert (await ann.receive("error"))["data"]["code"] == "not-found"
        for query in ({"before": "0"}, {"limit": "-1"}, {"limit": "x"}, {"before": "9" * 30}):
            assert (await server.http.get(url, params=query)).status == 400


async def test_who_joins_late_sees_tools_waiting_prompts_and_who_asked() -> None:
    async with running() as server, server.plain() as ann:
        for text in ("echo one; exit 4", "echo two; sleep 60", "echo three"):
            await ann.send("prompt", parts=[{"type": "text", "text": text}])
        while "two" not in (await ann.receive("text-delta"))["data"]["delta"]:
            pass
        async with server.plain() as late:
            await late.send("subscribe")
            session = (await late.receive("subscribed"))["data"]["session"]
        by_text = {
            message["parts"][0]["text"]: message
            for message in session["messages"]
            if message["parts"]
        }
        done, runs = by_text["one\n"], by_text["two\n"]
        (use,) = done["tools"]
        assert (use["tool"], use["output"], use["failed"]) == ("shell", "exit code 4", True)
        assert use["input"]["command"] == "echo one; exit 4"
        (use,) = runs["tools"]
        assert "output" not in use
        assert session["waiting"] == [by_text["echo three"]["id"]]
        assert by_text["echo three"]["prompt"] is True
        assert runs["replyTo"] == by_text["echo two; sleep 60"]["id"]
        state = await state_of(server)
        assert (state["waiting"], state["answering"]) == (1, True)


async def test_who_types_is_told_to_who_follows_and_until_they_say_it() -> None:
    async def typists(client: Client) -> list[str]:
        return [m["name"] for m in (await client.receive("typing"))["data"]["members"]]

    async with running() as server, server.plain() as ann, server.plain() as bob:
        await ann.send("typing", request_id=5, typing=True)
        await ann.receive("accepted")
        assert await typists(bob) == await typists(ann) == ["owner"]
        async with server.plain() as late:
            assert await typists(late) == ["owner"]
        await ann.send("typing", typing=False)
        assert await typists(bob) == []
        await ann.send("typing", typing=True)
        assert await typists(bob) == ["owner"]
        await say(ann, "done")
        assert await typists(bob) == []


async def test_a_closed_session_is_gone_with_all_that_it_had(tmp_path: Path) -> None:
    audit = AuditFile(tmp_path / "audit.jsonl")
    async with (
        running(audit=audit) as server,
        server.plain() as ann,
        server.plain("/ws?sessionID=other") as other,
        server.binary("/ws?sessionID=other") as viewer,
    ):
        terminal = await ann.open("sh", "-c", "trap '' HUP; echo up; exec sleep 60")
        await viewer.attach(terminal)
        await viewer.output_until(b"up")
        await other.send("subscribe", sessionID="main")
        await other.receive("subscribed")
        link = await share(server)
        waiting = ""
        for text in ("sleep 60", "echo never"):
            await ann.send("prompt", request_id=1, parts=[{"type": "text", "text": text}])
            waiting = (await ann.receive("accepted"))["data"]["messageID"]
        async with logged_in(server, share=link["token"]) as guest, connected(server, guest) as eye:
            response = await server.http.delete(server.url("/api/sessions/main"))
            assert response.status == 204
            withdrawn = (await ann.receive("cancelled"))["data"]["messageID"]
            assert withdrawn == waiting
            assert (await ann.receive("message.completed"))["data"]["reason"] == "cancelled"
            assert (await ann.receive("session.closed"))["data"]["sessionID"] == "main"
            for client in (ann, eye):
                async for _ in client.ws:
                    pass
                assert client.ws.close_code == 4001
            assert (await guest.get(server.url("/api/whoami"))).status == 401
        await other.receive("session.closed")
        assert (await viewer.receive("exited"))["data"]["signal"] == 9
        await other.send("ping")
        await other.receive("pong")
        for path in ("/api/sessions/main", f"/api/terminals/{terminal}"):
            assert (await server.http.get(server.url(path))).status == 404
        async with server.plain() as again:
            await again.send("subscribe")
            state = (await again.receive("subscribed"))["data"]
        assert state["session"]["messages"] == state["session"]["terminals"] == []
        response = await server.http.get(server.url("/api/sessions/main/shares"))
        assert (await response.json())["shares"] == []
    audit.close()
    assert '"event":"session.close"' in (tmp_path / "audit.jsonl").read_text().replace(" ", "")


@pytest.mark.parametrize("role", ["watcher", "writer", "owner"])
async def test_who_may_rename_and_close(role: str) -> None:
    async with running() as server, server.plain() as ann:
        terminal = await ann.open("cat")
        link = await share(server, role=role)
        async with logged_in(server, share=link["token"]) as guest:
            title = {"title": "x"}
            tries = [
                await guest.patch(server.url(f"/api/terminals/{terminal}"), json=title),
                await guest.patch(server.url("/api/sessions/main"), json=title),
                await guest.delete(server.url("/api/sessions/main")),
                await guest.get(server.url("/api/sessions/main/messages")),
            ]
            hidden = [
                await guest.patch(server.url("/api/sessions/other"), json=title),
                await guest.delete(server.url("/api/sessions/other")),
                await guest.get(server.url("/api/sessions/other/messages")),
            ]
        assert [response.status for response in tries] == {
            "watcher": [403, 403, 403, 200],
            "writer": [200, 403, 403, 200],
            "owner": [200, 200, 403, 200],
        }[role]
        assert [response.status for response in hidden] == [404] * 3
        assert "main" in server.registry.sessions
