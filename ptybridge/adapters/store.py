"""Sessions and their messages in SQLite, written by a thread of its own.

What is to be kept is gathered and written together: at once where an answer has ended, within a
second while it runs. A disk that is full is said once, and all goes on in memory; what could not
be written is tried again with what comes next.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self, cast

from ptybridge.core.chat import MAX_MESSAGES
from ptybridge.core.session_events import ChatMessage, Outcome, Speaker

SOON = 0.02
"""Seconds in which what has ended is gathered."""

RUNNING = 1.0
"""Seconds in which what goes on is gathered."""

REST = 9.0
"""How many times as long as a write took nothing is written: it takes a tenth of a core at most."""

VERSION = 1
"""Of the tables (``PRAGMA user_version``)."""

_TABLES = """
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, created REAL NOT NULL, seq INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
    number INTEGER PRIMARY KEY,
    session TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    id TEXT NOT NULL, speaker TEXT NOT NULL, author TEXT NOT NULL, text TEXT NOT NULL,
    time REAL NOT NULL, outcome TEXT, UNIQUE (session, id)
);
"""


class StoreError(Exception):
    """The store cannot be opened; the text is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A session from before.

    Attributes:
        id: Its name.
        created: When it was made, in seconds since the Unix epoch.
        seq: The last number that its events may have had.
        messages: Its newest messages, oldest first.
    """

    id: str
    created: float
    seq: int
    messages: list[ChatMessage]


@dataclass(slots=True)
class _Batch:
    """What is to be written together: of each session its newest messages, as many as are kept."""

    sessions: dict[str, tuple[float, int]] = field(default_factory=dict)
    messages: dict[str, dict[str, ChatMessage]] = field(default_factory=dict)
    forgotten: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.sessions or self.messages or self.forgotten)

    def add(self, session: str, message: ChatMessage) -> None:
        """Write ``message``, too, in the place of an earlier form of it."""
        messages = self.messages.setdefault(session, {})
        messages[message.id] = message
        if len(messages) > MAX_MESSAGES:
            del messages[next(iter(messages))]

    def absorb(self, older: "_Batch") -> None:
        """Take over what an older batch could not write, unless it is newer here."""
        self.sessions = {**older.sessions, **self.sessions}
        newer, self.messages = self.messages, older.messages
        for session, messages in newer.items():
            for message in messages.values():
                self.add(session, message)
        self.forgotten |= older.forgotten - self.sessions.keys()


class SqliteStore:
    """A `ptybridge.core.chat.Keeper`, for a running event loop."""

    def __init__(self, path: Path, *, on_trouble: Callable[[str], None]) -> None:
        """``on_trouble`` is told once when writing begins to fail.

        Raises:
            StoreError: The file cannot be opened or is none of this program's.
        """
        self._path = path
        self._on_trouble = on_trouble
        self._is_in_trouble = False
        self._loop = asyncio.get_running_loop()
        self._batch = _Batch()
        self._timer: asyncio.TimerHandle | None = None
        self._rests_until = 0.0
        self._is_writing = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        try:
            path.touch(mode=0o600)
            self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            with closing(self._database.cursor()) as cursor:
                (found,) = cursor.execute("PRAGMA user_version").fetchone()
                if found not in {0, VERSION}:
                    raise StoreError(
                        f"store.path: {path} is of version {found}, not {VERSION}; set another"
                    )
                cursor.execute("PRAGMA journal_mode = WAL")
                cursor.execute("PRAGMA synchronous = NORMAL")
                cursor.execute("PRAGMA foreign_keys = ON")
                cursor.executescript(_TABLES)
                cursor.execute(f"PRAGMA user_version = {VERSION}")
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"store.path: {path} cannot be used ({error}); set another, or remove it"
            ) from error

    # --- of `Keeper`

    def reserve(self, session: str, created: float, seq: int) -> None:
        """Note that a session exists, and that it may number its events up to ``seq``."""
        self._batch.forgotten.discard(session)
        self._batch.sessions[session] = (created, seq)
        self._write_in(SOON)

    def forget(self, session: str) -> None:
        """Drop all that is kept of a session."""
        self._batch.sessions.pop(session, None)
        self._batch.messages.pop(session, None)
        self._batch.forgotten.add(session)
        self._write_in(SOON)

    def keep(self, session: str, message: ChatMessage, seq: int) -> None:
        """Keep ``message`` as it is now, in the place of an earlier form of it."""
        self._batch.add(session, message)
        self._write_in(RUNNING if message.outcome is None else SOON)

    # --- reading

    def load(self) -> list[Kept]:
        """All sessions, oldest first; answers that were running have failed."""
        with closing(self._database.cursor()) as cursor:
            cursor.execute("UPDATE messages SET outcome = 'failed' WHERE outcome IS NULL")
            sessions = cursor.execute(
                "SELECT id, created, seq FROM sessions ORDER BY created"
            ).fetchall()
            return [
                Kept(name, created, seq, self._messages(cursor, name))
                for name, created, seq in sessions
            ]

    @staticmethod
    def _messages(cursor: sqlite3.Cursor, session: str) -> list[ChatMessage]:
        rows = cursor.execute(
            "SELECT id, speaker, author, text, time, outcome FROM messages WHERE session = ?"
            " ORDER BY number DESC LIMIT ?",
            (session, MAX_MESSAGES),
        )
        return [
            ChatMessage(
                name, cast(Speaker, speaker), author, text, time, cast(Outcome | None, outcome)
            )
            for name, speaker, author, text, time, outcome in reversed(rows.fetchall())
        ]

    # --- writing

    def _write_in(self, seconds: float) -> None:
        """Write what waits in so long, or when the store has rested."""
        if self._is_writing:
            return
        when = max(self._loop.time() + seconds, self._rests_until)
        if self._timer is not None:
            if self._timer.when() <= when:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._hand_over)

    def _hand_over(self) -> None:
        self._timer = None
        if self._batch:
            batch, self._batch = self._batch, _Batch()
            self._is_writing = True
            future = self._loop.run_in_executor(self._thread, self._write, batch)
            future.add_done_callback(partial(self._written, batch, self._loop.time()))

    def _written(self, batch: _Batch, began: float, done: asyncio.Future[None]) -> None:
        self._is_writing = False
        now = self._loop.time()
        self._rests_until = now + min(REST * (now - began), RUNNING)
        if self._batch:
            self._write_in(SOON)
        error = done.exception()
        if error is None:
            self._is_in_trouble = False
            return
        self._batch.absorb(batch)
        if not self._is_in_trouble:
            self._is_in_trouble = True
            self._on_trouble(f"sessions cannot be written to {self._path}: {error}")

    def _write(self, batch: _Batch) -> None:
        """Write a batch as one transaction; runs in the store's thread."""
        with closing(self._database.cursor()) as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            try:
                for name in batch.forgotten:
                    cursor.execute("DELETE FROM sessions WHERE id = ?", (name,))
                cursor.executemany(
                    "INSERT INTO sessions VALUES (?, ?, ?)"
                    " ON CONFLICT (id) DO UPDATE SET seq = excluded.seq",
                    [(name, created, seq) for name, (created, seq) in batch.sessions.items()],
                )
                cursor.executemany(
                    "INSERT INTO messages (session, id, speaker, author, text, time, outcome)"
                    " SELECT ?, ?, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM sessions WHERE id = ?)"
                    " ON CONFLICT (session, id) DO UPDATE"
                    " SET text = excluded.text, outcome = excluded.outcome",
                    [
                        (name, key, m.speaker, m.author, m.text, m.time, m.outcome, name)
                        for name, messages in batch.messages.items()
                        for key, m in messages.items()
                    ],
                )
                for name in batch.messages:
                    cursor.execute(
                        "DELETE FROM messages WHERE session = ?1 AND number <= ("
                        " SELECT number FROM messages WHERE session = ?1"
                        " ORDER BY number DESC LIMIT 1 OFFSET ?2)",
                        (name, MAX_MESSAGES),
                    )
                cursor.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    cursor.execute("ROLLBACK")
                raise

    async def __aenter__(self) -> Self:
        """Use it until the block ends."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Write what waits, and close."""
        if self._timer is not None:
            self._timer.cancel()
        self._hand_over()
        await self._loop.run_in_executor(self._thread, self._database.close)
        self._thread.shutdown()
