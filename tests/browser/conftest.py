"""A real Chromium, a real server, and a network between them that can be cut."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Frame, Page, async_playwright, expect

from tests.server import TOKEN, Server, running

ARTEFACTS = Path(__file__).parent / "artefacts"

PANE = ".pane[data-active] .pane-terminal"
IN_FRONT = f"document.querySelector('{PANE}')"
"""The terminal that is in front, as JavaScript."""

UNTIL_SHOWN = """([terminal, text]) => new Promise((resolve) => {
  const look = () => {
    const shown = document.querySelector(terminal)?.screenText ?? "";
    if (shown.includes(text)) resolve(shown);
    else setTimeout(look, 20);
  };
  look();
})"""
"""Looks from within the page: to ask it from here costs three times what it does otherwise."""

SCHEMES: tuple[Literal["dark"], Literal["light"]] = ("dark", "light")

PATIENCE = 15_000
"""Milliseconds that a page may take, when others have the machine."""

expect.set_options(timeout=PATIENCE)

IS_STARTED = pytest.StashKey[bool]()

NEEDLESS = (
    # What Playwright turns off, too, and what would be on again with a list of one's own.
    "AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,HttpsUpgrades,"
    "HttpsFirstBalancedModeAutoEnable,LensOverlay,MediaRouter,PaintHolding,"
    "ThirdPartyStoragePartitioning,AvoidCorsURLLoaderRestartOnRedirect,OptimizationHints,"
    "NetworkTimeServiceQuerying,AimEnabled,PreconnectToSearch,"
    # Processes that every page would have beside its own, for half of what a test costs: one for
    # the next page, and those for what drops down from an address bar that nobody sees.
    "SpareRendererForSitePerProcess,"
    "WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup"
)

NO_WEBGL = "--disable-3d-apis"
"""The terminal is then drawn in elements. To draw it as a graphics card would takes a processor a
fifth of what the tests take; one of them does.
"""

FLAGS = [
    f"--disable-features={NEEDLESS}",
    "--no-sandbox",
    "--disable-gpu",
    NO_WEBGL,
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collectstart(collector: pytest.Collector) -> None:
    """Mark a module before its tests are made: a mark that comes later chooses no loop.

    With a loop for each test, the browser would be started for each, too.
    """
    if isinstance(collector, pytest.Module) and Path(__file__).parent in collector.path.parents:
        collector.add_marker(pytest.mark.browser)
        collector.add_marker(pytest.mark.asyncio(loop_scope="session"))


def chromium() -> str:
    """The browser's path."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    raise FileNotFoundError("no Chromium; run: make setup, or apt-get install chromium")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(pytestconfig: pytest.Config) -> AsyncIterator[Browser]:
    """One for all tests: a start takes as long as a test, and contexts share nothing."""
    assert not pytestconfig.stash.get(IS_STARTED, False), "the browser is started once"
    pytestconfig.stash[IS_STARTED] = True
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="session")
async def server() -> AsyncIterator[Server]:
    async with running() as started:
        yield started


