"""Files by processes that are confined as programs in terminals are; the real kernel throughout."""

import asyncio
import os
import resource
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ptybridge.adapters import file_process
from ptybridge.adapters.confinement import Confinement
from ptybridge.adapters.file_link import ProcessEnded, lengths_of
from ptybridge.adapters.file_process import LENGTHS, MAX_BYTES, MAX_OBJECT, Desk, NewFile
from ptybridge.adapters.file_tree import Refusal, Tree
from ptybridge.adapters.file_workers import FileWorkers, WorkersNewFile
from ptybridge.core.errors import (
    AlreadyExists,
    BadRequest,
    Denied,
    LimitReached,
    NoSpace,
    NotFound,
    TooLarge,
    Unavailable,
)
from ptybridge.core.files import CHUNK_BYTES, Entry, Folder
from tests.test_confined_process import NOBODY
from tests.test_confinement import needs_root, sandbox
from tests.test_file_tree import swapping


async def upload(
    workers: FileWorkers, folder: Path, name: str, data: bytes, *, overwrite: bool = False
) -> str:
    new = await workers.begin(
        str(folder), name, size=len(data), overwrite=overwrite, owner="somebody"
    )
    try:
        for start in range(0, len(data), CHUNK_BYTES):
            await new.write(data[start : start + CHUNK_BYTES])
        return await new.finish(overwrite=overwrite)
    finally:
        new.close()


async def download(workers: FileWorkers, path: Path) -> bytes:
    found = await workers.look(str(path), owner="somebody")
    assert not isinstance(found, Folder)
    data = b""
    while more := await found.read(len(data), 1 << 30):
        data += more
    await found.close()
    return data


