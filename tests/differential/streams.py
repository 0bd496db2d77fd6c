"""Streams to be cut: what real programs printed, and what none would print."""

import gzip
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ptybridge.core.values import WindowSize

RECORDINGS = Path(__file__).parent / "recordings"


@dataclass(frozen=True, slots=True)
class Stream:
    """Bytes for a terminal of ``size``."""

    name: str
    size: WindowSize
    data: bytes


def recordings() -> list[Stream]:
    """What programs wrote to a pseudo-terminal; files are named ``program-ROWSxCOLS.gz``.

    They were recorded in an empty environment and home, with a fixed prompt; what shows processes,
    in a namespace of its own for them.
    """
    found = []
    for path in sorted(RECORDINGS.glob("*.gz")):
        rows, cols = path.stem.rsplit("-", 1)[1].split("x")
        size = WindowSize(int(rows), int(cols))
        found.append(Stream(path.stem, size, gzip.decompress(path.read_bytes())))
    return found


def generated(seed: int) -> Stream:
    """A stream of everything that a terminal knows, and of some things that it does not."""
    chance = random.Random(seed)
    size = WindowSize(chance.choice([24, 24, 24, 5, 3, 50]), chance.choice([80, 80, 80, 20, 132]))
    parts = [_part(chance, size) for _ in range(chance.randrange(5, 160))]
    return Stream(f"generated {seed}", size, b"".join(parts))


_WORDS = "abc XYZ .,;0123456789-_#$"
_CHARACTERS = (
    "中", "é", "😀", "e\u0301", "👨\u200d👩\u200d👧", "ﬁ", "\u200b", "한", "❤\ufe0f", "☺",
    "🇩🇪", "👍🏽", "\u0301", "\u200d", "\u00a0", "\u00ad", "नि", "ก็",
)  # fmt: skip
_SGR = (
    "0", "1", "2", "3", "4", "5", "7", "8", "9", "21", "22", "24", "27", "31", "42", "53", "95",
    "107", "38", "48", "4:3", "58:5:9", "58:2::1:2:3",
)  # fmt: skip
_FINAL_BYTES = b"JKLMP@XABCDEFGSTbIZ`ad"
_MODES = (
    1, 3, 4, 5, 6, 7, 8, 9, 12, 25, 40, 45, 47, 66, 67, 69, 1000, 1002, 1003, 1004, 1005, 1006,
    1007, 1015, 1016, 1035, 1036, 1039, 1045, 1047, 1048, 1049, 2004, 2026, 2027, 2031, 2048,
)  # fmt: skip
_SIMPLE = (
    b"\x1b7", b"\x1b8", b"\x1bM", b"\x1bD", b"\x1bE", b"\x1bH", b"\x1b[g", b"\x1b[3g", b"\x1b=",
    b"\x1b>", b"\x1b(0", b"\x1b(B", b"\x1b)0", b"\x1b*A", b"\x0e", b"\x0f", b"\x1bn", b"\x1bo",
    b"\x1b~", b"\x1bN", b"\x1bO", b"\x1b[!p", b"\t", b"\x08", b"\x1b#8", b"\x1bc", b"\x0b", b"\x18",
)  # fmt: skip
_RARE = (
    b"\x1b[4h", b"\x1b[4l", b"\x1b[20h", b"\x1b[20l", b"\x1b[2h", b"\x1b[2l", b"\x1b[12h",
    b"\x1b[2 q", b"\x1b[5 q", b"\x1b[0 q", b"\x1b[4 q", b'\x1b[1"q', b'\x1b[0"q', b"\x1b[?J",
    b"\x1b[?K", b"\x1bV", b"\x1bW", b"\x1b[>1u", b"\x1b[<u", b"\x1b[=5u", b"\x1b[>4;2m",
    b"\x1b[>4m", b"\x1b[s", b"\x1b[u", b"\x1b[5;40s",
)  # fmt: skip
_COLORS = (
    b"\x1b]4;3;rgb:12/34/56\x07", b"\x1b]104\x07", b"\x1b]11;#102030\x07", b"\x1b]111\x07",
    b"\x1b]10;#aabbcc\x07", b"\x1b]12;#ff0000\x1b\\", b"\x1b]112\x07", b"\x1b]104;3\x07",
)  # fmt: skip


def _words(chance: random.Random, size: WindowSize) -> bytes:
    return "".join(chance.choice(_WORDS) for _ in range(chance.randrange(1, 40))).encode()


def _characters(chance: random.Random, size: WindowSize) -> bytes:
    return "".join(chance.choice(_CHARACTERS) for _ in range(chance.randrange(1, 8))).encode()


def _lines(chance: random.Random, size: WindowSize) -> bytes:
    return b"\r\n" * chance.randrange(1, 3)


def _position(chance: random.Random, size: WindowSize) -> bytes:
    row, col = chance.randrange(0, size.rows + 3), chance.randrange(0, size.cols + 9)
    return b"\x1b[%d;%dH" % (row, col)


def _style(chance: random.Random, size: WindowSize) -> bytes:
    parameters = ";".join(chance.choice(_SGR) for _ in range(chance.randrange(0, 4)))
    return b"\x1b[%sm" % parameters.encode()


def _color(chance: random.Random, size: WindowSize) -> bytes:
    if chance.randrange(2):
        return b"\x1b[%d;5;%dm" % (chance.choice([38, 48, 58]), chance.randrange(256))
    return b"\x1b[48;2;%d;%d;%dm" % tuple(chance.randrange(256) for _ in range(3))


