"""A phone: keys for fingers, scrolling and zooming by finger, keyboards on glass."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, CDPSession, expect

from tests.browser.conftest import IN_FRONT, Tab, address
from tests.server import Server


@asynccontextmanager
async def phone(browser: Browser) -> AsyncIterator[tuple[Tab, CDPSession]]:
    """A page on a small screen that fingers touch, and the browser's own controls."""
    context = await browser.new_context(
        viewport={"width": 390, "height": 700},
        has_touch=True,
        is_mobile=True,
        permissions=["clipboard-read", "clipboard-write"],
    )
    page = await context.new_page()
    page.set_default_timeout(15_000)
    try:
        yield Tab(page), await context.new_cdp_session(page)
    finally:
        await context.close()


async def drag(cdp: CDPSession, *fingers: tuple[int, int, int, int], steps: int = 8) -> None:
    """Move fingers from x, y to x, y, all at once."""

    def points(part: float) -> list[dict[str, Any]]:
        return [
            {"x": x0 + (x1 - x0) * part, "y": y0 + (y1 - y0) * part, "id": number}
            for number, (x0, y0, x1, y1) in enumerate(fingers)
        ]

    async def send(kind: str, touches: list[dict[str, Any]]) -> None:
        await cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    await send("touchStart", points(0))
    for step in range(1, steps + 1):
        await send("touchMove", points(step / steps))
        await asyncio.sleep(0.02)  # as fast as fingers move
    await asyncio.sleep(0.1)  # and they rest before they leave: no flick
    await send("touchEnd", [])


async def test_keys_that_a_keyboard_on_glass_lacks(browser: Browser, server: Server) -> None:
    async with phone(browser) as (page, _):
        await page.open(address(server))
        keys = page.page.get_by_role("toolbar", name="Keys")
        await page.type("cat -v\n")
        await keys.get_by_role("button", name="Escape").tap()
        await keys.get_by_role("button", name="Up").tap()
        await keys.get_by_role("button", name="Ctrl").tap()
        await expect(keys.get_by_role("button", name="Ctrl")).to_have_attribute(
            "aria-pressed", "true"
        )
        await page.picture("phone-keys")
        await keys.get_by_role("button", name="Right").tap()
        await page.shows("^[^[[A^[[1;5C")
        await keys.get_by_role("button", name="Ctrl").tap()
        await page.type("c")
        await page.shows("^C")
        await keys.get_by_role("button", name="More").tap()
        await page.page.get_by_role("button", name="|", exact=True).tap()
        await page.picture("phone-more")
        await page.type(" cat\n")
        await page.press("Control+c")
        await page.page.evaluate("navigator.clipboard.writeText('echo past\"\"ed')")
        await keys.get_by_role("button", name="Paste").tap()
        await page.shows('echo past""ed')
        await page.press("Enter")
        await page.shows("\npasted")
        assert page.errors == []


async def test_a_finger_scrolls_the_scrollback_and_less(browser: Browser, server: Server) -> None:
    async with phone(browser) as (page, cdp):
        await page.open(address(server))
        await page.run("i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo line $i; done", "line 200")
        await drag(cdp, (200, 200, 200, 520))
        shown = await page.text()
        assert "line 200" not in shown
        assert 10 <= 200 - last_line(shown) <= 30
        await page.enter("clear; seq 300 > /tmp/ptybridge-touch; less /tmp/ptybridge-touch")
        await page.shows("1\n2\n3\n")
        await drag(cdp, (200, 520, 200, 200))
        async with asyncio.timeout(10):
            while "\n1\n" in f"\n{await page.text()}":
                await asyncio.sleep(0.05)
        await page.type("q")


def last_line(shown: str) -> int:
    lines = [line for line in shown.splitlines() if line.startswith("line ")]
    return int(lines[-1].split()[1])


async def test_two_fingers_zoom_and_a_long_press_selects(browser: Browser, server: Server) -> None:
    async with phone(browser) as (page, cdp):
        await page.open(address(server))
        (terminal,) = server.registry.terminals.values()
        before = terminal.size
        await drag(cdp, (150, 300, 50, 300), (250, 300, 350, 300))
        async with asyncio.timeout(5):
            while terminal.size.cols > before.cols * 0.6:
                await asyncio.sleep(0.02)
        await page.picture("phone-zoomed")
        await drag(cdp, (50, 300, 150, 300), (350, 300, 250, 300))
        async with asyncio.timeout(5):
            while terminal.size.cols < before.cols * 0.8:
                await asyncio.sleep(0.02)
        await page.run("clear; echo long-''press", "long-press")
        touch = [{"x": 40, "y": 62}]
        await cdp.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": touch})
        async with asyncio.timeout(5):
            while await page.page.evaluate(f"{IN_FRONT}.selectedText") == "":
                await asyncio.sleep(0.05)
        await cdp.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        await page.page.get_by_role("menuitem", name="Copy").wait_for()
        await page.picture("phone-menu")
        await page.page.get_by_role("menuitem", name="Copy").tap()
        assert await page.page.evaluate("navigator.clipboard.readText()") == "long-press"


async def test_what_keyboards_on_glass_compose_insert_and_take_away(
    browser: Browser, server: Server
) -> None:
    async with phone(browser) as (page, cdp):
        await page.open(address(server))
        await page.run("cat -v", "cat -v")
        for text in ("n", "ni", "nih"):  # an input method shows what it makes of the keys
            await cdp.send(
                "Input.imeSetComposition",
                {"text": text, "selectionStart": len(text), "selectionEnd": len(text)},
            )
        await cdp.send("Input.insertText", {"text": "你好"})
        await page.shows("你好")
        await page.press("Enter")
        await page.shows("M-dM-=M- M-eM-%M-=")
        await page.type("ab")
        untold = {"windowsVirtualKeyCode": 229, "key": "Unidentified"}
        taken = {"type": "rawKeyDown", "commands": ["deleteBackward"], **untold}
        await cdp.send("Input.dispatchKeyEvent", taken)
        await page.press("Enter")
        await page.shows("\na\n")
