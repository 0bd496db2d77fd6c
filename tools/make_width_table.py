"""Writes web/js/width_table.js: how wide the terminal library takes each code point to be.

Run ``python tools/make_width_table.py`` when the library's version changes.
"""

from pathlib import Path

from ptybridge.adapters.ghostty.library import Library, load

TABLE = Path(__file__).parents[1] / "web" / "js" / "width_table.js"
CODE_POINTS = 0x110000
COLUMNS = 96


def runs(library: Library) -> list[tuple[int, int]]:
    """Stretches of code points of one width, as (how many, width)."""
    found: list[tuple[int, int]] = []
    width_of = library.lib.ghostty_unicode_codepoint_width
    for code_point in range(CODE_POINTS):
        width = width_of(code_point)
        if found and found[-1][1] == width:
            found[-1] = (found[-1][0] + 1, width)
        else:
            found.append((1, width))
    return found


def in_base_36(number: int) -> str:
    """As JavaScript's ``parseInt(text, 36)`` reads it."""
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits


def source(library: Library) -> str:
    """The module's text."""
    text = ",".join(f"{in_base_36(count)}{'ZNW'[width]}" for count, width in runs(library))
    text = text.replace(",", "")
    lines = [f'  "{text[start : start + COLUMNS]}"' for start in range(0, len(text), COLUMNS)]
    joined = " +\n".join(lines)
    return f"""// Made by tools/make_width_table.py from the server's terminal library; do not edit.

/** Runs of code points from 0: how many (base 36), and Z, N or W for a width of 0, 1 or 2. */
export const RUNS =
{joined};
"""


if __name__ == "__main__":
    TABLE.write_text(source(load()))
