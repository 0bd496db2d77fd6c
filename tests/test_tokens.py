"""The token, and its file, which may change while the server runs."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptybridge.adapters.tokens import Token, TokenFileError, load_token, rotate_token

TOKEN = "a-token-for-tests-only"


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


# --- the token as it is now


@given(st.text())
def test_no_other_token_matches(text: str) -> None:
    assert Token(TOKEN).matches(text) == (text == TOKEN)


@pytest.mark.parametrize("token", ["", TOKEN[:-1], TOKEN + " ", TOKEN.upper(), "\udc80", "\x00"])
def test_a_token_that_is_nearly_right_is_wrong(token: str) -> None:
    assert not Token(TOKEN).matches(token)


def test_a_token_that_is_replaced_is_no_longer_good(tmp_path: Path) -> None:
    path = tmp_path / "token"
    token = Token.load(path)
    first, ground = path.read_text().strip(), token.ground
    token.refresh()
    assert token.matches(first)
    rotate_token(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    second = path.read_text().strip()
    assert second != first
    assert token.matches(first)  # until it looks
    token.refresh()
    assert token.matches(second)
    assert not token.matches(first)
    assert token.ground != ground


@pytest.mark.parametrize("damage", ["removed", "empty", "open-to-others"])
def test_a_file_that_becomes_unusable_leaves_the_old_token(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "token"
    token = Token.load(path)
    first = path.read_text().strip()
    match damage:
        case "removed":
            path.unlink()
        case "empty":
            path.write_text("")
        case _:
            rotate_token(path)
            path.chmod(0o644)
    token.refresh()
    assert token.matches(first)


def test_a_ground_says_nothing_of_the_token() -> None:
    assert TOKEN not in Token(TOKEN).ground
    assert Token(TOKEN).ground == Token(TOKEN).ground
    assert Token(TOKEN).ground != Token(TOKEN + "x").ground
