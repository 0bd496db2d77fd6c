"""Draw the page's icon as PNGs, for systems that take no SVG.

To be run after ``web/img/icon.svg`` has changed, from the project's virtual environment, for it
needs Playwright and a Chromium.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).parents[1] / "web" / "img"

ICONS = {
    "icon-192.png": (192, False),
    "icon-512.png": (512, False),
    "icon-maskable-512.png": (512, True),
    "icon-touch-180.png": (180, True),
}
"""Side in pixels, and whether the ground goes to the edges, for systems that cut a shape out."""


def main() -> int:
    """Write all icons; the exit code."""
    svg = (FOLDER / "icon.svg").read_text()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("make_icons: no Chromium is installed", file=sys.stderr)
        return 1
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, (side, is_whole) in ICONS.items():
            drawn = svg.replace(' rx="7"', "") if is_whole else svg
            page = browser.new_page(viewport={"width": side, "height": side})
            page.set_content(
                f"<style>*{{margin:0}} svg{{display:block;width:{side}px}}</style>{drawn}"
            )
            page.screenshot(path=FOLDER / name, omit_background=True)
            page.close()
            print(f"{name}  {side} x {side}")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