def _edit(chance: random.Random, size: WindowSize) -> bytes:
    count = chance.choice([0, 1, 1, 2, 3, size.cols, size.cols + 1])
    return b"\x1b[%d%c" % (count, chance.choice(_FINAL_BYTES))


def _region(chance: random.Random, size: WindowSize) -> bytes:
    return b"\x1b[%d;%dr" % (chance.randrange(1, 12), chance.randrange(2, size.rows + 1))


def _mode(chance: random.Random, size: WindowSize) -> bytes:
    return b"\x1b[?%d%s" % (chance.choice(_MODES), chance.choice([b"h", b"h", b"l", b"s", b"r"]))


def _link(chance: random.Random, size: WindowSize) -> bytes:
    identity = chance.choice([b"", b"id=a"])
    end = chance.choice([b"\x1b]8;;\x07", b"\x1b]8;;\x1b\\", b""])
    return b"\x1b]8;%s;http://x/%d\x1b\\link%s" % (identity, chance.randrange(9), end)


def _title(chance: random.Random, size: WindowSize) -> bytes:
    return b"\x1b]2;title %d\x07" % chance.randrange(9)


def _long(chance: random.Random, size: WindowSize) -> bytes:
    return b"x" * chance.randrange(size.cols - 9, 2 * size.cols + 9)


def _wide(chance: random.Random, size: WindowSize) -> bytes:
    """Wide characters at the right edge."""
    return b"\x1b[%dG" % chance.randrange(size.cols - 3, size.cols + 1) + "中文字".encode()


def _noise(chance: random.Random, size: WindowSize) -> bytes:
    return bytes(chance.randrange(256) for _ in range(chance.randrange(1, 6)))


def _one_of(*choices: bytes) -> Callable[[random.Random, WindowSize], bytes]:
    return lambda chance, size: chance.choice(choices)


_PARTS = (
    *(_words,) * 8, *(_lines,) * 3, *(_edit,) * 2, *(_style,) * 2, _characters, _characters,
    _position, _color, _region, _mode, _mode, _link, _title, _long, _wide, _noise,
    _one_of(*_SIMPLE), _one_of(*_RARE), _one_of(*_COLORS),
)  # fmt: skip


def _part(chance: random.Random, size: WindowSize) -> bytes:
    return chance.choice(_PARTS)(chance, size)


_ORDINARY_CHARACTERS = ("中", "é", "😀", "e\u0301", "ﬁ", "한", "│", "→")
_ORDINARY_MODES = (1, 25, 1000, 1002, 1004, 1006, 2004)
_ORDINARY_SIMPLE = (
    b"\x1b7", b"\x1b8", b"\x1bM", b"\x1bD", b"\x1bE", b"\x1b=", b"\x1b>",
    b"\x1b(0lqqk\x1b(B", b"\x1b)0\x0exq\x0f", b"\t", b"\x08", b"\x1b[4h", b"\x1b[4l",
    b"\x1b[2 q", b"\x1b[0 q", b"\x1b[H",
)  # fmt: skip


def ordinary(seed: int) -> Stream:
    """A stream of what programs use, as xterm.js knows it."""
    chance = random.Random(seed)
    size = WindowSize(24, 80)
    # Margins and tab stops are each buffer's own in xterm.js, and shared in the library.
    kinds = _ORDINARY_PARTS + (_OF_ONE_BUFFER if chance.randrange(2) else _OF_TWO_BUFFERS)
    parts = [chance.choice(kinds)(chance, size) for _ in range(chance.randrange(5, 120))]
    return Stream(f"ordinary {seed}", size, b"".join(parts))


def _ordinary_characters(chance: random.Random, size: WindowSize) -> bytes:
    parts = [chance.choice(_ORDINARY_CHARACTERS) for _ in range(chance.randrange(1, 8))]
    return "".join(parts).encode()


def _ordinary_edit(chance: random.Random, size: WindowSize) -> bytes:
    final = chance.choice(b"JKLMP@XABCDGd")
    match chr(final):
        case "J":
            count = 0
        case "K":
            count = chance.randrange(3)
        case _:
            count = chance.randrange(1, 4)  # the library inserts none where 0 should mean 1
    return b"\x1b[%d%c" % (count, final)


def _ordinary_mode(chance: random.Random, size: WindowSize) -> bytes:
    return b"\x1b[?%d%s" % (chance.choice(_ORDINARY_MODES), chance.choice([b"h", b"l"]))


def _ordinary_style(chance: random.Random, size: WindowSize) -> bytes:
    return b"\x1b[%dm" % chance.choice(
        [0, 0, 1, 2, 3, 4, 7, 9, 22, 24, 27, 31, 42, 39, 49, 95, 107]
    )


_ORDINARY_PARTS = (
    *(_words,) * 8, *(_lines,) * 4, *(_ordinary_edit,) * 2, *(_ordinary_style,) * 2, _position,
    _color, _ordinary_characters, _ordinary_mode, _link, _title, _long,
    _one_of(*_ORDINARY_SIMPLE), _one_of(*_COLORS),
)  # fmt: skip
_OF_ONE_BUFFER = (_region, _one_of(b"\x1bH", b"\x1b[3g"))
_OF_TWO_BUFFERS = (_one_of(b"\x1b[m\x1b[?1049h\x1b[2J", b"\x1b[m\x1b[?1049l"),)
