"""Who may do what: the rules as a table, and over every message and every shape of a frame."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ptybridge.adapters.access_store import MAX_CLAIMS, AccessStore
from ptybridge.core.access import Access, home_session
from ptybridge.core.errors import Denied, LimitReached, NotFound
from ptybridge.core.identity import OWNER, Identity
from ptybridge.core.values import Role, SessionId, is_name
from ptybridge.server.gate import NEEDED
from ptybridge.wire.frames import Kind
from ptybridge.wire.messages import CLIENT_MESSAGES
from tests.people import by_users, connected, editor_in, logged_in, person, share
from tests.server import Client, Server, running, settings_of

WORK = SessionId("work")
ALICE = Identity("alice", "alice", None)
BOB = Identity("bob", "bob", None)
EYE = Identity("eye", "eye", Role.WATCHER)
HAND = Identity("hand", "hand", Role.WRITER)
GUEST = Identity("guest:1", "guest", Role.WRITER, WORK)


@pytest.fixture
def access() -> Iterator[Access]:
    """``alice`` has made the session ``work``."""
    with closing(AccessStore()) as store:
        access = Access(store)
        access.enter(ALICE, WORK, Role.OWNER)
        yield access


@pytest.mark.parametrize(
    ("identity", "session", "role"),
    [
        pytest.param(OWNER, "work", Role.OWNER, id="the-owner-everywhere"),
        pytest.param(ALICE, "work", Role.OWNER, id="who-made-it"),
        pytest.param(BOB, "work", None, id="another-user"),
        pytest.param(EYE, "work", Role.WATCHER, id="who-may-watch-everywhere"),
        pytest.param(HAND, "work", Role.WRITER, id="who-may-type-everywhere"),
        pytest.param(GUEST, "work", Role.WRITER, id="a-guest"),
        pytest.param(GUEST, "other", None, id="a-guest-elsewhere"),
        pytest.param(ALICE, "other", None, id="what-nobody-made"),
    ],
)
def test_what_somebody_is_in_a_session(
    access: Access, identity: Identity, session: str, role: Role | None
) -> None:
    assert access.role(identity, session) is role
    if role is None:
        with pytest.raises(NotFound):
            access.require(identity, session, Role.WATCHER)
    else:
        assert access.require(identity, session, role) is role


def test_who_is_too_little_is_told_what_they_are(access: Access) -> None:
    with pytest.raises(Denied, match="a watcher cannot do that"):
        access.require(EYE, WORK, Role.WRITER)


def test_a_session_is_its_maker_s_beyond_a_restart(tmp_path: Path) -> None:
    first = AccessStore(tmp_path / "access.db")
    Access(first).enter(ALICE, "mine", Role.OWNER)
    first.close()
    second = AccessStore(tmp_path / "access.db")
    again = Access(second)
    assert again.role(ALICE, "mine") is Role.OWNER
    with pytest.raises(NotFound):
        again.enter(BOB, "mine", Role.WATCHER)
    again.forget("mine")
    assert again.enter(BOB, "mine", Role.OWNER) is Role.OWNER
    second.close()


@pytest.mark.parametrize("identity", [EYE, GUEST])
def test_who_may_make_none_makes_none(access: Access, identity: Identity) -> None:
    with pytest.raises((NotFound, Denied)):
        access.enter(identity, "new", Role.WRITER)
    assert access.enter(BOB, "new", Role.OWNER) is Role.OWNER


def test_a_guest_never_shares(access: Access) -> None:
    guest = Identity("guest:2", "guest", Role.OWNER, WORK)
    with pytest.raises(Denied):
        access.require_account(guest, WORK)
    access.require_account(ALICE, WORK)


@pytest.mark.parametrize(
    ("asked", "role"),
    [
        (None, Role.WRITER),
        ("owner", Role.WRITER),
        ("writer", Role.WRITER),
        ("watcher", Role.WATCHER),
    ],
)
def test_nobody_is_given_more_than_they_are(access: Access, asked: Any, role: Role) -> None:
    assert access.granted(HAND, WORK, asked) is role


def test_old_claims_give_way_to_new_ones_of_the_same_identity(access: Access) -> None:
    access.enter(BOB, "bobs", Role.OWNER)
    for number in range(MAX_CLAIMS + 1):
        access.enter(ALICE, f"s{number}", Role.OWNER)
    assert access.role(ALICE, "s0") is None
    assert access.role(ALICE, f"s{MAX_CLAIMS}") is Role.OWNER
    assert access.role(BOB, "bobs") is Role.OWNER


@pytest.mark.parametrize(
    ("identity", "session", "may"),
    [
        pytest.param(BOB, "user-alice", False, id="another-s-home"),
        pytest.param(BOB, "user-bob", True, id="the-own-home"),
        pytest.param(BOB, "home-" + "0" * 32, False, id="the-home-of-a-name-that-is-none"),
        pytest.param(BOB, "main", False, id="where-those-begin-who-may-go-anywhere"),
        pytest.param(HAND, "main", True, id="main-by-one-of-them"),
        pytest.param(OWNER, "user-alice", False, id="another-s-home-by-the-owner"),
        pytest.param(BOB, "told", False, id="a-session-that-is-there"),
        pytest.param(BOB, "user-bob-2", False, id="a-home-of-a-user-to-come"),
    ],
)
def test_nobody_takes_what_another_begins_in(
    access: Access, identity: Identity, session: str, may: bool
) -> None:
    access.know({SessionId("told")}, per_user=10)
    if identity.role is None and not may:
        with pytest.raises(NotFound):
            access.enter(identity, session, Role.WATCHER)
    else:
        access.enter(identity, session, Role.WATCHER)
    somebody = Identity(identity.id, identity.name, None)
    assert access.role(somebody, session) is (Role.OWNER if may else None)


def test_who_may_only_watch_brings_no_session_about(access: Access) -> None:
    """Else nobody could make it theirs any more: it would be there, and nobody's."""
    there = {SessionId("told")}
    access.know(there, per_user=10)
    with pytest.raises(NotFound):
        access.enter(EYE, "new", Role.WATCHER)
    for session in (WORK, "told", "main"):
        assert access.enter(EYE, session, Role.WATCHER) is Role.WATCHER


