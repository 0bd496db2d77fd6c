"""How the page comes: light, from one host, all at once, and what stands there when it cannot."""

import asyncio
import re

from aiohttp import web
from playwright.async_api import Browser, Page, Response

from ptybridge.core.values import SessionId
from tests.browser.conftest import address, cable, tab
from tests.server import TOKEN, WEB_ROOT, Server, running, settings_of

MAX_WEIGHT = 1_200_000


async def test_a_fresh_page_is_light_and_all_of_it_is_known_at_once(
    browser: Browser, server: Server
) -> None:
    async with tab(browser) as page:
        arrived: list[Response] = []

        def arrive(response: Response) -> None:  # the library asks functions for their names
            arrived.append(response)

        page.page.on("response", arrive)
        await page.open(address(server))
        await page.run("echo $((6*7))-here", "42-here")
        hosts = {re.sub(r"^\w+://([^/]+)/.*", r"\1", response.url) for response in arrived}
        assert hosts == {f"127.0.0.1:{server.port}"}
        files = [response for response in arrived if "/static/" in response.url]
        assert len(files) > 20
        assert {response.status for response in files} == {200}
        weight = sum([len(await response.body()) for response in files])
        assert 300_000 < weight < MAX_WEIGHT
        text = re.compile(r"\.(m?js|css)$")
        for response in files:
            headers = await response.all_headers()
            if text.search(response.url) and len(await response.body()) > 1000:
                assert headers["content-encoding"] == "gzip", response.url
        named = await page.page.evaluate(
            "[...document.querySelectorAll('link, script')].map((each) => each.href || each.src)"
        )
        # The page names all but what it loads when it is needed, by import().
        sources = "".join(path.read_text() for path in (WEB_ROOT / "js").rglob("*.js"))
        late = set(re.findall(r'import\("[^"]*?([\w.-]+)"\)', sources))
        unnamed = {
            response.url.rpartition("/")[2] for response in files if response.url not in named
        }
        assert unnamed <= late
        assert page.errors == []


async def test_the_page_can_be_installed_and_its_worker_leaves_the_rest_alone(
    browser: Browser, server: Server
) -> None:
    async with tab(browser) as page:
        await page.open(address(server))
        assert await is_kept(page.page)
        browsers = await page.page.context.new_cdp_session(page.page)
        manifest = await browsers.send("Page.getAppManifest")
        assert manifest["url"] == server.url("/manifest.webmanifest")
        assert manifest["errors"] == []
        found = (await browsers.send("Page.getInstallabilityErrors"))["installabilityErrors"]
        # A private window, such as the tests', installs nothing; there is no other reason.
        assert [error["errorId"] for error in found if error["errorId"] != "in-incognito"] == []
        await page.page.reload()
        await page.is_in_state("online")
        sources = await page.page.evaluate(
            """[...new Set(performance.getEntriesByType("resource")
                .filter(({name}) => !name.endsWith("icon.svg"))
                .map(({workerFinalSourceType}) => workerFinalSourceType))]"""
        )
        assert sources == ["network"]


async def test_a_link_to_a_terminal_leads_there_below_any_path(browser: Browser) -> None:
    settings = settings_of(server={"basePath": "/deep/er/"})
    async with running(settings) as server, tab(browser) as page:
        await page.open(server.url(f"/deep/er/s/other#token={TOKEN}"))
        assert re.search(r"/deep/er/#/s/other/t/", page.page.url)
        (terminal,) = server.registry.sessions[SessionId("other")].terminals
        await page.run("echo $((6*7))-there", "42-there")
        await page.page.goto("about:blank")
        await page.open(server.url(f"/deep/er/s/other/t/{terminal}"))
        await page.shows("42-there")
        assert len(server.registry.terminals) == 1
        assert page.errors == []


async def is_kept(page: Page) -> bool:
    """Wait until the service worker has kept what it needs, and takes what comes."""
    active: bool = await page.evaluate(
        "navigator.serviceWorker.ready.then(({active}) => active !== null)"
    )
    return active


async def test_while_the_server_is_gone_a_page_waits_for_it(
    browser: Browser, server: Server
) -> None:
    async with cable(server) as between, tab(browser) as page:
        await page.open(address(server, port=between.port))
        await page.run("echo $((6*7))-before", "42-before")
        assert await is_kept(page.page)
        url = page.page.url
        await between.pull()
        await page.page.reload()
        await page.page.wait_for_selector("text=The server cannot be reached")
        await page.page.wait_for_selector("text=Trying again in")
        await page.picture("no-server")
        assert page.page.url == url
        assert await page.page.evaluate("document.querySelector('img').naturalWidth > 0")
        assert await page.page.evaluate("getComputedStyle(document.body).display") == "grid"
        keys = await page.page.evaluate(
            """caches.keys().then(async (names) => (await Promise.all(names.map(
                async (name) => (await (await caches.open(name)).keys()).map(({url}) => url)
            ))).flat())"""
        )
        assert len(keys) == 4
        assert not [key for key in keys if "/api/" in key]
        await between.plug()
        await page.page.get_by_role("button", name="Try now").click()
        await page.is_in_state("online")
        await page.shows("42-before")


async def test_the_worker_goes_when_another_program_answers_in_its_place(
    browser: Browser, server: Server
) -> None:
    async with cable(server) as between, tab(browser) as page:
        await page.open(address(server, port=between.port))
        assert await is_kept(page.page)
        await between.pull()
        another = web.Server(another_program)
        listener = await asyncio.get_running_loop().create_server(
            another, "127.0.0.1", between.port
        )
        await page.page.goto(f"http://127.0.0.1:{between.port}/s/other")
        await page.page.wait_for_selector("text=Another program")
        await page.page.wait_for_function(
            "async () => (await navigator.serviceWorker.getRegistrations()).length === 0"
        )
        listener.close()
        await another.shutdown(timeout=0.1)


async def another_program(_: web.BaseRequest) -> web.StreamResponse:
    return web.Response(text="<p>Another program</p>", content_type="text/html")