class Tab:
    """A page at work: what it shows, what is typed into it, what went wrong in it.

    Attributes:
        frame: Where its terminal is.
        terminal: What selects it there.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.frame: Page | Frame = page
        self.terminal = PANE
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on(
            "console",
            lambda message: self.errors.append(message.text) if message.type == "error" else None,
        )

    async def open(self, url: str) -> None:
        await self.page.goto(url)
        await self.is_in_state("online")

    async def is_in_state(self, state: str) -> None:
        """Wait for a state of the link."""
        await self.frame.wait_for_selector(f'html[data-state="{state}"]')

    async def text(self) -> str:
        """What is visible on the screen."""
        look = "terminal => document.querySelector(terminal)?.screenText ?? ''"
        shown: str = await self.frame.evaluate(look, self.terminal)
        return shown

    async def everything(self) -> str:
        """Scrollback and screen, as the emulator has them."""
        held: str = await self.page.evaluate(f"{IN_FRONT}.bufferText")
        return held

    async def type(self, text: str) -> None:
        """Press a key for each letter; each costs a picture of the page."""
        await self.page.keyboard.type(text)

    async def enter(self, command: str) -> None:
        """Give a program a line: its text at once, as from an input method, and the Enter key."""
        await self.page.keyboard.insert_text(command)
        await self.press("Enter")

    async def press(self, key: str) -> None:
        await self.page.keyboard.press(key)

    async def is_in_terminal(self) -> None:
        """Wait until keys go to the terminal: what is closed gives them back a bit later."""
        await expect(self.frame.locator(f"{PANE} textarea")).to_be_focused()

    async def shows(self, text: str) -> str:
        """Wait until ``text`` is on the screen; all that is on it."""
        try:
            async with asyncio.timeout(15):
                shown: str = await self.frame.evaluate(UNTIL_SHOWN, [self.terminal, text])
        except TimeoutError:
            pytest.fail(f"{text!r} did not appear on:\n{await self.text()}")
        return shown

    async def run(self, command: str, marker: str) -> str:
        """Run a shell command and wait for what it prints."""
        await self.enter(command)
        return await self.shows(marker)

    async def picture(self, name: str) -> None:
        """Keep a screenshot."""
        ARTEFACTS.mkdir(exist_ok=True)
        await self.page.screenshot(path=ARTEFACTS / f"{name}.png")

    async def picture_in_both_schemes(self, name: str) -> None:
        """Keep a screenshot of the dark page, and of the same when the system turns light."""
        for scheme in SCHEMES:
            await self.page.emulate_media(color_scheme=scheme)
            await self.picture(f"{name}-{scheme}")
        await self.page.emulate_media(color_scheme=SCHEMES[0])


@asynccontextmanager
async def tab(
    browser: Browser, *, width: int = 1000, height: int = 600, scheme: str = "dark"
) -> AsyncIterator[Tab]:
    """A new page in a context of its own."""
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        permissions=["clipboard-read", "clipboard-write"],
    )
    page = await context.new_page()
    page.set_default_timeout(PATIENCE)
    try:
        yield Tab(page)
    finally:
        await context.close()


def address(server: Server, *, port: int | None = None) -> str:
    """The URL that the server would print."""
    return f"http://127.0.0.1:{port or server.port}/#token={TOKEN}"


class Cable:
    """A network between the page and the server that can be pulled, even inside a frame.

    Attributes:
        upgrades: What becomes of a WebSocket's handshake: ``passed``, ``refused`` as proxies
            do that know no upgrades, or ``silent``.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._pipes: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._listener: asyncio.Server | None = None
        self.port = 0
        self.carried = 0
        self.cut_after: int | None = None
        self._flows = asyncio.Event()
        self._flows.set()
        self.upgrades = "passed"

    async def plug(self) -> None:
        """Let connections through, on the same port as before."""
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    def lead_to(self, server: Server) -> None:
        """Lead to another server: the one that was there has been restarted."""
        self._server = server

    async def pull(self) -> None:
        """Break every connection, and refuse new ones."""
        if self._listener is not None:
            self._listener.close()
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def hold(self) -> None:
        """Let nothing reach the page, as a link that is too slow; nothing is lost."""
        self._flows.clear()

    def let_flow(self) -> None:
        """Let all that was held back reach the page."""
        self._flows.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._server.port)
        self._writers |= {writer, up_writer}
        for source, target, is_down in ((reader, up_writer, False), (up_reader, writer, True)):
            pipe = asyncio.create_task(self._carry(source, target, is_down=is_down))
            self._pipes.add(pipe)
            pipe.add_done_callback(self._pipes.discard)

    async def _carry(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, is_down: bool
    ) -> None:
        own, theirs = f"127.0.0.1:{self._server.port}", f"127.0.0.1:{self.port}"
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while data := await source.read(65536):
                if is_down:
                    await self._flows.wait()
                if not is_down and b"\r\nUpgrade: websocket\r\n" in data:
                    if self.upgrades == "silent":
                        continue
                    if self.upgrades == "refused":
                        data = data.replace(b"\r\nUpgrade: websocket\r\n", b"\r\n")
                if not is_down:  # the page believes that the cable is the server
                    data = data.replace(theirs.encode(), own.encode())
                elif self.cut_after is not None:
                    self.carried += len(data)
                    if self.carried >= self.cut_after:
                        data = data[: len(data) // 2]
                        target.write(data)
                        self.cut_after = None
                        await self.pull()
                        return
                target.write(data)
                await target.drain()
        target.close()


@asynccontextmanager
async def cable(server: Server) -> AsyncIterator[Cable]:
    """A plugged-in cable."""
    made = Cable(server)
    await made.plug()
    try:
        yield made
    finally:
        await made.pull()
