"""Take the README's pictures: a real server, real shells, a real Chromium.

usage: python -m tools.screenshots   writes docs/images/*.png
"""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from playwright.async_api import async_playwright

from tests.browser.conftest import FLAGS, Tab, address, chromium, tab
from tests.browser.test_touch import phone
from tests.people import share
from tests.server import TOKEN, Server, running

IMAGES = Path(__file__).parents[1] / "docs/images"
BASH = ("/bin/bash", "--norc", "--noprofile")


async def session(server: Server, ann: Tab, bob: Tab) -> None:
    """A terminal beside another one, two people, and the channel."""
    await ann.open(address(server))
    await ann.run("cd /usr/share/doc && clear", "sh>")
    link = await share(server, role="writer", name="Bob")
    await bob.open(server.url("/") + link["fragment"])
    await ann.run("ls | head -n 5", "sh>")
    await ann.run("ls /missing", "cannot access")
    await ann.run("git log --oneline -3 2>/dev/null || echo no repository here", "no repository")
    await ann.press("Control+Shift+E")
    await ann.shows("sh>")
    await ann.type("HOME=/tmp vim -Nu NONE -n /etc/services\n")
    await ann.shows("tcpmux")
    await ann.type(":syntax on\n")
    await bob.page.locator(".chat-toggle").click()
    await bob.page.locator(".composer textarea").fill("Is there room for the *build*?")
    await bob.press("Enter")
    await ann.page.locator(".chat-toggle").click()
    await ann.page.locator(".composer").get_by_text("Prompt", exact=True).click()
    await ann.page.locator(".composer textarea").fill("df -h / | tail -n 1")
    await ann.press("Enter")
    await ann.page.locator(".message", has_text="exit").last.wait_for()
    await bob.page.locator(".composer textarea").fill("Yes, plenty.")
    await bob.press("Enter")
    await asyncio.sleep(1.5)
    await ann.page.screenshot(path=IMAGES / "terminal.png")


async def main() -> None:
    """Take them all."""
    async with AsyncExitStack() as stack:
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        server = await stack.enter_async_context(running(command=BASH))
        ann = await stack.enter_async_context(tab(browser, width=1280, height=720))
        bob = await stack.enter_async_context(tab(browser, width=1280, height=720))
        await session(server, ann, bob)
        home = await stack.enter_async_context(tab(browser, width=1280, height=720, scheme="light"))
        await home.open(f"http://127.0.0.1:{server.port}/#/&token={TOKEN}")
        await asyncio.sleep(2)
        await home.page.screenshot(path=IMAGES / "home.png")
        small, _ = await stack.enter_async_context(phone(browser))
        await small.open(address(server))
        await small.run("ls -F /usr | head -n 8", "lib/")
        await small.page.screenshot(path=IMAGES / "phone.png")
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
