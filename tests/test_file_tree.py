"""No path leads out of the root, however it is written and whatever changes meanwhile."""

import itertools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ptybridge.adapters import file_tree
from ptybridge.adapters.file_tree import Refusal, Tree, check_name

WAYS = [pytest.param(True, id="kernel"), pytest.param(False, id="steps")]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with something in it, and a secret beside it."""
    root = tmp_path / "root"
    (root / "inner" / "deep").mkdir(parents=True)
    (root / "file").write_text("inside")
    (root / "inner" / "file").write_text("inside")
    (tmp_path / "secret").write_text("outside")
    (root / "out").symlink_to("../secret")
    (root / "up").symlink_to("..")
    (root / "absolute").symlink_to(tmp_path / "secret")
    (root / "magic").symlink_to("/proc/self/cwd")
    (root / "near").symlink_to("inner/file")
    return root


def text_at(root: Path, path: str, *, by_kernel: bool) -> str:
    with Tree(str(root), by_kernel=by_kernel) as tree:
        descriptor = tree.open(path, os.O_RDONLY)
    with open(descriptor) as file:
        return file.read()


def test_this_kernel_resolves_paths_itself() -> None:
    assert file_tree.has_openat2()


@pytest.mark.parametrize("by_kernel", WAYS)
@pytest.mark.parametrize("path", ["file", "inner/file", "./inner//file", "inner/deep/../file"])
def test_what_is_below_can_be_reached(root: Path, path: str, by_kernel: bool) -> None:
    if ".." in path and not by_kernel:
        pytest.skip("without openat2(2) no path with .. is followed")
    assert text_at(root, f"{root}/{path}", by_kernel=by_kernel) == "inside"


@pytest.mark.parametrize("by_kernel", WAYS)
@pytest.mark.parametrize(
    "path",
    [
        "../secret", "inner/../../secret", "out", "up/secret", "absolute", "magic/secret",
        "inner/../up/root/../secret", "./../root/../secret",
    ],
)  # fmt: skip
def test_what_is_outside_cannot(root: Path, path: str, by_kernel: bool) -> None:
    with pytest.raises((OSError, Refusal)):
        text_at(root, f"{root}/{path}", by_kernel=by_kernel)


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "/", "", "file", "/etc\0", "{root}x", "{root}/../secret"]
)
def test_what_is_no_path_below_the_root_is_refused(root: Path, path: str) -> None:
    with pytest.raises((OSError, Refusal)):
        text_at(root, path.format(root=root), by_kernel=True)


def test_a_link_that_stays_inside_is_followed(root: Path) -> None:
    assert text_at(root, f"{root}/near", by_kernel=True) == "inside"
    with pytest.raises(OSError, match="symbolic links"):
        text_at(root, f"{root}/near", by_kernel=False)


def test_the_whole_machine_as_the_root_follows_absolute_links(root: Path) -> None:
    assert text_at(Path("/"), f"{root}/absolute", by_kernel=True) == "outside"


def test_the_root_goes_by_its_real_name_too(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.symlink_to(root)
    assert text_at(other, f"{other}/file", by_kernel=True) == "inside"
    assert text_at(other, f"{root}/file", by_kernel=True) == "inside"


PARTS = st.sampled_from(["..", ".", "", "file", "inner", "deep", "up", "out", "absolute", "near"])


@pytest.mark.parametrize("by_kernel", WAYS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PARTS, max_size=8))
def test_no_path_at_all_leads_to_the_secret(root: Path, by_kernel: bool, parts: list[str]) -> None:
    try:
        text = text_at(root, f"{root}/{'/'.join(parts)}", by_kernel=by_kernel)
    except (OSError, Refusal):
        return
    assert text == "inside"


@contextmanager
def swapping(place: Path, outside: Path) -> Iterator[None]:
    """Have a directory be now itself, now a link that leads outside, as fast as can be.

    Every other time both stay for a moment: with one processor alone, hardly anybody else would
    ever look while the directory is in its place, and nothing would be there to be fooled.
    """
    done = threading.Event()
    real, link = place.with_name("real"), place.with_name("link")
    place.rename(real)
    link.symlink_to(outside)

    def swap() -> None:
        for pause in itertools.cycle((0, 0.001)):
            if done.is_set():
                return
            for one in (real, link):
                os.rename(one, place)
                done.wait(pause)
                os.rename(place, one)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("by_kernel", WAYS)
def test_a_directory_that_becomes_a_link_at_the_wrong_moment(
    root: Path, tmp_path: Path, by_kernel: bool
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("outside")
    seen = set()
    with swapping(root / "inner", outside):
        for _ in range(4000):
            try:
                seen.add(text_at(root, f"{root}/inner/file", by_kernel=by_kernel))
            except OSError as error:
                seen.add(type(error).__name__)
    assert "outside" not in seen
    assert "inside" in seen


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/", "a\0b", "x" * 256, "\u00e9" * 128])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(Refusal) as refusal:
        check_name(name)
    assert refusal.value.word == "unfit"


@pytest.mark.parametrize("name", ["a", "...", "-rf", "a b", 'a"b', "a\nb", "\u00e9" * 127, "\\"])
def test_any_other_name_is_one(name: str) -> None:
    check_name(name)
