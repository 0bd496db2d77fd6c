"""A session's terminals as tabs and splits: keys, dragging, marks, run again, coming back."""

import asyncio
from collections.abc import Callable

import pytest
from playwright.async_api import Browser, FloatRect, Locator

from tests.browser.conftest import Tab, address, tab
from tests.server import Server


async def box(part: Locator) -> FloatRect:
    found = await part.bounding_box()
    assert found is not None
    return found


async def drag(page: Tab, part: Locator, x: float, y: float, *, shot: str | None = None) -> None:
    """Drag something to a place by mouse."""
    start = await box(part)
    mouse = page.page.mouse
    await mouse.move(start["x"] + 24, start["y"] + start["height"] / 2)
    await mouse.down()
    await mouse.move(x, y, steps=6)
    if shot is not None:
        await page.picture(shot)
    await mouse.up()


async def until(claim: Callable[[], bool]) -> None:
    """Wait for something that the server comes to know."""
    async with asyncio.timeout(10):
        while not claim():
            await asyncio.sleep(0.02)


def titles(page: Tab) -> Locator:
    return page.page.locator(".tab .tab-title")


async def titled(page: Tab, name: str) -> None:
    """Have the program in front set its title."""
    await page.enter(f"printf '\\033]0;{name}\\007'")
    await page.page.locator(".tab[aria-selected=true] .tab-title", has_text=name).wait_for()


def frames(page: Tab) -> Locator:
    return page.page.locator(".frame:visible")


async def test_terminals_are_split_moved_zoomed_and_found_again_by_keys_alone(
    browser: Browser, server: Server
) -> None:
    async with tab(browser) as page:
        await page.open(address(server))
        await page.run("echo on''e", "one")
        await page.press("Control+Shift+E")
        await page.run("echo tw''o", "two")
        await page.press("Control+Shift+O")
        await page.run("echo thr''ee", "three")
        await page.picture("splits")
        assert await frames(page).count() == 3
        await page.press("Control+Alt+Shift+ArrowUp")
        await page.shows("two")
        await page.press("Control+Alt+Shift+ArrowLeft")
        await page.shows("one")
        await page.run("echo typed-he''re", "typed-here")
        await page.press("Control+Shift+]")
        await page.shows("two")
        before = (await box(frames(page).nth(0)))["width"]
        divider = page.page.get_by_role("separator").first
        await divider.focus()
        await page.press("ArrowRight")
        assert (await box(frames(page).nth(0)))["width"] > before
        await page.press("Enter")
        assert abs((await box(frames(page).nth(0)))["width"] - before) < 2
        await page.page.locator(".frame[data-active] .xterm").click()
        await page.press("Control+Shift+M")
        assert await frames(page).count() == 1
        await page.press("Control+Shift+M")
        await page.press("Control+Shift+S")
        await page.run("echo fo''ur", "four")
        assert await titles(page).count() == 2
        await page.press("Control+Shift+,")
        await page.shows("two")
        await page.press("Control+Shift+2")
        await page.shows("four")
        await page.press("Control+Shift+1")
        await page.page.reload()
        await page.is_in_state("online")
        await page.shows("two")
        assert await frames(page).count() == 3
        assert await titles(page).count() == 2
        assert len(server.registry.terminals) == 4
        assert page.errors == []


async def test_tabs_are_dragged_along_into_a_split_and_out_again(
    browser: Browser, server: Server
) -> None:
    async with tab(browser) as page:
        await page.open(address(server))
        await page.shows("sh> ")
        for name in ("alpha", "beta", "gamma"):
            if name != "alpha":
                await page.press("Control+Shift+S")
                await page.shows("sh> ")
            await titled(page, name)
        tabs = page.page.get_by_role("tab")
        first = await box(tabs.nth(0))
        await drag(page, tabs.nth(2), first["x"] + 2, first["y"] + 10)
        assert await titles(page).all_text_contents() == ["gamma", "alpha", "beta"]
        await drag(page, tabs.nth(1), 960, 300, shot="drag-split")
        assert await titles(page).all_text_contents() == ["alpha", "beta"]
        assert await frames(page).count() == 2
        left = page.page.locator(".frame", has_text="gamma")
        assert (await box(left))["x"] < 10
        await drag(page, left.locator(".frame-head"), 750, 590)
        assert (await box(left))["x"] < 500  # the lower edge of the right one
        await drag(page, left.locator(".frame-head"), 600, 18)
        assert await titles(page).all_text_contents() == ["alpha", "beta", "gamma"]
        assert await frames(page).count() == 1
        await page.page.mouse.move(0, 300)
        start = await box(tabs.nth(0))
        await page.page.mouse.move(start["x"] + 20, start["y"] + 10)
        await page.page.mouse.down()
        await page.page.mouse.move(500, 300, steps=4)
        await page.press("Escape")
        await page.page.mouse.up()
        assert await frames(page).count() == 1
        assert page.errors == []


