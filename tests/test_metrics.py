"""The server's numbers: who sees them, what they count, and that nobody is in them."""

import re
import stat
from pathlib import Path

import pytest

from ptybridge.cli.entrance import token_in
from ptybridge.cli.preparation import ServeError
from tests.people import by_users, connected, editor_in, logged_in, person, share
from tests.server import Server, running, settings_of, stranger

SCRAPE = "a-token-that-opens-numbers"


def is_scraper(token: str) -> bool:
    return token == SCRAPE


async def metrics_of(server: Server) -> dict[str, float]:
    """The numbers by name."""
    response = await server.http.get(server.url("/metrics"))
    assert response.status == 200
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    lines = (await response.text()).splitlines()
    return {
        name: float(value)
        for line in lines
        if not line.startswith("#")
        for name, _, value in [line.rpartition(" ")]
    }


async def test_the_numbers_are_what_there_is_and_was() -> None:
    async with running() as server:
        before = await metrics_of(server)
        async with server.plain() as client:
            done = await client.open("sh", "-c", "exec head -c 1000 /dev/zero")
            await client.attach(done, channel=1)
            await client.receive("exited")
            runs = await client.open("sh", "-c", "stty raw -echo; exec cat")
            await client.attach(runs, channel=2)
            await client.send("input", channel=2, data="x" * 50)
            text = ""
            while text.count("x") < 50:
                text += (await client.receive("output"))["data"]["output"]
            during = await metrics_of(server)
            server.registry.forget(server.registry.terminal(done))
            assert (await metrics_of(server))["ptybridge_output_bytes_total"] >= 1050
        async with stranger() as http:
            await http.post(server.url("/api/login"), json={"token": "wrong"})
        while (after := await metrics_of(server))["ptybridge_connections"]:
            pass
    assert before["ptybridge_connections_opened_total"] == before["ptybridge_terminals"] == 0
    assert during["ptybridge_connections"] == during["ptybridge_sessions"] == 1
    assert during["ptybridge_terminals"] == 1
    assert during["ptybridge_terminals_opened_total"] == during["ptybridge_viewers"] == 2
    assert during["ptybridge_input_bytes_total"] == 50
    assert after["ptybridge_viewers"] == 0
    assert after["ptybridge_tasks"] == before["ptybridge_tasks"] > 0
    assert after["ptybridge_connections_opened_total"] == 1
    assert after["ptybridge_wrong_logins_total"] == 1
    assert during["process_resident_memory_bytes"] > 1 << 20
    assert all("{" not in name or "version=" in name for name in during)


async def test_who_sees_them(tmp_path: Path) -> None:
    editor_in(tmp_path, alice="owner", bob="writer", carl="member")
    async with (
        running(make_authenticator=by_users(tmp_path), is_scraper=is_scraper) as server,
        person(server, "alice") as alice,
        person(server, "bob") as bob,
        person(server, "carl") as carl,
        stranger() as nobody,
        stranger(headers={"Authorization": f"Bearer {SCRAPE}"}) as scraper,
    ):
        url = server.url("/metrics")
        people = (alice, bob, carl, nobody, scraper)
        assert [(await who.get(url)).status for who in people] == [200, 403, 403, 401, 200]
        for path in ("/api/whoami", "/api/sessions"):
            assert (await scraper.get(server.url(path))).status == 401
        assert (await scraper.post(server.url("/api/tickets"), json={})).status == 401
        assert (await alice.get(url, headers={"Host": "evil.example"})).status == 421
        assert (await alice.get(url, headers={"Origin": "http://evil.example"})).status == 403


async def test_a_login_that_its_client_keeps_is_no_guess_at_the_scrape_token() -> None:
    few = settings_of(limits={"loginAttempts": 1})
    async with running(few, is_scraper=is_scraper) as server, stranger() as http:
        issued = await server.http.post(server.url("/api/tickets"), json={})
        ticket = (await issued.json())["ticket"]
        traded = await http.post(server.url("/api/bearer"), json={"ticket": ticket})
        login = {"Authorization": f"Bearer {(await traded.json())['bearer']}"}
        url = server.url("/metrics")
        assert (await http.get(url, headers=login)).status == 200
        ended = {"Authorization": "Bearer login.that-has-ended"}
        assert [(await http.get(url, headers=ended)).status for _ in range(3)] == [401] * 3
        assert (await http.get(url, headers=login)).status == 200


async def test_a_guest_who_owns_a_session_does_not_see_the_server_s() -> None:
    async with running() as server:
        link = await share(server, role="owner")
        async with logged_in(server, share=link["token"]) as http, connected(server, http):
            assert (await http.get(server.url("/metrics"))).status == 403


@pytest.mark.parametrize("mode", ["token", "password"])
async def test_the_scrape_token_is_guessed_no_faster_than_any(mode: str, tmp_path: Path) -> None:
    editor_in(tmp_path, alice="owner")
    make = {"make_authenticator": by_users(tmp_path)} if mode == "password" else {}
    few = settings_of(limits={"loginAttempts": 3})
    async with running(few, is_scraper=is_scraper, **make) as server, stranger() as http:  # type: ignore[arg-type]  # one of them
        url = server.url("/metrics")
        right = {"Authorization": f"Bearer {SCRAPE}"}
        for _ in range(5):
            assert (await http.get(url, headers=right)).status == 200
        wrong = {"Authorization": "Bearer wrong-wrong-wrong"}
        assert [(await http.get(url, headers=wrong)).status for _ in range(4)] == [401] * 3 + [429]
        assert (await http.get(url, headers=right)).status == 429


async def test_nobody_and_nothing_said_is_in_them() -> None:
    async with running() as server, server.plain("/ws?sessionID=canary") as client:
        await client.open("sh", "-c", "printf '\\033]2;canary\\007'; exec cat")
        await client.send("say", text="canary")
        await client.receive("message.created")
        response = await server.http.get(server.url("/metrics"))
        assert not re.search("canary|owner|127.0.0.1", await response.text())


def test_the_scrape_token_is_made_at_the_first_start(tmp_path: Path) -> None:
    path = tmp_path / "metrics-token"
    token = token_in("metrics.tokenFile", str(path))
    assert token is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert token.matches(path.read_text().strip())
    path.chmod(0o644)
    with pytest.raises(ServeError, match=r"metrics\.tokenFile: .*chmod 600"):
        token_in("metrics.tokenFile", str(path))
    assert token_in("metrics.tokenFile", None) is None
