"""Texts woven with the sequences of their styles are what writing a character at a time makes."""

from collections.abc import Mapping
from itertools import groupby

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ptybridge.adapters.ghostty.weaving import BLANK, FILL, NOTHING, woven

MANY = 256
characters = st.sampled_from((BLANK, BLANK, "\n", "a", "~", " ", "é", "→", "\uffff", "🚀"))
ascii_characters = st.sampled_from((BLANK, "\n", "a", "0", "["))


def sequences_of(count: int) -> dict[int, bytes]:
    return {0: b"\x1b[m"} | {style: b"\x1b[0;38;5;%dm" % style for style in range(1, count)}


def written_singly(text: str, styles: bytes, sequences: Mapping[int, bytes]) -> bytes:
    out = []
    pen = sequences[0]
    for (is_blank, sequence), cells in groupby(
        zip(text, styles, strict=True),
        key=lambda cell: (cell[0] == BLANK, sequences.get(cell[1], sequences[0])),
    ):
        part = "".join(character for character, _ in cells)
        if sequence != pen:
            out.append(sequence)
        pen = sequence
        out.append(b"\x1b[%dC" % len(part) if is_blank else part.encode())
    if pen != sequences[0]:
        out.append(sequences[0])
    return b"".join(out).replace(b"\n", b"\r\n")


@st.composite
def cells(draw: st.DrawFn) -> tuple[str, bytes]:
    of = draw(st.sampled_from((characters, ascii_characters)))
    highest = draw(st.sampled_from((0, 5, MANY - 1)))
    pairs = draw(st.lists(st.tuples(of, st.integers(0, highest), st.integers(1, 9)), max_size=80))
    text = "".join(character * count for character, _, count in pairs)
    styles = b"".join(bytes([style]) * count for _, style, count in pairs)
    return text, styles


@given(cells(), st.sampled_from((1, 4, 30, MANY)))
@example(("", b""), 4)
def test_many_characters_are_as_each_by_itself(given: tuple[str, bytes], count: int) -> None:
    text, styles = given
    assert woven(text, styles, sequences_of(count)) == written_singly(
        text, styles, sequences_of(count)
    )


@pytest.mark.parametrize("character", ["x", "é", "🚀"])
@pytest.mark.parametrize("count", [2, 27, 28, 29, 30, 31, 64, 156, 157, 158, MANY])
def test_styles_may_be_as_many_as_there_are(character: str, count: int) -> None:
    styles = bytes(range(count)) * 2
    sequences = sequences_of(count)
    assert woven(character * 2 * count, styles, sequences) == written_singly(
        character * 2 * count, styles, sequences
    )


def test_backgrounds_are_erased_and_passed_over_but_at_the_end_of_a_line() -> None:
    text = "a" + 3 * FILL + "b" + 2 * FILL + BLANK + "\n" + 4 * FILL + "\n" + FILL
    styles = bytes([0, 1, 1, 1, 0, 1, 2, 0, 0, 2, 2, 2, 2, 0, 0])
    assert woven(text, styles, {0: b"<>", 1: b"<1>", 2: b"<2>"}) == (
        b"a<1>\x1b[3X\x1b[3C<>b<1>\x1b[1X\x1b[1C<2>\x1b[1X\x1b[1C<>\x1b[1C\r\n"
        b"<2>\x1b[4X<>\r\n\x1b[1X\x1b[1C"
    )


@pytest.mark.parametrize("styles", [bytes(5), bytes([4, 4, 4, 4, 0])])
def test_the_second_half_of_a_character_is_not_written(styles: bytes) -> None:
    written = woven(f"中{NOTHING}文{NOTHING}x", styles, {0: b"<>", 4: b"<b>"})
    assert written.replace(b"<b>", b"").replace(b"<>", b"") == "中文x".encode()