def test_a_home_stays_its_user_s_when_the_owner_was_there_first(access: Access) -> None:
    home = home_session(BOB)
    assert access.enter(OWNER, home, Role.WRITER) is Role.OWNER
    access.know({home}, per_user=10)
    assert access.enter(BOB, home, Role.OWNER) is Role.OWNER


def test_one_user_has_so_many_sessions_and_an_owner_all(access: Access) -> None:
    there = {WORK}
    access.know(there, per_user=2)
    access.enter(ALICE, "second", Role.OWNER)
    there.add(SessionId("second"))
    with pytest.raises(LimitReached, match="one user"):
        access.enter(ALICE, "third", Role.OWNER)
    access.enter(ALICE, "second", Role.OWNER)
    access.enter(BOB, "third", Role.OWNER)
    there.discard(WORK)  # it has ended: another can be made, but not both
    access.enter(ALICE, "fourth", Role.OWNER)
    there.add(SessionId("fourth"))
    with pytest.raises(LimitReached):
        access.enter(ALICE, WORK, Role.OWNER)
    for number in range(5):
        access.enter(OWNER, f"s{number}", Role.OWNER)
        there.add(SessionId(f"s{number}"))


@given(st.text(min_size=1, max_size=80))
def test_everybody_has_a_home_that_can_be_one(name: str) -> None:
    home = home_session(Identity(name, name, None))
    assert is_name(home)
    assert home.startswith(("user-", "home-"))
    assert home_session(OWNER) == "main"
    assert home_session(GUEST) == WORK


# --- messages


def test_every_message_needs_a_role_that_was_thought_of() -> None:
    assert set(CLIENT_MESSAGES) <= set(NEEDED)


TYPED = "stty raw -echo; echo READY; exec cat"


def values() -> st.SearchStrategy[Any]:
    """Values that a field might be sent with."""
    return st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-1, 600),
        st.text(max_size=8),
        st.lists(st.text(max_size=3), max_size=2),
    )


FIELDS: dict[str, object] = {
    "channel": 1,
    "terminalID": "t1",
    "sessionID": "main",
    "rows": 33,
    "cols": 99,
    "role": "owner",
    "data": "rm -rf /\r",
    "offset": 0,
    "action": "request",
    "to": "1",
    "text": "hello",
    "parts": [{"type": "text", "text": "ls"}],
    "visible": True,
    "window": 0,
    "since": 0,
    "command": ["sh"],
    "cwd": "/",
}
"""What fields may hold that means something; ``t1`` becomes the terminal's name."""


