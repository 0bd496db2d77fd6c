"""Text and the styles of its characters as VT bytes, for many rows of them together.

Nothing here loops over characters or over changes of style: what stands before each character, the
new style where it changes and nothing elsewhere, is found by arithmetic on one large number, a byte
a character; it is woven between the characters, and each style's byte is then replaced by its
sequence. A change of style costs some 20 ns so, where a step in Python costs 200.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Final

BLANK: Final = "\0"
"""In a text: a cell that is passed over."""

FILL: Final = "\x0c"
"""In a text: a cell without a character, but with its style's background."""
NOTHING: Final = "\x0e"
"""In a text: the second cell of a wide character."""

_GAP: Final = "\x0b"
_GAPS: Final = re.compile(b"(\x0b+)")
_FILLS: Final = re.compile(b"(\x0c+)")
_MARKS: Final = bytes(set(range(1, 0x20)) - set(f"\n\x1b{_GAP}{FILL}{NOTHING}".encode()))
"""What stands for a style before its sequence does: bytes that are in no text and no sequence."""
_ASCII_MARKS: Final = _MARKS + bytes(range(0x80, 0x100))
"""The same for a text in ASCII."""
_SAME_STYLE: Final = re.compile(rb"[^\0]\0*")


def woven(text: str, styles: bytes, sequences: Mapping[int, bytes]) -> bytes:
    r"""``text`` with the sequence of a style wherever it changes, from the default and back to it.

    Args:
        text: Without controls but for the above and ends of lines.
        styles: A style a character.
        sequences: What makes a style the pen's; 0 is the default, as are those that are not there.

    >>> woven("a bc\0\0\0d\ne", bytes([0, 0, 4, 4, 0, 0, 0, 0, 0, 4]), {0: b"<>", 4: b"<b>"})
    b'a <b>bc<>\x1b[3Cd\r\n<b>e<>'
    """
    text = text.replace(BLANK, _GAP)
    marks = _ASCII_MARKS if text.isascii() else _MARKS
    used = [0, *(style for style in sequences if style and style in styles)]
    if len(used) == 1:
        written = text.encode()
    elif len(used) <= len(marks):
        table = bytearray(marks[:1]) * 256
        for mark, style in zip(marks, used, strict=False):
            table[style] = mark
        written = _marked(text, styles.translate(table), default=marks[0])
        for mark, style in zip(marks, used, strict=False):
            written = written.replace(mark.to_bytes(), sequences[style])
    else:
        written = _joined(text, styles, sequences)
    if styles and styles[-1] in used[1:]:
        written += sequences[0]
    if NOTHING in text:
        written = written.replace(NOTHING.encode(), b"")
    if _GAP in text:
        parts = _GAPS.split(written)
        parts[1::2] = [b"\x1b[%dC" % len(gap) for gap in parts[1::2]]
        written = b"".join(parts)
    if FILL in text:
        parts = _FILLS.split(written)
        ends = b"\n", sequences[0] + b"\n"
        parts[1::2] = [
            b"\x1b[%dX" % len(fill) + (b"" if then.startswith(ends) else b"\x1b[%dC" % len(fill))
            for fill, then in zip(parts[1::2], parts[2::2], strict=True)
        ]
        written = b"".join(parts)
    return written.replace(b"\n", b"\r\n")


def _marked(text: str, marks: bytes, *, default: int) -> bytes:
    """``text`` in UTF-8, with a character's mark before it if that of the last is another."""
    number = int.from_bytes(marks, "little")
    changes = everywhere_but_zero(number ^ (number << 8 | default), len(marks))
    kept = (number & changes).to_bytes(len(marks), "little")
    return _interleaved(kept, text).translate(None, b"\0")


def _interleaved(marks: bytes, text: str) -> bytes:
    """A mark and a character by turns, in UTF-8 but for marks of a text in ASCII."""
    if text.isascii():
        pairs = bytearray(2 * len(text))
        pairs[::2], pairs[1::2] = marks, text.encode()
        return bytes(pairs)
    codec, unit = "utf-16-le", 2
    encoded = text.encode(codec)
    if len(encoded) > unit * len(text):
        codec, unit = "utf-32-le", 4
        encoded = text.encode(codec)
    pairs = bytearray(2 * len(encoded))
    pairs[:: 2 * unit] = marks
    for place in range(unit):
        pairs[unit + place :: 2 * unit] = encoded[place::unit]
    return pairs.decode(codec).encode()


def _joined(text: str, styles: bytes, sequences: Mapping[int, bytes]) -> bytes:
    """What marks and their replacement do, for any number of styles."""
    number = int.from_bytes(styles, "little")
    changes = (number ^ (number << 8 | 0xFF)).to_bytes(len(styles) + 1, "little")[:-1]
    ends = accumulate(map(len, _SAME_STYLE.findall(changes)), initial=0)
    parts = [
        sequences.get(styles[start], sequences[0]) + text[start:end].encode()
        for start, end in pairwise(ends)
    ]
    return b"".join(parts).removeprefix(sequences[0])


def every(value: int, count: int) -> int:
    """A number with ``value`` in each of ``count`` bytes, and in some more."""
    return _every(value, count | 0xFF)


@lru_cache(maxsize=32)
def _every(value: int, count: int) -> int:
    return int.from_bytes(bytes([value]) * count, "little")


def everywhere_but_zero(number: int, count: int) -> int:
    """255 in each of the first ``count`` bytes, and in some more, where ``number``'s is not 0."""
    low_bits = every(127, count)
    is_set = ((number & low_bits) + low_bits | number) >> 7 & every(1, count)
    return (is_set << 8) - is_set
