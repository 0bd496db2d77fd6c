"""Page: how soon it is seen and can be typed into, in a real browser, and what it weighs."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from playwright.sync_api import Browser, Error, sync_playwright

from bench import processes
from bench.bridge import Bridge
from bench.figures import Row, Target
from bench.subjects import Subject, Unmeasured

FLOOR = "bare page"

MOST_PAINT = 300.0
"""Milliseconds until something of the page is seen."""

MOST_WEIGHT = 1200.0
"""Kilobytes (10^3 bytes) of all that a fresh page loads, before compression."""

PATIENCE = 20_000.0
"""Milliseconds that a page may take to be there."""

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")

_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
_WEIGHTS = """
[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .filter(({name}) => !name.includes("/api/"))
    .reduce(([whole, sent], {decodedBodySize, encodedBodySize}) =>
        [whole + decodedBodySize, sent + encodedBodySize], [0, 0])
"""


@dataclass(frozen=True, slots=True)
class _Visit:
    """One opening of the page: times in milliseconds since it was asked for, sizes in kB."""

    paint: float
    online: float = 0.0
    weight: float = 0.0
    sent: float = 0.0


class Page:
    """The page in Chromium, beside one file of the same look from a bare server."""

    name = "page"

    def measure(self, subjects: Sequence[Subject], *, quick: bool) -> list[Row]:
        """Five rows, of ptybridge and, for the first paint, of the floor."""
        served = next((subject for subject in subjects if isinstance(subject, Bridge)), None)
        if served is None:
            return []
        path = shutil.which("chromium") or shutil.which("google-chrome")
        if path is None:
            raise Unmeasured("no Chromium is installed")
        fresh: list[_Visit] = []
        again: list[_Visit] = []
        floor: list[_Visit] = []
        try:
            with (
                processes.running("bench.page_server") as still,
                sync_playwright() as playwright,
            ):
                browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
                still_url = f"http://127.0.0.1:{still.first_line}/"
                _visits(browser, still_url)  # the browser's own first page takes longer
                for _ in range(3 if quick else 10):
                    floor.append(_visits(browser, still_url)[0])
                    url = f"http://127.0.0.1:{served.port}/#token={served.token}"
                    first, second = _visits(browser, url, is_whole=True)
                    fresh.append(first)
                    again.append(second)
                browser.close()
        except Error as error:
            raise Unmeasured(f"the browser: {error.message.splitlines()[0]}") from error
        mine = Bridge.name
        return [
            Row(
                "first paint",
                "ms",
                {mine: [visit.paint for visit in fresh], FLOOR: [visit.paint for visit in floor]},
                (Target(MOST_PAINT),),
            ),
            Row(
                "first paint, again",
                "ms",
                {mine: [visit.paint for visit in again]},
                (Target(MOST_PAINT),),
            ),
            Row("page to shell", "ms", {mine: [visit.online for visit in fresh]}),
            Row(
                "page weight",
                "kB",
                {mine: [visit.weight for visit in fresh]},
                (Target(MOST_WEIGHT),),
            ),
            Row("page, compressed", "kB", {mine: [visit.sent for visit in fresh]}),
        ]


def _visits(browser: Browser, url: str, *, is_whole: bool = False) -> tuple[_Visit, _Visit]:
    """Open a page in a browser that knows nothing of it, and once more.

    ``is_whole``: it connects to a terminal, and has come only then.
    """
    context = browser.new_context(viewport={"width": 1000, "height": 600})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    visits = []
    for _ in range(2):
        page.goto("about:blank")
        page.goto(url)
        online = 0.0
        if is_whole:
            page.wait_for_selector('html[data-state="online"]')
            online = page.evaluate("performance.now()")
        paint: float = page.wait_for_function(_PAINT).json_value()
        whole, sent = page.evaluate(_WEIGHTS)
        visits.append(_Visit(paint, online, whole / 1000, sent / 1000))
    context.close()
    return visits[0], visits[1]