@st.composite
def attempts(draw: st.DrawFn) -> tuple[bool, bytes]:
    """A message or a frame of a watcher's: whether it is binary, and its bytes."""
    if draw(st.booleans()):
        kind = draw(st.sampled_from([*Kind, 0, 5, 255]))
        channel = draw(st.sampled_from([0, 1, 2, 2**32 - 1]))
        offset = draw(st.sampled_from([0, 1, 2**63]))
        header = bytes([kind]) + channel.to_bytes(4, "big") + offset.to_bytes(8, "big")
        return True, draw(st.sampled_from([header, header[:-1], b""])) + draw(st.binary(max_size=9))
    data: dict[str, Any] = {}
    for field in draw(st.lists(st.sampled_from(sorted(FIELDS)), max_size=7, unique=True)):
        data[field] = draw(st.one_of(st.just(FIELDS[field]), values()))
    kind_of = draw(st.sampled_from(sorted(NEEDED)))
    return False, json.dumps({"type": kind_of, "data": data}).encode()


async def test_a_watcher_reaches_the_program_with_nothing() -> None:
    """Every message and frame shape from a guest who may watch; the program prints its input."""
    async with running() as server, server.binary() as owner:
        await owner.send("terminal.open", rows=24, cols=80, command=["sh", "-c", TYPED])
        terminal = (await owner.receive("terminal.opened"))["data"]["terminal"]["id"]
        await owner.attach(terminal)
        await owner.output_until(b"READY\n")
        link = await share(server, role="watcher")
        async with logged_in(server, share=link["token"]) as http:
            tries = await sent_by_watcher(server, http, terminal)
        assert len(tries) > 150
        await owner.type(b"END")
        assert await owner.output_until(b"END") == b"END"
        state = await (await server.http.get(server.url(f"/api/terminals/{terminal}"))).json()
        assert (state["terminal"]["rows"], state["terminal"]["cols"]) == (24, 80)
        assert "exit" not in state["terminal"]
        assert len(server.registry.terminals) == 1


async def sent_by_watcher(
    server: Server, http: aiohttp.ClientSession, terminal: str
) -> list[tuple[bool, bytes]]:
    """Send all that hypothesis comes up with, over one connection after the other."""
    tries: list[tuple[bool, bytes]] = []

    @hypothesis_settings(max_examples=200, database=None, suppress_health_check=list(HealthCheck))
    @given(attempts())
    def collect(attempt: tuple[bool, bytes]) -> None:
        tries.append(attempt)

    collect()
    protocol = ["ptybridge.v1"]
    url = server.url("/ws?sessionID=main")
    for start in range(0, len(tries), 25):
        async with http.ws_connect(url, protocols=protocol, max_msg_size=0) as ws:
            client = Client(ws)
            attached = await client.attach(terminal, role="owner")
            assert attached["role"] == "watcher"
            for is_binary, tried in tries[start : start + 25]:
                body = tried.replace(b'"t1"', json.dumps(terminal).encode())
                if is_binary:
                    await ws.send_bytes(body)
                else:
                    await ws.send_str(body.decode())
            await client.send("ping", request_id=12345)
            while (await client.receive("pong", "error")).get("id") != 12345:
                pass
    return tries


async def test_a_guest_sees_one_session_and_nothing_else() -> None:
    async with running() as server, server.plain("/ws?sessionID=secret") as owner:
        hidden = await owner.open()
        link = await share(server, "main", role="writer")
        async with logged_in(server, share=link["token"]) as http:
            who = await (await http.get(server.url("/api/whoami"))).json()
            assert who["session"] == "main"
            for path in ("/ws?sessionID=secret", f"/pty?sessionID={hidden}", "/pty?sessionID=new"):
                with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
                    await http.ws_connect(server.url(path))
                assert refusal.value.status == 404
            for method, path in (
                ("GET", "/api/sessions/secret"),
                ("GET", "/api/sessions/secret/terminals"),
                ("POST", "/api/sessions/secret/terminals"),
                ("POST", "/api/sessions/new/terminals"),
                ("GET", f"/api/terminals/{hidden}"),
                ("DELETE", f"/api/terminals/{hidden}"),
                ("GET", f"/api/terminals/{hidden}/screen"),
                ("GET", "/api/sessions/secret/shares"),
                ("GET", "/api/sessions/secret/events"),
                ("GET", f"/api/sessions/main/events?terminalID={hidden}"),
                ("POST", "/api/sessions/secret/messages"),
                ("POST", "/api/sessions/new/messages"),
                ("POST", "/api/sessions/secret/shares"),
            ):
                response = await http.request(
                    method, server.url(path), json={} if method == "POST" else None
                )
                assert response.status == 404, path
            listed = await (await http.get(server.url("/api/sessions"))).json()
            assert [session["id"] for session in listed["sessions"]] == []
            async with connected(server, http) as client:
                mine = await client.open()
                await client.attach(mine)
                for message, data in (
                    ("attach", {"channel": 7, "terminalID": hidden, "rows": 24, "cols": 80}),
                    ("terminal.close", {"terminalID": hidden}),
                    ("terminal.open", {"rows": 24, "cols": 80, "sessionID": "secret"}),
                ):
                    await client.send(message, request_id=5, **data)
                    reply = await client.receive("error", "attached", "accepted", "terminal.opened")
                    assert reply["data"]["code"] == "not-found", message
                await client.send("attach", channel=9, terminalID="nothing", rows=1, cols=1)
                missing = (await client.receive("error"))["data"]["message"]
                assert missing == "no such terminal: nothing"
            listed = await (await http.get(server.url("/api/sessions"))).json()
            assert [session["id"] for session in listed["sessions"]] == ["main"]
            response = await http.post(server.url("/api/sessions/main/shares"), json={})
            assert response.status == 403


