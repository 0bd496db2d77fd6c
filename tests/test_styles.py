"""A page's styles are read when they are asked for."""

import struct

import pytest

from ptybridge.adapters.ghostty.model import Rgb, Style
from ptybridge.adapters.ghostty.styles import StyleTable, decode_style

RED = bytes([1, 1, 0, 0]) + bytes(12)
BOLD_ON_RGB = bytes(4) + bytes([2, 10, 20, 30]) + bytes(4) + b"\1\0\0\0"


def test_a_style_is_sixteen_bytes() -> None:
    assert decode_style(bytes(16)) == Style()
    assert decode_style(RED) == Style(foreground=1)
    assert decode_style(BOLD_ON_RGB) == Style(background=Rgb(10, 20, 30), bold=True)


def test_styles_are_found_by_number_and_the_first_counts() -> None:
    table = StyleTable(b"\x05\0" + RED + b"\x01\x02" + BOLD_ON_RGB + b"\x05\0" + bytes(16))
    assert len(table) == 2
    assert sorted(table) == [5, 0x201]
    assert table[5] == Style(foreground=1)
    assert table.get(0x201) == Style(background=Rgb(10, 20, 30), bold=True)
    assert table.get(1) is None


def test_a_style_that_nobody_asks_for_is_not_read() -> None:
    before = decode_style.cache_info()
    table = StyleTable(
        b"".join(bytes([number, 0]) + bytes([1, number]) + bytes(14) for number in range(200))
    )
    assert len(table) == 200
    assert decode_style.cache_info() == before


def test_half_an_entry_is_refused() -> None:
    with pytest.raises(struct.error):
        StyleTable(bytes(19))
