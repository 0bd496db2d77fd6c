"""Who is let in, by each mode, and what ends it; with clocks that the test moves."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptybridge.adapters import access_store, tickets
from ptybridge.adapters.access_store import MAX_LOGINS, MAX_LOGINS_OF_ONE, AccessStore
from ptybridge.adapters.authentication import LOGIN_IDLE, LOGIN_LIFETIME, Authentication
from ptybridge.adapters.passwords import hash_password
from ptybridge.adapters.tokens import Token, rotate_token
from ptybridge.adapters.users import UserEditor, Users
from ptybridge.core.errors import LimitReached
from ptybridge.core.identity import OWNER, AuthMode, Identity
from ptybridge.core.values import Role, SessionId
from tests.fakes import ManualClock

TOKEN = "a-token-for-tests-only"
WORK = SessionId("work")


class Place:
    """A state directory, and servers that begin there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.clock.now = 1_700_000_000.0
        self.token_file = folder / "token"
        self.editor = UserEditor(folder / "users.json", wall_clock=self.clock.time)
        self.stores: list[AccessStore] = []

    def store(self) -> AccessStore:
        store = AccessStore(self.folder / "access.db", wall_clock=self.clock.time)
        self.stores.append(store)
        return store

    def store_in_memory(self) -> AccessStore:
        store = AccessStore(wall_clock=self.clock.time)
        self.stores.append(store)
        return store

    def start(self, mode: AuthMode = "token", store: AccessStore | None = None) -> Authentication:
        return Authentication(
            mode,
            store=store or self.store(),
            token=Token.load(self.token_file),
            users=Users(self.folder / "users.json"),
            ticket_lifetime=60.0,
            clock=self.clock.time,
            wall_clock=self.clock.time,
        )

    @property
    def token(self) -> str:
        return self.token_file.read_text().strip()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    for store in made.stores:
        store.close()


def owner(authentication: Authentication, token: str) -> Identity:
    identity = authentication.authenticate(token)
    assert identity == OWNER
    return identity


# --- the token


@given(st.text())
def test_no_other_token_is_anybody_s(token: str) -> None:
    with closing(AccessStore()) as store:
        identity = Authentication("token", store=store, token=Token(TOKEN)).authenticate(token)
    assert (identity == OWNER) == (token == TOKEN)


def test_a_new_token_ends_all_that_came_by_the_old(place: Place) -> None:
    server = place.start()
    identity = owner(server, place.token)
    cookie, ticket = server.issue_cookie(identity), server.issue_ticket(identity)
    assert server.standing(identity) == OWNER
    rotate_token(place.token_file)
    server.refresh()
    assert server.standing(identity) is None
    assert server.check_cookie(cookie) is None
    assert server.redeem_ticket(ticket) is None
    owner(server, place.token)


@pytest.mark.parametrize("mode", ["password", "proxy", "none"])
def test_the_token_is_of_no_use_in_another_mode(place: Place, mode: AuthMode) -> None:
    cookie = (first := place.start()).issue_cookie(owner(first, place.token))
    server = place.start(mode)
    assert server.authenticate(place.token) is None
    assert server.check_cookie(cookie) is None


# --- passwords, proxies, nobody


async def test_a_user_has_a_name_a_password_and_a_role(place: Place) -> None:
    place.editor.add("alice", password_hash=hash_password("correct horse"), role="writer")
    server = place.start("password")
    assert await server.check_password("alice", "wrong horse") is None
    assert await server.check_password("bob", "correct horse") is None
    alice = await server.check_password("alice", "correct horse")
    assert alice == Identity("alice", "alice", Role.WRITER)


async def test_what_is_done_to_a_user_is_done_to_their_logins(place: Place) -> None:
    place.editor.add("alice", password_hash=hash_password("correct horse"), role="writer")
    server = place.start("password")
    alice = await server.check_password("alice", "correct horse")
    assert alice is not None
    cookie = server.issue_cookie(alice)
    place.editor.set_role("alice", "watcher")
    demoted = server.check_cookie(cookie)
    assert demoted is not None
    assert demoted.role is Role.WATCHER
    now = server.standing(alice)
    assert now is not None
    assert now.role is Role.WATCHER
    place.editor.set_hash("alice", "another")
    assert server.check_cookie(cookie) is None
    assert server.standing(alice) is None


