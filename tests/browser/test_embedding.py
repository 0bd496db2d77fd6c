"""A terminal in a frame of another site: the site of docs/embedding.md, as it stands there."""

import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Browser, Frame, Page

from tests.browser.conftest import Tab, tab
from tests.server import TOKEN, Server, running, settings_of

DOCUMENT = Path(__file__).parents[2] / "docs" / "embedding.md"

# The browser takes localhost for another site than 127.0.0.1, and sends it none of its cookies.
HOST = "localhost"


@asynccontextmanager
async def site(listener: socket.socket, server: Server) -> AsyncIterator[dict[str, Any]]:
    """The document's example; its globals, in which the page and the server may be changed."""
    (source,) = re.findall(r"^```python\n(.*?)^```", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PTYBRIDGE", server.url(""))
        environment.setenv("TOKEN", TOKEN)
        example: dict[str, Any] = {"__name__": "site"}
        exec(compile(source, DOCUMENT, "exec"), example)
    runner = web.AppRunner(example["app"], shutdown_timeout=0.1)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    try:
        yield example
    finally:
        await runner.cleanup()


def listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def origin(bound: socket.socket) -> str:
    return f"http://{HOST}:{bound.getsockname()[1]}"


class Embedded(Tab):
    """The terminal in the frame of a page."""

    def __init__(self, page: Page, frame: Frame) -> None:
        super().__init__(page)
        self.frame = frame
        self.terminal = ".pane-terminal"


async def told(page: Page, kind: str) -> dict[str, Any]:
    """Wait for a message of the frame's; the newest of its kind."""
    handle = await page.wait_for_function(
        f"window.told.findLast(({{type}}) => type === 'ptybridge:{kind}')"
    )
    message: dict[str, Any] = await handle.json_value()
    return message


async def frame_in(page: Page, address: str) -> Frame:
    """Show an address in a frame of the page."""
    await page.evaluate(
        "(src) => document.body.replaceChildren("
        "Object.assign(document.createElement('iframe'), {src}))",
        address,
    )
    return page.frames[1]


LISTEN = "window.told = []; addEventListener('message', ({data}) => window.told.push(data));"


async def test_a_site_shows_a_terminal_and_both_talk(browser: Browser) -> None:
    with listener() as bound:
        settings = settings_of(auth={"allowedOrigins": [origin(bound)]})
        async with running(settings) as server, site(bound, server), tab(browser) as page:
            await page.page.add_init_script(LISTEN)
            await page.page.goto(origin(bound))
            ready = await told(page.page, "ready")
            assert ready["session"] == "demo"
            assert ready["terminal"] in server.registry.terminals
            frame = page.page.frames[1]
            embedded = Embedded(page.page, frame)
            await embedded.is_in_state("online")
            assert not await page.page.context.cookies()
            assert "share" not in await frame.evaluate("location.href")
            # The site has asked for the focus and for the light theme.
            await frame.wait_for_function("document.hasFocus()")
            await frame.wait_for_selector('html[data-look="light"]')
            await embedded.run("echo $((6*7))-framed", "42-framed")
            await page.picture("embedded")
            await embedded.enter("printf '\\033]2;<b>a title</b>\\007'")
            await page.page.wait_for_function(
                "document.getElementById('says').textContent === '<b>a title</b>'"
            )
            await page.page.evaluate("document.getElementById('terminal').height = 200")
            await page.page.wait_for_function(
                f"window.told.some(({{type, rows}}) => type === 'ptybridge:resize' "
                f"&& rows < {ready['rows']})"
            )
            # A reload of the frame has no secret left: it asks the site, which makes another link.
            await frame.evaluate("location.reload()")
            assert (await told(page.page, "login"))["reason"] == "missing"
            await embedded.shows("42-framed")
            # Nor is it the end when the link is taken back.
            shares = server.url("/api/sessions/demo/shares")
            for link in (await (await server.http.get(shares)).json())["shares"]:
                assert (await server.http.delete(f"{shares}/{link['id']}")).status == 204
            await page.page.wait_for_function("window.told.some(({reason}) => reason === 'ended')")
            await embedded.is_in_state("online")
            await embedded.shows("42-framed")
            await frame.locator(".pane-terminal").click()
            await embedded.type("exit 3\n")
            assert await told(page.page, "exit") == {
                "type": "ptybridge:exit",
                "code": 3,
                "signal": None,
            }
            assert len(server.registry.terminals) == 1


async def test_no_other_page_may_be_framed_and_no_other_site_may_frame(browser: Browser) -> None:
    with listener() as bound, listener() as foreign:
        settings = settings_of(auth={"allowedOrigins": [origin(bound)]})
        async with (
            running(settings) as server,
            site(bound, server),
            site(foreign, server),
            tab(browser) as page,
        ):
            # The owner is logged in here, and the site leads the frame to the page itself.
            await page.open(server.url(f"/#token={TOKEN}"))
            terminals = len(server.registry.terminals)
            for address, path in (
                (origin(bound), "/s/main"),
                (origin(bound), "/"),
                (origin(bound), "/?embed=1"),
                (origin(foreign), "/s/main?embed=1"),
            ):
                await page.page.goto(f"{address}/favicon.ico")
                async with page.page.expect_event("requestfailed") as failed:
                    await frame_in(page.page, server.url(path))
                assert (await failed.value).failure == "net::ERR_BLOCKED_BY_RESPONSE"
            assert len(server.registry.terminals) == terminals


async def test_a_frame_uses_no_login_of_the_browsers_and_hears_no_other_page(
    browser: Browser,
) -> None:
    with listener() as bound:
        # 127.0.0.1 on another port is the same site: cookies would be sent.
        around = f"http://127.0.0.1:{bound.getsockname()[1]}"
        settings = settings_of(auth={"allowedOrigins": [around, "http://app.example.org"]})
        async with running(settings) as server, site(bound, server), tab(browser) as page:
            await page.open(server.url(f"/#token={TOKEN}"))
            terminals = len(server.registry.terminals)
            await page.page.add_init_script(LISTEN)
            await page.page.goto(f"{around}/favicon.ico")
            frame = await frame_in(page.page, server.url("/s/main?embed=1"))
            assert (await told(page.page, "login"))["reason"] == "missing"
            await frame.wait_for_selector("text=Waiting for a login")
            await frame.evaluate(
                "window.postMessage({type: 'ptybridge:theme', theme: 'contrast'}, '*')"
            )
            await page.page.evaluate(
                "frames[0].postMessage({type: 'ptybridge:login', share: 'wrong'}, '*')"
            )
            await page.page.wait_for_function(
                "window.told.some(({reason}) => reason === 'refused')"
            )
            assert await frame.evaluate("document.documentElement.dataset.look") != "contrast"
            assert len(server.registry.terminals) == terminals
