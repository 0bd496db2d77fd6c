"""Text that waits, and is left out, makes no difference to whoever looks at the screen."""

import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptybridge.adapters.ghostty.screen import GhosttyScreen
from ptybridge.core import lazy_screen
from ptybridge.core.lazy_screen import (
    CONTROLS,
    LONG_BYTES,
    STRETCH_BYTES,
    WAITING_BYTES,
    LazyScreen,
    count_lines,
    is_plain,
)
from ptybridge.core.screen import ScreenFailed
from ptybridge.core.values import MAX_ROWS, WindowSize
from tests.differential.states import differences
from tests.differential.streams import generated, ordinary
from tests.test_feeding import KeepingScreen
from tests.test_ghostty import Owner

SIZE = WindowSize(24, 80)
LINES = b"a line of text\r\n"


def lazily(*, is_scrolling: bool = True, lines: int = 100) -> tuple[LazyScreen, KeepingScreen]:
    screen = KeepingScreen(SIZE, Owner())
    screen.remembered_lines = lines
    screen.scrolls = is_scrolling
    return LazyScreen(screen), screen


@pytest.mark.parametrize("size", [10, LONG_BYTES])
def test_plain_is_what_only_moves_the_cursor_and_prints(size: int) -> None:
    assert is_plain(b"text, \t with tabs\r\n".ljust(size, b"x"))
    for control in CONTROLS:
        assert not is_plain(bytes((control,)).rjust(size, b"x"))
    for other in ("é", "中", "\x9b"):
        assert not is_plain(other.encode().rjust(size, b"x"))


@given(line=st.integers(0, 120), lines=st.integers(0, 2 * LONG_BYTES), more=st.binary(max_size=9))
def test_lines_are_counted_alike_however_long_they_are(line: int, lines: int, more: bytes) -> None:
    text = (line * b"x" + b"\n") * lines + more
    assert count_lines(text) == lines + more.count(b"\n")


def test_text_waits_until_the_screen_is_needed() -> None:
    lazy, screen = lazily()
    lazy.feed(LINES)
    lazy.feed(b"more")
    assert not screen.fed
    assert lazy.waiting_bytes == len(LINES) + 4
    lazy.rendered("text")
    assert bytes(screen.fed) == LINES + b"more"
    assert lazy.waiting_bytes == 0


@pytest.mark.parametrize("name", ["snapshot", "compress", "is_scrolling", "show_all"])
def test_whatever_the_screen_is_needed_for(name: str) -> None:
    lazy, screen = lazily()
    lazy.feed(LINES)
    getattr(lazy, name)()
    assert bytes(screen.fed) == LINES


def test_it_is_shown_before_other_output_and_before_a_new_size() -> None:
    lazy, screen = lazily()
    lazy.feed(LINES)
    lazy.feed(b"\x1b[m")
    assert bytes(screen.fed) == LINES + b"\x1b[m"
    lazy.feed(LINES)
    screen.on_resize = lambda: assert_seen(screen, LINES + b"\x1b[m" + LINES)
    lazy.resize(WindowSize(30, 90))
    assert lazy.size == WindowSize(30, 90)


def assert_seen(screen: KeepingScreen, data: bytes) -> None:
    assert bytes(screen.fed) == data


@given(
    st.lists(
        st.sampled_from([b"", b"x", b"y\r\n", b"z" * 5000, b"\n", b"\r", b"\r\n" * 700]),
        max_size=200,
    ),
    st.integers(1, 200),
)
def test_the_last_lines_are_all_there(pieces: list[bytes], lines: int) -> None:
    lazy, screen = lazily(lines=lines)
    for piece in pieces:
        lazy.feed(piece)
    lazy.show_all()
    text, shown = b"".join(pieces), bytes(screen.fed)
    assert text.endswith(shown)
    if shown != text:
        assert shown.count(b"\n") >= lines
        assert text[: -len(shown)].endswith(b"\r\n")  # it begins in the first column


@pytest.mark.parametrize(
    ("begun", "rest"),
    [(b"\x1b", b"[6n"), (b"\x1b[", b"6n"), (b"\x1b[6", b"n"), (b"\x1b]11;?\x1b", b"\\")],
)
def test_the_end_of_a_query_is_answered_at_once(begun: bytes, rest: bytes) -> None:
    """It looks like text, and the program may print nothing more before it has its answer."""
    owner = Owner()
    screen = LazyScreen(GhosttyScreen.create(SIZE, owner, scrollback_lines=20))
    screen.feed(begun)
    assert not screen.keep(memoryview(rest))
    screen.feed(rest)
    assert owner.replies
    assert screen.keep(memoryview(b"text"))


