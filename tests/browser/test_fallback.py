"""The page behind a proxy that lets no WebSocket through, and when it lets them through again."""

import asyncio

import pytest
from playwright.async_api import Browser, WebSocket

from tests.browser.conftest import Tab, address, cable, tab
from tests.server import Server, running, settings_of

COUNT = "i=0; while [ $i -lt {n} ]; do i=$((i+1)); echo line $i; done"


async def carried_by(page: Tab, transport: str) -> None:
    """Wait until the page says what carries its connection."""
    await page.page.locator(".link-transport").get_by_text(transport, exact=True).wait_for()


@pytest.mark.parametrize("refusal", ["refused", "silent"])
async def test_the_page_works_without_websocket(
    browser: Browser, server: Server, refusal: str
) -> None:
    async with tab(browser) as page, cable(server) as network:
        network.upgrades = refusal
        await page.open(address(server, port=network.port))
        await carried_by(page, "SSE")
        await page.run("x=kept; echo $((6*7))-é中😀", "42-é中😀")
        await page.picture(f"fallback-{refusal}")
        await page.page.reload()
        await page.is_in_state("online")
        await page.shows("42-é中😀")
        await page.run("echo still-$x", "still-kept")
        assert len(server.registry.terminals) == 1


async def test_vim_is_drawn_and_answers_without_websocket(browser: Browser, server: Server) -> None:
    async with tab(browser) as page, cable(server) as network:
        network.upgrades = "refused"
        await page.open(address(server, port=network.port))
        await page.shows("sh> ")
        await page.enter("HOME=/tmp vim -Nu NONE -n")
        await page.shows("VIM - Vi IMproved")
        await page.type("ihello from vim")
        await page.press("Escape")
        await page.shows("hello from vim")
        await page.type(":q!\n")
        await page.shows("NONE -n\nsh>")
        await page.run("echo do''ne", "done")


async def test_a_cut_of_the_stream_loses_nothing(browser: Browser, server: Server) -> None:
    async with tab(browser) as page, cable(server) as network:
        network.upgrades = "refused"
        await page.open(address(server, port=network.port))
        await page.run("PS1=; stty -echo; clear; echo rea''dy", "ready")
        await page.run(f"echo wai''ting; read x; {COUNT.format(n=3000)}; echo E''ND", "waiting")
        network.cut_after = 20_000
        await page.press("Enter")
        await page.is_in_state("offline")
        assert await page.page.locator(".link-transport").inner_text() == ""
        await network.plug()
        await page.page.evaluate("dispatchEvent(new Event('online'))")
        await page.is_in_state("online")
        shown = await page.shows("END")
        lines = [line for line in shown.splitlines() if line.startswith("line ")]
        last = int(lines[-1].split()[1])
        assert last == 3000
        assert lines == [f"line {number}" for number in range(last - len(lines) + 1, last + 1)]
        await carried_by(page, "SSE")


async def test_it_goes_back_to_websocket_while_keys_are_typed(browser: Browser) -> None:
    # The page's clock goes faster than the network: silence must not look like a dead link.
    quiet = settings_of(transport={"websocket": {"ping": {"interval": 600_000}}})
    async with running(quiet) as server, tab(browser) as page, cable(server) as network:
        network.upgrades = "refused"
        await page.page.clock.install()
        await page.open(address(server, port=network.port))
        await carried_by(page, "SSE")
        await page.run("stty -echo; echo rea''dy; cat -n", "ready")
        typed = "".join(chr(97 + number % 26) for number in range(60))
        network.upgrades = "passed"

        async def type_all() -> None:
            for key in typed:
                await page.type(key)

        async def move() -> None:
            await page.page.clock.run_for(60_000)
            await carried_by(page, "WebSocket")

        await asyncio.gather(type_all(), move())
        await page.type("\n")
        await page.shows(typed)
        assert len(server.pool) == 1


async def test_the_page_begins_with_what_the_server_wants_first(browser: Browser) -> None:
    async with running(settings_of(transport={"mode": "sse"})) as server, tab(browser) as page:
        sockets: list[WebSocket] = []
        # Playwright takes no built-in method as a listener.
        page.page.on("websocket", lambda socket: sockets.append(socket))  # noqa: PLW0108
        await page.open(address(server))
        await carried_by(page, "SSE")
        await page.run("echo he''re", "here")
        assert sockets == []
