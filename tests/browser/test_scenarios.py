"""The three scenarios of real use in a browser, by a script that has WebSocket and nothing else."""

from pathlib import Path

from playwright.async_api import Browser

from tests.browser.conftest import address, tab
from tests.server import Server

SCRIPT = Path(__file__).parents[1] / "node" / "scenarios.js"

PLAY = """async () => {
  const { scenarios } = await import("/scenarios.js");
  const open = (path) => new WebSocket(new URL(path, document.baseURI.replace("http", "ws")));
  const played = Object.entries(scenarios).map(async ([name, play]) => (await play(open), name));
  return await Promise.all(played);
}"""


async def test_all_three_in_a_browser(browser: Browser, server: Server) -> None:
    async with tab(browser) as page:
        await page.page.route("**/scenarios.js", lambda route: route.fulfill(path=SCRIPT))
        await page.open(address(server))  # for the cookie, and for the server's own origin
        played = await page.page.evaluate(PLAY)
    assert sorted(played) == ["interactive", "interrupted", "twoPeople"]
