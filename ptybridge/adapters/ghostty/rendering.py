"""What is on a screen, for people and scripts: lines with SGR sequences, HTML, or cells.

Not a snapshot: no history, no modes, no cursor; a row of the screen is a line, also where a line
was wrapped. Colours that are blank to the right of the text are kept, blanks without are not.
"""

from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import Final

import msgspec

from ptybridge.adapters.ghostty.cells import PLAIN, Attributes, Gap, RowReader, Run, Text, WidthOf
from ptybridge.adapters.ghostty.model import Color, Hyperlink, Rgb, Style
from ptybridge.adapters.ghostty.rows import Pen
from ptybridge.adapters.ghostty.state import ScreenState, TerminalState
from ptybridge.core.values import WindowSize

Lookup = Callable[[int], Rgb]
"""The colour that an index of the palette stands for."""

_LINKED: Final = (b"http://", b"https://", b"mailto:")
"""Only these links are made links in HTML: a program's ``javascript:`` must not become one."""

Stretch = list[str | int | None]
"""Text of one look, as ``cells`` tells it."""

_UNDERLINES: Final = ("", "underline", "underline double", "underline wavy", "underline dotted",
                      "underline dashed")  # fmt: skip
_FAINT: Final = 0.5


def vt(state: TerminalState, width_of: WidthOf) -> bytes:
    """The screen as lines with SGR sequences, each of which begins and ends at the default."""
    lines = []
    for runs in _rows(state, width_of):
        out: list[bytes] = []
        pen = Pen(out)
        for attributes, text in _stretches(runs):
            pen.take(attributes._replace(hyperlink=None, is_protected=False))
            out.append(text.encode())
        pen.reset()
        lines.append(b"".join(out))
    return b"\r\n".join(lines).rstrip(b"\r\n")


def html(
    state: TerminalState, width_of: WidthOf, *, palette: Lookup, foreground: Rgb, background: Rgb
) -> bytes:
    """The screen as one HTML element with inline styles; everything in it is escaped.

    Args:
        state: The terminal's state.
        width_of: The library's width of a code point.
        palette: The colours in use where the program has not changed them.
        foreground: The default colour of text where the program has not changed it.
        background: The default colour behind it, likewise.
    """
    colors = _Colors(
        lambda index: state.palette.get(index) or palette(index),
        state.foreground or foreground,
        state.background or background,
    )
    lines = [
        "".join(colors.span(attributes, text) for attributes, text in _stretches(runs))
        for runs in _rows(state, width_of)
    ]
    style = f"color:{_hex(colors.foreground)};background-color:{_hex(colors.background)}"
    body = "\n".join(lines).rstrip("\n")
    return f'<pre style="{style}">{body}</pre>'.encode("ascii", errors="xmlcharrefreplace")


_FLAGS: Final = ("bold", "faint", "italic", "inverse", "invisible", "strikethrough")
"""What ``cells`` tells of a style besides colours, in the order of the bits, the lowest first."""


def cells(state: TerminalState, width_of: WidthOf) -> bytes:
    """The screen as JSON, for who draws it: ``{"rows", "cols", "lines"}``.

    A line is a list of stretches ``[text]`` or ``[text, foreground, background, flags]``; a colour
    is an index of the palette, ``"#rrggbb"``, or null for the default; ``flags`` has the bits of
    ``_FLAGS``, and 64 for any underline.
    """
    lines = [
        [_cell(attributes.style, text) for attributes, text in _stretches(runs)]
        for runs in _rows(state, width_of)
    ]
    return _cells(lines, state.size)


def plain_cells(text: str, size: WindowSize) -> bytes:
    """As ``cells``, of a screen of which only the text is known."""
    return _cells([[[line]] if line else [] for line in text.split("\n")], size)


def _cells(
    lines: Sequence[Sequence[list[str | int | None] | list[str]]], size: WindowSize
) -> bytes:
    last = max((number for number, line in enumerate(lines, 1) if line), default=0)
    return msgspec.json.encode({"rows": size.rows, "cols": size.cols, "lines": lines[:last]})


def _cell(style: Style, text: str) -> Stretch:
    flags = sum(1 << bit for bit, name in enumerate(_FLAGS) if getattr(style, name))
    if style.underline:
        flags |= 1 << len(_FLAGS)
    if style.foreground is None and style.background is None and not flags:
        return [text]
    colors = (style.foreground, style.background)
    told = [_hex(color) if isinstance(color, tuple) else color for color in colors]
    return [text, *told, flags]


class _Colors:
    """Makes markup of stretches of text."""

    def __init__(self, palette: Lookup, foreground: Rgb, background: Rgb) -> None:
        self._palette = palette
        self.foreground = foreground
        self.background = background

    def span(self, attributes: Attributes, text: str) -> str:
        escaped = escape(text)
        declarations = ";".join(self._declarations(attributes.style))
        if declarations:
            escaped = f'<span style="{declarations}">{escaped}</span>'
        target = _target(attributes.hyperlink)
        if target:
            return f'<a href="{escape(target)}" rel="noopener noreferrer">{escaped}</a>'
        return escaped

    def _declarations(self, style: Style) -> Iterator[str]:
        foreground = self._color(style.foreground)
        background = self._color(style.background)
        if style.inverse:
            foreground, background = background or self.background, foreground or self.foreground
        if style.invisible:
            yield "visibility:hidden"
        if foreground:
            yield f"color:{_hex(foreground)}"
        if background:
            yield f"background-color:{_hex(background)}"
        if style.bold:
            yield "font-weight:bold"
        if style.italic:
            yield "font-style:italic"
        if style.faint:
            yield f"opacity:{_FAINT}"
        lines = [
            _UNDERLINES[style.underline],
            "line-through" if style.strikethrough else "",
            "overline" if style.overline else "",
        ]
        if any(lines):
            color = self._color(style.underline_color)
            yield "text-decoration:" + " ".join(
                part for part in (*lines, _hex(color) if color else "") if part
            )

    def _color(self, color: Color) -> Rgb | None:
        return self._palette(color) if isinstance(color, int) else color


def _rows(state: TerminalState, width_of: WidthOf) -> Iterator[list[Run]]:
    """The runs of each row of the buffer that is shown."""
    screen: ScreenState = state.screens[state.active]
    above = screen.row_count - state.size.rows - sum(page.row_count for page in screen.history)
    for packed in screen.pages:
        page = packed.decode()
        reader = RowReader(page, width_of)
        for index in range(max(above, 0), packed.row_count):
            yield reader.runs(index)
        above -= packed.row_count


def _stretches(runs: list[Run]) -> list[tuple[Attributes, str]]:
    """Text with its attributes; empty cells are spaces, and plain ones at the end are left out."""
    stretches = [
        (PLAIN, " " * run.width)
        if isinstance(run, Gap)
        else (run.attributes, run.text if isinstance(run, Text) else " " * run.width)
        for run in runs
    ]
    while stretches and stretches[-1][0] == PLAIN:
        text = stretches.pop()[1].rstrip(" ")
        if text:
            return [*stretches, (PLAIN, text)]
    return stretches


def _target(link: Hyperlink | None) -> str:
    if link is None or not link.uri.lower().startswith(_LINKED):
        return ""
    return link.uri.decode(errors="replace")


def _hex(color: Rgb) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)
