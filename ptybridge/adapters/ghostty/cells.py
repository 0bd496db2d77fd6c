"""Packed rows to runs: stretches of cells that one sequence, or one piece of text, can write.

The packing (see `state`) is chosen a row by the library, the smallest that holds it. Nearly all
rows of a log are code points alone, most rows of coloured output are low halves of cell words; both
are taken apart with whole-row operations: a loop over cells in Python costs twenty times as much.

A cell word, from bit 0: content kind (2 bits: 0 a code point, 1 the first of several, 2 a palette
background, 3 a direct background), content (24), style (16), width (2: 1 wide, 2 its second half,
3 an empty last cell before a wide character that wrapped), protected (1), has a hyperlink (1),
what a shell marked it as (2), hyperlink (16).
"""

import re
import struct
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from ptybridge.adapters.ghostty import sgr
from ptybridge.adapters.ghostty.model import (
    DEFAULT_STYLE,
    Color,
    Hyperlink,
    Page,
    Rgb,
    Style,
    cell_width_log2,
)

_CONTROLS = re.compile("[\x00-\x1f\x80-\x9f]")
_NUL_OR_TEXT = re.compile("\0+|[^\0]+")
_SAME_BYTES = re.compile(rb"(.)\1*", re.DOTALL)
_NOT_ATTRIBUTES: Final = (3 << 42 - 26) | (3 << 46 - 26)
_WIDE, _SPACER_TAIL, _SPACER_HEAD = 1, 2, 3
_CONTENT: Final = 0xFFFFFF << 2
_BLANK: Final = 0x20 << 2
_NONE: Final[Mapping[int, str]] = {}


class Attributes(NamedTuple):
    """What a character is written with.

    Attributes:
        style: What SGR has set.
        parameters: The style, as what follows ``CSI 0``.
    """

    style: Style = DEFAULT_STYLE
    parameters: bytes = b""
    hyperlink: Hyperlink | None = None
    is_protected: bool = False

    @property
    def has_background(self) -> bool:
        """Whether blank cells made with this pen would not be the default's."""
        return self.style.background is not None


PLAIN: Final = Attributes()


class Text(NamedTuple):
    """Characters with the same attributes.

    Attributes:
        attributes: What they are written with.
        text: The characters.
        width: How many cells they take.
        wide_head: How much of the text is its first cell's, if that is a wide character; else 0.
        is_cluster: One character that is only one in mode 2027 (grapheme clusters).
        is_undrawn: A wide blank, printed for a character that the character set does not have.
    """

    attributes: Attributes
    text: str
    width: int
    wide_head: int = 0
    is_cluster: bool = False
    is_undrawn: bool = False


class Gap(NamedTuple):
    """Cells that were never written, or erased with the default background."""

    width: int


class Fill(NamedTuple):
    """Cells erased with a background colour, which is all that ``attributes`` has."""

    attributes: Attributes
    width: int


Run = Text | Gap | Fill


WidthOf = Callable[[str], int]
"""The library's width of a code point: 0, 1 or 2 cells."""


class Edge(NamedTuple):
    """The last cell of a row into which a wide character did not fit.

    Attributes:
        attributes: Those of the character; an empty cell that has any is always such a one.
        is_spacer: The character is still there, at the beginning of the next row.
    """

    attributes: Attributes
    is_spacer: bool