def processes_of_this_test() -> set[int]:
    """The file processes of this process, by their command lines."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if b"file_process" in words and parent == os.getpid():
            found.add(int(folder.name))
    return found


async def test_a_file_comes_and_goes_byte_for_byte(tmp_path: Path) -> None:
    data = os.urandom(3 * CHUNK_BYTES + 7)
    async with FileWorkers() as workers:
        for content in (data, b""):
            path = await upload(workers, tmp_path, "file", content, overwrite=True)
            assert path == str(tmp_path / "file")
            assert await download(workers, tmp_path / "file") == content
        assert len(processes_of_this_test()) == 1  # one served all
    assert processes_of_this_test() == set()


@pytest.mark.parametrize("name", ["a b", 'q"uote', "new\nline", "-rf", "\u00fcml\u00e4ut", "..."])
async def test_any_name_is_kept_as_it_is(tmp_path: Path, name: str) -> None:
    async with FileWorkers() as workers:
        await upload(workers, tmp_path, name, b"x")
        assert os.listdir(tmp_path) == [name]
        folder = await workers.look(str(tmp_path), owner="somebody")
        assert isinstance(folder, Folder)
        assert [entry.name for entry in folder.entries] == [name]


async def test_a_directory_is_told_with_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "file").write_bytes(b"12345")
    os.utime(tmp_path / "file", (1, 2))
    (tmp_path / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe")
    async with FileWorkers() as workers:
        folder = await workers.look(str(tmp_path), owner="somebody")
    assert isinstance(folder, Folder)
    assert folder.is_complete
    kinds = {entry.name: entry.kind for entry in folder.entries}
    assert kinds == {"sub": "directory", "file": "file", "link": "link", "pipe": "other"}
    assert Entry("file", "file", 5, 2.0) in folder.entries


@pytest.mark.slow
async def test_a_very_full_directory_is_told_in_part(tmp_path: Path) -> None:
    for number in range(file_process.MAX_ENTRIES + 1):
        (tmp_path / str(number)).touch()
    async with FileWorkers() as workers:
        folder = await workers.look(str(tmp_path), owner="somebody")
    assert isinstance(folder, Folder)
    assert len(folder.entries) == file_process.MAX_ENTRIES
    assert not folder.is_complete


async def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    async with FileWorkers() as workers, asyncio.timeout(10):
        for path in (str(tmp_path / "pipe"), "/dev/null", "/dev/tty"):
            with pytest.raises(BadRequest, match="neither a file nor a directory"):
                await workers.look(path, owner="somebody")
        with pytest.raises(BadRequest, match="no ordinary file"):
            await upload(workers, tmp_path, "pipe", b"x", overwrite=True)
        with pytest.raises(NotFound, match="no such file or directory"):
            await workers.look(str(tmp_path / "nothing"), owner="somebody")
        with pytest.raises(NotFound):
            await upload(workers, tmp_path / "nowhere", "file", b"x")


async def test_nothing_is_replaced_unless_that_is_wanted(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("before")
    place.chmod(0o640)
    async with FileWorkers() as workers:
        with pytest.raises(AlreadyExists):
            await upload(workers, tmp_path, "file", b"after")
        assert place.read_text() == "before"
        await upload(workers, tmp_path, "file", b"after", overwrite=True)
        assert place.read_text() == "after"
        assert place.stat().st_mode & 0o777 == 0o640
        (tmp_path / "folder").mkdir()
        with pytest.raises(BadRequest, match="a directory has that name"):
            await upload(workers, tmp_path, "folder", b"after", overwrite=True)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


async def test_a_name_that_is_taken_meanwhile_is_asked_about_again(tmp_path: Path) -> None:
    async with FileWorkers() as workers:
        new = await workers.begin(str(tmp_path), "file", size=5, overwrite=False, owner="somebody")
        await new.write(b"after")
        (tmp_path / "file").write_text("between")
        with pytest.raises(AlreadyExists):
            await new.finish(overwrite=False)
        assert (tmp_path / "file").read_text() == "between"
        await new.finish(overwrite=True)
    assert (tmp_path / "file").read_text() == "after"
    assert os.listdir(tmp_path) == ["file"]


async def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("kept")
    (tmp_path / "link").symlink_to("target")
    async with FileWorkers() as workers:
        with pytest.raises(AlreadyExists):
            await upload(workers, tmp_path, "link", b"new")
        await upload(workers, tmp_path, "link", b"new", overwrite=True)
    assert (tmp_path / "target").read_text() == "kept"
    assert not (tmp_path / "link").is_symlink()


async def test_nothing_lands_outside_of_the_root_whatever_is_swapped(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "inner").mkdir(parents=True)
    outside.mkdir()
    landed = 0
    async with FileWorkers(root=str(root)) as workers:
        with pytest.raises(Denied, match="outside"):
            await upload(workers, outside, "file", b"x")
        with pytest.raises(Denied, match="outside"):
            await workers.look("/etc/passwd", owner="somebody")
        with swapping(root / "inner", outside):
            for number in range(300):
                try:
                    await upload(workers, root / "inner", f"{number}", b"x")
                except (Denied, NotFound):
                    continue
                landed += 1
    assert os.listdir(outside) == []
    assert landed
    assert len(os.listdir(root / "real")) == landed


async def test_a_directory_that_is_moved_away_takes_no_upload_with_it(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "inner").mkdir(parents=True)
    async with FileWorkers(root=str(root)) as workers:
        new = await workers.begin(
            str(root / "inner"), "file", size=1, overwrite=False, owner="somebody"
        )
        await new.write(b"x")
        (root / "inner").rename(tmp_path / "moved")
        (root / "inner").mkdir()
        with pytest.raises(NotFound):
            await new.finish(overwrite=False)
        new.close()
    assert os.listdir(tmp_path / "moved") == os.listdir(root / "inner") == []


@pytest.mark.parametrize("has_unnamed", [True, False])
def test_whoever_dies_in_the_middle_leaves_nothing(
    tmp_path: Path, has_unnamed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_unnamed:
        monkeypatch.setattr(os, "O_TMPFILE", os.O_DIRECTORY | 0o1000000000)
    with Tree("/", by_kernel=True) as tree:
        new = NewFile(tree, str(tmp_path), "file", size=6, overwrite=False)
        new.write(memoryview(b"half"))
        names = os.listdir(tmp_path)
        assert [name.startswith(".ptybridge-") for name in names] == [True] * (not has_unnamed)
        new.close()
        assert os.listdir(tmp_path) == []
        for overwrite in (False, True):
            new = NewFile(tree, str(tmp_path), "file", size=6, overwrite=overwrite)
            new.write(memoryview(b"whole!"))
            new.finish(tree, overwrite=overwrite)
            assert os.listdir(tmp_path) == ["file"]
        new = NewFile(tree, str(tmp_path), "other", size=0, overwrite=False)
        (tmp_path / "other").touch()
        with pytest.raises(Refusal):
            new.finish(tree, overwrite=False)
        new.close()
    assert sorted(os.listdir(tmp_path)) == ["file", "other"]


async def test_a_process_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    async with FileWorkers() as workers:
        new = await workers.begin(str(tmp_path), "file", size=9, overwrite=False, owner="somebody")
        await new.write(b"half")
        (process,) = processes_of_this_test()
        os.kill(process, signal.SIGKILL)
        with pytest.raises(Unavailable):
            await fill(new)
        assert os.listdir(tmp_path) == []
        await upload(workers, tmp_path, "file", b"another process does it")
    assert os.listdir(tmp_path) == ["file"]


async def test_what_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    async with FileWorkers() as workers:
        new = await workers.begin(str(tmp_path), "file", size=9, overwrite=False, owner="somebody")
        await new.write(b"half")
        new.close()
        new.close()
    assert os.listdir(tmp_path) == []


async def test_an_answer_that_nobody_waited_for_is_nobody_else_s(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * CHUNK_BYTES)
    async with FileWorkers() as workers:
        found = await workers.look(str(tmp_path / "file"), owner="somebody")
        assert not isinstance(found, Folder)
        reading = asyncio.create_task(found.read(0, CHUNK_BYTES))
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await found.close()
        assert await download(workers, tmp_path / "file") == b"x" * CHUNK_BYTES


async def test_a_file_that_is_closed_again_leaves_the_next_one_its_process(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    async with FileWorkers() as workers:
        whole = await workers.begin(str(tmp_path), "whole", size=0, overwrite=False, owner="me")
        await whole.finish(overwrite=False)
        first = await workers.look(str(tmp_path / "file"), owner="me")
        assert not isinstance(first, Folder)
        await first.close()
        second = await workers.look(str(tmp_path / "file"), owner="me")
        assert not isinstance(second, Folder)
        whole.close()
        await first.close()
        assert await second.read(0, 7) == b"content"
        assert len(processes_of_this_test()) == 1


async def test_a_file_that_is_given_up_in_the_middle_of_a_question_is_unavailable(
    tmp_path: Path,
) -> None:
    async with FileWorkers() as workers:
        new = await workers.begin(str(tmp_path), "file", size=9, overwrite=False, owner="somebody")
        (process,) = processes_of_this_test()
        os.kill(process, signal.SIGSTOP)
        writing = asyncio.create_task(fill(new))
        await asyncio.sleep(0)
        new.close()
        os.kill(process, signal.SIGCONT)
        with pytest.raises(Unavailable, match="it was let go"):
            await writing
        with pytest.raises(Unavailable):
            await new.write(b"y")


async def test_a_download_that_is_cancelled_at_its_end_makes_room(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with FileWorkers(limit=1) as workers:
        for _ in range(2):
            found = await workers.look(str(tmp_path / "file"), owner="somebody")
            assert not isinstance(found, Folder)
            closing = asyncio.create_task(found.close())
            await asyncio.sleep(0)
            closing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await closing


@pytest.mark.parametrize("lengths", [(MAX_OBJECT + 1, 0), (2, MAX_BYTES + 1)])
def test_a_process_that_says_too_much_is_not_listened_to(lengths: tuple[int, int]) -> None:
    assert lengths_of(LENGTHS.pack(MAX_OBJECT, MAX_BYTES)) == (MAX_OBJECT, MAX_BYTES)
    with pytest.raises(ProcessEnded, match="more than it may"):
        lengths_of(LENGTHS.pack(*lengths))


async def test_without_free_descriptors_files_are_unavailable_and_nothing_stays(
    tmp_path: Path,
) -> None:
    async with FileWorkers() as workers:
        before = os.listdir("/proc/self/fd")
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        highest = max(map(int, before))
        for free in range(1, 8):  # too few for the link, for the process's pipes, for its end
            resource.setrlimit(resource.RLIMIT_NOFILE, (highest + free, hard))
            try:
                with pytest.raises(Unavailable):
                    await workers.look(str(tmp_path), owner="somebody")
            except pytest.fail.Exception:
                break
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            assert os.listdir("/proc/self/fd") == before
            assert processes_of_this_test() == set()


async def test_only_so_many_at_once_and_one_identity_half_of_them(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with FileWorkers(limit=4) as workers:
        mine = [await workers.look(str(tmp_path / "file"), owner="me") for _ in range(2)]
        with pytest.raises(LimitReached, match="by one user"):
            await workers.look(str(tmp_path / "file"), owner="me")
        for owner in ("you", "they"):
            await workers.look(str(tmp_path / "file"), owner=owner)
        with pytest.raises(LimitReached, match=r"at once \(4\)"):
            await workers.look(str(tmp_path / "file"), owner="anybody")
        assert not isinstance(mine[0], Folder)
        await mine[0].close()
        await workers.look(str(tmp_path / "file"), owner="me")


async def fill(new: WorkersNewFile) -> None:
    """Write two pieces, of which the second is on its way when the first fails."""
    for _ in range(2):
        await new.write(b"x" * (CHUNK_BYTES // 2))
    await new.flush()


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """A filesystem of that size."""
    place.mkdir()
    words = ("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place))
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("no filesystem can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(("umount", str(place)), check=True)


@needs_root
async def test_a_full_disk_is_told_at_once_or_when_it_happens(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "256k") as disk:
        async with FileWorkers() as workers:
            with pytest.raises(NoSpace, match="No space left"):
                await upload(workers, disk, "file", b"x" * CHUNK_BYTES * 2)
            new = await workers.begin(
                str(disk), "file", size=CHUNK_BYTES, overwrite=False, owner="somebody"
            )
            (disk / "other").write_bytes(b"y" * 200_000)
            with pytest.raises(NoSpace):
                await fill(new)
            begun = new.offset
            assert 0 < begun < CHUNK_BYTES
            (disk / "other").unlink()
            await new.write(b"x" * (CHUNK_BYTES - begun))
            await new.finish(overwrite=False)
            assert (disk / "file").read_bytes() == b"x" * CHUNK_BYTES


async def test_the_programs_limits_hold(tmp_path: Path) -> None:
    async with FileWorkers(confinement=Confinement(limits={"fileSize": 1000})) as workers:
        with pytest.raises(TooLarge):
            await upload(workers, tmp_path, "file", b"x" * 2000)
        await upload(workers, tmp_path, "file", b"x" * 1000)
    assert (tmp_path / "file").stat().st_size == 1000


@pytest.fixture
def public() -> Iterator[Path]:
    """A directory that everybody may enter; pytest closes its own again and again."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@needs_root