async def test_a_watcher_may_look_and_not_touch() -> None:
    async with running() as server, server.plain() as owner:
        terminal = await owner.open()
        link = await share(server, role="watcher")
        async with logged_in(server, share=link["token"]) as http:
            seen = await http.get(server.url(f"/api/terminals/{terminal}/screen"))
            assert seen.status == 200
            for method, path in (
                ("DELETE", f"/api/terminals/{terminal}"),
                ("POST", "/api/sessions/main/terminals"),
                ("POST", "/api/sessions/main/shares"),
                ("GET", "/api/sessions/main/shares"),
            ):
                response = await http.request(
                    method, server.url(path), json={} if method == "POST" else None
                )
                assert response.status == 403, path
            async with connected(server, http) as client:
                await client.attach(terminal)
                await client.send("input", data="x")
                assert (await client.receive("error"))["data"]["code"] == "denied"


async def test_users_have_what_they_made_and_what_their_role_says(tmp_path: Path) -> None:
    editor_in(tmp_path, alice="member", bob="member", eve="watcher")
    async with (
        running(make_authenticator=by_users(tmp_path)) as server,
        person(server, "alice") as alice,
        person(server, "bob") as bob,
        person(server, "eve") as eve,
        connected(server, alice, "/ws?sessionID=hers") as hers,
    ):
        terminal = await hers.open()
        screen = server.url(f"/api/terminals/{terminal}/screen")
        assert [(await who.get(screen)).status for who in (alice, bob, eve)] == [200, 404, 200]
        url = server.url(f"/api/terminals/{terminal}")
        assert [(await who.delete(url)).status for who in (bob, eve)] == [404, 403]
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await bob.ws_connect(server.url("/ws?sessionID=hers"))
        assert (await alice.delete(url)).status == 204


async def test_where_people_begin_is_nobody_else_s_to_take(tmp_path: Path) -> None:
    editor_in(tmp_path, alice="writer", bob="member", carl="member")
    async with (
        running(make_authenticator=by_users(tmp_path)) as server,
        person(server, "alice") as alice,
        person(server, "bob") as bob,
        person(server, "carl") as carl,
    ):
        for http in (alice, carl):
            home = (await (await http.get(server.url("/api/whoami"))).json())["session"]
            sessions = server.url("/api/sessions")
            assert (await bob.post(sessions, json={"id": home})).status == 404
            terminals = server.url(f"/api/sessions/{home}/terminals")
            assert (await http.post(terminals, json={})).status == 201
            assert (await bob.get(terminals)).status == 404


async def test_nobody_plants_a_terminal_where_another_would_look_for_a_shell() -> None:
    async with running() as server, server.plain("/ws?sessionID=other") as owner:
        await owner.open()
        link = await share(server, role="writer")
        async with logged_in(server, share=link["token"]) as guest:
            url = server.url("/api/sessions/main/terminals")
            for name, status in (("other", 409), ("user-bob", 409), ("main", 201), ("free", 201)):
                response = await guest.post(url, json={"id": name, "command": ["cat"]})
                assert response.status == status, name
        mine = server.url("/api/sessions/main/terminals")
        assert (await server.http.post(mine, json={"id": "other"})).status == 201


MAY_WATCH = {
    ("GET", "/api/sessions/{id}"), ("GET", "/api/sessions/{id}/events"),
    ("GET", "/api/sessions/{id}/messages"), ("GET", "/api/sessions/{id}/terminals"),
    ("GET", "/api/terminals/{id}"), ("GET", "/api/terminals/{id}/screen"),
    ("POST", "/api/sessions/{id}/messages"),  # each message is judged by itself
}  # fmt: skip
"""Routes of a session and its terminals that are there for watchers."""


