"""Logins, share links and who made which session: SQLite in the state directory.

Small tables that are read into memory and written through. Share links may be changed by a
command while the server runs; SQLite tells when that was (``PRAGMA data_version``).
"""

import os
import secrets
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from ptybridge.adapters.tokens import TOKEN_BYTES, digest_of
from ptybridge.core.errors import LimitReached, NotFound, Unavailable
from ptybridge.core.identity import Identity
from ptybridge.core.shares import MAX_SHARES, Share
from ptybridge.core.values import Role, SessionId

MAX_LOGINS = 10_000
"""Logins that are remembered; the one that was used longest ago gives way."""

MAX_LOGINS_OF_ONE = 1_000
"""Of them, one user's, or those by one share link, so that nobody logs the others out."""

MAX_RELATED_LOGINS = 100
"""Logins that came by tickets of one login, so that nobody drives out those of others."""

MAX_CLAIMS = 2_000
"""Sessions that one identity is remembered to have made; the oldest gives way."""

BUSY_SECONDS = 2.0
"""How long to wait for a command that is just writing."""

USED_SECONDS = 60.0
"""When a login was used is written down no more often than this."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS logins (
    digest BLOB PRIMARY KEY, identity TEXT NOT NULL, name TEXT NOT NULL, role INTEGER,
    session TEXT, grounds TEXT NOT NULL, issued REAL NOT NULL, used REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS shares (
    id TEXT PRIMARY KEY, digest BLOB NOT NULL UNIQUE, session TEXT NOT NULL,
    role INTEGER NOT NULL, name TEXT NOT NULL, made_by TEXT NOT NULL, created REAL NOT NULL,
    expires REAL, max_uses INTEGER, uses INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS owners (session TEXT PRIMARY KEY, identity TEXT NOT NULL) STRICT;
"""

_SHARE_COLUMNS = "id, session, role, name, made_by, created, expires, max_uses, uses"

_log = structlog.get_logger(__name__)


class AccessStoreError(Exception):
    """The database cannot be opened; the text is one line that names it and the way out."""


@dataclass(frozen=True, slots=True)
class Login:
    """One login: whom its cookie stands for, and since when.

    Attributes:
        identity: The identity's id.
        name: What others are shown.
        role: Its role in every session, if it has one.
        session: Its only session, if it came by a share link.
        grounds: What it was let in for.
        issued: When it began, in seconds since the Unix epoch.
        used: When it was used last.
    """

    identity: str
    name: str
    role: Role | None
    session: SessionId | None
    grounds: tuple[str, ...]
    issued: float
    used: float

    @property
    def account(self) -> str:
        """What it counts for; see ``Identity.account``."""
        return Identity(self.identity, self.name, grounds=self.grounds).account


