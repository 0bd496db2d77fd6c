"""What goes wrong around a terminal, and how the page comes out of it."""

import re

from playwright.async_api import Browser, expect

from tests.browser.conftest import address, cable, tab
from tests.browser.test_page import paste
from tests.server import TOKEN, Server, running


async def test_focus_is_not_reported_again_when_old_output_is_shown_again(
    browser: Browser, server: Server
) -> None:
    async with tab(browser) as page:
        await page.open(address(server))
        reported = r"printf '\033[?1004h\033[?1004l'; head -c 3 | od -An -c"
        shown = await page.run(f"stty raw -echo; {reported}; stty sane; echo ba''ck; cat", "back")
        assert "033   [   I" in shown
        await page.page.reload()
        await page.is_in_state("online")
        await page.type("after\n")
        assert "^[[" not in await page.shows("after\nafter")


async def test_the_printed_url_logs_in_when_it_is_opened_over_an_error(
    browser: Browser, server: Server
) -> None:
    async with tab(browser) as page:
        await page.page.goto(f"http://127.0.0.1:{server.port}/#token=wrong-wrong-wrong-wrong")
        await page.is_in_state("failed")
        await page.page.goto(address(server))  # only the fragment differs: nothing is loaded
        await page.is_in_state("online")
        assert TOKEN not in page.page.url


async def test_a_server_that_comes_back_takes_the_explanation_away(browser: Browser) -> None:
    async with running() as server, tab(browser) as page, cable(server) as network:
        await page.page.add_init_script("Math.random = () => 0")
        await page.open(address(server, port=network.port))
        await network.pull()
        await page.is_in_state("failed")
        await page.page.get_by_role("heading", name="does not answer").wait_for()
        await network.plug()
        await page.page.evaluate("dispatchEvent(new Event('online'))")
        await page.is_in_state("online")
        assert await page.page.locator(".failure").count() == 0
        await page.run("echo ba''ck", "back")


async def test_a_new_terminal_does_not_keep_the_old_title(browser: Browser, server: Server) -> None:
    async with tab(browser) as page:
        await page.open(address(server))
        await page.enter(r"printf '\033]2;old-title\007'; exit")
        await expect(page.page).to_have_title(re.compile("^old-title"))
        await page.page.get_by_role("button", name="Run again").click()
        await expect(page.page).to_have_title(re.compile("^main"))
        await page.run("echo ba''ck", "back")
        await expect(page.page).to_have_title(re.compile("^main"))


async def test_a_paste_that_no_program_reads_can_be_cancelled(
    browser: Browser, server: Server
) -> None:
    async with tab(browser) as page:
        await page.open(address(server))
        await page.run("stty raw -echo; echo rea''dy; sleep 60", "ready")
        await paste(page, "x" * 3_000_000)
        await page.page.get_by_role("button", name="Cancel").click()
        await page.page.get_by_role("progressbar").wait_for(state="detached")
