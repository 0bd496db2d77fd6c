"""The users file: changed by commands, followed by a server that runs."""

import json
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptybridge.adapters.users import UserEditor, UserFileError, Users, is_user_name
from ptybridge.core.values import Role


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "users.json"


@pytest.fixture
def editor(path: Path) -> UserEditor:
    return UserEditor(path, wall_clock=lambda: 1_700_000_000.0)


def test_a_user_is_added_once_and_kept_in_a_private_file(editor: UserEditor, path: Path) -> None:
    editor.add("alice", password_hash="h", role="writer")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text()) == {
        "version": 1,
        "users": {"alice": {"hash": "h", "role": "writer", "created": 1_700_000_000}},
    }
    with pytest.raises(UserFileError, match="a user alice already"):
        editor.add("alice", password_hash="other", role="owner")
    assert editor.list()["alice"].hash == "h"


@pytest.mark.parametrize("name", ["", " a", "a ", "a:b", "owner", "a\nb", "\x1b[2J", "x" * 129])
def test_what_cannot_be_a_name_is_refused(editor: UserEditor, path: Path, name: str) -> None:
    with pytest.raises(UserFileError, match="cannot be a user's name"):
        editor.add(name, password_hash=None, role="member")
    assert not path.exists()


@given(st.text(max_size=200))
def test_a_name_has_nothing_that_marks_guests_or_breaks_lines(name: str) -> None:
    if is_user_name(name):
        assert name.isprintable()
        assert ":" not in name


def test_what_is_changed_is_followed(editor: UserEditor, path: Path) -> None:
    users = Users(path)
    assert len(users) == 0
    editor.add("alice", password_hash="h", role="member")
    assert users.get("alice") is None  # until it looks
    users.refresh()
    alice = users.get("alice")
    assert alice is not None
    assert alice.rank is None
    editor.set_role("alice", "watcher")
    editor.set_hash("alice", "h2")
    users.refresh()
    changed = users.get("alice")
    assert changed is not None
    assert changed.rank is Role.WATCHER
    assert changed.fingerprint != alice.fingerprint
    assert "h2" not in changed.fingerprint
    editor.remove("alice")
    users.refresh()
    assert users.get("alice") is None


@pytest.mark.parametrize("change", ["set_hash", "set_role", "remove"])
def test_a_user_who_is_not_there_cannot_be_changed(editor: UserEditor, change: str) -> None:
    arguments = {"set_hash": ("h",), "set_role": ("owner",), "remove": ()}[change]
    with pytest.raises(UserFileError, match="no user bob"):
        getattr(editor, change)("bob", *arguments)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("", id="empty"),
        pytest.param("{", id="broken"),
        pytest.param('{"version":2,"users":{}}', id="of-another-version"),
        pytest.param(
            '{"version":1,"users":{"a":{"hash":1,"role":"owner","created":1}}}', id="type"
        ),
        pytest.param('{"version":1,"users":{"a":{"hash":"","role":"god","created":1}}}', id="role"),
    ],
)
def test_a_damaged_file_is_refused_and_while_running_not_followed(
    editor: UserEditor, path: Path, content: str
) -> None:
    editor.add("alice", password_hash="h", role="owner")
    users = Users(path)
    path.write_text(content)
    with pytest.raises(UserFileError, match="damaged"):
        Users(path)
    users.refresh()
    assert users.get("alice") is not None
    with pytest.raises(UserFileError, match="damaged"):
        editor.remove("alice")
    assert path.read_text() == content


def test_a_file_that_others_may_read_is_refused(editor: UserEditor, path: Path) -> None:
    editor.add("alice", password_hash="h", role="owner")
    path.chmod(0o640)
    with pytest.raises(UserFileError, match="chmod 600"):
        Users(path)


def test_commands_at_the_same_time_lose_nothing(editor: UserEditor, path: Path) -> None:
    names = [f"user{number}" for number in range(12)]
    threads = [
        threading.Thread(
            target=editor.add, args=(name,), kwargs={"password_hash": "h", "role": "member"}
        )
        for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(editor.list()) == sorted(names)