class RowReader:
    """Takes the rows of one page apart."""

    def __init__(self, page: Page, width_of: WidthOf) -> None:
        self._page = page
        self._width_of = width_of
        self._attributes: dict[int, Attributes] = {0: PLAIN}

    def runs(self, index: int) -> list[Run]:
        """The runs of a row, from the left; the cells after the last are empty."""
        packed = self._page.cells[index]
        if not packed:
            return []
        match cell_width_log2(self._page.flags[index]):
            case 0:
                return _plain_runs(packed.decode("latin-1"))
            case 1:
                return _plain_runs(packed.decode("utf-16-le"))
            case 2:
                return self._half_word_runs(index, packed)
            case _:
                return self._word_runs(index, struct.unpack(f"<{len(packed) // 8}Q", packed))

    def edge(self, index: int) -> Edge | None:
        """The row's last cell, if a wide character was to stand there."""
        packed = self._page.cells[index]
        size = 1 << cell_width_log2(self._page.flags[index])
        if size < 4 or len(packed) < size * self._page.cols:
            return None
        word = int.from_bytes(packed[-size:], "little")
        cell_width = word >> 42 & 3
        attributes = self.attributes_of(word >> 26 & ~_NOT_ATTRIBUTES)
        if cell_width == _SPACER_HEAD:
            return Edge(attributes, is_spacer=True)
        if cell_width or word & 0x3FFFFFF or attributes == PLAIN:
            return None
        return Edge(attributes, is_spacer=False)

    def character_before(self, index: int, col: int) -> Text | None:
        """The character that ends before column ``col``, if there is one."""
        end = 0
        for run in self.runs(index):
            end += run.width
            if end < col:
                continue
            if not isinstance(run, Text):
                return None
            return self._character_in(index, run, col)
        return None

    def _character_in(self, index: int, run: Text, col: int) -> Text | None:
        packed = self._page.cells[index]
        size = 1 << cell_width_log2(self._page.flags[index])
        start = col - 1
        width = 1
        if size == 8:
            width = 2 if packed[8 * start + 5] >> 2 & 3 == _SPACER_TAIL else 1
            start -= width - 1
            if width == 1 and packed[8 * start + 5] >> 2 & 3 == _WIDE:
                return None  # in the middle of it
        word = int.from_bytes(packed[start * size : (start + 1) * size], "little")
        content = word if size < 4 else word >> 2 & 0xFFFFFF
        rest = self._page.graphemes.get(index, _NONE).get(start, "")
        return run._replace(text=_safe(chr(content) + rest), width=width)

    def _half_word_runs(self, index: int, packed: bytes) -> list[Run]:
        count = len(packed) // 4
        kinds, contents = _lane_masks(count)
        lanes = int.from_bytes(packed, "little")
        if lanes & kinds:  # combined characters or backgrounds
            return self._word_runs(index, struct.unpack(f"<{count}I", packed))
        text = (lanes >> 2 & contents).to_bytes(len(packed), "little").decode("utf-32-le")
        runs: list[Run] = []
        for match in _SAME_BYTES.finditer(packed[3::4]):  # the style's bits; content's are zero
            start, end = match.span()
            part = text[start:end]
            if "\0" in part:
                return self._word_runs(index, struct.unpack(f"<{count}I", packed))
            runs.append(
                Text(self.attributes_of(packed[4 * start + 3] >> 2), _safe(part), len(part))
            )
        return runs

    def _word_runs(self, index: int, words: tuple[int, ...]) -> list[Run]:
        runs: list[Run] = []
        characters: list[str] = []
        key = -1
        width = 0
        wide_head = 0
        combined = self._page.graphemes.get(index, _NONE)
        for col, word in enumerate(words):
            kind = word & 3
            cell_width = word >> 42 & 3
            if kind < 2 and cell_width < _SPACER_TAIL and word & _CONTENT:
                cell_key = word >> 26 & ~_NOT_ATTRIBUTES
                character = chr(word >> 2 & 0xFFFFFF)
                if kind or (cell_width and word & _CONTENT == _BLANK):
                    rest = combined.get(col, "")
                    unusual = self._unusual(cell_key, character, rest, cell_width)
                    if unusual is not None:
                        if characters:
                            runs.append(self._text(key, characters, width, wide_head))
                            characters, key = [], -1
                        runs.append(unusual)
                        continue
                    character += rest
                if cell_key != key:
                    if characters:
                        runs.append(self._text(key, characters, width, wide_head))
                    characters, key, width = [], cell_key, 0
                    wide_head = len(character) if cell_width == _WIDE else 0
                characters.append(character)
                width += 1
                continue
            if cell_width == _SPACER_TAIL:
                if characters:
                    width += 1
                    continue
                if col and words[col - 1] >> 42 & 3 == _WIDE:
                    continue
            if characters:
                runs.append(self._text(key, characters, width, wide_head))
                characters, key = [], -1
            _append_blank(runs, self.background_of(word))
        if characters:
            runs.append(self._text(key, characters, width, wide_head))
        return runs

    def _text(self, key: int, characters: list[str], width: int, wide_head: int) -> Text:
        return Text(self.attributes_of(key), _safe("".join(characters)), width, wide_head)

    def _unusual(self, key: int, character: str, rest: str, cell_width: int) -> Text | None:
        """A character that does not come about by printing its code points; None if it does."""
        width = 1 + (cell_width == _WIDE)
        is_undrawn = character == " " and cell_width == _WIDE
        is_cluster = any(map(self._width_of, rest)) or (
            not is_undrawn and self._width_of(character) != width
        )
        if not is_cluster and not is_undrawn:
            return None
        text = _safe(character + rest)
        wide_head = len(text) if cell_width == _WIDE else 0
        return Text(self.attributes_of(key), text, width, wide_head, is_cluster, is_undrawn)

    def attributes_of(self, key: int) -> Attributes:
        """The attributes of a cell word's bits from 26 on."""
        attributes = self._attributes.get(key)
        if attributes is None:
            style = self._page.styles.get(key & 0xFFFF, DEFAULT_STYLE)
            attributes = self._attributes[key] = Attributes(
                style=style,
                parameters=sgr.parameters(style),
                hyperlink=self._page.hyperlinks.get(key >> 22),
                is_protected=bool(key >> 18 & 1),
            )
        return attributes

    def background_of(self, word: int) -> Attributes:
        """The background of an empty cell."""
        content = word >> 2 & 0xFFFFFF
        color: Color
        match word & 3:
            case 2:
                color = content & 0xFF
            case 3:
                color = Rgb(content & 0xFF, content >> 8 & 0xFF, content >> 16)
            case _:
                style = self._page.styles.get(word >> 26 & 0xFFFF)
                color = style.background if style is not None else None
        return PLAIN if color is None else _background(color)