async def test_a_user_who_is_removed_is_gone_also_by_the_links_they_made(place: Place) -> None:
    place.editor.add("alice", password_hash=hash_password("correct horse"), role="member")
    server = place.start("password", store := place.store())
    store.claim(WORK, "alice")
    _, secret = store.create(
        WORK, role=Role.WRITER, name="guest", made_by="alice", expires=None, max_uses=None
    )
    guest = server.redeem_share(secret)
    assert guest is not None
    assert server.standing(guest) == guest
    place.editor.remove("alice")
    server.refresh()
    assert server.standing(guest) is None
    assert server.redeem_share(secret) is None


@pytest.mark.parametrize("mode", ["password", "proxy"])
def test_a_link_ends_when_whoever_made_it_owns_the_session_no_more(
    place: Place, mode: AuthMode
) -> None:
    place.editor.add("alice", password_hash=None, role="owner")
    place.editor.add("bob", password_hash=None, role="member")
    server = place.start(mode, store := place.store())
    store.claim(WORK, "bob")
    links = [
        store.create(WORK, role=Role.WRITER, name="g", made_by=name, expires=None, max_uses=None)
        for name in ("alice", "bob")
    ]
    by_alice, by_bob = [server.redeem_share(secret) for _, secret in links]
    assert by_alice is not None
    assert by_bob is not None
    place.editor.set_role("alice", "writer")
    server.refresh()
    assert server.standing(by_alice) is None
    assert server.standing(by_bob) == by_bob
    assert server.redeem_share(links[0][1]) is None
    store.release(WORK)
    assert server.standing(by_bob) is None


async def test_passwords_are_of_no_use_in_another_mode(place: Place) -> None:
    place.editor.add("alice", password_hash=hash_password("correct horse"), role="owner")
    assert await place.start("token").check_password("alice", "correct horse") is None


@pytest.mark.parametrize("name", ["", "owner", "guest:1", "a\tb", "x" * 129, " a"])
def test_nobody_can_be_vouched_for_under_a_name_that_is_none(place: Place, name: str) -> None:
    assert place.start("proxy").vouched(name) is None


def test_whom_a_proxy_vouches_for_has_the_role_of_the_users_file(place: Place) -> None:
    server = place.start("proxy")
    alice = server.vouched("alice@example.org")
    assert alice == Identity("alice@example.org", "alice@example.org", None)
    place.editor.add("alice@example.org", password_hash=None, role="watcher")
    server.refresh()
    assert server.standing(alice) == Identity(
        "alice@example.org", "alice@example.org", Role.WATCHER
    )
    assert place.start("token").vouched("alice@example.org") is None


def test_where_nobody_shows_who_they_are_everybody_is_the_owner(place: Place) -> None:
    server = place.start("none")
    anybody = server.anybody()
    assert anybody == OWNER
    cookie = server.issue_cookie(anybody)
    assert server.check_cookie(cookie) == OWNER
    assert place.start("token").anybody() is None
    assert place.start("token").check_cookie(cookie) is None


# --- logins


def test_a_login_outlives_a_restart_of_the_server(place: Place) -> None:
    first = place.start()
    cookie = first.issue_cookie(owner(first, place.token))
    assert place.start().check_cookie(cookie) == OWNER


def test_a_login_that_is_revoked_is_gone_after_a_restart_too(place: Place) -> None:
    server = place.start()
    cookie = server.issue_cookie(owner(server, place.token))
    identity = server.check_cookie(cookie)
    assert identity is not None
    server.revoke_cookie(cookie)
    server.revoke_cookie(cookie)
    assert server.check_cookie(cookie) is None
    assert server.standing(identity) is None
    assert place.start().check_cookie(cookie) is None


def test_a_login_ends_with_its_lifetime_however_much_it_is_used(place: Place) -> None:
    server = place.start()
    cookie = server.issue_cookie(owner(server, place.token))
    step = LOGIN_IDLE - 1
    for _ in range(int(LOGIN_LIFETIME / step)):
        place.clock.advance(step)
        assert server.check_cookie(cookie) == OWNER
    place.clock.advance(LOGIN_LIFETIME % step)
    assert server.check_cookie(cookie) is None