def test_what_would_be_forgotten_is_never_shown() -> None:
    lazy, screen = lazily(lines=100)
    for _ in range(100):
        lazy.feed(LINES * (STRETCH_BYTES // len(LINES)))
    lazy.show_all()
    assert 100 * len(LINES) <= len(screen.fed) <= 3 * STRETCH_BYTES


def test_with_margins_it_is_all_shown() -> None:
    lazy, screen = lazily(is_scrolling=False)
    text = LINES * 200_000
    for start in range(0, len(text), STRETCH_BYTES):
        lazy.feed(text[start : start + STRETCH_BYTES])
        assert lazy.waiting_bytes <= 2 * STRETCH_BYTES
    assert not lazy.keep(memoryview(b"x"))
    lazy.feed(b"\x1b[r")
    assert bytes(screen.fed) == text + b"\x1b[r"
    assert lazy.keep(memoryview(b"x"))  # the margins may be gone


def test_lines_that_begin_anywhere_are_all_shown() -> None:
    lazy, screen = lazily()
    text = b"stairs\n" * 50_000
    for start in range(0, len(text), STRETCH_BYTES):
        lazy.feed(text[start : start + STRETCH_BYTES])
        assert lazy.waiting_bytes <= 2 * STRETCH_BYTES
    lazy.show_all()
    assert bytes(screen.fed) == text


@pytest.mark.parametrize("size", [1001, STRETCH_BYTES - 1, 2 * STRETCH_BYTES + 1])
def test_it_is_left_out_line_by_line_however_it_comes(size: int) -> None:
    lazy, screen = lazily()
    text = b"".join(b"%06d\r\n" % number for number in range(100_000))
    for start in range(0, len(text), size):
        lazy.feed(text[start : start + size])
        assert lazy.waiting_bytes <= 100 * 8 + 2 * (STRETCH_BYTES + size)
    lazy.show_all()
    assert text.endswith(bytes(screen.fed))
    assert int(screen.fed[:6]) == int(screen.fed[8:14]) - 1
    assert len(screen.fed) % 8 == 0


def test_of_long_lines_no_more_waits_than_one_can_wait_for() -> None:
    lazy, screen = lazily()
    line = b"x" * STRETCH_BYTES
    for count in range(1, 3 * WAITING_BYTES // STRETCH_BYTES):
        lazy.feed(line)
        assert lazy.waiting_bytes <= WAITING_BYTES
        assert len(screen.fed) + lazy.waiting_bytes == count * STRETCH_BYTES


def test_a_closed_one_fails() -> None:
    screen = LazyScreen(GhosttyScreen.create(SIZE, Owner(), scrollback_lines=10))
    screen.feed(b"text")
    screen.close()
    screen.close()
    assert screen.waiting_bytes == 0
    with pytest.raises(ScreenFailed):
        screen.feed(b"text")


def flood(chance: random.Random, cols: int, lines: int) -> Iterator[bytes]:
    """Pieces of plain text, of all sorts of lines."""
    for _ in range(lines):
        length = chance.choice([0, 1, 3, cols - 1, cols, cols + 1, 2 * cols])
        text = "".join(chance.choices("abc xyz~\t\r\0\x7f\x18", k=length)).encode()
        yield text + (b"\n" if chance.random() < 0.03 else b"\r\n")
    yield b"rest"[: chance.randrange(5)]


def remade(screen: LazyScreen) -> GhosttyScreen:
    """What a viewer has who is given a snapshot."""
    snapshot = screen.snapshot()
    made = GhosttyScreen.create(screen.size, Owner(), scrollback_lines=20)
    made.feed(snapshot.to_bytes())
    return made


@pytest.mark.parametrize("seed", range(30))
def test_a_viewer_sees_no_difference_whatever_came_before(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where as little is shown as may be."""
    monkeypatch.setattr(lazy_screen, "STRETCH_BYTES", 64)
    chance = random.Random(seed)
    stream = (generated if seed % 2 else ordinary)(seed)
    shown, spared = (
        GhosttyScreen.create(stream.size, Owner(), scrollback_lines=20) for _ in range(2)
    )
    at_once, lazy = LazyScreen(shown), LazyScreen(spared)
    lines = chance.randrange(spared.remembered_lines, 2000)
    for data in (stream.data, *flood(chance, stream.size.cols, lines)):
        at_once.feed(data)
        at_once.show_all()
        lazy.feed(data)
    for size in (stream.size, WindowSize(5, 200), WindowSize(100, 3), SIZE):
        at_once.resize(size)
        lazy.resize(size)
        assert differences(remade(at_once), remade(lazy)) == []


@pytest.mark.parametrize("rows", [100, MAX_ROWS])
def test_what_stood_below_the_cursor_is_gone_in_the_highest_window(rows: int) -> None:
    size, highest = WindowSize(rows, 300), WindowSize(MAX_ROWS, 300)
    shown, spared = (GhosttyScreen.create(size, Owner(), scrollback_lines=1000) for _ in range(2))
    lazy = LazyScreen(spared)
    full = b"\r\n".join([b"o" * 299] * rows) + b"\x1b[H"
    lines = b"".join(b"%0150d\r\n" % number for number in range(5000))
    for data in (full, *(lines[at : at + 10_000] for at in range(0, len(lines), 10_000))):
        shown.feed(data)
        lazy.feed(data)
    for screen in (shown, lazy):
        screen.resize(highest)
    assert b"o" not in lazy.snapshot().to_bytes()
    assert lazy.rendered("text") == shown.rendered("text")
