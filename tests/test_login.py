"""Logging in by each mode, over HTTP: cookies, logging out, throttling, proxies."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ptybridge.adapters.access_store import AccessStore
from ptybridge.adapters.authentication import Authentication
from ptybridge.core.ports import Authenticator
from ptybridge.server.cookies import COOKIE
from tests.people import PASSWORD, by_users, connected, editor_in, logged_in, person
from tests.server import TOKEN, Server, by_token, running, settings_of, stranger


async def close_code(ws: aiohttp.ClientWebSocketResponse) -> int | None:
    """The code with which the server ends the connection."""
    async for _ in ws:
        pass
    return ws.close_code


@pytest.mark.parametrize("mode", ["token", "password", "proxy", "none"])
async def test_the_mode_is_known_without_a_login(mode: Any, tmp_path: Path) -> None:
    def make(store: AccessStore) -> Authenticator:
        return by_token(store) if mode == "token" else by_users(tmp_path, mode)(store)

    async with running(make_authenticator=make) as server, stranger() as http:
        answer = await (await http.get(server.url("/api/auth"))).json()
        assert answer == {"mode": mode}


async def test_a_user_logs_in_with_a_password_and_is_known_by_the_cookie(tmp_path: Path) -> None:
    editor_in(tmp_path, alice="member")
    async with running(make_authenticator=by_users(tmp_path)) as server:
        async with person(server, "alice") as http:
            who = await (await http.get(server.url("/api/whoami"))).json()
            assert who == {
                "id": "alice",
                "name": "alice",
                "session": "user-alice",
                "transport": "websocket",
            }
            async with connected(server, http, "/ws?sessionID=alice") as client:
                await client.open()
        for body in (
            {"user": "alice", "password": "wrong horse"},
            {"user": "bob", "password": PASSWORD},
            {"token": TOKEN},
        ):
            async with stranger() as http:
                response = await http.post(server.url("/api/login"), json=body)
                assert response.status == 401
                assert "Set-Cookie" not in response.headers
        unknown = {"Authorization": f"Bearer {TOKEN}"}
        async with stranger(headers=unknown) as http:
            assert (await http.get(server.url("/api/whoami"))).status == 401


async def test_each_login_has_a_cookie_of_its_own_and_ends_the_one_before() -> None:
    async with running() as server, logged_in(server, token=TOKEN) as http:
        cookies = [cookie.value for cookie in http.cookie_jar]
        assert (await http.post(server.url("/api/login"), json={"token": TOKEN})).status == 204
        assert [cookie.value for cookie in http.cookie_jar] != cookies
        async with stranger(cookies={COOKIE: cookies[0]}) as old:
            assert (await old.get(server.url("/api/whoami"))).status == 401
        assert (await http.get(server.url("/api/whoami"))).status == 200


async def test_a_cookie_of_somebody_s_choice_is_never_taken_over() -> None:
    planted = "planted" * 6
    async with running() as server, stranger(cookies={COOKIE: planted}) as http:
        response = await http.post(server.url("/api/login"), json={"token": TOKEN})
        assert planted not in response.headers["Set-Cookie"]
        async with stranger(cookies={COOKIE: planted}) as attacker:
            assert (await attacker.get(server.url("/api/whoami"))).status == 401


async def test_logging_out_ends_the_cookie_and_the_connections_that_came_by_it() -> None:
    async with running() as server, logged_in(server, token=TOKEN) as http:
        cookie = next(iter(http.cookie_jar)).value
        async with connected(server, http) as mine, server.plain() as other:
            await mine.send("ping")
            await mine.receive("pong")
            assert (await http.post(server.url("/api/logout"), json={})).status == 204
            assert await close_code(mine.ws) == 1008
            await other.send("ping")
            await other.receive("pong")
        async with stranger(cookies={COOKIE: cookie}) as thief:
            assert (await thief.get(server.url("/api/whoami"))).status == 401


async def test_a_login_ends_with_its_time_also_for_open_connections() -> None:
    store_of: list[AccessStore] = []

    def make(store: AccessStore) -> Authenticator:
        store_of.append(store)
        return Authentication("none", store=store, login_lifetime=now.lifetime, wall_clock=now)

    class Now:
        value, lifetime = 1_700_000_000.0, 60.0

        def __call__(self) -> float:
            return self.value

    now = Now()
    async with running(make_authenticator=make) as server, stranger() as http:
        authenticator = make(store_of[0])
        anybody = authenticator.anybody()
        assert anybody is not None
        cookie = authenticator.issue_cookie(anybody)
        headers = {"Cookie": f"{COOKIE}={cookie}"}
        async with http.ws_connect(server.url("/ws"), headers=headers) as ws:
            now.value += 60
            assert await close_code(ws) == 1008


# --- guessing


async def test_wrong_logins_are_refused_also_with_the_right_one_and_a_spoofed_header() -> None:
    settings = settings_of(limits={"loginAttempts": 3})
    async with running(settings) as server, stranger() as http:
        login = server.url("/api/login")
        for number in range(3):
            spoofed = {"X-Forwarded-For": f"10.0.0.{number}", "X-Real-IP": f"10.0.0.{number}"}
            response = await http.post(login, json={"token": "wrong" * 4}, headers=spoofed)
            assert response.status == 401
        for body in ({"token": "wrong" * 4}, {"token": TOKEN}, {"share": "x"}):
            response = await http.post(login, json=body, headers={"X-Forwarded-For": "10.9.9.9"})
            assert response.status == 429
            assert 0 < int(response.headers["Retry-After"]) <= 60
            assert (await response.json())["error"]["code"] == "limit-reached"
        bearer = {"Authorization": "Bearer wrong-wrong-wrong"}
        assert (await http.get(server.url("/api/whoami"), headers=bearer)).status == 429


async def test_right_logins_are_never_counted() -> None:
    settings = settings_of(limits={"loginAttempts": 2})
    async with running(settings) as server, stranger() as http:
        for _ in range(5):
            assert (await http.post(server.url("/api/login"), json={"token": TOKEN})).status == 204
            assert (await server.http.get(server.url("/api/whoami"))).status == 200


async def test_many_guesses_at_once_count_as_many(tmp_path: Path) -> None:
    editor_in(tmp_path, alice="owner")
    settings = settings_of(limits={"loginAttempts": 3})
    async with running(settings, make_authenticator=by_users(tmp_path)) as server:
        body = {"user": "alice", "password": "wrong horse"}
        async with stranger() as http:
            statuses = await asyncio.gather(*(status_of(http, server, body) for _ in range(12)))
    assert sorted(statuses) == [401] * 3 + [429] * 9


async def status_of(http: aiohttp.ClientSession, server: Server, body: dict[str, str]) -> int:
    return (await http.post(server.url("/api/login"), json=body)).status


# --- proxies


TRUSTING = {"server": {"trustedProxies": ["127.0.0.1"]}, "auth": {"mode": "proxy"}}


async def test_a_trusted_proxy_says_who_somebody_is(tmp_path: Path) -> None:
    async with (
        running(settings_of(**TRUSTING), make_authenticator=by_users(tmp_path, "proxy")) as server,
        stranger() as http,
    ):
        whoami = server.url("/api/whoami")
        alice = {"X-Forwarded-User": "alice@example.org"}
        answer = await (await http.get(whoami, headers=alice)).json()
        assert answer["id"] == "alice@example.org"
        assert (await http.get(whoami)).status == 401
        assert (await http.get(whoami, headers={"X-Forwarded-User": "owner"})).status == 401
        both = [("X-Forwarded-User", "alice"), ("X-Forwarded-User", "bob")]
        assert (await http.get(whoami, headers=both)).status == 401


async def test_who_has_the_proxy_s_address_but_not_its_secret_is_not_believed(
    tmp_path: Path,
) -> None:
    secret = "a-secret-of-the-proxy"
    proxied = running(
        settings_of(**TRUSTING),
        make_authenticator=by_users(tmp_path, "proxy"),
        is_proxy_secret=lambda shown: shown == secret,
    )
    async with proxied as server, stranger() as http:
        whoami = server.url("/api/whoami")
        alice, shown = ("X-Forwarded-User", "alice"), ("X-Ptybridge-Secret", secret)
        told = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}.items()
        for headers, status in (
            ([alice, shown], 200),
            ([alice], 401),
            ([alice, ("X-Ptybridge-Secret", "")], 401),
            ([alice, ("X-Ptybridge-Secret", secret + "x")], 401),
            ([alice, shown, shown], 401),
            ([alice, shown, *told], 200),
        ):
            assert (await http.get(whoami, headers=headers)).status == status, headers
        (foreign,) = [("Origin", f"https://127.0.0.1:{server.port}")]
        tickets = server.url("/api/tickets")
        for headers, status in (([shown], 200), ([], 403)):
            sent = [alice, foreign, *told, *headers]
            assert (await http.post(tickets, headers=sent, json={})).status == status


PROXY_S_SECRET = "a-secret-of-the-proxy"


async def test_whom_a_proxy_named_is_nobody_beside_it(tmp_path: Path) -> None:
    by_proxy = {"X-Forwarded-User": "ann", "X-Ptybridge-Secret": PROXY_S_SECRET}
    async with (
        running(
            settings_of(**TRUSTING),
            make_authenticator=by_users(tmp_path, "proxy"),
            is_proxy_secret=lambda shown: shown == PROXY_S_SECRET,
        ) as server,
        stranger() as http,
    ):
        tickets = []
        for _ in range(2):
            made = await http.post(server.url("/api/tickets"), json={}, headers=by_proxy)
            tickets.append((await made.json())["ticket"])
        whoami = server.url("/api/whoami")
        assert (await http.get(f"{whoami}?ticket={tickets[0]}")).status == 401
        login = await http.post(server.url("/api/bearer"), json={"ticket": tickets[1]})
        bearer = {"Authorization": f"Bearer {(await login.json())['bearer']}"}
        assert (await http.get(whoami, headers=bearer)).status == 401
        assert (await http.get(whoami, headers={**by_proxy, **bearer})).status == 200


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"auth": {"mode": "proxy"}}, id="no-proxy-is-trusted"),
        pytest.param(
            {"server": {"trustedProxies": ["10.0.0.0/8", "unix"]}, "auth": {"mode": "proxy"}},
            id="others-are",
        ),
    ],
)
async def test_nobody_else_says_who_somebody_is(settings: dict[str, Any], tmp_path: Path) -> None:
    async with (
        running(settings_of(**settings), make_authenticator=by_users(tmp_path, "proxy")) as server,
        stranger() as http,
    ):
        headers = {"X-Forwarded-User": "alice", "X-Forwarded-For": "10.0.0.1"}
        assert (await http.get(server.url("/api/whoami"), headers=headers)).status == 401


async def test_behind_a_trusted_proxy_wrong_logins_count_for_the_client() -> None:
    settings = settings_of(server={"trustedProxies": ["127.0.0.0/8"]}, limits={"loginAttempts": 1})
    async with running(settings) as server, stranger() as http:
        login, wrong = server.url("/api/login"), {"token": "wrong" * 4}
        mallory = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7"}
        assert (await http.post(login, json=wrong, headers=mallory)).status == 401
        invented = {"X-Forwarded-For": "203.0.113.10, 198.51.100.7"}
        assert (await http.post(login, json=wrong, headers=invented)).status == 429
        alice = {"X-Forwarded-For": "198.51.100.8"}
        assert (await http.post(login, json={"token": TOKEN}, headers=alice)).status == 204


async def test_behind_a_trusted_proxy_with_tls_the_cookie_is_for_tls_only() -> None:
    settings = settings_of(
        server={"trustedProxies": ["127.0.0.1"]},
        auth={"allowedOrigins": ["https://term.example.org"]},
    )
    async with running(settings) as server, stranger() as http:
        proxied = {
            "X-Forwarded-Proto": "https",
            "X-Forwarded-For": "198.51.100.8",
            "Host": "term.example.org",
            "Origin": "https://term.example.org",
        }
        login = await http.post(server.url("/api/login"), json={"token": TOKEN}, headers=proxied)
        assert login.status == 204
        cookie = login.headers["Set-Cookie"]
        assert cookie.startswith("__Host-ptybridge=")
        assert "Secure" in cookie
        assert "Path=/" in cookie
        assert "Domain" not in cookie
        value = cookie.partition("=")[2].partition(";")[0]
        whoami = server.url("/api/whoami")
        for name, status in (("__Host-ptybridge", 200), (COOKIE, 401)):
            headers = {**proxied, "Cookie": f"{name}={value}"}
            assert (await http.get(whoami, headers=headers)).status == status


async def test_forwarded_hosts_are_checked_and_believed_from_proxies_only() -> None:
    forwarded = {"X-Forwarded-Host": "term.example.org"}
    origins = {"allowedOrigins": ["https://term.example.org"]}
    for proxies, host, status in (
        (["127.0.0.1"], "term.example.org", 200),
        (["127.0.0.1"], "evil.example", 421),
        ([], "evil.example", 200),  # what anybody may write: the real Host counts
    ):
        settings = settings_of(server={"trustedProxies": proxies}, auth=origins)
        async with running(settings) as server, stranger() as http:
            forwarded = {"X-Forwarded-Host": host}
            assert (await http.get(server.url("/healthz"), headers=forwarded)).status == status


# --- no login at all


async def test_where_nobody_shows_who_they_are_everybody_is_the_owner() -> None:
    def make(store: AccessStore) -> Authenticator:
        return Authentication("none", store=store)

    async with running(make_authenticator=make) as server, stranger() as http:
        async with connected(server, http) as client:
            await client.open()
        foreign = {"Origin": "http://evil.example"}
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await http.ws_connect(server.url("/ws"), headers=foreign)
        assert refusal.value.status == 403
        response = await http.post(server.url("/api/sessions/main/shares"), json={})
        assert response.status == 409
