"""The screen on libghostty: what it tells, what it answers, and that a snapshot rebuilds it."""

import importlib.metadata
import json
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptybridge.adapters.ghostty import library, state
from ptybridge.adapters.ghostty.model import Mode, ScreenKey
from ptybridge.adapters.ghostty.rendering import plain_cells
from ptybridge.adapters.ghostty.screen import UNFINISHED_LIMIT, GhosttyScreen
from ptybridge.core.screen import (
    Bell,
    ClipboardWrite,
    CommandFinished,
    CommandStarted,
    DownloadAsked,
    Notification,
    Progress,
    ProgressState,
    PromptMark,
    PromptPart,
    ScreenEvent,
    ScreenFailed,
    ScreenUnavailable,
    Title,
    WorkingDirectory,
)
from ptybridge.core.values import MAX_COLS, WindowSize
from tests.apart import number_printed_apart

SIZE = WindowSize(24, 80)


class Owner:
    """Keeps what the screen says."""

    def __init__(self) -> None:
        self.replies = b""
        self.events: list[ScreenEvent] = []

    def on_reply(self, data: bytes) -> None:
        self.replies += data

    def on_event(self, event: ScreenEvent) -> None:
        self.events.append(event)


def screen_of(
    *chunks: bytes, size: WindowSize = SIZE, lines: int = 1000
) -> tuple[GhosttyScreen, Owner]:
    """A screen that was fed ``chunks``."""
    owner = Owner()
    screen = GhosttyScreen.create(size, owner, scrollback_lines=lines)
    for chunk in chunks:
        screen.feed(chunk)
    return screen, owner


def written(screen: GhosttyScreen) -> bytes:
    """All of its state that a snapshot carries, in one canonical form."""
    return screen.snapshot().to_bytes()


def rebuilt(stream: bytes, cut: int) -> tuple[GhosttyScreen, GhosttyScreen]:
    """A screen that saw everything up to ``cut``, and one that was given a snapshot there."""
    whole, _ = screen_of(stream[:cut])
    snapshot = whole.snapshot()
    joined, owner = screen_of(snapshot.to_bytes(), stream[cut - snapshot.held_back : cut])
    assert owner.replies == b""  # nothing in a snapshot asks
    return whole, joined


FULL_SCREEN = (
    b"\x1b[?1049h\x1b[22;0;0t\x1b[?1h\x1b=\x1b[?2004h\x1b[?1006;1002h\x1b[1;24r\x1b[H\x1b[2J"
    b"\x1b[38;5;81m~\r\n~\x1b[0m\x1b[7m status \x1b[27m\x1b[24;63H0,0-1\x1b[1;1H\x1b[?25h"
)
LOG = b"".join(b"\x1b[3%dmline %d\x1b[0m of a log, plain\r\n" % (n % 8, n) for n in range(80))
WRAPPED = b"a long line that wraps " * 9 + b"\r\n" + "日本語のテキスト".encode() * 12
LINKS = b"\x1b]8;id=1;https://example.org\x1b\\link\x1b]8;;\x1b\\ \x1b]2;the title\x07"
STYLES = b"\x1b[1;3;4:3;58:5:9mstyled\x1b[0m\x1b[48;2;1;2;3m\x1b[K\x1b[m\r\n\x1b(0lqk\x1b(B\x1b7"
REGION = b"\x1b[5;20r\x1b[?6h\x1b[2;3Hin the region\x1b[4h\x1b[3g\x1b[10G\x1bH"
STREAM = LOG + WRAPPED + LINKS + STYLES + REGION + b"\x1b[r\x1b[?6l\x1b[4l" + FULL_SCREEN


@pytest.mark.parametrize("cut", [*range(0, len(STREAM), 41), len(STREAM)])
def test_a_snapshot_at_any_byte_rebuilds_the_screen_and_what_follows(cut: int) -> None:
    whole, joined = rebuilt(STREAM, cut)
    assert written(joined) == written(whole)
    whole.feed(STREAM[cut:])
    joined.feed(STREAM[cut:])
    assert written(joined) == written(whole)
    assert joined.text() == whole.text()


@given(st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), max_size=300), st.data())
def test_text_in_any_script_survives_a_snapshot(text: str, data: st.DataObject) -> None:
    stream = text.encode()
    cut = data.draw(st.integers(0, len(stream)))
    whole, joined = rebuilt(stream, cut)
    whole.feed(stream[cut:])
    joined.feed(stream[cut:])
    assert joined.text() == whole.text()


