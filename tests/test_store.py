"""Sessions and messages in a real SQLite file, and a real kill in the middle."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from ptybridge.adapters.store import SqliteStore, StoreError
from ptybridge.core.chat import MAX_MESSAGES
from ptybridge.core.session_events import ChatMessage, Outcome

ROOT = Path(__file__).parents[1]


def message(name: str, text: str = "hi", outcome: Outcome | None = "done") -> ChatMessage:
    return ChatMessage(name, "assistant", "shell", text, 1.5, outcome)


def trouble(reason: str) -> None:
    pytest.fail(reason)


async def test_what_was_kept_comes_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    async with SqliteStore(path, on_trouble=trouble) as store:
        store.reserve("b", 2.0, 10_000)
        store.reserve("a", 1.0, 10_000)
        for number in range(MAX_MESSAGES + 20):
            store.keep("a", message(f"m{number}"), number)
        store.keep("a", message("m600", "runs", None), 600)
        store.keep("nowhere", message("lost"), 1)
        store.reserve("gone", 3.0, 1)
        store.keep("gone", message("x"), 1)
        store.forget("gone")
        store.keep("a", message("m30", "changed"), 601)
    assert oct(path.stat().st_mode)[-3:] == "600"
    async with SqliteStore(path, on_trouble=trouble) as store:
        first, second = store.load()
    assert (first.id, first.created, first.seq, second.id) == ("a", 1.0, 10_000, "b")
    assert second.messages == []
    names = [kept.id for kept in first.messages]
    assert names == [*(f"m{n}" for n in range(21, MAX_MESSAGES + 20)), "m600"]
    assert first.messages[9] == message("m30", "changed")
    assert first.messages[-1] == message("m600", "runs", "failed")


CHILD = """
import asyncio, sys
from pathlib import Path
from ptybridge.adapters.store import SqliteStore
from ptybridge.core.session_events import ChatMessage

async def main():
    store = SqliteStore(Path(sys.argv[1]), on_trouble=print)
    store.reserve("main", 1.0, 10_000)
    store.keep("main", ChatMessage("said", "user", "ann", "go", 1.0), 1)
    text = ""
    while True:
        text += "x"
        store.keep("main", ChatMessage("answer", "assistant", "shell", text, 2.0, None), 2)
        await asyncio.sleep(0.01)
        print(len(text), flush=True)

asyncio.run(main())
"""


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
        with sqlite3.connect(path) as other:
            other.execute(
                "CREATE TRIGGER full BEFORE INSERT ON sessions BEGIN"
                " SELECT RAISE(ABORT, 'disk full'); END"
            )
            other.commit()
            store.reserve("main", 1.0, 10)
            await told.wait()
            store.keep("main", message("m1"), 1)
            await asyncio.sleep(0.1)
            other.execute("DROP TRIGGER full")
            other.commit()
        store.keep("main", message("m2"), 2)
    assert len(said) == 1
    assert "disk full" in said[0]
    async with SqliteStore(path, on_trouble=trouble) as store:
        (kept,) = store.load()
    assert [kept.id for kept in kept.messages] == ["m1", "m2"]


async def test_what_is_no_store_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"not a database at all" * 100)
    newer = tmp_path / "newer.db"
    with sqlite3.connect(newer) as database:
        database.execute("PRAGMA user_version = 99")
    for path in (broken, newer, tmp_path / "no" / "folder.db"):
        with pytest.raises(StoreError, match=r"store\.path"):
            SqliteStore(path, on_trouble=trouble)