class AccessStore:
    """Fulfils ``core.ports.Shares`` and ``core.ports.Owners``, and keeps logins."""

    def __init__(
        self, path: Path | None = None, *, wall_clock: Callable[[], float] = time.time
    ) -> None:
        """Open the database, made when missing; without a path it is in memory only.

        Raises:
            AccessStoreError: It cannot be made, opened or read.
        """
        self._wall_clock = wall_clock
        self._unwritten: dict[SessionId, None] = {}
        try:
            if path is not None:  # before SQLite does, so that nobody else can read it
                flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
                os.close(os.open(path, flags, 0o600))
            self._db = sqlite3.connect(
                path or ":memory:", timeout=BUSY_SECONDS, isolation_level=None
            )
            try:
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=NORMAL")
                self._db.executescript(_SCHEMA)
                self._version = self._data_version()
                self._logins = self._read_logins()
                self._by_account: defaultdict[str, dict[bytes, None]] = defaultdict(dict)
                for digest, login in self._logins.items():
                    self._by_account[login.account][digest] = None
                self._shares = self._read_shares()
                self._owners = self._read_owners()
            except sqlite3.Error:
                self._db.close()
                raise
        except (OSError, sqlite3.Error) as error:
            raise AccessStoreError(
                f"{path}: cannot be used ({error}); remove it, or set PTYBRIDGE_STATE_DIR"
            ) from error

    def close(self) -> None:
        """Close the database. Idempotent."""
        self._write_claims()
        self._unwritten.clear()
        self._db.close()

    def refresh(self) -> None:
        """Read the share links anew if another process has changed something."""
        version = self._data_version()
        if version != self._version:
            self._version = version
            self._shares = self._read_shares()

    def _data_version(self) -> int:
        version: int = self._db.execute("PRAGMA data_version").fetchone()[0]
        return version

    def _write(self, statement: str, values: Sequence[object]) -> None:
        """Write what must be on disk.

        Raises:
            Unavailable: It could not be written.
        """
        try:
            self._db.execute(statement, values)
        except sqlite3.Error as error:
            _log.error("the access database cannot be written", reason=str(error))
            raise Unavailable("the server cannot write to its state directory") from error

    # --- logins

    def _read_logins(self) -> dict[bytes, Login]:
        rows = self._db.execute("SELECT * FROM logins ORDER BY used").fetchall()
        return {
            digest: Login(
                identity,
                name,
                None if role is None else Role(role),
                None if session is None else SessionId(session),
                tuple(grounds.split("\n")) if grounds else (),
                issued,
                used,
            )
            for digest, identity, name, role, session, grounds, issued, used in rows
        }

    def add_login(self, login: Login) -> str:
        """Keep a login; its secret, of which only a digest is kept."""
        self._make_room(self._by_account[login.account], MAX_LOGINS_OF_ONE)
        self._make_room(self._logins, MAX_LOGINS)
        first = login.grounds[:1]
        if first and first[0].startswith("login:"):
            related = [digest for digest, of in self._logins.items() if of.grounds[:1] == first]
            self._make_room(related, MAX_RELATED_LOGINS)
        secret = secrets.token_urlsafe(TOKEN_BYTES)
        digest = digest_of(secret)
        self._logins[digest] = login
        self._by_account[login.account][digest] = None
        values = (
            digest,
            login.identity,
            login.name,
            login.role,
            login.session,
            "\n".join(login.grounds),
            login.issued,
            login.used,
        )
        with suppress(Unavailable):  # then it lasts as long as the server
            self._write("INSERT INTO logins VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
        return secret

    def _make_room(self, digests: Collection[bytes], limit: int) -> None:
        """Of so many logins, have one give way to the next if it needs the room."""
        if len(digests) >= limit:
            self.drop_login(min(digests, key=lambda digest: self._logins[digest].used))

    def login(self, digest: bytes) -> Login | None:
        """The login whose secret has that digest."""
        return self._logins.get(digest)

    def touch_login(self, digest: bytes) -> None:
        """Note that a login is in use."""
        login, now = self._logins[digest], self._wall_clock()
        if now - login.used >= USED_SECONDS:
            self._logins[digest] = replace(login, used=now)
            with suppress(Unavailable):
                self._write("UPDATE logins SET used = ? WHERE digest = ?", (now, digest))

    def drop_login(self, digest: bytes) -> None:
        """End a login. Idempotent."""
        if (login := self._logins.pop(digest, None)) is not None:
            self._by_account[login.account].pop(digest, None)
            if not self._by_account[login.account]:
                del self._by_account[login.account]
            with suppress(Unavailable):
                self._write("DELETE FROM logins WHERE digest = ?", (digest,))

    # --- share links

    def _read_shares(self) -> dict[str, Share]:
        query = f"SELECT {_SHARE_COLUMNS} FROM shares ORDER BY created"  # noqa: S608 - constants
        rows = self._db.execute(query).fetchall()
        return {row[0]: _share(row) for row in rows}

    def create(
        self,
        session: SessionId,
        *,
        role: Role,
        name: str,
        made_by: str,
        expires: float | None,
        max_uses: int | None,
    ) -> tuple[Share, str]:
        """Make a link; see ``core.ports.Shares``."""
        now = self._wall_clock()
        for old in [share for share in self._shares.values() if share.is_over(now)]:
            self._drop_share(old.id)
        if sum(1 for share in self._shares.values() if share.session == session) >= MAX_SHARES:
            raise LimitReached("share links of a session", MAX_SHARES)
        secret = secrets.token_urlsafe(TOKEN_BYTES)
        share = Share(secrets.token_hex(6), session, role, name, made_by, now, expires, max_uses, 0)
        values = (
            share.id,
            digest_of(secret),
            session,
            role,
            name,
            made_by,
            now,
            expires,
            max_uses,
            0,
        )
        self._write("INSERT INTO shares VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        self._shares[share.id] = share
        return share, secret

    def of(self, session: SessionId) -> list[Share]:
        """The links of a session that have not expired, oldest first."""
        now = self._wall_clock()
        return [
            share
            for share in self._shares.values()
            if share.session == session and not share.is_over(now)
        ]

    def share(self, share_id: str) -> Share | None:
        """The link of that id, if it has neither been revoked nor expired."""
        share = self._shares.get(share_id)
        return None if share is None or share.is_over(self._wall_clock()) else share

    def use_share(self, secret: str) -> Share | None:
        """Spend one use of the link with that secret; None if that is not possible."""
        values = (digest_of(secret), self._wall_clock())
        query = f"""UPDATE shares SET uses = uses + 1 WHERE digest = ?
            AND (expires IS NULL OR expires > ?) AND (max_uses IS NULL OR uses < max_uses)
            RETURNING {_SHARE_COLUMNS}"""  # noqa: S608 - constants
        try:
            with closing(self._db.execute(query, values)) as cursor:
                rows = cursor.fetchall()
        except sqlite3.Error as error:
            _log.error("the access database cannot be written", reason=str(error))
            raise Unavailable("the server cannot write to its state directory") from error
        if not rows:
            return None
        share = _share(rows[0])
        self._shares[share.id] = share
        return share

    def revoke(self, session: SessionId, share_id: str) -> None:
        """End a link; see ``core.ports.Shares``."""
        share = self._shares.get(share_id)
        if share is None or share.session != session:
            raise NotFound("share link", share_id if share_id.isalnum() else "(not a name)")
        self._drop_share(share_id)

    def _drop_share(self, share_id: str) -> None:
        self._write("DELETE FROM shares WHERE id = ?", (share_id,))
        del self._shares[share_id]

    # --- who made which session

    def _read_owners(self) -> dict[SessionId, str]:
        rows = self._db.execute("SELECT session, identity FROM owners ORDER BY rowid").fetchall()
        return {SessionId(session): identity for session, identity in rows}

    def owner_of(self, session: SessionId) -> str | None:
        """The id of the identity that made it; None if nobody has."""
        return self._owners.get(session)

    def claim(self, session: SessionId, identity_id: str) -> None:
        """Remember who made it; see ``core.ports.Owners``."""
        if session in self._owners:
            return
        claims = [name for name, owner in self._owners.items() if owner == identity_id]
        if len(claims) >= MAX_CLAIMS:
            with suppress(Unavailable):
                self.release(claims[0])
        self._owners[session] = identity_id
        self._unwritten[session] = None
        self._write_claims()

    def _write_claims(self) -> None:
        """Write down who made which session; where another server was faster, its word counts.

        What a full disk does not take is tried again with the next one and at the end: who comes
        to make room on that disk needs a session.
        """
        for session in tuple(self._unwritten):
            values = (session, self._owners[session])
            try:
                self._db.execute("INSERT OR IGNORE INTO owners VALUES (?, ?)", values)
                query = "SELECT identity FROM owners WHERE session = ?"
                (owner,) = self._db.execute(query, (session,)).fetchone()
            except sqlite3.Error as error:
                _log.error("the access database cannot be written", reason=str(error))
                return
            self._owners[session] = owner
            del self._unwritten[session]

    def release(self, session: SessionId) -> None:
        """Forget who made it, and its links. Idempotent."""
        self._write("DELETE FROM owners WHERE session = ?", (session,))
        self._write("DELETE FROM shares WHERE session = ?", (session,))
        self._owners.pop(session, None)
        self._unwritten.pop(session, None)
        self._shares = {
            share.id: share for share in self._shares.values() if share.session != session
        }


def _share(row: Sequence[object]) -> Share:
    share_id, session, role, name, made_by, created, expires, max_uses, uses = row
    return Share(
        id=str(share_id),
        session=SessionId(str(session)),
        role=Role(int(str(role))),
        name=str(name),
        made_by=str(made_by),
        created=created,  # type: ignore[arg-type]  # the table is STRICT
        expires=expires,  # type: ignore[arg-type]
        max_uses=max_uses,  # type: ignore[arg-type]
        uses=uses,  # type: ignore[arg-type]
    )
