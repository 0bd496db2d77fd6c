"""Sessions and messages in a real SQLite file, and a real kill in the middle."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from ptybridge.adapters.store import SqliteStore, StoreError
from ptybridge.adapters.store_tables import RESTORED_MESSAGES
from ptybridge.core.keeper import KeptSession
from ptybridge.core.session_events import ChatMessage, Outcome, ToolUse
from ptybridge.core.values import ExitStatus

ROOT = Path(__file__).parents[1]


def message(number: int, text: str = "hi", outcome: Outcome | None = "done") -> ChatMessage:
    return ChatMessage(f"m{number}", "assistant", "shell", text, 1.5, outcome, number=number)


def trouble(reason: str) -> None:
    pytest.fail(reason)


async def test_a_store_knows_whether_another_server_writes_to_it(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    async with SqliteStore(path, on_trouble=trouble) as first:
        assert first.is_alone
        async with SqliteStore(path, on_trouble=trouble) as second:
            assert not second.is_alone
        async with SqliteStore(tmp_path / "y.db", on_trouble=trouble) as other:
            assert other.is_alone
    async with SqliteStore(path, on_trouble=trouble) as again:
        assert again.is_alone


async def test_what_was_kept_comes_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    last = RESTORED_MESSAGES + 20
    uses = (
        ToolUse("k1", "shell", {"command": "ls", "cwd": "/"}, True, True, "exit code 0"),
        ToolUse("k3", "shell", {}, output="exit code 2", failed=True, status=ExitStatus(code=2)),
        ToolUse("k4", "shell", {}, output="signal 9", failed=True, status=ExitStatus(signal=9)),
        ToolUse("k2", "read_screen", {}),
    )
    rich = replace(
        message(last, "runs", None), speaker="user", reply_to="m3", is_prompt=True, tools=uses
    )
    async with SqliteStore(path, on_trouble=trouble) as store:
        store.reserve("b", 2.0, 10_000)
        store.reserve("a", 1.0, 10_000)
        store.rename("a", "Work")
        for number in range(1, last):
            store.keep("a", message(number), number)
        store.keep("a", rich, 600)
        store.keep("nowhere", message(1), 1)
        store.mark_read("a", "ann", 3)
        store.mark_read("a", "bob", 4)
        store.mark_read("a", "ann", 5)
        store.mark_read("nowhere", "ann", 5)
        store.keep("a", message(30, "changed"), 601)
    assert oct(path.stat().st_mode)[-3:] == "600"
    async with SqliteStore(path, on_trouble=trouble) as store:
        first, second = store.load()
    assert (first.id, first.created, first.seq, first.title) == ("a", 1.0, 10_000, "Work")
    assert list(first.read.items()) == [("bob", 4), ("ann", 5)]
    assert (second.id, second.title, second.messages, second.read) == ("b", "", [], {})
    assert [kept.number for kept in first.messages] == list(range(21, last + 1))
    assert first.messages[9] == message(30, "changed")
    assert first.messages[-1] == replace(rich, outcome="failed")


async def test_older_messages_are_read_page_by_page_and_the_oldest_are_let_go(
    tmp_path: Path,
) -> None:
    def numbers(found: list[ChatMessage]) -> list[int]:
        return [one.number for one in found]

    path = tmp_path / "x.db"
    async with SqliteStore(path, on_trouble=trouble, max_messages=600) as store:
        store.reserve("a", 1.0, 10_000)
        store.reserve("b", 1.0, 10_000)
        for number in range(1, 701):
            store.keep("a", message(number, "x" * number), number)
        store.keep("b", message(50), 1)
        page = await store.history("a", before=500, limit=100, characters=10**6)
        assert numbers(page) == list(range(400, 500))
        assert page[0] == message(400, "x" * 400)
        assert numbers(await store.history("a", before=9_999, limit=1, characters=10**6)) == [700]
        assert numbers(await store.history("a", before=500, limit=9, characters=999)) == [498, 499]
        assert numbers(await store.history("a", before=500, limit=9, characters=0)) == [499]
        assert numbers(await store.history("a", before=103, limit=9, characters=999)) == [101, 102]
        assert await store.history("a", before=101, limit=9, characters=999) == []
        assert await store.history("none", before=101, limit=9, characters=999) == []


async def test_a_session_that_ended_leaves_nothing_to_another_of_its_name(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    for is_written_between in (True, False):
        async with SqliteStore(path, on_trouble=trouble) as store:
            store.reserve("gone", 1.0, 1)
            store.reserve("again", 1.0, 1)
            for name in ("gone", "again"):
                store.rename(name, "old")
                store.mark_read(name, "ann", 7)
                store.keep(name, message(1, "old"), 1)
            if is_written_between:
                await store.history("gone", before=2, limit=1, characters=1)
            store.forget("gone")
            store.forget("again")
            store.reserve("again", 2.0, 5)
            store.keep("again", message(2, "new"), 1)
        async with SqliteStore(path, on_trouble=trouble) as store:
            (kept,) = store.load()
        assert kept == KeptSession("again", 2.0, 5, [message(2, "new")])


async def test_a_store_of_the_first_version_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path)) as old:
        old.executescript(FIRST_VERSION)
    async with SqliteStore(path, on_trouble=trouble) as store:
        first, second = store.load()
    assert (first.id, second.id, first.title) == ("a", "b", "")
    assert [(kept.number, kept.text) for kept in first.messages] == [(1, "one"), (2, "three")]
    assert [(kept.number, kept.text) for kept in second.messages] == [(1, "two")]
    async with SqliteStore(path, on_trouble=trouble) as store:
        assert [kept.messages for kept in store.load()] == [first.messages, second.messages]


async def test_what_a_store_of_the_second_version_says_of_tools_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    before = ToolUse("k1", "shell", {"command": "ls"}, output="exit code 0")
    async with SqliteStore(path, on_trouble=trouble) as store:
        store.reserve("a", 1.0, 5)
        store.keep("a", replace(message(1), tools=(before,)), 1)
    with closing(sqlite3.connect(path)) as old, old:
        tools = '[["k1", "shell", {"command": "ls"}, false, null, "exit code 0", false]]'
        old.execute("UPDATE messages SET tools = ?", (tools,))
        old.execute("PRAGMA user_version = 2")
    async with SqliteStore(path, on_trouble=trouble) as store:
        (kept,) = store.load()
    assert kept.messages[0].tools == (before,)


FIRST_VERSION = """
CREATE TABLE sessions (
    id TEXT PRIMARY KEY, created REAL NOT NULL, seq INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE messages (
    number INTEGER PRIMARY KEY,
    session TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    id TEXT NOT NULL, speaker TEXT NOT NULL, author TEXT NOT NULL, text TEXT NOT NULL,
    time REAL NOT NULL, outcome TEXT, UNIQUE (session, id)
);
INSERT INTO sessions VALUES ('a', 1, 5), ('b', 2, 5);
INSERT INTO messages (session, id, speaker, author, text, time, outcome) VALUES
    ('a', 'm1', 'user', 'ann', 'one', 1, 'done'), ('b', 'm1', 'user', 'ann', 'two', 1, 'done'),
    ('a', 'm2', 'user', 'ann', 'three', 1, 'done');
PRAGMA user_version = 1;
"""


CHILD = """
import asyncio, sys
from pathlib import Path
from ptybridge.adapters.store import SqliteStore
from ptybridge.core.session_events import ChatMessage

async def main():
    store = SqliteStore(Path(sys.argv[1]), on_trouble=print)
    store.reserve("main", 1.0, 10_000)
    store.keep("main", ChatMessage("said", "user", "ann", "go", 1.0, number=1), 1)
    text = ""
    while True:
        text += "x"
        answer = ChatMessage("answer", "assistant", "shell", text, 2.0, None, number=2)
        store.keep("main", answer, 2)
        await asyncio.sleep(0.01)
        print(len(text), flush=True)

asyncio.run(main())
"""


@pytest.mark.slow
async def test_after_a_kill_at_most_a_second_of_an_answer_is_lost_and_it_has_failed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.db"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(  # noqa: ASYNC220 - nothing else runs on this loop
        (sys.executable, "-c", CHILD, str(path)), stdout=subprocess.PIPE, text=True, env=env
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if int(line) >= 250:
                break
        child.send_signal(signal.SIGKILL)
    async with SqliteStore(path, on_trouble=trouble) as store:
        (kept,) = store.load()
    said, answer = kept.messages
    assert said.text == "go"
    assert answer.outcome == "failed"
    assert answer.text


async def test_a_store_that_cannot_be_written_says_so_once_and_catches_up(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    said: list[str] = []
    told = asyncio.Event()

    def trouble_once(reason: str) -> None:
        said.append(reason)
        told.set()

    async with SqliteStore(path, on_trouble=trouble_once) as store:
        with closing(sqlite3.connect(path)) as other:
            other.execute(
                "CREATE TRIGGER full BEFORE INSERT ON sessions BEGIN"
                " SELECT RAISE(ABORT, 'disk full'); END"
            )
            other.commit()
            store.reserve("main", 1.0, 10)
            await told.wait()
            store.keep("main", message(1), 1)
            await asyncio.sleep(0.1)
            other.execute("DROP TRIGGER full")
            other.commit()
        store.keep("main", message(2), 2)
    assert len(said) == 1
    assert "disk full" in said[0]
    async with SqliteStore(path, on_trouble=trouble) as store:
        (kept,) = store.load()
    assert [kept.id for kept in kept.messages] == ["m1", "m2"]


def open_files() -> list[str]:
    """What this process has open, by proc(5)."""
    links = []
    for name in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # that of the listing itself
            links.append(os.readlink(f"/proc/self/fd/{name}"))
    return links


async def test_what_is_no_store_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"not a database at all" * 100)
    newer = tmp_path / "newer.db"
    with closing(sqlite3.connect(newer)) as database:
        database.execute("PRAGMA user_version = 99")
    for path in (broken, newer, tmp_path / "no" / "folder.db"):
        with pytest.raises(StoreError, match=r"store\.path") as refusal:
            SqliteStore(path, on_trouble=trouble)
        assert (
            refusal.tb is not None
        )  # which holds all that there was, so that nothing closes itself
        assert not [link for link in open_files() if link.startswith(str(path))]