async def test_files_are_the_programs_user_s_in_every_way(public: Path) -> None:
    (public / "secret").write_text("root's")
    (public / "secret").chmod(0o600)
    (public / "open").mkdir()
    (public / "open").chmod(0o777)
    async with FileWorkers(confinement=Confinement(user=NOBODY)) as workers:
        with pytest.raises(Denied):
            await workers.look(str(public / "secret"), owner="somebody")
        with pytest.raises(Denied):
            await upload(workers, public, "file", b"x")
        await upload(workers, public / "open", "file", b"x")
    assert (public / "open" / "file").stat().st_uid == NOBODY.uid


async def test_the_sandbox_holds(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("canary")
    (tmp_path / "home").mkdir()
    bounds = sandbox(tmp_path / "home", hidden=(tmp_path / "secret",))
    async with FileWorkers(confinement=bounds) as workers:
        with pytest.raises((BadRequest, NotFound, Denied)):
            await download(workers, tmp_path / "secret")
        with pytest.raises((Denied, NotFound)):
            await upload(workers, Path("/usr"), "file", b"x")
        if not str(tmp_path).startswith("/tmp/"):
            await upload(workers, tmp_path / "home", "file", b"x")


async def test_bounds_that_cannot_be_kept_are_told(tmp_path: Path) -> None:
    bounds = Confinement(wrapper=("/nonexistent/bwrap",))
    async with FileWorkers(confinement=bounds) as workers:
        with pytest.raises(Unavailable, match="cannot be started within its bounds"):
            await workers.look(str(tmp_path), owner="somebody")


def test_a_desk_serves_one_file_after_the_other(tmp_path: Path) -> None:
    desk = Desk()
    (tmp_path / "file").write_text("content")
    told, _ = desk.answer(
        {"operation": "look", "root": "/", "path": str(tmp_path / "file")}, memoryview(b"")
    )
    assert told["size"] == 7
    assert (
        desk.answer({"operation": "read", "offset": 3, "length": 9}, memoryview(b""))[1] == b"tent"
    )
    new = {"directory": str(tmp_path), "name": "new", "size": 1, "overwrite": False}
    desk.answer({"operation": "begin", "root": "/", **new}, memoryview(b""))
    write = {"operation": "write", "offset": 0}
    assert desk.answer({**write}, memoryview(b"x"))[0] == {"offset": 1}
    assert desk.answer({**write}, memoryview(b"y"))[0]["error"] == "failed"  # not where it ends
    assert desk.answer({"operation": "drop"}, memoryview(b""))[0] == {}
    assert os.listdir(tmp_path) == ["file"]
