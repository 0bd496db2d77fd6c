"""Files by the client and by the command line: byte for byte, after every cut, and never half."""

import asyncio
import errno
import io
import json
import os
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ptybridge.cli import main
from ptybridge.cli.moving import in_units
from ptybridge.client import FileChanged, Files, Refused, RequestFailed, Unreachable, files
from tests.server import TOKEN, Server
from tests.test_file_routes import terminal_in


class Cutter:
    """A way to a server that breaks off now and then.

    Attributes:
        budget: How many bytes may go through each next connection, in either direction.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self.budget: Iterator[int] = iter(())
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        rest = [next(self.budget, 1 << 40)]
        there, back = await asyncio.open_connection("127.0.0.1", self._port)

        async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                rest[0] -= len(data)
                if rest[0] < 0:
                    break
                sink.write(data)
                await sink.drain()
            for end in (writer, back):
                end.transport.abort()

        await asyncio.gather(carry(reader, back), carry(there, writer), return_exceptions=True)


@asynccontextmanager
async def through_cuts(server: Server, budgets: list[int]) -> AsyncIterator[str]:
    """The address of a way to the server whose first connections break off."""
    cutter = Cutter(server.port)
    cutter.budget = iter(budgets)
    listener = await asyncio.start_server(cutter.serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    # The server goes by its own port's name only, so that is what the way pretends to be.
    async with listener:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "FIRST_DELAY", 0.01)
    monkeypatch.setattr(files, "LONGEST_DELAY", 0.02)


@asynccontextmanager
async def beside(server: Server, url: str | None = None) -> AsyncIterator[Files]:
    async with Files.of(url or server.url(""), "here", token=TOKEN) as reached:
        if url is not None:
            reached._http.headers["Host"] = f"127.0.0.1:{server.port}"
        yield reached


async def test_files_go_both_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PIECE_BYTES", 100_000)
    there = tmp_path / "there"
    (there / "sub").mkdir(parents=True)
    source = tmp_path / "source"
    source.write_bytes(os.urandom(1_234_567))
    seen: list[tuple[int, int]] = []
    async with terminal_in(there) as server, beside(server) as reached:
        path = await reached.upload(
            source, name="new name", directory="sub", on_progress=lambda *at: seen.append(at)
        )
        assert path == str(there / "sub" / "new name")
        assert (there / "sub" / "new name").read_bytes() == source.read_bytes()
        assert seen[0] == (0, 1_234_567)
        assert seen[-1] == (1_234_567, 1_234_567)
        assert seen == sorted(seen)
        target = io.BytesIO()
        assert await reached.download("sub/new name", target) == 1_234_567
        assert target.getvalue() == source.read_bytes()
        assert [entry["name"] for entry in (await reached.list())["entries"]] == ["sub"]
        source.write_bytes(b"")
        assert await reached.upload(source) == str(there / "source")


class ClosedPipe(io.BytesIO):
    """A target whose reader has gone, as ``head`` does."""

    writes = 0

    def write(self, data: object, /) -> int:
        self.writes += 1
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


@pytest.mark.usefixtures("quick")
async def test_a_target_that_takes_no_more_is_no_cut(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    target = ClosedPipe()
    async with terminal_in(tmp_path) as server, beside(server) as reached:
        with pytest.raises(BrokenPipeError):
            await reached.download("file", target)
    assert target.writes == 1


@pytest.mark.usefixtures("quick")
async def test_cuts_cost_no_byte(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    source = tmp_path / "source"
    source.write_bytes(os.urandom(3_000_000))
    dice = random.Random(1)
    budgets = [dice.randrange(1_000, 700_000) for _ in range(8)]
    async with terminal_in(there) as server:
        async with through_cuts(server, [*budgets]) as url, beside(server, url) as reached:
            await reached.upload(source)
        assert (there / "source").read_bytes() == source.read_bytes()
        async with through_cuts(server, [*budgets]) as url, beside(server, url) as reached:
            target = io.BytesIO()
            await reached.download("source", target)
        assert target.getvalue() == source.read_bytes()


@pytest.mark.usefixtures("quick")
async def test_who_is_gone_for_too_long_is_given_up(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x" * 100_000)
    async with (
        terminal_in(tmp_path) as server,
        through_cuts(server, [1000] * 99) as url,
        beside(server, url) as reached,
    ):
        with pytest.raises(Unreachable):
            await reached.upload(source, name="new")
        with pytest.raises(Unreachable):
            await reached.download("source", io.BytesIO())
    assert os.listdir(tmp_path) == ["source"]


async def test_what_is_refused_is_told(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x")
    async with terminal_in(tmp_path) as server:
        async with beside(server) as reached:
            with pytest.raises(RequestFailed, match="exists already") as refusal:
                await reached.upload(source)
            assert refusal.value.code == "conflict"
            assert await reached.upload(source, overwrite=True) == str(source)
            with pytest.raises(RequestFailed, match="directory"):
                await reached.download(".", io.BytesIO())
            with pytest.raises(RequestFailed, match="no such file"):
                await reached.download("nothing", io.BytesIO())
        async with Files.of(server.url(""), "here", token="wrong") as reached:
            with pytest.raises(Refused):
                await reached.list()


async def test_a_file_that_becomes_shorter_is_not_uploaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PIECE_BYTES", 1000)
    there = tmp_path / "there"
    there.mkdir()
    source = tmp_path / "source"
    source.write_bytes(b"x" * 10_000)
    async with terminal_in(there) as server, beside(server) as reached:
        with pytest.raises(FileChanged):
            await reached.upload(source, on_progress=lambda *_: os.truncate(source, 100))
    assert os.listdir(there) == []


async def command(server: Server, *words: str) -> int:
    """Run a command in a thread; its exit code."""
    try:
        await asyncio.to_thread(main, [*words, "--url", server.url("")])
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 99
    return 0


async def test_the_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setenv("PTYBRIDGE_TOKEN", TOKEN)
    monkeypatch.delenv("PTYBRIDGE_TERMINAL_KEY", raising=False)
    there, here = tmp_path / "there", tmp_path / "here"
    (there / "sub").mkdir(parents=True)
    here.mkdir()
    (here / "one").write_bytes(b"1" * 1000)
    (here / "two").write_bytes(b"\x00\xff")
    async with terminal_in(there) as server:
        up = ("upload", "here", str(here / "one"), str(here / "two"), "--to", "sub")
        assert await command(server, *up, "--json") == 0
        told = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
        assert [one["path"] for one in told] == [
            str(there / "sub" / name) for name in ("one", "two")
        ]
        (here / "one").write_bytes(b"other")
        assert await command(server, *up) == 1
        assert b"--overwrite" in capfdbinary.readouterr().err
        assert await command(server, *up, "--overwrite") == 0
        assert (there / "sub" / "one").read_bytes() == b"other"
        assert await command(server, "upload", "here", str(here / "nothing")) == 2

        monkeypatch.chdir(here)
        capfdbinary.readouterr()
        assert await command(server, "download", "here", "sub/two", "-o", "-") == 0
        assert capfdbinary.readouterr().out == b"\x00\xff"
        assert await command(server, "download", "here", "sub/two") == 1
        assert b"--overwrite" in capfdbinary.readouterr().err
        assert await command(server, "download", "here", "sub/two", "--overwrite") == 0
        assert await command(server, "download", "here", "sub/two", "-o", "three") == 0
        assert await command(server, "download", "here", "sub/none", "-o", "four") == 1
        assert await command(server, "download", "here", "..") == 2
        assert sorted(os.listdir(here)) == ["one", "three", "two"]
        assert (here / "three").read_bytes() == b"\x00\xff"
        assert (here / "three").stat().st_mode & 0o777 == 0o644


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


async def test_who_looks_sees_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PTYBRIDGE_TOKEN", TOKEN)
    screen = Screen()
    monkeypatch.setattr("sys.stderr", screen)
    source = tmp_path / "a\x1b[31mred"
    source.write_bytes(b"x" * 2000)
    async with terminal_in(tmp_path) as server:
        assert await command(server, "upload", "here", str(source), "--overwrite") == 0
    assert "100 %  2.0 kB" in screen.getvalue()
    assert screen.getvalue().endswith("\r\x1b[K")
    assert "[31m" in screen.getvalue()
    assert "\x1b[31m" not in screen.getvalue() + capsys.readouterr().out


def test_sizes_are_for_people() -> None:
    assert in_units(0) == "0 B"
    assert in_units(123_456) == "123.5 kB"
    assert in_units(5 * 10**15) == "5000.0 TB"
