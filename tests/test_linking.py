"""Links that would fill the library's pages are left out, and no others."""

from collections.abc import Callable

import pytest

from ptybridge.adapters.ghostty import linking
from ptybridge.adapters.ghostty.linking import LINK_BYTES, LOOK_SECONDS, MOST_LINKS, PIECE_BYTES
from ptybridge.adapters.ghostty.screen import GhosttyScreen
from ptybridge.core.values import WindowSize
from tests.apart import number_printed_apart
from tests.test_ghostty import Owner, screen_of

OPEN = b"\x1b]8;;http://x\x1b\\"
CLOSE = b"\x1b]8;;\x1b\\"
MOVE_LINES = b"\x1b[r\x1b[H\x1b[5M\x1b[H\x1b[15M\x1b[10L"


def listing(lines: int, links: int, width: int = 1) -> bytes:
    """As of files whose names are links, all of them different."""
    link = b"\x1b]8;;http://%d\x1b\\" + b"w" * width + CLOSE
    names = iter(range(lines * links))
    return b"".join(
        b" ".join(link % next(names) for _ in range(links)) + b"\r\n" for _ in range(lines)
    )


@pytest.mark.parametrize(
    ("size", "printed"),
    [
        pytest.param((24, 80), listing(585, 3) + MOVE_LINES, id="many-links"),
        pytest.param((24, 80), listing(585, 1, 60) + MOVE_LINES, id="long-links"),
        pytest.param((50, 1000), b"\x1b[?1049h" + OPEN + b"w" * 100_000, id="large-screen"),
        pytest.param(
            (50, 1000), b"\x1b[?1049h\x1b]\x018;;x\a" + b"w" * 100_000, id="controls-inside"
        ),
        pytest.param(
            (50, 1000), b"\x1b[?1049h\x1b_x\x9d8;;x\a" + b"w" * 100_000, id="behind-a-string"
        ),
        pytest.param(
            (50, 1000), b"\x1b[?1049h" + OPEN + b"w\x1b[65535b" * 3, id="one-character-repeated"
        ),
        pytest.param(
            (50, 1000),
            OPEN + b"\x1b[?1049h" + CLOSE + b"w" * 20_000 + b"\x1b[?1049l" + b"w" * 50_000
            + b"\x1b[1;40r\x1b[H\x1b[20M\x1b[20L",
            id="open-on-the-other-screen",
        ),
    ],
)  # fmt: skip
def test_no_links_end_the_process(size: tuple[int, int], printed: bytes) -> None:
    """In another one, which would be gone."""
    script = (
        "import sys; from tests.test_ghostty import *;"
        f"screen, _ = screen_of(b'', size=WindowSize{size}, lines=5000)\n"
        "printed = sys.stdin.buffer.read()\n"
        "for at in range(0, len(printed), 16384): screen.feed(printed[at : at + 16384])\n"
        "print(len(screen.text()))"
    )
    assert number_printed_apart(script, printed) > 0


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A clock that only the test moves."""
    now = [1000.0]
    monkeypatch.setattr(linking.LinkGuard.__init__, "__defaults__", (lambda: now[0],))

    def pass_time() -> None:
        now[0] += LOOK_SECONDS

    return pass_time


def linked(screen: GhosttyScreen) -> int:
    return screen.snapshot().to_bytes().count(b"http://")


def test_as_many_as_a_listing_has_are_kept(wait: Callable[[], None]) -> None:
    screen, _ = screen_of()
    for turn in range(1, 11):
        screen.feed(listing(30, 1))
        wait()
        assert linked(screen) == 30 * turn


@pytest.mark.parametrize("size", [1, 7, PIECE_BYTES, 100_000])
def test_the_text_of_those_that_are_left_out_is_shown(size: int, wait: Callable[[], None]) -> None:
    screen, _ = screen_of(lines=5000)
    printed = listing(1000, 3)
    for at in range(0, len(printed), size):
        screen.feed(printed[at : at + size])
    assert 0 < linked(screen) < MOST_LINKS
    assert screen.text() == "\n".join(["w w w"] * 23)
    screen.feed(b"\x1b[3J\x1b[2J\x1b[H")
    wait()
    screen.feed(OPEN + b"here" + CLOSE)
    assert screen.text() == "here"
    assert linked(screen)


def test_an_open_link_ends_where_there_is_no_room_for_more(wait: Callable[[], None]) -> None:
    screen, _ = screen_of(OPEN + b"w" * (2 * MOST_LINKS * LINK_BYTES))
    screen.feed(b"\r\nplain")
    assert b"\x1b]8;;http" not in screen.snapshot().to_bytes().rpartition(b"\r\n")[2]


def test_without_links_all_is_fed_as_it_comes() -> None:
    guard = linking.LinkGuard(lambda: pytest.fail("looked"), lambda: pytest.fail("asked"))
    for stream in (
        b"text [1] \x1b[31mred\x1b[m",
        b"\x1b]2;8;title\a",
        "”8;".encode()[:2],
        b"\x1b]",
    ):
        assert list(guard.parts(stream, has_command=True)) == [stream]
    screen = GhosttyScreen.create(WindowSize(24, 80), Owner(), scrollback_lines=10)
    screen.feed(b"\x1b]2;title\x1b\\text")
    assert screen.text() == "text"
