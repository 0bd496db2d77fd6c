"""Three pages on one terminal: coming late, falling behind, handing the keyboard on."""

import asyncio
import re
from contextlib import AsyncExitStack

from playwright.async_api import Browser, expect

from tests.browser.conftest import Tab, address, cable, tab
from tests.server import TOKEN, Server, running, settings_of


async def join(stack: AsyncExitStack, browser: Browser, first: Tab, server: Server) -> Tab:
    """Another page on the terminal that ``first`` shows, let in with the server's token."""
    fragment = first.page.url.partition("#")[2]
    page = await stack.enter_async_context(tab(browser))
    await page.open(f"http://127.0.0.1:{server.port}/#{fragment}&token={TOKEN}")
    return page


async def screen(page: Tab) -> str:
    return await page.text()


async def test_who_comes_late_into_vim_sees_and_edits_the_same(
    browser: Browser, server: Server
) -> None:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(tab(browser))
        await first.open(address(server))
        await first.run(
            "i=0; while [ $i -lt 500 ]; do i=$((i+1)); echo history $i; done", "history 500"
        )
        await first.enter("HOME=/tmp vim -Nu NONE -n")
        await first.shows("VIM - Vi IMproved")
        await first.type("ifirst line")
        await first.shows("first line")
        second = await join(stack, browser, first, server)
        third = await join(stack, browser, first, server)
        for page in (second, third):
            await page.shows("first line")
            name = re.compile("^3 viewers: ")
            await expect(page.page.locator(".people-button")).to_have_accessible_name(name)
        await third.type(" and more")
        for page in (first, second, third):
            await page.shows("first line and more")
        await first.press("Escape")
        await first.type(":q!\n")
        await second.shows("history 500")  # vim has given the screen back
        await second.run("echo ba''ck", "back")
        buffers = [await page.everything() for page in (first, second, third)]
        assert "history 1\n" in buffers[0]
        await first.shows("back")
        await third.shows("back")
        assert await screen(first) == await screen(second) == await screen(third)
        for page in (first, second, third):
            assert page.errors == []
        await third.page.locator(".people-button").click()
        await third.picture("people")


async def test_who_falls_behind_holds_nobody_up_and_catches_up(browser: Browser) -> None:
    settings = settings_of(terminals={"tailBytes": 200_000})
    async with running(settings) as server, AsyncExitStack() as stack:
        first = await stack.enter_async_context(tab(browser))
        await first.open(address(server))
        second = await join(stack, browser, first, server)
        slow_link = await stack.enter_async_context(cable(server))
        third = await stack.enter_async_context(tab(browser))
        fragment = first.page.url.partition("#")[2]
        await third.open(f"http://127.0.0.1:{slow_link.port}/#{fragment}&token={TOKEN}")
        await third.shows("sh> ")
        slow_link.hold()
        await first.enter(
            "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); echo line $i; done; echo E''ND"
        )
        await first.shows("END")
        await second.shows("END")
        await first.page.locator(".people-button").click()
        await expect(first.page.locator(".people-list").first).to_contain_text("is behind")
        slow_link.let_flow()
        await third.shows("END")
        await expect(first.page.locator(".people-list").first).not_to_contain_text("is behind")
        await first.page.keyboard.press("Escape")
        assert await screen(first) == await screen(third)
        await third.run("echo ba''ck", "back")
        assert third.errors == []


async def test_the_keyboard_is_handed_from_page_to_page(browser: Browser) -> None:
    settings = settings_of(terminals={"control": "turn"})
    async with running(settings) as server, AsyncExitStack() as stack:
        first = await stack.enter_async_context(tab(browser))
        await first.open(address(server))
        await first.run("echo o''ne", "one")
        second = await join(stack, browser, first, server)
        third = await join(stack, browser, first, server)
        take = second.page.get_by_role("button", name="Take the keyboard")
        await take.wait_for()
        await second.picture("turn")
        await second.type("x")
        await take.click()
        await take.wait_for(state="detached")
        await second.run("echo t''wo", "two")
        await expect(first.page.locator("#turn")).to_contain_text("owner types")
        await first.type("echo lost\n")
        await second.page.locator(".people-button").click()
        await second.page.get_by_role("button", name="Hand over").last.click()
        await expect(third.page.locator("#turn")).to_be_empty()
        await third.run("echo th''ree", "three")
        for page in (first, second, third):
            text = await page.shows("three")
            assert "lost" not in text
            assert "xecho" not in text


async def test_another_window_is_letterboxed_at_the_terminals_true_size(browser: Browser) -> None:
    async with running() as server, AsyncExitStack() as stack:
        large = await stack.enter_async_context(tab(browser, width=1400, height=900))
        await large.open(address(server))
        small = await stack.enter_async_context(tab(browser, width=500, height=400))
        fragment = large.page.url.partition("#")[2]
        await small.open(f"http://127.0.0.1:{server.port}/#{fragment}&token={TOKEN}")
        await large.page.locator(".pane-terminal[data-letterboxed]").wait_for()
        await small.run("stty size", "sh> ")
        terminal = next(iter(server.registry.terminals.values()))
        await large.shows(f"{terminal.size.rows} {terminal.size.cols}")
        await large.picture("letterbox-large")
        await small.picture("letterbox-small")
        assert await screen(large) == await screen(small)


async def test_a_window_is_measured_alike_whatever_size_its_letters_are(browser: Browser) -> None:
    """Else a page that came back to a terminal of nearly its size made it too wide for itself."""
    fixed = settings_of(terminals={"sizing": "fixed"})
    async with running(fixed) as server, AsyncExitStack() as stack:
        large = await stack.enter_async_context(tab(browser, width=1400, height=900))
        await large.open(address(server))
        (shared,) = server.registry.terminals.values()
        small = await stack.enter_async_context(tab(browser, width=500, height=400))
        await small.open(address(server))
        (own,) = (other for other in server.registry.terminals.values() if other is not shared)
        (alone,) = own.viewers
        expected = alone.size
        fragment = large.page.url.partition("#")[2]
        await small.open(f"http://127.0.0.1:{server.port}/#{fragment}&token={TOKEN}")
        await small.page.locator(".pane-terminal[data-letterboxed]").wait_for()
        (viewer,) = (viewer for viewer in shared.viewers if viewer.size.cols < shared.size.cols)
        assert viewer.size == expected
        for height in (300, 400):
            before = viewer.size
            await small.page.set_viewport_size({"width": 500, "height": height})
            async with asyncio.timeout(10):
                while viewer.size == before:
                    await asyncio.sleep(0.02)
        assert viewer.size == expected