def test_a_login_that_nobody_uses_ends_earlier(place: Place) -> None:
    server = place.start()
    cookie = server.issue_cookie(owner(server, place.token))
    place.clock.advance(LOGIN_IDLE - 1)
    identity = server.check_cookie(cookie)
    assert identity == OWNER
    place.clock.advance(LOGIN_IDLE - 1)
    assert server.standing(identity) == OWNER  # a connection that is open uses it
    place.clock.advance(LOGIN_IDLE)
    assert server.standing(identity) is None


def test_a_clock_that_is_set_back_does_not_prolong_a_login(place: Place) -> None:
    server = place.start()
    cookie = server.issue_cookie(owner(server, place.token))
    place.clock.now -= 3600
    assert server.check_cookie(cookie) is None


def test_neither_cookie_nor_token_is_on_disk(place: Place) -> None:
    server = place.start()
    cookie = server.issue_cookie(owner(server, place.token))
    kept = b"".join(path.read_bytes() for path in place.folder.glob("access.db*"))
    assert b"owner" in kept
    assert cookie.encode() not in kept
    assert place.token.encode() not in kept
    assert {oct(path.stat().st_mode & 0o777) for path in place.folder.glob("access.db*")} == {
        "0o600"
    }


def test_the_cookie_is_new_each_time_and_can_stand_in_a_header(place: Place) -> None:
    server = place.start(store=place.store_in_memory())
    identity = owner(server, place.token)
    first, second = (server.issue_cookie(identity) for _ in range(2))
    assert first != second
    assert set(first) <= set(  # RFC 6265 section 4.1.1, cookie-octet
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"
    )


@given(st.text())
def test_nothing_else_is_a_cookie_a_ticket_or_a_link(value: str) -> None:
    with closing(AccessStore()) as store:
        server = Authentication("token", store=store, token=Token(TOKEN))
        server.issue_cookie(owner(server, TOKEN))
        assert server.check_cookie(value) is None
        assert server.redeem_ticket(value) is None
        assert server.redeem_share(value) is None


def test_logins_are_limited_and_the_one_unused_for_longest_gives_way(place: Place) -> None:
    server = place.start(store=place.store_in_memory())
    users = [Identity(f"user{number}", "user", grounds=()) for number in range(20)]
    oldest, second = (server.issue_cookie(user) for user in users[:2])
    place.clock.advance(100)
    assert server.check_cookie(oldest) is not None
    for number in range(MAX_LOGINS - 1):
        server.issue_cookie(users[number % 20])
    assert server.check_cookie(second) is None
    assert server.check_cookie(oldest) is not None


def test_nobody_logs_others_out_by_logging_in_again_and_again(place: Place) -> None:
    store = place.store_in_memory()
    server = place.start(store=store)
    mine = server.issue_cookie(owner(server, place.token))
    _, secret = share(store)
    place.clock.advance(30)
    guests = []
    for _ in range(MAX_LOGINS_OF_ONE + 5):
        guest = server.redeem_share(secret)
        assert guest is not None
        guests.append(server.issue_cookie(guest))
    assert server.check_cookie(mine) == OWNER
    assert [server.check_cookie(guest) is None for guest in (guests[4], guests[5])] == [True, False]


# --- tickets


def test_a_ticket_is_good_once_and_shortly(place: Place) -> None:
    server = place.start()
    identity = owner(server, place.token)
    late, in_time = server.issue_ticket(identity), server.issue_ticket(identity)
    place.clock.advance(59)
    assert server.redeem_ticket(in_time) == OWNER
    assert server.redeem_ticket(in_time) is None
    place.clock.advance(1)
    assert server.redeem_ticket(late) is None


def test_a_ticket_is_no_token_and_no_cookie(place: Place) -> None:
    server = place.start()
    ticket = server.issue_ticket(owner(server, place.token))
    assert server.authenticate(ticket) is None
    assert server.check_cookie(ticket) is None


def test_tickets_are_limited_until_old_ones_end(place: Place) -> None:
    server = place.start()
    identity = owner(server, place.token)
    for _ in range(tickets.MAX_TICKETS):
        server.issue_ticket(identity)
    with pytest.raises(LimitReached):
        server.issue_ticket(identity)
    place.clock.advance(60)
    assert server.redeem_ticket(server.issue_ticket(identity)) == OWNER


