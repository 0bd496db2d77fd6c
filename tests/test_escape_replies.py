"""What a program prints cannot make the terminal type: answers hold nothing that it chose.

A terminal's answers arrive where keys do. Whoever can have text shown (a file that is looked at, a
log line) must not be able to put words or a return there (CVE-2003-0063 and its kin).
"""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.test_ghostty import screen_of

CANARY = b"rm -rf ~"
AS_HEX = CANARY.hex().encode()

ANSWERS = re.compile(
    rb"(?:"
    rb"\x1b\[[?>=]?[0-9;]*(?:[cnRtu]|\$y|x)"  # DA, DSR, CPR, window sizes, keyboard flags, DECRQM
    rb"|\x1bP!\|[0-9A-F]{8}\x1b\\"  # DA3
    rb"|\x1bP>\|ptybridge\x1b\\"  # XTVERSION
    rb"|\x1bP[01]\$r[0-9;:]*(?:[mrqs]| q|\"[pq])?\x1b\\"  # DECRQSS
    rb"|\x1b\][0-9]+;(?:[0-9]+;)?rgb:[0-9a-f/]{4,14}(?:\x07|\x1b\\)"  # colours
    rb"|\x1b\[[IO]"  # focus
    rb")*\Z"
)
"""All that is ever answered: numbers in fixed frames, no text and no control character."""

QUESTIONS = [
    pytest.param(b"\x1b]2;" + CANARY + b"\x07\x1b[21t", id="title"),
    pytest.param(b"\x1b]1;" + CANARY + b"\x07\x1b[20t", id="icon-label"),
    pytest.param(b"\x1b]2;" + CANARY + b"\x07\x1b[22;2t\x1b[23;2t\x1b[21t", id="title-stack"),
    pytest.param(b"\x05", id="ENQ"),
    pytest.param(CANARY + b"\x1b[1;1;1;1;1;8*y", id="DECRQCRA"),
    pytest.param(b"\x1bP$q" + CANARY + b"\x1b\\", id="DECRQSS"),
    pytest.param(b"\x90$q" + CANARY + b"\x9c", id="DECRQSS-C1"),
    pytest.param(b"\x1bP+q" + AS_HEX + b"\x1b\\", id="XTGETTCAP"),
    pytest.param(b"\x1bP+p" + AS_HEX + b"\x1b\\", id="XTSETTCAP"),
    pytest.param(b"\x1b]52;c;cm0gLXJmIH4=\x07\x1b]52;c;?\x07", id="clipboard"),
    pytest.param(b"\x1b]50;?" + CANARY + b"\x07", id="font"),
    pytest.param(b"\x1b]21;" + CANARY + b"=?\x1b\\", id="kitty-colours"),
    pytest.param(b"\x1b]99;i=" + CANARY + b":p=?;\x1b\\", id="kitty-notification"),
    pytest.param(b"\x1b_Gi=31,a=q,t=f;" + AS_HEX + b"\x1b\\", id="kitty-graphics"),
    pytest.param(b"\x1b]1337;ReportVariable=" + CANARY + b"\x07", id="iterm-variable"),
    pytest.param(b"\x1b]8;;x:" + CANARY + b"\x07a\x1b]8;;\x07\x1b[6n", id="link"),
    pytest.param(b"\x1b[5i" + CANARY + b"\x1b[4i", id="printer"),
    pytest.param(b"\x1bP0;0|17/" + AS_HEX + b"\x1b\\\x1b[17~", id="function-keys"),
    pytest.param(b"\x1b[?1;" + b"9" * 40 + b"$p", id="a-long-number"),
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_no_answer_holds_what_was_chosen(question: bytes) -> None:
    for cut in range(len(question)):
        _, owner = screen_of(question[:cut], question[cut:])
        assert ANSWERS.match(owner.replies), owner.replies


CHOSEN = st.sampled_from([CANARY, AS_HEX, b"\r", b"\n", b"\x03", b";", b"?", b"1;1"])
PIECES = st.one_of(
    CHOSEN,
    st.sampled_from(
        [
            b"\x1b[", b"\x1b]", b"\x1bP", b"\x1b_", b"\x1b^", b"\x1bX", b"\x1b\\", b"\x07", b"\x18",
            b"\x9b", b"\x9d", b"\x90", b"\x9c", b"$q", b"+q", b"!", b">", b"=", b"2;", b"52;c;?",
            b"4;1;?", b"10;?", b"c", b"n", b"t", b"q", b"u", b"$p", b"*y", b"21t", b"6n", b"x",
            b"\x1b[?1004h", b"\x1b[?2048h", b"\x1b[>1u", b"\x1b[?996n", b"\x05", b"\x1bZ",
        ]
    ),
    st.binary(max_size=4),
)  # fmt: skip


@given(st.lists(PIECES, max_size=14))
def test_no_stream_whatever_makes_the_terminal_type(pieces: list[bytes]) -> None:
    _, owner = screen_of(b"".join(pieces))
    assert ANSWERS.match(owner.replies), owner.replies
