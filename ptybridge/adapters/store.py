"""Sessions and their messages in SQLite, written by a thread of its own.

What is to be kept is gathered and written together: at once where an answer has ended, within a
second while it runs. A disk that is full is said once, and all goes on in memory; what could not
be written is tried again with what comes next.
"""

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Self

from ptybridge.adapters import store_tables
from ptybridge.adapters.unwritten import Unwritten
from ptybridge.core.errors import Unavailable
from ptybridge.core.keeper import KeptSession
from ptybridge.core.recent import MAX_MESSAGES
from ptybridge.core.session_events import ChatMessage

SOON = 0.02
"""Seconds in which what has ended is gathered."""

RUNNING = 1.0
"""Seconds in which what goes on is gathered."""

REST = 9.0
"""How many times as long as a write took nothing is written: it takes a tenth of a core at most."""


class StoreError(Exception):
    """The store cannot be opened; the text is one line that says what to do."""


class SqliteStore:
    """A `ptybridge.core.keeper.Keeper`, for a running event loop.

    Attributes:
        is_alone: No other server that runs writes to the same file: both number their messages,
            and what one writes would stand in the place of what the other wrote.
    """

    def __init__(
        self, path: Path, *, on_trouble: Callable[[str], None], max_messages: int = MAX_MESSAGES
    ) -> None:
        """``on_trouble`` is told once when writing begins to fail.

        Of each session the newest ``max_messages`` are kept.

        Raises:
            StoreError: The file cannot be opened or is none of this program's.
        """
        self._path = path
        self._on_trouble = on_trouble
        self._max_messages = max_messages
        self._is_in_trouble = False
        self._loop = asyncio.get_running_loop()
        self._batch = Unwritten()
        self._timer: asyncio.TimerHandle | None = None
        self._rests_until = 0.0
        self._is_writing = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        try:
            path.touch(mode=0o600)
            self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            try:
                with closing(self._database.cursor()) as cursor:
                    store_tables.prepare(cursor)
            except (sqlite3.Error, store_tables.UnknownVersion):
                self._database.close()
                raise
        except store_tables.UnknownVersion as error:
            raise StoreError(
                f"store.path: {path} is of version {error}, not {store_tables.VERSION}; set another"
            ) from error
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"store.path: {path} cannot be used ({error}); set another, or remove it"
            ) from error

        self._lock = _locked(Path(f"{path}.lock"))
        self.is_alone = self._lock is not None

    # --- of `Keeper`

    def reserve(self, session: str, created: float, seq: int) -> None:
        """Note that a session exists, and that it may number its events up to ``seq``."""
        self._batch.sessions[session] = (created, seq)
        self._write_in(SOON)

    def forget(self, session: str) -> None:
        """Drop all that is kept of a session."""
        self._batch.forget(session)
        self._write_in(SOON)

    def rename(self, session: str, title: str) -> None:
        """Note a session's title."""
        self._batch.titles[session] = title
        self._write_in(SOON)

    def mark_read(self, session: str, member: str, number: int) -> None:
        """Note up to which message a member has read."""
        self._batch.mark(session, member, number)
        self._write_in(RUNNING)

    def keep(self, session: str, message: ChatMessage, seq: int) -> None:
        """Keep ``message`` as it is now, in the place of an earlier form of it."""
        self._batch.add(session, message)
        self._write_in(RUNNING if message.outcome is None else SOON)

    # --- reading

    def load(self) -> list[KeptSession]:
        """All sessions, oldest first; answers that were running have failed."""
        with closing(self._database.cursor()) as cursor:
            return store_tables.read_sessions(cursor)

    async def history(
        self, session: str, *, before: int, limit: int, characters: int
    ) -> list[ChatMessage]:
        """The newest messages that stand before number ``before``, oldest first.

        Raises:
            Unavailable: They cannot be read.
        """
        if self._batch and not self._is_writing:
            self._hand_over()  # what was said before the question is in the answer

        def look() -> list[ChatMessage]:
            with closing(self._database.cursor()) as cursor:
                return store_tables.read_messages(
                    cursor, session, before=before, limit=limit, characters=characters
                )

        try:
            return await self._loop.run_in_executor(self._thread, look)
        except sqlite3.Error as error:
            raise Unavailable("the server cannot read its store") from error

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
            batch, self._batch = self._batch, Unwritten()
            self._is_writing = True
            future = self._loop.run_in_executor(self._thread, self._write, batch)
            future.add_done_callback(partial(self._written, batch, self._loop.time()))

    def _written(self, batch: Unwritten, began: float, done: asyncio.Future[None]) -> None:
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

    def _write(self, batch: Unwritten) -> None:
        """Write a batch as one transaction; runs in the store's thread."""
        with closing(self._database.cursor()) as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            try:
                store_tables.write(cursor, batch, max_messages=self._max_messages)
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
        if self._lock is not None:
            os.close(self._lock)


def _locked(path: Path) -> int | None:
    """A descriptor that keeps a file locked (flock(2)); None when somebody else has locked it.

    Not the database itself: where locks of both kinds are one, as on NFS, SQLite's would fail.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)  # nobody can tell
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:
        pass  # a filesystem without locks: nobody can tell
    return descriptor
