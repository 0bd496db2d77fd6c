"""Logging in as people do: a form where the server wants a password, links for guests."""

from pathlib import Path

from playwright.async_api import Browser

from tests.browser.conftest import address, tab
from tests.people import PASSWORD, by_users, editor_in, share
from tests.server import Server, running


async def test_a_password_is_asked_for_until_it_is_right(browser: Browser, tmp_path: Path) -> None:
    editor = editor_in(tmp_path, alice="member")
    async with running(make_authenticator=by_users(tmp_path)) as server, tab(browser) as page:
        await page.page.goto(server.url("/"))
        await page.page.wait_for_selector("form.login")
        await page.picture("login")
        await page.page.fill("input[autocomplete=username]", "alice")
        await page.page.fill("input[type=password]", "wrong horse")
        await page.page.keyboard.press("Enter")
        await page.page.wait_for_selector("text=The name or the password is wrong.")
        await page.page.fill("input[type=password]", PASSWORD)
        await page.page.keyboard.press("Enter")
        await page.is_in_state("online")
        assert "#/s/user-alice/t/" in page.page.url
        assert await page.page.locator("form.login").count() == 0
        await page.run("echo $((6*7))-in", "42-in")
        await page.page.reload()
        await page.is_in_state("online")
        editor.remove("alice")
        await page.is_in_state("failed")
        await page.page.get_by_role("button", name="Try again").click()
        await page.page.wait_for_selector("form.login")


async def test_a_guest_sees_the_terminal_that_is_shared(browser: Browser, server: Server) -> None:
    async with tab(browser) as owner, tab(browser) as guest:
        await owner.open(address(server))
        await owner.run("echo $((6*7))-shared", "42-shared")
        link = await share(server, role="watcher")
        await guest.open(server.url("/") + link["fragment"])
        await guest.shows("42-shared")
        assert link["token"] not in guest.page.url
        assert len(server.registry.terminals) == 1
        await guest.type("never-typed")
        await owner.run("echo $((6*7))-on", "42-on")
        assert "never-typed" not in await owner.text()
        url = server.url(f"/api/sessions/main/shares/{link['share']['id']}")
        assert (await server.http.delete(url)).status == 204
        await guest.is_in_state("failed")
        await owner.run("echo $((6*7))-still", "42-still")
    async with tab(browser) as late:
        await late.page.goto(server.url("/") + link["fragment"])
        await late.page.wait_for_selector("text=This link no longer opens anything")
