"""The users file: names, password hashes and roles, changed by commands while the server runs."""

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import msgspec
import structlog

from ptybridge.adapters.private_files import (
    PrivateFileError,
    Stamp,
    read_private,
    stamp,
    write_private,
)
from ptybridge.core.identity import OWNER
from ptybridge.core.values import Role

MAX_FILE_BYTES = 16 * 1024 * 1024
"""Bytes of a users file that are read."""

MAX_NAME = 128
"""Characters that a user's name may have."""

RoleWord = Literal["owner", "writer", "watcher", "member"]
"""What a user is in the sessions of others; ``member``: nothing, but for share links."""

ROLE_WORDS: tuple[RoleWord, ...] = get_args(RoleWord)

_log = structlog.get_logger(__name__)


class UserFileError(Exception):
    """The users file cannot be used or changed; the text is one line that says why."""


def is_user_name(name: str) -> bool:
    """Whether somebody can be called so: one to 128 printable characters without ``:``.

    A colon marks the guests of share links, and ``owner`` is whoever holds the token.
    """
    return (
        0 < len(name) <= MAX_NAME
        and name.isprintable()
        and name == name.strip()
        and ":" not in name
        and name != OWNER.id
    )


class User(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One user as the file has it.

    Attributes:
        hash: Of the password, in argon2's own notation; None: no password is right.
        role: What they are in the sessions of others.
        created: When they were added, in seconds since the Unix epoch.
    """

    hash: str | None
    role: RoleWord
    created: int

    @property
    def rank(self) -> Role | None:
        """The role in every session; None where there is none."""
        return None if self.role == "member" else Role[self.role.upper()]

    @property
    def fingerprint(self) -> str:
        """Changes with the password."""
        return hashlib.sha256((self.hash or "").encode()).hexdigest()[:32]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    version: Literal[1]
    users: dict[str, User]


def _load(path: Path) -> dict[str, User]:
    if not os.path.lexists(path):
        return {}
    try:
        content = read_private(path, limit=MAX_FILE_BYTES)
    except PrivateFileError as error:
        raise UserFileError(str(error)) from error
    try:
        return msgspec.json.decode(content, type=_File).users
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UserFileError(f"{path}: it is damaged; restore it, or remove it") from error


class Users:
    """The users as the file has them now; see ``core.ports.Authenticator.refresh``."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            UserFileError: It cannot be read, is open to others, or is damaged.
        """
        self._path = path
        self._stamp: Stamp | None = stamp(path)
        self._users: Mapping[str, User] = _load(path)

    def __len__(self) -> int:
        return len(self._users)

    def get(self, name: str) -> User | None:
        """The user of that name."""
        return self._users.get(name)

    def refresh(self) -> None:
        """Follow the file; while it is unusable, what it said before stays."""
        found = stamp(self._path)
        if found == self._stamp:
            return
        self._stamp = found
        try:
            self._users = _load(self._path)
        except UserFileError as error:
            _log.warning("the users file cannot be used; the old one stays", reason=str(error))


@dataclass(slots=True)
class UserEditor:
    """Changes the file, for commands: one at a time, and never in halves."""

    path: Path
    wall_clock: Callable[[], float] = time.time

    def list(self) -> dict[str, User]:
        """All users by name.

        Raises:
            UserFileError: The file cannot be read.
        """
        return _load(self.path)

    def add(self, name: str, *, password_hash: str | None, role: RoleWord) -> None:
        """Add a user.

        Raises:
            UserFileError: There is one of that name, or it cannot be one.
        """
        with self._editing() as users:
            self._check_new(users, name)
            users[name] = User(password_hash, role, int(self.wall_clock()))

    def set_hash(self, name: str, password_hash: str) -> None:
        """Change a password; logins with the old one end.

        Raises:
            UserFileError: There is no such user.
        """
        with self._editing() as users:
            users[name] = msgspec.structs.replace(self._known(users, name), hash=password_hash)

    def set_role(self, name: str, role: RoleWord) -> None:
        """Change a role; it holds for connections that are open, too.

        Raises:
            UserFileError: There is no such user.
        """
        with self._editing() as users:
            users[name] = msgspec.structs.replace(self._known(users, name), role=role)

    def remove(self, name: str) -> None:
        """Remove a user; their logins and connections end.

        Raises:
            UserFileError: There is no such user.
        """
        with self._editing() as users:
            self._known(users, name)
            del users[name]

    def check_new(self, name: str) -> None:
        """Make sure that a user of that name could be added.

        Raises:
            UserFileError: See ``add``.
        """
        self._check_new(self.list(), name)

    def check_known(self, name: str) -> None:
        """Make sure that there is a user of that name.

        Raises:
            UserFileError: There is none.
        """
        self._known(self.list(), name)

    @staticmethod
    def _check_new(users: Mapping[str, User], name: str) -> None:
        if not is_user_name(name):
            raise UserFileError(
                f"{name!r} cannot be a user's name: 1 to {MAX_NAME} printable characters "
                f"without a colon, and not {OWNER.id!r}"
            )
        if name in users:
            raise UserFileError(f"there is a user {name} already")

    @staticmethod
    def _known(users: dict[str, User], name: str) -> User:
        if name not in users:
            raise UserFileError(f"there is no user {name}")
        return users[name]

    @contextmanager
    def _editing(self) -> Iterator[dict[str, User]]:
        """The users to change, written back at the end; other commands wait meanwhile."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(f"{self.path}.lock", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UserFileError(f"{self.path}: cannot be changed ({error.strerror})") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            users = _load(self.path)
            yield users
            content = msgspec.json.format(msgspec.json.encode(_File(1, users)), indent=1)
            write_private(self.path, content + b"\n", replace=True)
        except PrivateFileError as error:
            raise UserFileError(str(error)) from error
        finally:
            os.close(lock)
