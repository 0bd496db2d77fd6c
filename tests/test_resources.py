"""Sessions and terminals over HTTP: docs/operations.md."""

import asyncio
from typing import Any

import pytest

from ptybridge.adapters.ghostty.screen import GhosttyScreen
from ptybridge.core.screen import ScreenFormat
from tests.server import Server, running, settings_of, stranger


async def open_terminal(server: Server, *command: str, session: str = "main", **body: Any) -> Any:
    url = server.url(f"/api/sessions/{session}/terminals")
    async with server.http.post(url, json={"command": list(command), **body}) as response:
        assert response.status == 201
        return (await response.json())["terminal"]


async def get(server: Server, path: str) -> Any:
    async with server.http.get(server.url(path)) as response:
        assert response.status == 200
        return await response.json()


async def test_sessions_and_terminals_are_made_listed_and_ended() -> None:
    async with running() as server:
        async with server.http.post(server.url("/api/sessions"), json={"id": "work"}) as response:
            assert response.status == 201
            made = (await response.json())["session"]
        assert (made["id"], made["terminals"]) == ("work", [])
        terminal = await open_terminal(server, "cat", session="work", rows=30, cols=100, id="one")
        assert (terminal["id"], terminal["sessionID"], terminal["title"]) == ("one", "work", "cat")
        assert (terminal["rows"], terminal["cols"]) == (30, 100)
        listed = (await get(server, "/api/sessions"))["sessions"]
        assert [(session["id"], session["terminals"]) for session in listed] == [
            ("work", [terminal])
        ]
        assert (await get(server, "/api/sessions/work"))["session"]["terminals"] == [terminal]
        assert (await get(server, "/api/sessions/work/terminals"))["terminals"] == [terminal]
        async with server.binary() as client:
            await client.attach("one")
            async with server.http.delete(server.url("/api/terminals/one")) as response:
                assert response.status == 204
            exited = await client.receive("exited")
            assert exited["data"] == {"terminalID": "one", "signal": 1}
        ended = (await get(server, "/api/terminals/one"))["terminal"]
        assert ended["exit"] == {"signal": 1}


async def test_a_session_without_a_name_gets_one() -> None:
    async with running() as server:
        async with server.http.post(server.url("/api/sessions"), json={}) as response:
            name = (await response.json())["session"]["id"]
        assert (await get(server, f"/api/sessions/{name}"))["session"]["id"] == name


@pytest.mark.parametrize(
    ("form", "type_", "expected"),
    [
        ("text", "text/plain", "red <b>"),
        ("html", "text/html", "&lt;b&gt;"),
        ("vt", "text/plain", "\x1b["),
    ],
)
async def test_what_is_on_the_screen_now(form: str, type_: str, expected: str) -> None:
    async with running() as server, server.binary() as client:
        script = r"printf 'gone\033[2J\033[H\033[31mred <b>\033[0m\nREADY'; cat"
        terminal = await open_terminal(server, "sh", "-c", script)
        await client.attach(terminal["id"])
        await client.output_until(b"READY")
        url = server.url(f"/api/terminals/{terminal['id']}/screen")
        async with server.http.get(url, params={"format": form}) as response:
            assert response.status == 200
            assert response.content_type == type_
            text = await response.text()
        assert expected in text
        assert "gone" not in text
        assert "<b>" not in text or form != "html"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/api/sessions/none", None, 404, "not-found"),
        ("GET", "/api/sessions/none/terminals", None, 404, "not-found"),
        ("GET", "/api/terminals/none", None, 404, "not-found"),
        ("GET", "/api/terminals/none/screen", None, 404, "not-found"),
        ("GET", "/api/terminals/first/screen?format=pdf", None, 400, "bad-message"),
        ("DELETE", "/api/terminals/none", None, 404, "not-found"),
        ("POST", "/api/sessions", {"id": "../x"}, 400, "bad-message"),
        ("POST", "/api/sessions", {"id": 7}, 400, "bad-message"),
        ("POST", "/api/sessions/main/terminals", {"rows": 501}, 400, "bad-message"),
        ("POST", "/api/sessions/main/terminals", {"cols": 0}, 400, "bad-message"),
        ("POST", "/api/sessions/main/terminals", {"id": "first"}, 409, "conflict"),
        ("POST", "/api/sessions/main/terminals", {"command": ["none"]}, 503, "unavailable"),
        ("POST", "/api/sessions/main/terminals", {}, 429, "limit-reached"),
        ("POST", "/api/sessions", {"id": "another"}, 429, "limit-reached"),
    ],
)
async def test_what_cannot_be_done_is_said(
    method: str, path: str, body: object, status: int, code: str
) -> None:
    is_full = status == 429
    settings = settings_of(limits={"terminals": 1 if is_full else 9, "sessions": 1})
    async with running(settings) as server:
        await open_terminal(server, "cat", id="first")
        response = await server.http.request(method, server.url(path), json=body)
        assert response.status == status
        assert (await response.json())["error"]["code"] == code


async def test_nobody_unknown_sees_or_does_anything() -> None:
    async with running() as server, stranger() as http:
        await open_terminal(server, "cat", id="first")
        for method, path in (
            ("GET", "/api/sessions"),
            ("POST", "/api/sessions"),
            ("GET", "/api/sessions/main"),
            ("GET", "/api/sessions/main/terminals"),
            ("POST", "/api/sessions/main/terminals"),
            ("GET", "/api/terminals/first"),
            ("DELETE", "/api/terminals/first"),
            ("GET", "/api/terminals/first/screen"),
        ):
            response = await http.request(method, server.url(path), json={})
            assert response.status == 401
        assert (await get(server, "/api/terminals/first"))["terminal"].get("exit") is None


async def test_one_screen_is_rendered_in_a_turn_of_the_loop_however_many_ask(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop, turn = asyncio.get_running_loop(), 0
    rendered_in: list[int] = []
    render = GhosttyScreen.rendered

    def rendered(self: GhosttyScreen, form: ScreenFormat) -> bytes:
        rendered_in.append(turn)
        return render(self, form)

    async def count() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(GhosttyScreen, "rendered", rendered)
    async with running() as server, server.plain() as owner:
        terminal = await owner.open()
        url = server.url(f"/api/terminals/{terminal}/screen?format=html")
        counting = loop.create_task(count())
        answers = await asyncio.gather(*[server.http.get(url) for _ in range(8)])
        counting.cancel()
    assert [answer.status for answer in answers] == [200] * 8
    assert len(set(rendered_in)) == 8
