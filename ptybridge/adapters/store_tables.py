"""The tables of the store, and how sessions and messages stand in them."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from ptybridge.adapters.unwritten import Unwritten
from ptybridge.core.keeper import KeptSession
from ptybridge.core.recent import newest_of
from ptybridge.core.session import MAX_READERS
from ptybridge.core.session_events import ChatMessage, Outcome, Speaker, ToolUse
from ptybridge.core.values import ExitStatus

VERSION = 3
"""Of the tables (``PRAGMA user_version``)."""

_TABLES = """
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, created REAL NOT NULL, seq INTEGER NOT NULL,
    title TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
    session TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    id TEXT NOT NULL, speaker TEXT NOT NULL, author TEXT NOT NULL, text TEXT NOT NULL,
    time REAL NOT NULL, outcome TEXT, reply_to TEXT, is_prompt INTEGER NOT NULL, tools TEXT,
    PRIMARY KEY (session, number)
);
CREATE TABLE IF NOT EXISTS marks (
    session TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    member TEXT NOT NULL, number INTEGER NOT NULL, place INTEGER PRIMARY KEY,
    UNIQUE (session, member)
);
"""

_FROM_VERSION_1 = """
ALTER TABLE sessions ADD COLUMN title TEXT NOT NULL DEFAULT '';
ALTER TABLE messages RENAME TO old;
"""
_MOVED_FROM_VERSION_1 = """
INSERT INTO messages SELECT session,
    ROW_NUMBER() OVER (PARTITION BY session ORDER BY number),
    id, speaker, author, text, time, outcome, NULL, 0, NULL FROM old;
DROP TABLE old;
"""

_COLUMNS = "number, id, speaker, author, text, time, outcome, reply_to, is_prompt, tools"

_USE_BEFORE_VERSION_3 = 7
"""Values of a tool's use in the tables of versions 1 and 2."""

RESTORED_MESSAGES = 100
"""Messages of each session that are read at the start; older ones when somebody asks for them."""

RESTORED_CHARACTERS = 128 * 1024
"""Characters of text that they hold together, unless a single message has more."""


class UnknownVersion(Exception):
    """The tables are of another version of this program; the text is the version."""


def prepare(cursor: sqlite3.Cursor) -> None:
    """Make the tables, or bring older ones up to date, and set the database up.

    Raises:
        UnknownVersion: They are newer than this program, or none of its own.
    """
    (found,) = cursor.execute("PRAGMA user_version").fetchone()
    if found not in range(VERSION + 1):
        raise UnknownVersion(str(found))
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    before, after = (_FROM_VERSION_1, _MOVED_FROM_VERSION_1) if found == 1 else ("", "")
    cursor.executescript(
        f"BEGIN; {before} {_TABLES} {after} PRAGMA user_version = {VERSION}; COMMIT"
    )


def read_sessions(cursor: sqlite3.Cursor) -> list[KeptSession]:
    """All sessions, oldest first; answers that were running have failed."""
    cursor.execute("UPDATE messages SET outcome = 'failed' WHERE outcome IS NULL")
    sessions = cursor.execute(
        "SELECT id, created, seq, title FROM sessions ORDER BY created"
    ).fetchall()
    return [
        KeptSession(
            name,
            created,
            seq,
            read_messages(
                cursor, name, before=None, limit=RESTORED_MESSAGES, characters=RESTORED_CHARACTERS
            ),
            title,
            dict(
                cursor.execute(
                    "SELECT member, number FROM marks WHERE session = ? ORDER BY place", (name,)
                )
            ),
        )
        for name, created, seq, title in sessions
    ]


def write(cursor: sqlite3.Cursor, batch: Unwritten, *, max_messages: int) -> None:
    """Write a batch, in a transaction of the caller's; of a session the newest messages stay."""
    cursor.executemany("DELETE FROM sessions WHERE id = ?", [(name,) for name in batch.forgotten])
    cursor.executemany(
        "INSERT INTO sessions (id, created, seq) VALUES (?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET seq = excluded.seq",
        [(name, created, seq) for name, (created, seq) in batch.sessions.items()],
    )
    cursor.executemany(
        "UPDATE sessions SET title = ? WHERE id = ?",
        [(title, name) for name, title in batch.titles.items()],
    )
    known = {name for name in batch.messages if _is_known(cursor, name)}
    cursor.executemany(
        f"INSERT INTO messages (session, {_COLUMNS})"  # noqa: S608 - constants
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (session, number) DO UPDATE"
        " SET text = excluded.text, outcome = excluded.outcome, tools = excluded.tools",
        [
            (name, *_row(message))
            for name in known
            for message in batch.messages[name].messages.values()
        ],
    )
    for name in known:
        cursor.execute(
            "DELETE FROM messages WHERE session = ?1 AND number <="
            " (SELECT max(number) FROM messages WHERE session = ?1) - ?2",
            (name, max_messages),
        )
    for (name, member), number in batch.marks.items():
        if _is_known(cursor, name):
            cursor.execute(
                "INSERT OR REPLACE INTO marks (session, member, number) VALUES (?, ?, ?)",
                (name, member, number),
            )
            cursor.execute(
                "DELETE FROM marks WHERE session = ?1 AND place <= (SELECT place FROM marks"
                " WHERE session = ?1 ORDER BY place DESC LIMIT 1 OFFSET ?2)",
                (name, MAX_READERS),
            )


def _is_known(cursor: sqlite3.Cursor, session: str) -> bool:
    found = cursor.execute("SELECT 1 FROM sessions WHERE id = ?", (session,)).fetchone()
    return found is not None


def read_messages(
    cursor: sqlite3.Cursor, session: str, *, before: int | None, limit: int, characters: int
) -> list[ChatMessage]:
    """A session's newest messages, oldest first."""
    rows = cursor.execute(
        f"SELECT {_COLUMNS} FROM messages"  # noqa: S608 - constants
        " WHERE session = ?1 AND (?2 IS NULL OR number < ?2) ORDER BY number DESC LIMIT ?3",
        (session, before, limit),
    )
    return newest_of(map(_message, rows), limit=limit, characters=characters)


def _message(row: Sequence[Any]) -> ChatMessage:
    number, name, speaker, author, text, time, outcome, reply_to, is_prompt, tools = row
    return ChatMessage(
        name,
        cast(Speaker, speaker),
        author,
        text,
        time,
        cast(Outcome | None, outcome),
        reply_to,
        number,
        bool(is_prompt),
        tuple(map(_tool_use, json.loads(tools))) if tools else (),
    )


def _tool_use(columns: Sequence[Any]) -> ToolUse:
    """A tool's use, before version 3 without how it ended."""
    use = ToolUse(*columns[:_USE_BEFORE_VERSION_3])
    status = columns[_USE_BEFORE_VERSION_3:]
    return replace(use, status=ExitStatus(*status[0])) if status and status[0] else use


def _row(message: ChatMessage) -> tuple[object, ...]:
    """The columns of ``_COLUMNS``."""
    tools = [
        (
            *(use.call_id, use.tool, dict(use.input), use.needs_approval, use.approved),
            *(use.output, use.failed, use.status and (use.status.code, use.status.signal)),
        )
        for use in message.tools
    ]
    return (
        message.number,
        message.id,
        message.speaker,
        message.author,
        message.text,
        message.time,
        message.outcome,
        message.reply_to,
        message.is_prompt,
        json.dumps(tools) if tools else None,
    )
