"""Rows that are written many at a time make the same terminal as rows by themselves."""

from hypothesis import given
from hypothesis import strategies as st

from ptybridge.adapters.ghostty import state
from ptybridge.adapters.ghostty.cells import RowReader
from ptybridge.adapters.ghostty.library import load
from ptybridge.adapters.ghostty.model import ScreenKey
from ptybridge.adapters.ghostty.screen import GhosttyScreen
from ptybridge.adapters.ghostty.stretches import MAX_ROWS, StretchReader
from ptybridge.core.values import WindowSize
from tests.differential.states import differences
from tests.test_ghostty import Owner

SIZE = WindowSize(5, 20)

words = st.text("ab é→", min_size=1, max_size=9).map(str.encode)
ordinary = st.one_of(
    words,
    st.integers(0, 7).map(lambda color: b"\x1b[3%dm" % color),
    st.integers(0, 255).map(lambda color: b"\x1b[38;5;%dm" % color),
    st.sampled_from((b"\x1b[m", b"\x1b[1m", b"\x1b[44m", b"\x1b[49m", b"\x1b[5C", b"\t")),
    st.sampled_from((b"\r\n", b"\r\n\r\n", b"a line that fills more than a row ", b"x" * 20)),
)
odd = st.sampled_from((
    "中".encode(), "e\u0301".encode(), b"\x1b[K", b"\x1b[46m\x1b[K", b"\x1b[2X", b"\x1b[A",
    b"\x08\x08", b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\",
    b"\x1b[P", b"\x1b[L", b'\x1b[1"qkept\x1b[0"q', b"\x1b(0", b"\x1b(B", b"\x1b[48;2;1;2;3m\x1b[K",
    "\U0001f680".encode(), b"\x1b]133;A\x07", b"\x1b]133;C\x07", b"\x1b[?2027h", b"\x1b[?2027l",
))  # fmt: skip


def screen_of(*chunks: bytes) -> GhosttyScreen:
    screen = GhosttyScreen.create(SIZE, Owner(), scrollback_lines=2000)
    for chunk in chunks:
        screen.feed(chunk)
    return screen


@given(st.lists(st.one_of(ordinary, ordinary, ordinary, odd), max_size=120).map(b"".join))
def test_whatever_lies_between_stretches_the_state_is_the_same(stream: bytes) -> None:
    whole = screen_of(stream)
    assert differences(whole, screen_of(whole.snapshot().to_bytes())) == []


def stretches_of(stream: bytes) -> list[tuple[int, bytes]]:
    """What the first page of a screen that was fed ``stream`` gives, and where each part ends."""
    screen = screen_of(stream)
    page = state.decode(screen.encoded()).screens[ScreenKey.PRIMARY].pages[0].decode()
    reader = StretchReader(page, RowReader(page, load().width_of), SIZE.cols)
    found = []
    start = 0
    while start < len(page.cells):
        end, text = reader.read(start, len(page.cells))
        found.append((end, text))
        start = max(end, start + 1)
    return found


def test_lines_in_colours_are_one_stretch() -> None:
    lines = b"\x1b[31mred\x1b[m and\x1b[3Cnot\r\nplain\r\n\r\n\x1b[1mbold"
    ((end, text),) = stretches_of(lines)
    assert end == SIZE.rows
    assert text == b"\x1b[0;31mred\x1b[m and\x1b[3Cnot\r\nplain\r\n\r\n\x1b[0;1mbold\x1b[m\r\n"


def test_a_line_goes_on_in_the_next_row_by_itself() -> None:
    ((end, text),) = stretches_of(b"\x1b[32m" + b"x" * 50 + b"\x1b[m\r\nnext")
    assert end == SIZE.rows
    assert text == b"\x1b[0;32m" + b"x" * 50 + b"\x1b[m\r\nnext\r\n"


def test_a_stretch_ends_before_the_line_that_has_something_odd() -> None:
    found = stretches_of(b"one\r\n\x1b[1mtwo\x1b[m\r\n" + b"x" * 20 + "e\u0301\r\n".encode())
    assert found[0] == (2, b"one\r\n\x1b[0;1mtwo\x1b[m")
    assert found[1] == (2, b"")  # not half a line


def test_a_stretch_has_an_end() -> None:
    found = stretches_of(b"\x1b[1mx\r\n" * (3 * MAX_ROWS))
    assert [end for end, _ in found[:3]] == [MAX_ROWS, 2 * MAX_ROWS, 3 * MAX_ROWS]


def test_wide_characters_and_marks_of_a_shell_end_no_stretch() -> None:
    lines = (
        b"\x1b]133;A\x07$ \x1b]133;B\x07\x1b[1m" + "中文".encode() + b"\x1b[m\r\n\x1b]133;C\x07ok"
    )
    ((end, text),) = stretches_of(lines)
    assert end == SIZE.rows
    assert text == b"$ \x1b[0;1m" + "中文".encode() + b"\x1b[m\r\nok\r\n\r\n\r\n"


def test_backgrounds_without_text_end_no_stretch() -> None:
    lines = b"\x1b[42m+ a\x1b[K\x1b[m\r\n\x1b[44m\x1b[5X\x1b[5C\x1b[45m\x1b[3X\x1b[m\x1b[3Cb\r\n"
    ((end, text),) = stretches_of(lines)
    assert end == SIZE.rows
    first, second = text.split(b"\r\n")[:2]
    assert first == b"\x1b[0;42m+ a\x1b[17X\x1b[m"
    assert second == b"\x1b[0;44m\x1b[5X\x1b[5C\x1b[0;45m\x1b[3X\x1b[3C\x1b[mb"


def test_a_wide_blank_ends_a_stretch() -> None:
    found = stretches_of(b"one\r\n\x1b(0" + "中".encode() + b"\x1b(B\r\n")
    assert found[0] == (1, b"one")


def test_what_others_have_does_not_matter_to_many_wide_rows() -> None:
    lines = "中\r\n".encode() * 40
    link = b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\r\n"
    found = stretches_of(lines + link + lines)
    assert b"".join(text for _, text in found).count("中".encode()) == 80
    assert (40, b"") in [(end, text) for end, text in found if not text]


def test_there_may_be_more_backgrounds_than_numbers() -> None:
    stream = b"".join(b"\x1b[48;5;%dm\x1b[K\x1b[m\r\n" % color for color in range(256))
    whole = screen_of(stream)
    assert differences(whole, screen_of(whole.snapshot().to_bytes())) == []