def test_nobody_takes_all_tickets(place: Place) -> None:
    server = place.start(store=(store := place.store()))
    _, secret = share(store)

    def ticket_of_another_guest() -> str:
        guest = server.redeem_share(secret)
        assert guest is not None
        return server.issue_ticket(guest)

    issued = [ticket_of_another_guest() for _ in range(tickets.MAX_TICKETS_OF_ONE)]
    with pytest.raises(LimitReached, match="of one user"):
        ticket_of_another_guest()
    assert server.redeem_ticket(server.issue_ticket(owner(server, place.token))) == OWNER
    assert server.redeem_ticket(issued[0]) is not None
    ticket_of_another_guest()
    place.clock.advance(60)
    for _ in range(tickets.MAX_TICKETS_OF_ONE):
        ticket_of_another_guest()


# --- share links


def share(store: AccessStore, **options: object) -> tuple[str, str]:
    """Id and secret of a new link."""
    chosen = {
        "role": Role.WATCHER,
        "name": "guest",
        "made_by": "owner",
        "expires": None,
        "max_uses": None,
        **options,
    }
    made, secret = store.create(WORK, **chosen)  # type: ignore[arg-type]  # all have their type
    return made.id, secret


def test_a_link_lets_guests_into_one_session_in_one_role(place: Place) -> None:
    server = place.start(store=(store := place.store()))
    _, secret = share(store, role=Role.WRITER, name="Eve")
    first, second = server.redeem_share(secret), server.redeem_share(secret)
    assert first is not None
    assert second is not None
    assert first.id != second.id
    assert (first.name, first.role, first.session) == ("Eve", Role.WRITER, WORK)
    cookie = server.issue_cookie(first)
    assert server.check_cookie(cookie) == first
    assert server.redeem_ticket(server.issue_ticket(first)) == first


def test_a_link_is_used_up(place: Place) -> None:
    server = place.start(store=(store := place.store()))
    _, secret = share(store, max_uses=2)
    guest = server.redeem_share(secret)
    assert guest is not None
    assert server.redeem_share(secret) is not None
    assert server.redeem_share(secret) is None
    assert server.standing(guest) == guest  # who came in time may stay
    assert place.start().redeem_share(secret) is None


def test_a_link_expires_and_everybody_with_it(place: Place) -> None:
    server = place.start(store=(store := place.store()))
    share_id, secret = share(store, expires=place.clock.now + 60)
    guest = server.redeem_share(secret)
    assert guest is not None
    place.clock.advance(59)
    assert server.standing(guest) == guest
    place.clock.advance(1)
    assert server.standing(guest) is None
    assert server.redeem_share(secret) is None
    assert share_id not in [link.id for link in store.of(WORK)]


def test_another_process_revokes_a_link(place: Place) -> None:
    server = place.start(store=(store := place.store()))
    share_id, secret = share(store)
    guest = server.redeem_share(secret)
    assert guest is not None
    cookie = server.issue_cookie(guest)
    place.store().revoke(WORK, share_id)
    server.refresh()
    assert server.standing(guest) is None
    assert server.check_cookie(cookie) is None
    assert server.redeem_share(secret) is None


def test_another_process_makes_a_link(place: Place) -> None:
    server = place.start()
    _, secret = share(place.store())
    assert server.redeem_share(secret) is not None


def test_the_secret_of_a_link_is_not_on_disk(place: Place) -> None:
    share_id, secret = share(place.store())
    kept = b"".join(path.read_bytes() for path in place.folder.glob("access.db*"))
    assert share_id.encode() in kept
    assert secret.encode() not in kept


# --- who made which session


def test_a_session_is_made_while_nothing_can_be_written_and_noted_when_it_can(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_store, "BUSY_SECONDS", 0.0)
    store = place.store()
    with closing(sqlite3.connect(place.folder / "access.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # as good as a disk that is full
        store.claim(WORK, "alice")
        store.claim(SessionId("gone"), "alice")
        assert store.owner_of(WORK) == "alice"
        other.execute("ROLLBACK")
    store.release(SessionId("gone"))
    store.close()
    again = place.store()
    assert again.owner_of(WORK) == "alice"
    assert again.owner_of(SessionId("gone")) is None


def test_of_two_servers_the_first_says_who_made_a_session(place: Place) -> None:
    first, second = place.store(), place.store()
    first.claim(WORK, "alice")
    second.claim(WORK, "bob")
    assert second.owner_of(WORK) == first.owner_of(WORK) == "alice"