async def test_every_route_of_a_session_knows_strangers_and_watchers(tmp_path: Path) -> None:
    editor_in(tmp_path, alice="member", bob="member", eve="watcher")
    async with (
        running(make_authenticator=by_users(tmp_path)) as server,
        person(server, "alice") as alice,
        person(server, "bob") as bob,
        person(server, "eve") as eve,
        connected(server, alice, "/ws?sessionID=work") as hers,
    ):
        terminal = await hers.open()
        shares = server.url("/api/sessions/work/shares")
        link = await (await alice.post(shares, json={"role": "watcher"})).json()
        tried = 0
        async with logged_in(server, share=link["token"]) as guest:
            for method, canonical in server.routes:
                if "/sessions/{id}" not in canonical and "/terminals/{id}" not in canonical:
                    continue
                path = canonical.replace("/sessions/{id}", "/sessions/work")
                path = path.replace("/terminals/{id}", f"/terminals/{terminal}")
                url = server.url(path.replace("{share}", link["share"]["id"]))
                body = {"title": "x"} if method == "PATCH" else {"name": "x", "size": 1}
                if canonical.endswith("/messages"):
                    body = {"type": "ping"}
                options: dict[str, Any] = {"json": body} if method in {"POST", "PATCH"} else {}
                name = f"{method} {canonical}"
                async with bob.request(method, url, **options) as answer:
                    assert answer.status == 404, name
                may = (method.replace("HEAD", "GET"), canonical) in MAY_WATCH
                for watcher in (eve, guest):
                    async with watcher.request(method, url, **options) as answer:
                        assert answer.status == (200 if may else 403), name
                tried += 1
        assert tried > 15
        titles = (await (await alice.get(server.url("/api/sessions/work"))).json())["session"]
        assert titles.get("title", "") != "x"
        assert [each["title"] for each in titles["terminals"]] != ["x"]


async def test_one_user_has_so_many_connections_and_others_feel_nothing(tmp_path: Path) -> None:
    editor_in(tmp_path, alice="owner", bob="member")
    limited = settings_of(limits={"connectionsPerUser": 2})
    async with (
        running(limited, make_authenticator=by_users(tmp_path)) as server,
        person(server, "alice") as alice,
        person(server, "bob") as bob,
        connected(server, bob, "/ws?sessionID=b"),
        connected(server, bob, "/ws?sessionID=b"),
    ):
        async with connected(server, bob, "/ws?sessionID=b") as third:
            closed = await third.ws.receive()
            assert closed.data == 1013
            assert "one user" in str(closed.extra)
        refused = await bob.get(server.url("/api/sessions/b/events"))
        assert refused.status == 429
        async with (
            connected(server, alice),
            connected(server, alice),
            connected(server, alice) as hers,
        ):
            await hers.send("ping")
            await hers.receive("pong")


async def test_the_guests_of_one_link_count_as_one() -> None:
    limits = {"connectionsPerUser": 1, "terminalsPerUser": 1}
    async with running(settings_of(limits=limits)) as server:
        link = await share(server, role="writer")
        async with (
            logged_in(server, share=link["token"]) as first,
            logged_in(server, share=link["token"]) as second,
            connected(server, first) as one,
        ):
            await one.open()
            terminals = server.url("/api/sessions/main/terminals")
            assert (await second.post(terminals, json={})).status == 429
            async with connected(server, second) as other:
                assert (await other.ws.receive()).data == 1013
            await one.send("ping")
            await one.receive("pong")
        async with logged_in(server, share=link["token"]) as third, connected(server, third) as one:
            await one.send("ping")
            await one.receive("pong")


async def test_one_user_has_so_many_terminals_and_others_feel_nothing(tmp_path: Path) -> None:
    editor_in(tmp_path, alice="member", bob="member")
    limited = settings_of(limits={"terminalsPerUser": 2})
    async with (
        running(limited, make_authenticator=by_users(tmp_path)) as server,
        person(server, "alice") as alice,
        person(server, "bob") as bob,
        connected(server, alice, "/ws?sessionID=a") as hers,
        connected(server, bob, "/ws?sessionID=b") as his,
    ):
        first, _ = await hers.open(), await hers.open()
        await hers.send("terminal.open", rows=24, cols=80)
        refusal = (await hers.receive("error", "terminal.opened"))["data"]
        assert refusal["code"] == "limit-reached"
        assert "one user" in refusal["message"]
        await his.open()
        await hers.attach(first)
        await hers.send("terminal.close", terminalID=first)
        await hers.receive("exited")
        await hers.open()
