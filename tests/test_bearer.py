"""Logins whose secret a client keeps itself: pages in frames of other sites get no cookie."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ptybridge.adapters.access_store import MAX_RELATED_LOGINS
from ptybridge.wire.codes import CloseCode
from tests.people import by_users, connected, editor_in, person, share
from tests.server import TOKEN, Server, running, settings_of, stranger


async def bearer(server: Server, http: aiohttp.ClientSession, **body: str) -> dict[str, str]:
    """The headers of a login by share link or ticket."""
    response = await http.post(server.url("/api/bearer"), json=body)
    assert response.status == 200, await response.text()
    assert "Set-Cookie" not in response.headers
    assert response.headers["Cache-Control"] == "no-store"
    return {"Authorization": f"Bearer {(await response.json())['bearer']}"}


async def ticket(server: Server, http: aiohttp.ClientSession, **options: Any) -> str:
    response = await http.post(server.url("/api/tickets"), json={}, **options)
    assert response.status == 200
    value: str = (await response.json())["ticket"]
    return value


async def whoami(server: Server, headers: dict[str, str]) -> int | str:
    """The id of who shows that; the status where nobody is known."""
    async with stranger(headers=headers) as http:
        answer = await http.get(server.url("/api/whoami"))
        who: str = (await answer.json())["id"] if answer.ok else ""
        return who or answer.status


async def test_a_share_link_is_traded_for_a_bearer_that_opens_its_session_only() -> None:
    async with running() as server, stranger() as http:
        link = await share(server, role="writer", maxUses=1)
        headers = await bearer(server, http, share=link["token"])
        assert str(await whoami(server, headers)).startswith("guest:")
        async with stranger(headers=headers) as guest, connected(server, guest) as client:
            await client.open()
            path = "/ws?sessionID=other"
            with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
                await guest.ws_connect(server.url(path))
            assert refusal.value.status == 404
        response = await http.post(server.url("/api/bearer"), json={"share": link["token"]})
        assert response.status == 401


async def test_a_bearer_gets_tickets_for_what_cannot_send_headers() -> None:
    async with running() as server, stranger() as http:
        link = await share(server, role="watcher")
        headers = await bearer(server, http, share=link["token"])
        path = f"/ws?sessionID=main&ticket={await ticket(server, http, headers=headers)}"
        async with connected(server, http, path) as client:
            url = server.url(f"/api/sessions/main/shares/{link['share']['id']}")
            assert (await server.http.delete(url)).status == 204
            async for _ in client.ws:
                pass
            assert client.ws.close_code == CloseCode.REMOVED
        assert await whoami(server, headers) == 401


async def test_a_ticket_is_traded_for_a_bearer_that_ends_with_the_login_behind_it(
    tmp_path: Path,
) -> None:
    editor_in(tmp_path, alice="member")
    async with running(make_authenticator=by_users(tmp_path)) as server, stranger() as http:
        async with person(server, "alice") as alice:
            first = await bearer(server, http, ticket=await ticket(server, alice))
            second = await bearer(server, http, ticket=await ticket(server, http, headers=first))
            third = await bearer(server, http, ticket=await ticket(server, http, headers=second))
            assert await whoami(server, third) == "alice"
            url = server.url("/api/logout")
            assert (await http.post(url, json={}, headers=second)).status == 204
            assert await whoami(server, second) == 401
            assert [await whoami(server, headers) for headers in (first, third)] == ["alice"] * 2
            assert (await alice.post(url, json={})).status == 204
        assert [await whoami(server, headers) for headers in (first, third)] == [401, 401]


async def test_a_ticket_is_good_for_one_bearer() -> None:
    async with running() as server, stranger() as http:
        value = await ticket(server, server.http)
        assert await whoami(server, await bearer(server, http, ticket=value)) == "owner"
        again = await http.post(server.url("/api/bearer"), json={"ticket": value})
        assert again.status == 401
        assert "no longer good" in (await again.json())["error"]["message"]


async def test_a_bearer_leaves_the_login_of_the_same_browser_alone() -> None:
    async with running() as server, stranger() as browser:
        url = server.url("/api/login")
        assert (await browser.post(url, json={"token": TOKEN})).status == 204
        link = await share(server, role="watcher")
        headers = await bearer(server, browser, share=link["token"])
        who = await browser.get(server.url("/api/whoami"), headers=headers)
        assert (await who.json())["id"].startswith("guest:")
        gone = await browser.post(server.url("/api/logout"), json={}, headers=headers)
        assert gone.status == 204
        assert "Set-Cookie" not in gone.headers
        assert await whoami(server, headers) == 401
        assert (await (await browser.get(server.url("/api/whoami"))).json())["id"] == "owner"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"token": TOKEN}, id="the-servers-token"),
        pytest.param({"user": "alice", "password": "x"}, id="password"),
        pytest.param({"ticket": 7}, id="no-text"),
        pytest.param({"ticket": "x", "share": "x"}, id="both"),
        pytest.param({}, id="nothing"),
        pytest.param([], id="no-object"),
    ],
)
async def test_only_a_share_or_a_ticket_is_traded(body: object) -> None:
    async with running() as server, stranger() as http:
        response = await http.post(server.url("/api/bearer"), json=body)
        assert response.status == 400
        assert "a share or a ticket" in (await response.json())["error"]["message"]


async def test_guesses_are_counted_as_those_of_logins_are() -> None:
    settings = settings_of(limits={"loginAttempts": 2})
    async with running(settings) as server, stranger() as http:
        statuses = [
            (await http.post(server.url("/api/bearer"), json=body)).status
            for body in ({"ticket": "x"}, {"share": "x"}, {"ticket": "x"})
        ]
        assert statuses == [401, 401, 429]


async def test_a_bearer_that_has_ended_is_no_guess_and_falls_back_to_no_other_login() -> None:
    settings = settings_of(limits={"loginAttempts": 2})
    async with running(settings) as server, stranger() as browser:
        url = server.url("/api/login")
        assert (await browser.post(url, json={"token": TOKEN})).status == 204
        headers = await bearer(server, browser, share=(await share(server))["token"])
        out = server.url("/api/logout")
        assert (await browser.post(out, json={}, headers=headers)).status == 204
        for _ in range(4):
            who = await browser.get(server.url("/api/whoami"), headers=headers)
            assert who.status == 401
        assert (await browser.get(server.url("/api/whoami"))).status == 200
        assert (await browser.post(url, json={"token": TOKEN})).status == 204


async def test_tickets_of_one_login_do_not_drive_out_the_logins_of_others() -> None:
    async with running() as server, stranger() as http:
        other = await bearer(server, http, share=(await share(server))["token"])
        guest = await bearer(server, http, share=(await share(server))["token"])
        first = await bearer(server, http, ticket=await ticket(server, http, headers=guest))
        for _ in range(MAX_RELATED_LOGINS):
            await bearer(server, http, ticket=await ticket(server, http, headers=guest))
        assert await whoami(server, first) == 401
        for headers in (other, guest):
            assert str(await whoami(server, headers)).startswith("guest:")
