"""The palette, the list of shortcuts, and the session's menu: going from place to place."""

from playwright.async_api import Browser

from tests.browser.conftest import address, tab
from tests.server import Server


async def test_the_palette_finds_commands_terminals_and_sessions(
    browser: Browser, server: Server
) -> None:
    async with tab(browser) as page:
        url = server.url("/api/sessions/other/terminals")
        async with server.http.post(url, json={"command": ["cat"]}) as response:
            assert response.status == 201
        await page.open(address(server))
        await page.run("echo on''e", "one")
        await page.press("Control+Shift+K")
        await page.type("spri")
        await page.page.get_by_role("option", selected=True, name="Split to the right").wait_for()
        await page.picture("palette")
        await page.press("Enter")
        await page.run("echo tw''o", "two")
        assert await page.page.locator(".frame:visible").count() == 2
        await page.press("Control+Shift+/")
        shortcuts = page.page.get_by_role("dialog", name="Shortcuts")
        await shortcuts.get_by_text("Ctrl+Shift+K").wait_for()
        await page.press("Control+Shift+K")  # a dialog is open: no second one over it
        assert await page.page.get_by_role("dialog").count() == 1
        await page.press("Escape")
        await page.press("Control+Shift+K")
        await page.type("cat in other")
        await page.page.get_by_role("option", name="cat in other").wait_for()
        await page.press("Enter")
        await page.page.wait_for_url("**/#/s/other/t/*")
        await page.page.locator(".pane[data-active]").wait_for()
        assert page.errors == []


async def test_the_session_s_name_is_a_menu(browser: Browser, server: Server) -> None:
    async with tab(browser) as page:
        await page.open(address(server))
        await page.run("echo on''e", "one")
        menu = page.page.locator(".session-menu")
        await menu.click()
        await page.picture("session-menu")
        await page.page.get_by_role("menuitem", name="Rename this session").click()
        await page.page.get_by_role("textbox", name="Name").fill("The <i>main</i> one")
        await page.press("Enter")
        await menu.filter(has_text="The <i>main</i> one").wait_for()
        await menu.click()
        await page.page.get_by_role("menuitem", name="Close this session for good").click()
        await page.page.get_by_role("button", name="Close session").click()
        await page.page.wait_for_url("**/#/")
        assert not server.registry.sessions


async def test_the_menu_has_what_one_looks_for_and_logs_out(
    browser: Browser, server: Server
) -> None:
    async with tab(browser) as page:
        await page.open(address(server))
        await page.page.get_by_role("button", name="Menu", exact=True).click()
        await page.picture("menu")
        await page.page.get_by_role("menuitem", name="Settings").click()
        await page.page.get_by_role("dialog", name="Settings").wait_for()
        await page.press("Escape")
        await page.page.get_by_role("button", name="Menu", exact=True).click()
        await page.page.get_by_role("menuitem", name="Log out").click()
        await page.is_in_state("failed")
        await page.page.get_by_role("heading", name="Log in to open a terminal").wait_for()