def test_an_unfinished_character_is_left_to_the_output_that_follows() -> None:
    screen, _ = screen_of("ab€".encode()[:4])
    snapshot = screen.snapshot()
    assert snapshot.held_back == 2
    assert snapshot.size == SIZE


def test_a_long_history_is_written_in_pieces_and_as_long_as_asked() -> None:
    screen, _ = screen_of(b"".join(b"line %d\r\n" % number for number in range(5000)), lines=5000)
    pieces = list(screen.snapshot().pieces)
    assert len(pieces) > 5
    assert b"line 0\r\n" in b"".join(pieces)
    short = screen.snapshot(history_lines=100).to_bytes()
    assert b"line 4900\r\n" in short
    assert b"line 4000\r\n" not in short


@pytest.mark.parametrize(
    ("query", "reply"),
    [
        pytest.param(b"\x1b[c", b"\x1b[?62;4;22c", id="DA1"),
        pytest.param(b"\x1b[5n", b"\x1b[0n", id="DSR"),
        pytest.param(b"ab\x1b[6n", b"\x1b[1;3R", id="CPR"),
        pytest.param(b"\x1b[?2004h\x1b[?2004$p", b"\x1b[?2004;1$y", id="DECRQM"),
        pytest.param(b"\x1b[>q", b"\x1bP>|ptybridge\x1b\\", id="XTVERSION"),
        pytest.param(b"\x1b]11;?\x1b\\", b"\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\", id="OSC-11"),
    ],
)
def test_a_query_has_one_answer(query: bytes, reply: bytes) -> None:
    _, owner = screen_of(query)
    assert owner.replies == reply


def test_nothing_that_the_stream_chose_is_typed() -> None:
    hostile = b"\x1b]2;rm -rf\x07\x1b[21t\x1b]1;rm\x07\x1b[20t\x05\x1b[1;1;1;1;1;1*y"
    _, owner = screen_of(hostile)
    assert b"rm" not in owner.replies
    assert b"\r" not in owner.replies


@pytest.mark.parametrize(
    ("stream", "event"),
    [
        pytest.param(b"\x1b]2;hello\x07", Title("hello"), id="title"),
        pytest.param(b"\x07", Bell(), id="bell"),
        pytest.param(
            b"\x1b]7;file://host/a%20b\x07", WorkingDirectory("/a b", "host"), id="directory"
        ),
        pytest.param(b"\x1b]9;done\x07", Notification("", "done"), id="notification"),
        pytest.param(b"\x1b]777;notify;a;b\x07", Notification("a", "b"), id="OSC-777"),
        pytest.param(b"\x1b]9;4;1;40\x07", Progress(ProgressState.NORMAL, 40), id="progress"),
        pytest.param(b"\x1b]133;A\x07", PromptMark(PromptPart.START), id="prompt"),
        pytest.param(b"\x1b]133;D;3\x07", CommandFinished(3), id="exit-code"),
        pytest.param(b"\x1b]633;E;ls\x07\x1b]633;C\x07", CommandStarted("ls"), id="command"),
        pytest.param(b"\x1b]52;c;aGk=\x07", ClipboardWrite("clipboard", "hi"), id="clipboard"),
        pytest.param(b"\x1b]7750;1;2;L2E=;s\x1b\\", DownloadAsked("1;2;L2E=;s"), id="download"),
    ],
)
def test_the_stream_tells_of_itself(stream: bytes, event: ScreenEvent) -> None:
    for cut in range(len(stream)):
        _, owner = screen_of(stream[:cut], stream[cut:])
        assert owner.events == [event]
        assert owner.replies == b""


def test_the_clipboard_is_never_read() -> None:
    _, owner = screen_of(b"\x1b]52;c;?\x07")
    assert (owner.replies, owner.events) == (b"", [])


@pytest.mark.parametrize(
    ("stream", "is_scrolling"),
    [
        (b"", True),
        (b"\x1b[5;20r", False),
        (b"\x1b[5;20r\x1b[r", True),
        (b"\x1b[1;23r", False),
        (b"\x1b[?69h\x1b[3;9s", False),
        (b"\x1b[?69h\x1b[3;9s\x1b[?69l", True),
        (b"\x1b[31;1mred\x1b[2;3H", True),
        (b"\x1b[?1049h", True),
        (b"\x1b[4h", False),
        (b"\x1b[3g", False),
        (b"\x1b]8;;http://x/1\x1b\\", False),
        (b"\x1b]8;;http://x/1\x1b\\link\x1b]8;;\x1b\\", True),
        (b"\x1b]2;title", False),
        (b"\x1b]2;title\a", True),
        (b"\x1b", False),
        ("中".encode()[:2], False),
    ],
)
def test_text_scrolls_unless_modes_make_it_costly_or_it_belongs_to_a_sequence(
    stream: bytes, *, is_scrolling: bool
) -> None:
    screen, _ = screen_of(stream)
    assert screen.is_scrolling() is is_scrolling


def test_text_scrolls_in_a_window_that_became_wider() -> None:
    screen, _ = screen_of(size=WindowSize(24, 20))
    for cols in (300, MAX_COLS, 3):
        screen.resize(WindowSize(24, cols))
        assert screen.is_scrolling()


@pytest.mark.parametrize("lines", [20, 600, 1000])
@pytest.mark.parametrize("size", [WindowSize(5, 200), WindowSize(50, 120), WindowSize(100, 30)])
def test_no_resize_takes_lines_that_are_to_be_kept(lines: int, size: WindowSize) -> None:
    for printed in range(lines + 100, lines + 1500, 111):
        screen, _ = screen_of(b"x\r\n" * printed, lines=lines)
        screen.resize(size)
        assert screen.snapshot().to_bytes().count(b"x") >= lines
        screen.close()


@pytest.mark.parametrize("size", [WindowSize(24, 80), WindowSize(24, 40), WindowSize(50, 150)])
def test_a_narrower_window_keeps_all_lines_that_are_to_be_kept(size: WindowSize) -> None:
    lines = 10_000
    screen, _ = screen_of(b"x\r\n" * (lines + 1500), size=WindowSize(50, 200), lines=lines)
    screen.resize(size)
    screen.feed(b"x\r\n" * 100)
    assert screen.snapshot().to_bytes().count(b"x") >= lines
    screen.close()


CRASHING = b"\r\n\r\nx\x1b]133;A\x07%s%s\x1b]8;;http://x\x1b\\%s\x1b[?7l\r\n\r\nx\x1b[8;41r" % (
    b"\r\n" * 350,
    b"x" * 200,
    b"x" * 150,
)
"""After it the library crashes when a screen without autowrap becomes low and then wide."""


def test_no_output_and_no_sizes_crash_the_library() -> None:
    """In another process, which would be gone."""
    script = (
        "import sys; from tests.test_ghostty import *; screen, _ = screen_of("
        "sys.stdin.buffer.read(), size=WindowSize(50, 132)); screen.resize(WindowSize(5, 200));"
        "print(len(screen.snapshot().to_bytes()))"
    )
    assert number_printed_apart(script, CRASHING) > 0


def test_lines_reflow_whether_a_program_wraps_them_or_not_and_that_stays_so() -> None:
    for mode, wraps in ((b"\x1b[?7l", False), (b"\x1b[?7h", True)):
        screen, _ = screen_of(b"x" * 100 + mode)
        screen.resize(WindowSize(24, 100))
        assert screen.text() == "x" * 100
        assert state.decode(screen.encoded()).has(Mode.WRAPAROUND) is wraps


WIDE_AT_THE_EDGE = "\x1b[1;60H中\x1b[5;60H👩\x1b[10;5Hhere".encode()


def test_a_narrower_alternate_screen_can_be_shown_to_who_comes_late() -> None:
    """Where it cuts wide characters in half."""
    screen, _ = screen_of(b"\x1b[?1049h" + WIDE_AT_THE_EDGE)
    screen.resize(WindowSize(24, 60))
    decoded = state.decode(screen.encoded())
    cursor = decoded.screens[ScreenKey.ALTERNATE].cursor
    assert (cursor.row, cursor.col) == (9, 8)
    assert "here" in screen.text()


def test_so_can_the_other_screen_when_a_program_has_left_such_characters_there() -> None:
    left = b"line\r\n" * 50 + b"\x1b[?1049h" + WIDE_AT_THE_EDGE + b"\x1b[?1049l\x1b[31mat"
    screen, _ = screen_of(left)
    before = state.decode(screen.encoded()).screens[ScreenKey.PRIMARY]
    screen.resize(WindowSize(24, 60))
    after = state.decode(screen.encoded())
    assert after.active is ScreenKey.PRIMARY
    assert after.screens[ScreenKey.PRIMARY].cursor == before.cursor
    assert screen.snapshot().to_bytes().count(b"line") == 50


def test_a_resize_reflows_and_a_program_cannot_resize() -> None:
    screen, _ = screen_of(b"x" * 100, b"\x1b[?40h\x1b[?3h")
    assert screen.size == SIZE
    screen.resize(WindowSize(10, 100))
    assert screen.text() == "x" * 100 or screen.text().strip() == ""
    assert screen.size == WindowSize(10, 100)


@pytest.mark.parametrize("size", [WindowSize(30, 100), WindowSize(30, 80), WindowSize(24, 100)])
def test_a_new_size_is_reported_once_where_a_program_wants_that(size: WindowSize) -> None:
    """DEC mode 2048: who has it on may not look at SIGWINCH any more."""
    screen, owner = screen_of(b"\x1b[?2048h")
    owner.replies = b""
    screen.resize(size)
    report = b"\x1b[48;%d;%d;%d;%dt" % (size.rows, size.cols, 16 * size.rows, 8 * size.cols)
    assert owner.replies == report


@pytest.mark.parametrize("between", [b"", b"\n", b"0;" * 4000 + b"3;"])
def test_a_program_cannot_resize_however_its_output_is_cut(between: bytes) -> None:
    screen, _ = screen_of(b"\x1b[?40h", b"\x1b", b"[", b"?", between, b"3", b"h", b"text")
    assert screen.snapshot().size == SIZE  # it would fail at another


def test_a_program_cannot_resize_by_what_ends_a_string_and_begins_a_sequence() -> None:
    screen, _ = screen_of(b"\x1b[?40h", b"\x1b_", b"text", b"\x9b?", b"3h")
    assert screen.snapshot().size == SIZE


def test_what_is_on_it_can_be_had_as_text_html_and_sequences() -> None:
    screen, _ = screen_of(b"plain \x1b[1;31m<red>\x1b[0m\r\nsecond")
    assert screen.rendered("text") == b"plain <red>\nsecond"
    assert b">&lt;red&gt;</span>\nsecond</pre>" in screen.rendered("html")
    assert screen.rendered("vt") == b"plain \x1b[0;1;31m<red>\x1b[m\r\nsecond"


def test_cells_tell_colours_and_looks_for_who_draws_them() -> None:
    screen, _ = screen_of(b"a\x1b[31;1mb\x1b[48;2;1;2;3;4mc\x1b[0m\r\n\r\nd")
    assert json.loads(screen.rendered("cells")) == {
        "rows": SIZE.rows,
        "cols": SIZE.cols,
        "lines": [[["a"], ["b", 1, None, 1], ["c", 1, "#010203", 65]], [], [["d"]]],
    }


def test_cells_of_a_screen_whose_state_cannot_be_had_are_its_text() -> None:
    assert json.loads(plain_cells("a\n\nb\n", WindowSize(4, 9))) == {
        "rows": 4,
        "cols": 9,
        "lines": [[["a"]], [], [["b"]]],
    }


def test_a_rendered_screen_has_the_rows_that_are_shown() -> None:
    screen, _ = screen_of(LOG, b"w" * 100, b"\r\n\x1b[44m\x1b[K\x1b[m\r\n\x1b[3Cend\r\n")
    *_, log, wide, rest, filled, last = screen.rendered("vt").split(b"\r\n")
    assert log == b"\x1b[0;37mline 79\x1b[m of a log, plain"
    assert (wide, rest) == (b"w" * 80, b"w" * 20)
    assert filled == b"\x1b[0;44m" + b" " * 80 + b"\x1b[m"
    assert last == b"   end"
    assert screen.rendered("text").count(b"\n") == SIZE.rows - 2
    screen.feed(b"\x1b[?1049h\x1b[HALT")
    assert screen.rendered("vt") == b"ALT"


def test_html_shows_what_the_page_would() -> None:
    screen, _ = screen_of(
        b"\x1b]11;#102030\x07\x1b]4;1;#aabbcc\x07\x1b[31mred\x1b[0;7mreverse\x1b[0;1;2;3;9;53;4:3;58;2;1;2;3m"
        b"all\x1b[0;8mhidden\x1b[0;38;5;200;48;2;1;2;3mboth"
    )
    html = screen.rendered("html").decode("ascii")
    assert html.startswith('<pre style="color:#d4d4d4;background-color:#102030">')
    assert '<span style="color:#aabbcc">red</span>' in html
    assert '<span style="color:#102030;background-color:#d4d4d4">reverse</span>' in html
    assert (
        "font-weight:bold;font-style:italic;opacity:0.5;"
        'text-decoration:underline wavy line-through overline #010203">all' in html
    )
    assert '<span style="visibility:hidden">hidden</span>' in html
    assert '<span style="color:#ff00d7;background-color:#010203">both</span></pre>' in html


class Markup(HTMLParser):
    """What a browser would make of a fragment."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


@given(
    st.lists(st.sampled_from([*"<>&\"'=/ \\;:ax", "<script>", "&lt;", "</pre>", "\x1b[1m", "é"]))
)
def test_no_text_becomes_markup(parts: list[str]) -> None:
    text = "".join(parts)
    screen, _ = screen_of(b"\x1b]8;;https://x/", text.encode(), b"\x1b\\", text.encode())
    markup = Markup(screen.rendered("html").decode())
    assert markup.tags <= {"pre", "span", "a"}
    assert {name for name, _ in markup.attributes} <= {"style", "href", "rel"}
    assert [line.rstrip() for line in markup.text.split("\n")] == screen.text().split("\n")


@pytest.mark.parametrize(
    ("uri", "is_link"),
    [
        pytest.param("https://example.org/?a=1&b=2", True, id="https"),
        pytest.param("MAILTO:someone@example.org", True, id="mail"),
        pytest.param("javascript:alert(1)", False, id="script"),
        pytest.param(" javascript:alert(1)", False, id="blank-before"),
        pytest.param("data:text/html,<script>", False, id="data"),
        pytest.param("file:///etc/passwd", False, id="file"),
    ],
)
def test_only_harmless_links_are_links_in_html(uri: str, is_link: bool) -> None:
    screen, _ = screen_of(b"\x1b]8;;", uri.encode(), b"\x1b\\here\x1b]8;;\x1b\\")
    markup = Markup(screen.rendered("html").decode())
    assert [value for name, value in markup.attributes if name == "href"] == [uri] * is_link
    assert markup.text == "here"


def test_a_screen_is_shown_also_while_a_sequence_has_no_end() -> None:
    screen, _ = screen_of(b"<b>\x1b]2;", b"x" * (UNFINISHED_LIMIT + 1))
    with pytest.raises(ScreenFailed):
        screen.encoded()
    assert screen.rendered("html") == b"<pre>&lt;b&gt;</pre>"
    assert screen.rendered("vt") == screen.rendered("text") == b"<b>"
    assert screen.snapshot().to_bytes().endswith(b"<b>\x1b[0m\x1b]7777;")


def test_an_owners_fault_is_raised_when_the_chunk_is_fed() -> None:
    class Faulty(Owner):
        def on_event(self, event: ScreenEvent) -> None:
            raise ValueError("owner")

    screen = GhosttyScreen.create(SIZE, Faulty(), scrollback_lines=10)
    with pytest.raises(ValueError, match="owner"):
        screen.feed(b"\x07after")
    assert screen.text() == "after"


def test_a_closed_screen_fails_and_can_be_closed_again() -> None:
    screen, _ = screen_of(b"x")
    screen.close()
    screen.close()
    with pytest.raises(ScreenFailed):
        screen.feed(b"y")


def test_another_version_of_the_library_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "9.9.9")
    library.load.cache_clear()
    try:
        with pytest.raises(ScreenUnavailable, match=r"9\.9\.9"):
            GhosttyScreen.create(SIZE, Owner(), scrollback_lines=10)
    finally:
        library.load.cache_clear()


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_no_input_breaks_a_screen(chunks: list[bytes]) -> None:
    screen, _ = screen_of(*chunks)
    assert screen.snapshot().to_bytes().startswith(b"\x18\x1bc")
    screen.close()
