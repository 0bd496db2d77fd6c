"""Downloads by an escape sequence: only the terminal's own program can offer one, and only once."""

import os
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptybridge.adapters.ghostty.marks import MarkScanner
from ptybridge.cli import offering
from ptybridge.cli.remote import RemoteError
from ptybridge.core.offers import KEY_VARIABLE, TERMINAL_VARIABLE, DownloadOffered, Offers, sequence
from ptybridge.core.screen import DownloadAsked
from tests.server import Client, running

KEY = "key"


def asked(data: bytes) -> DownloadAsked:
    ((_, event),) = MarkScanner().scan(data)
    assert isinstance(event, DownloadAsked)
    return event


@given(st.text(min_size=1, max_size=200), st.integers(0, 2**63 - 1), st.integers(0, 2**63))
def test_what_the_program_signs_is_offered(path: str, size: int, count: int) -> None:
    path = path.encode(errors="replace").decode()
    offered = Offers(KEY).accept(asked(sequence(KEY, path, size=size, count=count)))
    assert offered == DownloadOffered(str(count), path, size)


def test_a_sequence_counts_once_and_an_older_one_never() -> None:
    offers = Offers(KEY)
    first, second = (asked(sequence(KEY, "/a", size=1, count=count)) for count in (1, 2))
    assert offers.accept(second)
    assert offers.accept(second) is None
    assert offers.accept(first) is None
    assert offers.accept(asked(sequence(KEY, "/a", size=1, count=3)))


def test_another_terminal_s_sequence_is_nothing_here() -> None:
    assert Offers.make().accept(asked(sequence(KEY, "/a", size=1, count=1))) is None
    assert Offers.make().key != Offers.make().key


@given(st.data())
def test_whatever_is_changed_in_it_makes_it_void(data: st.DataObject) -> None:
    text = asked(sequence(KEY, "/etc/hosts", size=1, count=1)).text
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(
        st.characters(min_codepoint=33, max_codepoint=126).filter(lambda c: c != text[at])
    )
    assert Offers(KEY).accept(DownloadAsked(text[:at] + other + text[at + 1 :])) is None


@given(st.text())
def test_any_other_text_is_nothing(text: str) -> None:
    assert Offers(KEY).accept(DownloadAsked(text)) is None


async def told(client: Client, until: str) -> dict[str, Any]:
    """The data of the messages that a client is told until one of that type, by their types."""
    seen: dict[str, Any] = {}
    while until not in seen:
        message = await client.next()
        if isinstance(message, dict):
            seen[message["type"]] = message.get("data")
    return seen


async def test_the_command_offers_a_file_to_those_who_may_type(tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("content")
    command = f'{sys.executable} -m ptybridge download "a file"'
    notify = 'printf "\\033]777;notify;T;B\\007"'
    async with running() as server, AsyncExitStack() as stack:
        opener, typist, watcher = [
            await stack.enter_async_context(server.binary()) for _ in range(3)
        ]
        script = f"read go; cd '{tmp_path}'; {command}; read next; {notify}; read end"
        terminal = await opener.open("sh", "-c", script)
        await typist.attach(terminal)
        await watcher.attach(terminal, role="watcher")
        await typist.type(b"\r")
        offered = (await told(typist, "download.offered"))["download.offered"]
        await typist.type(b"\r")  # whoever was told of the offer has been by now
        assert offered == {
            "terminalID": terminal,
            "downloadID": offered["downloadID"],
            "path": str(tmp_path / "a file"),
            "size": 7,
        }
        assert "download.offered" not in await told(watcher, "notification")
        url = server.url(f"/api/terminals/{terminal}/files")
        response = await server.http.get(url, params={"path": offered["path"]})
        assert await response.read() == b"content"
        screen = await server.http.get(server.url(f"/api/terminals/{terminal}/screen"))
        assert "7750" not in await screen.text()  # nothing of it is shown


async def test_what_is_printed_offers_nothing(tmp_path: Path) -> None:
    evil = tmp_path / "evil.txt"
    evil.write_bytes(sequence(KEY, "/etc/passwd", size=1, count=1))
    shown = f'cat "{evil}"; printf "\\033]777;notify;T;B\\007"'
    async with running() as server, server.binary() as client:
        terminal = await client.open("sh", "-c", f"read go; {shown}; read end")
        await client.attach(terminal)
        await client.type(b"\r")
        assert "download.offered" not in await told(client, "notification")


@pytest.mark.parametrize("name", ["nothing", "folder", "pipe"])
def test_what_cannot_be_offered_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "tty").touch()
    with pytest.raises(RemoteError, match=name):
        offering.offer([str(tmp_path / name)], {KEY_VARIABLE: KEY}, terminal=str(tmp_path / "tty"))
    assert (tmp_path / "tty").read_bytes() == b""


def test_a_link_is_offered_by_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    (tmp_path / "link").symlink_to("file")
    tty = tmp_path / "tty"
    tty.touch()
    assert offering.offer([str(tmp_path / "link")], {KEY_VARIABLE: KEY}, terminal=str(tty)) == 0
    offered = Offers(KEY).accept(asked(tty.read_bytes()))
    assert offered == DownloadOffered(offered.id, str(tmp_path / "file"), 7) if offered else False


@pytest.mark.parametrize(
    ("own", "told"),
    [({}, "TERMINAL and PATH"), ({TERMINAL_VARIABLE: "t1"}, "switched off on the server")],
)
def test_where_nothing_can_be_offered_the_command_says_why(own: dict[str, str], told: str) -> None:
    of_terminals = (KEY_VARIABLE, TERMINAL_VARIABLE)
    environment = {name: value for name, value in os.environ.items() if name not in of_terminals}
    done = subprocess.run(
        (sys.executable, "-m", "ptybridge", "download", "file"),
        env={**environment, **own}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert told in done.stderr
