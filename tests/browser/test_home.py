"""The home page: all sessions and terminals as they are, and what can be done with them."""

import asyncio

from playwright.async_api import Browser, expect

from tests.browser.conftest import address, tab
from tests.server import TOKEN, Server

DRAWN = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Set();
  for (let at = 0; at < data.length; at += 4) colours.add(data.slice(at, at + 3).join());
  return colours.size;
}"""


async def test_an_empty_server_invites(browser: Browser, server: Server) -> None:
    async with tab(browser) as page:
        await page.open(f"http://127.0.0.1:{server.port}/#/&token={TOKEN}")
        await page.page.get_by_role("heading", name="No terminal is open yet").wait_for()
        await page.picture("home-empty")
        await page.page.get_by_role("button", name="Open a terminal").click()
        await page.shows("sh> ")
        await page.run("echo he''re", "here")
        assert page.errors == []


async def test_terminals_are_seen_as_they_are_and_found(browser: Browser, server: Server) -> None:
    async with tab(browser, width=1280, height=800) as work, tab(browser) as page:
        await work.open(address(server))
        await work.run(r"printf '\033]2;build\007\033[31;44mred on blue\033[0m\n'", "red on blue")
        await page.open(f"http://127.0.0.1:{server.port}/#/&token={TOKEN}")
        section = page.page.locator(".home-session")
        await expect(section).to_have_attribute("aria-label", "main")
        card = section.locator(".card").first
        await expect(card).to_contain_text("build")
        canvas = card.locator("canvas")
        async with asyncio.timeout(10):
            while await canvas.evaluate(DRAWN) < 4:
                await asyncio.sleep(0.1)
        await page.picture("home")
        drawn = await canvas.get_attribute("data-drawn")
        await work.run("echo mo''re", "more")
        await expect(canvas).not_to_have_attribute("data-drawn", drawn or "")
        await page.page.get_by_role("searchbox").fill("nowhere")
        await page.page.get_by_text("Nothing here is called").wait_for()
        await page.page.get_by_role("searchbox").fill("build")
        await card.get_by_role("link").click()
        await page.is_in_state("online")
        await page.shows("red on blue")
        assert page.errors == work.errors == []


async def test_sessions_are_made_renamed_and_closed(browser: Browser, server: Server) -> None:
    async with tab(browser, width=390, height=800, scheme="light") as page:
        await page.open(f"http://127.0.0.1:{server.port}/#/&token={TOKEN}")
        await page.page.get_by_role("button", name="New session").click()
        await page.page.get_by_role("textbox", name="Name").fill("Deploy")
        await page.press("Enter")
        await page.shows("sh> ")
        await page.run("echo he''re", "here")
        await page.page.goto(f"http://127.0.0.1:{server.port}/#/")
        section = page.page.locator(".home-session", has_text="Deploy")
        await section.get_by_role("button", name="What to do with this session").click()
        await page.page.get_by_role("menuitem", name="Rename").click()
        await page.page.get_by_role("textbox", name="Name").fill("Release")
        await page.press("Enter")
        section = page.page.locator(".home-session", has_text="Release")
        await section.wait_for()
        await page.picture("home-narrow")
        await section.get_by_role("button", name="What to do with this session").click()
        await page.page.get_by_role("menuitem", name="Close session").click()
        await page.page.get_by_role("dialog").get_by_role("button", name="Close session").click()
        await expect(section).to_have_count(0)
        assert page.errors == []
