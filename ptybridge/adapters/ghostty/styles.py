"""The styles of a page as the library packs them, read when they are asked for.

A page of a picture or of a rainbow has ten thousand styles, which would take 40 ms at once.
"""

import struct
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice, starmap
from operator import gt, itemgetter
from typing import Final

from ptybridge.adapters.ghostty.model import Color, Rgb, Style

_NOTHING_ELSE: Final = bytes(12)
"""Behind a foreground, which is all that a picture or a rainbow has, in ten thousand colours."""

_ENTRY: Final = struct.Struct("<H16s")


class StyleTable(Mapping[int, Style]):
    """Styles by number; of entries with one number the first counts."""

    ENTRY_BYTES: Final = _ENTRY.size

    def __init__(self, packed: bytes) -> None:
        entries = _ENTRY.iter_unpack(packed)  # refuses half an entry
        self._packed = packed
        numbers = bytearray(len(packed) // self.ENTRY_BYTES * 2)
        numbers[::2], numbers[1::2] = packed[:: self.ENTRY_BYTES], packed[1 :: self.ENTRY_BYTES]
        self._numbers = array("H", numbers)
        if sys.byteorder == "big":
            self._numbers.byteswap()
        # They are found by bisection, in the order in which the library has them: a table of all
        # would take ten milliseconds.
        if any(map(gt, self._numbers, islice(self._numbers, 1, None))):
            ordered = sorted(entries, key=itemgetter(0))
            self._packed = b"".join(starmap(_ENTRY.pack, ordered))
            self._numbers = array("H", map(itemgetter(0), ordered))

    def __getitem__(self, number: int) -> Style:
        index = bisect_left(self._numbers, number)
        if index == len(self._numbers) or self._numbers[index] != number:
            raise KeyError(number)
        start = index * self.ENTRY_BYTES + 2
        return decode_style(self._packed[start : start + self.ENTRY_BYTES - 2])

    def __iter__(self) -> Iterator[int]:
        return iter(dict.fromkeys(self._numbers))

    def __len__(self) -> int:
        return len(set(self._numbers))


@lru_cache(maxsize=4096)
def decode_style(packed: bytes) -> Style:
    """Read the 16 bytes of a style; programs use few, so they are kept."""
    if packed[4:] == _NOTHING_ELSE:
        return Style(_decode_color(packed))
    flags = int.from_bytes(packed[12:14], "little")
    return Style(
        foreground=_decode_color(packed[0:4]),
        background=_decode_color(packed[4:8]),
        underline_color=_decode_color(packed[8:12]),
        bold=bool(flags & 1),
        italic=bool(flags & 2),
        faint=bool(flags & 4),
        blink=bool(flags & 8),
        inverse=bool(flags & 16),
        invisible=bool(flags & 32),
        strikethrough=bool(flags & 64),
        overline=bool(flags & 128),
        underline=flags >> 8 & 7,
    )


def _decode_color(packed: bytes) -> Color:
    match packed[0]:
        case 1:
            return packed[1]
        case 2:
            return Rgb(*packed[1:4])
        case _:
            return None