def _plain_runs(text: str) -> list[Run]:
    if "\0" not in text:
        return [Text(PLAIN, _safe(text), len(text))]
    return [
        Gap(len(part)) if part[0] == "\0" else Text(PLAIN, _safe(part), len(part))
        for part in _NUL_OR_TEXT.findall(text)
    ]


@lru_cache(maxsize=4096)
def _background(color: Color) -> Attributes:
    style = Style(background=color)
    return Attributes(style, sgr.parameters(style))


def _append_blank(runs: list[Run], attributes: Attributes) -> None:
    """Lengthen the last run by an empty cell, or begin a new one."""
    last = runs[-1] if runs else None
    if attributes is PLAIN:
        if isinstance(last, Gap):
            runs[-1] = Gap(last.width + 1)
        else:
            runs.append(Gap(1))
    elif isinstance(last, Fill) and last.attributes == attributes:
        runs[-1] = Fill(attributes, last.width + 1)
    else:
        runs.append(Fill(attributes, 1))


def _safe(text: str) -> str:
    """Replace controls: a cell must not be able to write a sequence."""
    return text if text.isprintable() else _CONTROLS.sub("\ufffd", text)


@lru_cache(maxsize=1024)
def _lane_masks(count: int) -> tuple[int, int]:
    """For ``count`` lanes of 32 bits: where the kinds are, and the content once shifted down."""
    lanes = int.from_bytes(b"\x01\0\0\0" * count, "little")
    return lanes * 3, lanes * 0x1FFFFF