async def test_tabs_say_what_happens_behind_and_close_as_asked(
    browser: Browser, server: Server
) -> None:
    async with tab(browser) as page:
        await page.open(address(server))
        await page.run("echo on''e", "one")
        await page.press("Control+Shift+S")
        await page.shows("sh> ")
        await page.enter("printf '\\033]9;4;1;40\\007'; sleep 0.3; printf '\\a'; cat")
        tabs = page.page.get_by_role("tab")
        await page.page.locator(".mark-ring").first.wait_for()
        await page.press("Control+Shift+1")
        await page.page.locator(".tab .mark-bell").wait_for()
        await page.picture("marks")
        assert "40 per cent, has rung" in (await tabs.nth(1).text_content() or "")
        await tabs.nth(1).click(button="middle")
        dialog = page.page.get_by_role("dialog", name="Close this terminal?")
        await dialog.wait_for()
        assert "cat" in (await dialog.text_content() or "")
        await page.press("Escape")
        assert await tabs.count() == 2
        await tabs.nth(1).focus()
        await page.press("ArrowLeft")
        await page.press("End")
        await page.press("Delete")
        await dialog.get_by_role("button", name="Close").last.click()
        await until(lambda: sum(t.status is None for t in server.registry.terminals.values()) == 1)
        assert await tabs.count() == 1
        await page.press("Control+Shift+1")
        await page.page.locator(".pane[data-active] .xterm").click()
        await page.press("Control+Shift+X")
        await page.page.get_by_text("No terminal is open.").wait_for()
        await page.picture("no-terminal")
        await page.page.get_by_role("button", name="New terminal").last.click()
        await page.run("echo ba''ck", "back")
        assert page.errors == []


async def test_what_ended_runs_again_in_its_place(browser: Browser, server: Server) -> None:
    async with tab(browser) as page:
        await page.open(address(server))
        await page.run("cd /tmp; echo on''e", "one")
        await page.press("Control+Shift+E")  # a shell there, too
        await page.run("pwd; exit 3", "/tmp")
        await page.page.locator(".frame .mark-exit", has_text="exit 3").wait_for()
        await page.picture("exited")
        await page.page.get_by_role("button", name="Run again").click()
        await page.run("pwd; echo aga''in", "again")
        assert "/tmp\n" in await page.text()
        assert (await box(page.page.locator(".frame[data-active]")))["x"] > 400
        assert await frames(page).count() == 2
        assert page.errors == []


async def test_terminals_of_others_appear_and_are_renamed_for_all(
    browser: Browser, server: Server
) -> None:
    async with tab(browser) as page, server.binary("/ws?sessionID=main") as other:
        await page.open(address(server))
        await page.shows("sh> ")
        script = "sleep 2.5; echo printed; exec cat"
        opened = await other.open("sh", "-c", script)
        await page.page.locator(f'.tab[data-terminal="{opened}"]').wait_for()
        await page.page.locator(f'.tab[data-terminal="{opened}"] .mark-news').wait_for()
        await page.page.locator(f'.tab[data-terminal="{opened}"]').click()
        await page.shows("printed")
        await page.page.locator(f'.tab[data-terminal="{opened}"]').dblclick()
        await page.page.get_by_label("Title").fill("the <b>job</b>")
        await page.press("Enter")
        await titles(page).filter(has_text="the <b>job</b>").wait_for()
        renamed = await other.receive("terminal.renamed")
        assert renamed["data"]["terminal"]["title"] == "the <b>job</b>"
        assert page.errors == []


@pytest.mark.parametrize("width", [320])
async def test_a_narrow_page_has_one_menu_of_all_terminals(
    browser: Browser, server: Server, width: int
) -> None:
    async with tab(browser, width=width, height=640) as page:
        await page.open(address(server))
        await page.run("echo on''e", "one")
        menu = page.page.locator(".tab-menu")
        await menu.click()
        await page.page.get_by_role("menuitem", name="New terminal").click()
        await page.run("echo tw''o", "two")
        await menu.click()
        await page.picture("tabs-narrow")
        await page.page.get_by_role("menuitemcheckbox").first.click()
        await page.shows("one")
        assert await page.page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.errors == []


async def test_a_watcher_has_no_way_to_open_or_close(browser: Browser, server: Server) -> None:
    async with tab(browser) as page, tab(browser) as guest:
        await page.open(address(server))
        await page.run("echo on''e", "one")
        url = server.url("/api/sessions/main/shares")
        async with server.http.post(url, json={"role": "watcher"}) as response:
            share = (await response.json())["token"]
        await guest.open(f"{server.url('/')}#share={share}")
        await guest.shows("one")
        await guest.page.locator(".tab-new:disabled").wait_for()
        await guest.press("Control+Shift+X")
        await guest.press("Control+Shift+S")
        await guest.page.get_by_role("tab").first.click(button="middle")
        await guest.page.get_by_text("only writers open and close terminals").wait_for()
        assert len(server.registry.terminals) == 1
        assert [terminal.status for terminal in server.registry.terminals.values()] == [None]
