"""What a native terminal has: search, colours, letters, links, images, marks of commands."""

import asyncio
import re
import struct
from base64 import b64encode
from zlib import compress, crc32

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import FLAGS, IN_FRONT, NO_WEBGL, address, chromium, tab
from tests.server import Server, running


def picture(side: int) -> bytes:
    """A blue square as PNG (RFC 2083)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = (b"\0" + b"\x20\x80\xff" * side) * side
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


PNG = picture(24)
BASH = ("/bin/bash", "--norc", "--noprofile")


async def test_what_is_searched_is_found_in_screen_and_scrollback(
    browser: Browser, server: Server
) -> None:
    async with tab(browser) as page:
        await page.open(address(server))
        await page.run("i=0; while [ $i -lt 90 ]; do i=$((i+1)); echo needle $i; done", "needle 90")
        await page.press("Control+Shift+f")
        field = page.page.get_by_role("searchbox", name="Search the terminal")
        await field.fill("needle 1")
        count = page.page.locator(".search-count")
        await expect(count).to_have_text("1 of 11")
        await page.press("Enter")
        await expect(count).to_have_text("2 of 11")
        await page.page.get_by_role("button", name="Regular expression").click()
        await field.fill("needle (1|2)$")
        await expect(count).to_have_text(re.compile("of 2$"))
        await page.picture("search")
        await field.fill("(")
        await expect(count).to_have_text("Not a pattern")
        await page.press("Escape")
        await page.run("echo ba''ck", "back")  # the shell has the keyboard again
        assert page.errors == []


async def test_settings_hold_at_once_and_after_a_reload(browser: Browser, server: Server) -> None:
    async with tab(browser, width=1000, height=900) as page:
        await page.open(address(server))
        (terminal,) = server.registry.terminals.values()
        before = terminal.size
        await page.press("Control+,")
        await page.page.get_by_label("Page", exact=True).select_option("light")
        await page.page.get_by_label("Terminal colours").select_option("dracula")
        await page.page.get_by_label("Size in pixels").fill("20")
        await page.press("Tab")
        await page.picture("settings")
        await page.press("Escape")
        async with asyncio.timeout(5):
            while terminal.size.cols >= before.cols:
                await asyncio.sleep(0.02)
        await page.page.reload()
        await page.is_in_state("online")
        await expect(page.page.locator("html")).to_have_attribute("data-look", "light")
        ground = "getComputedStyle(document.querySelector('.pane')).backgroundColor"
        assert await page.page.evaluate(ground) == "rgb(40, 42, 54)"
        await page.press("Control+0")
        async with asyncio.timeout(5):
            while terminal.size != before:
                await asyncio.sleep(0.02)
        await page.run("echo th''ere", "there")
        await page.picture("light-with-dracula")


async def test_commands_have_marks_and_their_output_is_copied(browser: Browser) -> None:
    async with running(command=BASH) as server, tab(browser) as page:
        await page.open(address(server))
        await page.shows("sh> ")
        await page.run("seq 40 | tail -n 3", "38\n39\n40")
        await page.run("ls /nowhere-at-all", "cannot access")
        marks = page.page.locator(".command-mark")
        await expect(marks.nth(1)).to_have_attribute("data-end", "failed")
        await expect(marks.nth(1)).to_have_attribute(
            "title", re.compile(r"^ls /nowhere-at-all · exit code 2 · \d")
        )
        await marks.first.dispatch_event("click")
        await page.picture("marks")
        await page.page.get_by_role("menuitem", name="Copy output").click()
        copied = await page.page.evaluate("navigator.clipboard.readText()")
        assert copied == "38\n39\n40"
        await page.run("seq 200", "200\nsh>")
        await page.press("Control+Shift+ArrowUp")
        await page.press("Control+Shift+ArrowUp")
        await page.shows("cannot access")
        assert page.errors == []


async def test_where_there_is_webgl_it_draws_the_terminal(browser: Browser, server: Server) -> None:
    flags = [flag for flag in FLAGS if flag != NO_WEBGL]
    drawing = await browser.browser_type.launch(executable_path=chromium(), args=flags)
    async with tab(drawing) as page:
        await page.open(address(server))
        screen = page.page.locator(".xterm-screen")
        is_webgl = "s => [...s.querySelectorAll('canvas')].some(c => c.getContext('webgl2'))"
        assert await screen.evaluate(is_webgl)
        await page.run("echo rea''dy", "ready")
        before = await screen.screenshot()
        await page.run(r"printf '\033[41m%60s\033[m\n'; echo do''ne", "done")
        assert await screen.screenshot() != before
        assert await page.page.locator(".xterm-rows").count() == 0  # the elements of the others
        await page.picture("webgl")
    await drawing.close()


@pytest.mark.parametrize("kind", ["sixel", "iterm"])
async def test_images_are_drawn(browser: Browser, server: Server, kind: str) -> None:
    sixel = r'\033Pq"1;1;60;12#1;2;100;0;0#1!60~-!60~\033\\'
    async with tab(browser) as page:
        await page.open(address(server))
        await page.run("echo rea''dy", "ready")
        iterm = rf"\033]1337;File=inline=1;size={len(PNG)}:{b64encode(PNG).decode()}\007"
        await page.run(f"printf '{sixel if kind == 'sixel' else iterm}'; echo do''ne", "done")
        await page.page.locator("canvas.xterm-image-layer").wait_for()
        await page.picture(f"image-{kind}")
        ask = r"stty raw -echo; printf '\033[c'; head -c 11 | od -An -c; stty sane"
        await page.run(ask, "6   2   ;   4   ;   2   2   c")  # once, and by the server
        assert page.errors == []


async def test_a_link_behind_text_shows_where_it_leads(browser: Browser, server: Server) -> None:
    async with tab(browser) as page:
        await page.open(address(server))
        link = r"clear; printf '\033]8;;https://example.invalid/x\007inno%s\033]8;;\007\n' cent"
        await page.run(link, "innocent")
        await page.page.locator(".xterm-screen").click(position={"x": 40, "y": 8})
        dialog = page.page.get_by_role("dialog", name="Open this link?")
        await expect(dialog).to_contain_text("https://example.invalid/x")
        await dialog.get_by_role("button", name="Cancel").click()
        await page.run("echo ba''ck", "back")


async def test_a_bell_flashes_and_a_screen_reader_is_told(browser: Browser, server: Server) -> None:
    async with tab(browser) as page:
        await page.open(address(server))
        await page.press("Control+Alt+r")
        await page.type("echo spo''ken\n")  # an emulator that is read aloud takes keys only
        await page.shows("spoken")
        await expect(page.page.locator(".xterm-accessibility-tree")).to_contain_text("spoken")
        flashed = page.page.evaluate(
            f"new Promise(done => new MutationObserver(() => done(true)).observe("
            f"{IN_FRONT}.parentElement, {{ attributeFilter: ['data-flash'] }}))"
        )
        await page.type("printf '\\a'\n")
        async with asyncio.timeout(5):
            assert await flashed
