"""Styles as SGR parameters (ECMA-48 8.3.117; xterm ctlseqs, "Character Attributes")."""

from functools import lru_cache
from typing import Final

from ptybridge.adapters.ghostty.model import DEFAULT_STYLE, Color, Style

_FLAGS: Final = (
    ("bold", b";1"),
    ("faint", b";2"),
    ("italic", b";3"),
    ("blink", b";5"),
    ("inverse", b";7"),
    ("invisible", b";8"),
    ("strikethrough", b";9"),
    ("overline", b";53"),
)

_NOTHING_ELSE: Final = DEFAULT_STYLE[1:]


@lru_cache(maxsize=4096)
def parameters(style: Style) -> bytes:
    """What follows ``CSI 0`` to make ``style`` the pen's; empty for the default.

    >>> parameters(Style(foreground=1, bold=True))
    b';1;31'
    """
    if style[1:] == _NOTHING_ELSE:
        return _color(style.foreground, 30, 90)
    parts = [code for name, code in _FLAGS if getattr(style, name)]
    if style.underline:
        # Only the colon form names the kind; a plain 4 is understood more widely.
        parts.append(b";4" if style.underline == 1 else b";4:%d" % style.underline)
    parts.append(_color(style.foreground, 30, 90))
    parts.append(_color(style.background, 40, 100))
    match style.underline_color:
        case int(index):
            parts.append(b";58:5:%d" % index)
        case (red, green, blue):
            parts.append(b";58:2::%d:%d:%d" % (red, green, blue))
        case None:
            pass
    return b"".join(parts)


def _color(color: Color, base: int, bright: int) -> bytes:
    match color:
        case None:
            return b""
        case int(index) if index < 8:
            return b";%d" % (base + index)
        case int(index) if index < 16:
            return b";%d" % (bright + index - 8)
        case int(index):
            return b";%d;5;%d" % (base + 8, index)
        case (red, green, blue):
            return b";%d;2;%d;%d;%d" % (base + 8, red, green, blue)
