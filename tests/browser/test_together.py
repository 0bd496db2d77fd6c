"""People in one session: who is here, who types, who is let in, and who is out again."""

from contextlib import AsyncExitStack

from playwright.async_api import Browser, expect

from tests.browser.conftest import Tab, address, tab
from tests.browser.test_chat import guest_of
from tests.people import share
from tests.server import TOKEN, Server, running, settings_of


async def names(page: Tab) -> str:
    """What the button with the people says."""
    return await page.page.locator(".people-button").get_attribute("aria-label") or ""


async def test_three_know_of_each_other_and_hand_the_keyboard_on(browser: Browser) -> None:
    settings = settings_of(terminals={"control": "turn"})
    async with running(settings) as server, AsyncExitStack() as stack:
        olga = await stack.enter_async_context(tab(browser))
        await olga.open(address(server))
        await olga.run("echo $((6*7))-mine", "42-mine")
        bob = await guest_of(stack, browser, server, "writer", "Bob Lee")
        wim = await guest_of(stack, browser, server, "watcher", "Wim")
        people = olga.page.locator(".people-button")
        await expect(people).to_have_accessible_name("3 viewers: you, Bob Lee, Wim")
        await expect(people.locator(".avatar")).to_have_text(["BL", "W"])
        # Who only watches knows it, and is told when typing goes nowhere.
        await expect(wim.page.locator("#turn")).to_have_text("Watching")
        await wim.type("x")
        await expect(wim.page.locator("[data-notice=ignored]")).to_contain_text("You only watch")
        await bob.type("x")
        ignored = bob.page.locator("[data-notice=ignored]")
        await expect(ignored).to_contain_text("owner has the keyboard")
        await bob.page.get_by_role("button", name="Ask for the keyboard").click()
        await expect(bob.page.locator("#turn")).to_have_text("owner types; you are next")
        await people.click()
        here = olga.page.get_by_role("dialog", name="People").locator(".person")
        await expect(here).to_have_count(3)
        await expect(here.nth(0)).to_contain_text("has the keyboard")
        await expect(here.nth(1)).to_contain_text("asks for the keyboard")
        await expect(here.nth(2)).to_contain_text("watches")
        await olga.picture("together")
        await here.nth(1).get_by_role("button", name="Hand over").click()
        await expect(olga.page.locator("#turn")).to_contain_text("Bob Lee types")
        await expect(ignored).to_be_hidden()
        await bob.press("Enter")
        await bob.run("echo $((6*7))-bob", "42-bob")
        await people.click()
        await olga.page.get_by_role("button", name="Take it").click()
        await people.click()
        await expect(here.nth(0)).to_contain_text("has the keyboard")
        await here.nth(1).get_by_role("button", name="Only watch").click()
        await expect(bob.page.locator("#turn")).to_have_text("Watching")
        await olga.run("echo $((6*7))-back", "42-back")
        for page in (olga, bob, wim):
            assert "42-back" in await page.shows("42-back")
            assert "x" not in (await page.text()).partition("42-mine")[2].partition("echo")[0]
            assert page.errors == []


async def test_whose_window_sets_the_size_is_said(browser: Browser, server: Server) -> None:
    async with AsyncExitStack() as stack:
        large = await stack.enter_async_context(tab(browser, width=1400, height=900))
        await large.open(address(server))
        await large.run("echo o''ne", "one")
        place = large.page.url.partition("#")[2]
        small = await stack.enter_async_context(tab(browser, width=800, height=500))
        await small.open(f"http://127.0.0.1:{server.port}/#{place}&token={TOKEN}")
        await large.page.locator(".people-button").click()
        rows = large.page.locator(".person")
        await expect(rows.nth(1)).to_contain_text("sets the size")
        await expect(rows.nth(0)).not_to_contain_text("sets the size")
        await small.page.get_by_role("button", name="New terminal").click()
        await expect(rows.nth(1)).to_contain_text("away")
        await expect(large.page.locator("[data-letterboxed]")).to_have_count(0)
        assert "owner" in await names(large)


async def test_a_link_is_made_used_and_revoked(browser: Browser, server: Server) -> None:
    async with tab(browser) as owner, tab(browser) as guest:
        await owner.open(address(server))
        await owner.run("echo $((6*7))-shared", "42-shared")
        await owner.page.get_by_role("button", name="Share this session").click()
        dialog = owner.page.get_by_role("dialog", name="Share main")
        await dialog.get_by_label("Role").select_option("May type")
        await dialog.get_by_label("Expires after").select_option("1 hour")
        await dialog.get_by_label("Can be used").select_option("Once")
        await dialog.get_by_label("Called").fill("Zoe")
        await owner.press("Enter")
        link = dialog.get_by_role("textbox", name="The link")
        await expect(dialog.get_by_role("img", name="QR code of the link")).to_be_visible()
        url = await link.input_value()
        assert url.startswith(f"http://127.0.0.1:{server.port}/#share=")
        await dialog.get_by_role("button", name="Copy").click()
        await expect(dialog.get_by_role("button", name="Copied")).to_be_visible()
        assert await owner.page.evaluate("navigator.clipboard.readText()") == url
        row = dialog.get_by_role("listitem")
        await expect(row).to_contain_text("Zoe, may type")
        await expect(row).to_contain_text("0 of 1 use, 60 min left")
        await owner.picture("share")
        await owner.press("Escape")
        await expect(owner.page.get_by_role("button", name="Share this session")).to_be_focused()
        await guest.open(url)
        assert await guest.page.get_by_role("button", name="Share this session").count() == 0
        await guest.run("echo $((6*7))-zoe", "42-zoe")
        await owner.page.get_by_role("button", name="Share this session").click()
        await expect(row).to_contain_text("1 of 1 use, used up")
        assert url.partition("=")[2] not in await owner.page.content()  # told once
        await dialog.get_by_role("button", name="Revoke the link for Zoe").click()
        await guest.is_in_state("failed")
        alert = guest.page.get_by_role("alert")
        await expect(alert).to_contain_text("a link that is no longer good")
        await guest.picture("removed")
        await expect(row).to_have_count(0)
        await owner.press("Escape")
        await owner.page.locator(".xterm-helper-textarea").focus()
        await owner.run("echo $((6*7))-still", "42-still")
        assert owner.errors == guest.errors == []


async def test_who_is_in_a_session_that_is_closed_is_told_so(
    browser: Browser, server: Server
) -> None:
    async with tab(browser) as guest, tab(browser) as owner:
        await owner.open(address(server))
        link = await share(server, role="watcher")
        await guest.open(server.url("/") + link["fragment"])
        assert (await server.http.delete(server.url("/api/sessions/main"))).status == 204
        for page in (guest, owner):
            await page.is_in_state("failed")
            await expect(page.page.get_by_role("alert")).to_contain_text("This session has ended")
        await owner.page.get_by_role("button", name="All sessions").click()
        await owner.is_in_state("online")
        assert owner.page.url.endswith("#/")
