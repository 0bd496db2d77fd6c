"""The page's table of widths is the server's terminal library's."""

import subprocess
from pathlib import Path

from ptybridge.adapters.ghostty.library import load

WEB = Path(__file__).parents[1] / "web"
CODE_POINTS = 0x110000

_PRINT_WIDTHS = """
import { widthOf } from "./js/widths.js";
const widths = new Uint8Array(%d);
process.stdout.write(widths.map((_, codePoint) => widthOf(codePoint)));
"""


def test_the_page_and_the_screen_agree_on_the_width_of_every_code_point() -> None:
    printed = subprocess.run(
        ["node", "--input-type=module", "--eval", _PRINT_WIDTHS % CODE_POINTS],
        cwd=WEB,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    width_of = load().lib.ghostty_unicode_codepoint_width
    assert len(printed) == CODE_POINTS
    different = [hex(code) for code in range(CODE_POINTS) if printed[code] != width_of(code)]
    assert different == []
