"""The token's file, and what stands in for the token, with clocks that the test moves."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptybridge.adapters import tokens
from ptybridge.adapters.tokens import OWNER, TokenAuthenticator, TokenFileError, load_token
from ptybridge.core.errors import LimitReached
from tests.fakes import ManualClock

TOKEN = "a-token-for-tests-only"
TICKET_LIFETIME = 60.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def authenticator(clock: ManualClock) -> TokenAuthenticator:
    return make(clock)


def make(clock: ManualClock, token: str = TOKEN) -> TokenAuthenticator:
    return TokenAuthenticator(
        token, ticket_lifetime=TICKET_LIFETIME, clock=clock.time, wall_clock=clock.time
    )


def token_file(folder: Path, content: bytes = TOKEN.encode() + b"\n", mode: int = 0o600) -> Path:
    path = folder / "token"
    path.write_bytes(content)
    path.chmod(mode)
    return path


# --- the file


def test_the_first_start_makes_a_token_that_only_its_owner_can_read(tmp_path: Path) -> None:
    path = tmp_path / "state" / "token"
    token = load_token(path)
    assert len(token) == 43  # 32 bytes in base64url without padding (RFC 4648 section 5)
    assert path.read_text() == token + "\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_making_a_token_leaves_nothing_beside_it(tmp_path: Path) -> None:
    load_token(tmp_path / "token")
    assert [path.name for path in tmp_path.iterdir()] == ["token"]


def test_the_mode_does_not_depend_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        load_token(tmp_path / "state" / "token")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "state" / "token").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_the_next_start_has_the_same_token(tmp_path: Path) -> None:
    assert load_token(tmp_path / "token") == load_token(tmp_path / "token")


def test_two_servers_make_two_tokens(tmp_path: Path) -> None:
    assert load_token(tmp_path / "one") != load_token(tmp_path / "two")


def test_a_token_of_the_operator_s_own_is_taken(tmp_path: Path) -> None:
    assert load_token(token_file(tmp_path)) == TOKEN


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644])
def test_a_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = token_file(tmp_path, mode=mode)
    with pytest.raises(TokenFileError, match=f"chmod 600 {path}"):
        load_token(path)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b" \n\n", id="blank"),
        pytest.param(b"guess-me\n", id="short"),
        pytest.param(b"sixteen letters and more", id="words"),
        pytest.param("fünfzehn-und-noch-eins".encode(), id="not-ascii"),
        pytest.param(b"\xff\xfe" * 20, id="not-text"),
        pytest.param(b"\x1b[2J-and-sixteen-more", id="control-characters"),
    ],
)
def test_a_file_without_a_usable_token_is_refused(tmp_path: Path, content: bytes) -> None:
    path = token_file(tmp_path, content)
    with pytest.raises(TokenFileError, match="remove it to have a new one made") as refusal:
        load_token(path)
    assert str(path) in str(refusal.value)
    assert "guess-me" not in str(refusal.value)
    assert path.read_bytes() == content


def test_a_symbolic_link_is_refused_and_not_followed(tmp_path: Path) -> None:
    target = token_file(tmp_path)
    link = tmp_path / "link"
    link.symlink_to(target)
    with pytest.raises(TokenFileError, match="a symbolic link"):
        load_token(link)


def test_a_dangling_link_is_refused_and_its_target_not_made(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "target")
    with pytest.raises(TokenFileError, match="a symbolic link"):
        load_token(link)
    assert not (tmp_path / "target").exists()


def test_a_fifo_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "token", 0o600)
    with pytest.raises(TokenFileError, match="no usable token"):
        load_token(tmp_path / "token")


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "token"
    with pytest.raises(TokenFileError, match=r"cannot be made .*auth\.tokenFile") as refusal:
        load_token(path)
    assert str(path) in str(refusal.value)


# --- the token


def test_the_token_is_the_owner_s(authenticator: TokenAuthenticator) -> None:
    assert authenticator.authenticate(TOKEN) == OWNER


@given(st.text())
def test_no_other_token_is_anybody_s(token: str) -> None:
    identity = make(ManualClock()).authenticate(token)
    assert (identity == OWNER) == (token == TOKEN)


@pytest.mark.parametrize("token", ["", TOKEN[:-1], TOKEN + " ", TOKEN.upper(), "\udc80", "\x00"])
def test_a_token_that_is_nearly_right_is_wrong(
    authenticator: TokenAuthenticator, token: str
) -> None:
    assert authenticator.authenticate(token) is None


# --- cookies


def test_a_cookie_outlives_a_restart_of_the_server(clock: ManualClock) -> None:
    cookie = make(clock).issue_cookie(OWNER)
    assert make(clock).check_cookie(cookie) == OWNER


def test_a_cookie_ends_with_its_token(clock: ManualClock) -> None:
    cookie = make(clock).issue_cookie(OWNER)
    assert make(clock, token="another-token-for-tests").check_cookie(cookie) is None


def test_a_cookie_ends_with_its_lifetime(
    authenticator: TokenAuthenticator, clock: ManualClock
) -> None:
    cookie = authenticator.issue_cookie(OWNER)
    clock.advance(tokens.COOKIE_LIFETIME - 1)
    assert authenticator.check_cookie(cookie) == OWNER
    clock.advance(1)
    assert authenticator.check_cookie(cookie) is None


def test_a_cookie_from_the_future_is_refused(
    authenticator: TokenAuthenticator, clock: ManualClock
) -> None:
    clock.now += 100
    cookie = authenticator.issue_cookie(OWNER)
    clock.now -= 50
    assert authenticator.check_cookie(cookie) is None


def test_two_cookies_differ_and_neither_holds_the_token(authenticator: TokenAuthenticator) -> None:
    first, second = (authenticator.issue_cookie(OWNER) for _ in range(2))
    assert first != second
    assert TOKEN not in first


def test_a_cookie_can_stand_in_a_header_as_it_is(authenticator: TokenAuthenticator) -> None:
    cookie = authenticator.issue_cookie(OWNER)
    assert set(cookie) <= set(  # RFC 6265 section 4.1.1, cookie-octet
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"
    )


def test_no_character_of_a_cookie_can_be_changed(authenticator: TokenAuthenticator) -> None:
    cookie = authenticator.issue_cookie(OWNER)
    for index, character in enumerate(cookie):
        forged = cookie[:index] + ("0" if character != "0" else "1") + cookie[index + 1 :]
        assert authenticator.check_cookie(forged) is None
        assert authenticator.check_cookie(cookie[:index]) is None


@given(st.text())
def test_nothing_else_is_a_cookie(value: str) -> None:
    assert make(ManualClock()).check_cookie(value) is None


# --- tickets


def test_a_ticket_is_good_once(authenticator: TokenAuthenticator) -> None:
    ticket = authenticator.issue_ticket(OWNER)
    assert authenticator.redeem_ticket(ticket) == OWNER
    assert authenticator.redeem_ticket(ticket) is None


def test_a_ticket_ends_with_its_lifetime(
    authenticator: TokenAuthenticator, clock: ManualClock
) -> None:
    late, in_time = authenticator.issue_ticket(OWNER), authenticator.issue_ticket(OWNER)
    clock.advance(TICKET_LIFETIME - 1)
    assert authenticator.redeem_ticket(in_time) == OWNER
    clock.advance(1)
    assert authenticator.redeem_ticket(late) is None


@pytest.mark.parametrize("ticket", ["", TOKEN, "\udc80"])
def test_nothing_else_is_a_ticket(authenticator: TokenAuthenticator, ticket: str) -> None:
    authenticator.issue_ticket(OWNER)
    assert authenticator.redeem_ticket(ticket) is None


def test_a_ticket_is_no_token_and_no_cookie(authenticator: TokenAuthenticator) -> None:
    ticket = authenticator.issue_ticket(OWNER)
    assert authenticator.authenticate(ticket) is None
    assert authenticator.check_cookie(ticket) is None


def test_tickets_are_limited_until_old_ones_end(
    authenticator: TokenAuthenticator, clock: ManualClock
) -> None:
    for _ in range(tokens.MAX_TICKETS):
        authenticator.issue_ticket(OWNER)
    with pytest.raises(LimitReached):
        authenticator.issue_ticket(OWNER)
    clock.advance(TICKET_LIFETIME)
    assert authenticator.redeem_ticket(authenticator.issue_ticket(OWNER)) == OWNER
