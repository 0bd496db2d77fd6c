"""As many lines of history are kept as are wanted, whatever they are made of."""

import unicodedata

import pytest

from ptybridge.adapters.ghostty import state
from ptybridge.adapters.ghostty.history import MOST, PAGE_BYTES, PAGE_CELLS, HistoryLimit
from ptybridge.adapters.ghostty.model import ScreenKey
from ptybridge.adapters.ghostty.screen import GhosttyScreen
from ptybridge.core.feeding import AT_ONCE_BYTES
from ptybridge.core.values import WindowSize
from tests.test_ghostty import Owner

SIZE = WindowSize(24, 80)
PAGE_ROWS = PAGE_CELLS // 80
LINES = 3000

TEXTS = {
    "plain": "a line of text, as of a log, with some words in it",
    "hindi": "यह एक परीक्षण वाक्य है जिसमें कई शब्द हैं और मात्राएँ भी हैं।",
    "thai": "ที่นี่มีข้อความภาษาไทยสำหรับทดสอบ น้ำ ใจ ดี กว่า",
    "vietnamese, decomposed": unicodedata.normalize("NFD", "Tiếng Việt có dấu thanh và nhiều chữ"),
    "links": "\x1b]8;;https://example.com/{0}\x1b\\file{0}\x1b]8;;\x1b\\ text",
    "colours": "".join(f"\x1b[38;2;{{0}};{{1}};{col}m{col % 10}" for col in range(0, 70, 10)),
}


def history_of(screen: GhosttyScreen) -> int:
    return state.decode(screen.encoded()).screens[ScreenKey.PRIMARY].row_count - screen.size.rows


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_lines_of_any_kind_are_kept(text: str) -> None:
    screen = GhosttyScreen.create(SIZE, Owner(), scrollback_lines=LINES)
    lines = "".join(text.format(n & 255, n >> 8) + "\r\n" for n in range(2 * LINES)).encode()
    for start in range(0, len(lines), AT_ONCE_BYTES):
        screen.feed(lines[start : start + AT_ONCE_BYTES])
    assert LINES <= history_of(screen) <= LINES + 4 * PAGE_ROWS
    screen.close()


def test_ordinary_text_takes_what_it_takes() -> None:
    limit = HistoryLimit(LINES, SIZE)
    assert limit.bytes == PAGE_BYTES * (-(-(LINES + 24) // PAGE_ROWS) + 2)
    assert not any(limit.look(rows) for rows in (100, 2000, LINES + 900, LINES + 400, LINES + 900))


def test_less_than_are_wanted_when_a_page_is_dropped_raise_it_at_once() -> None:
    limit = HistoryLimit(LINES, SIZE)
    before = limit.bytes
    assert not limit.look(1600)
    assert limit.look(1500)
    assert limit.bytes == pytest.approx(before * (LINES + PAGE_ROWS) / 1500, rel=0.01)
    assert not limit.look(1500)


def test_more_than_are_wanted_lower_it_again_to_what_it_was() -> None:
    limit = HistoryLimit(LINES, SIZE)
    before = limit.bytes
    for rows in (1600, 1500, 10_000, 9_500):
        limit.look(rows)
    assert limit.bytes == before


def test_it_is_never_more_than_some_times_as_much() -> None:
    limit = HistoryLimit(LINES, SIZE)
    before = limit.bytes
    for _ in range(20):
        limit.look(200)
        limit.look(150)
    assert limit.bytes == int(before * MOST)


@pytest.mark.parametrize("rows", [0, 1, 700])
def test_a_history_that_was_cleared_tells_nothing(rows: int) -> None:
    limit = HistoryLimit(LINES, SIZE)
    limit.look(1600)
    assert not limit.look(rows)


def test_a_new_size_has_another_one_and_what_was_learnt_stays() -> None:
    limit = HistoryLimit(LINES, SIZE)
    ordinary = limit.bytes
    limit.look(1600)
    limit.look(1500)
    learnt = limit.bytes
    limit.resize(WindowSize(24, 40))
    assert limit.bytes < learnt
    assert not limit.look(1400)  # many fewer rows, but of twice the width
    limit.resize(SIZE)
    assert limit.bytes == learnt > ordinary
