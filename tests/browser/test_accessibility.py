"""axe-core finds nothing wrong in any state of the page, in any look."""

from pathlib import Path
from typing import Any

from playwright.async_api import Browser

from tests.browser.conftest import SCHEMES, Tab, address, cable, tab
from tests.server import TOKEN, Server

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"

# The emulator's own elements: its field is beside the screen, and it draws on a canvas.
LEFT_OUT = [[".xterm-screen"], [".xterm-viewport"]]


async def violations(page: Tab) -> list[str]:
    """What axe-core finds in the page as it is now, a line each."""
    if not await page.page.evaluate("'axe' in window"):
        await page.page.evaluate(AXE.read_text() + "; 0")
    found: dict[str, Any] = await page.page.evaluate(
        "left => axe.run({ exclude: left }, { resultTypes: ['violations'] })", LEFT_OUT
    )
    return [
        f"{rule['id']}: {node['html'][:120]} ({node.get('failureSummary', '')[:200]})"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


async def violations_in_both_schemes(page: Tab) -> list[str]:
    """What axe-core finds when the system is dark, and when it turns light."""
    found = []
    for scheme in SCHEMES:
        await page.page.emulate_media(color_scheme=scheme)
        found += [f"{scheme}: {line}" for line in await violations(page)]
    return found


async def test_a_session_and_its_dialogs(browser: Browser, server: Server) -> None:
    async with tab(browser) as page:
        await page.open(address(server))
        await page.run("echo rea''dy", "ready")
        assert await violations_in_both_schemes(page) == []
        await page.press("Control+Shift+f")
        assert await violations_in_both_schemes(page) == []
        await page.press("Escape")
        await page.press("Control+,")
        assert await violations_in_both_schemes(page) == []
        await page.page.get_by_label("Page", exact=True).select_option("contrast")
        assert await violations(page) == []
        await page.press("Escape")
        await page.type("exit 3\n")
        await page.page.get_by_role("button", name="Run again").wait_for()
        assert await violations_in_both_schemes(page) == []


async def test_the_home_page(browser: Browser, server: Server) -> None:
    async with tab(browser) as page:
        await page.open(f"http://127.0.0.1:{server.port}/#/&token={TOKEN}")
        assert await violations_in_both_schemes(page) == []
        opened = await server.http.post(server.url("/api/sessions/main/terminals"), json={})
        assert opened.status == 201
        await page.page.reload()
        await page.is_in_state("online")
        assert await violations_in_both_schemes(page) == []


async def test_the_channel_sharing_and_a_cut(browser: Browser, server: Server) -> None:
    async with tab(browser) as page, cable(server) as network:
        await page.open(address(server, port=network.port))
        await page.page.locator(".chat-toggle").click()
        await page.page.locator(".composer textarea").fill("**hello**")
        await page.press("Enter")
        await page.page.locator("#panel").get_by_text("hello").first.wait_for()
        assert await violations(page) == []
        await page.page.locator(".share-button").click()
        await page.page.get_by_role("dialog").wait_for()
        assert await violations(page) == []
        await page.press("Escape")
        await network.pull()
        await page.is_in_state("offline")
        assert await violations(page) == []


async def test_a_failure(browser: Browser, server: Server) -> None:
    async with tab(browser) as page:
        await page.page.goto(f"http://127.0.0.1:{server.port}/#token=wrong-wrong-wrong-wrong")
        await page.is_in_state("failed")
        assert await violations(page) == []


async def test_a_phone(browser: Browser, server: Server) -> None:
    async with tab(browser, width=360, height=640) as page:
        await page.open(address(server))
        await page.run("echo rea''dy", "ready")
        assert await violations(page) == []
