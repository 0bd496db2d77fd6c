"""The styles of a page as the library packs them, read when they are asked for.

A page of a picture or of a rainbow has ten thousand styles, which would take 40 ms at once.
"""

import struct
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

from ptybridge.adapters.ghostty.model import Color, Rgb, Style

_ENTRY: Final = struct.Struct("<H16s")


class StyleTable(Mapping[int, Style]):
    """Styles by number; of entries with one number the first counts."""

    ENTRY_BYTES: Final = _ENTRY.size

    def __init__(self, packed: bytes) -> None:
        entries = list(_ENTRY.iter_unpack(packed))
        self._packed: dict[int, bytes] = dict(reversed(entries))

    def __getitem__(self, number: int) -> Style:
        return decode_style(self._packed[number])

    def __iter__(self) -> Iterator[int]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)


@lru_cache(maxsize=4096)
def decode_style(packed: bytes) -> Style:
    """Read the 16 bytes of a style; programs use few, so they are kept."""
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
