"""The link as people see it: how quick, how long until it is back, and what did not arrive."""

import asyncio
import re
from contextlib import closing
from pathlib import Path

from playwright.async_api import Browser, expect

from ptybridge.adapters.access_store import AccessStore
from tests.browser.conftest import IN_FRONT, Tab, address, cable, tab
from tests.server import Server, by_token, running, settings_of


async def test_the_round_trip_and_what_carries_the_link_are_shown(
    browser: Browser, server: Server
) -> None:
    async with tab(browser) as page, cable(server) as network:
        await page.open(address(server, port=network.port))
        await expect(page.page.locator(".link-time")).to_have_text(re.compile(r"^(under )?\d+ ms$"))
        await page.page.locator(".link-button").click()
        facts = page.page.get_by_role("dialog", name="The connection")
        await expect(facts).to_contain_text("Carried byWebSocket")
        await expect(facts).to_contain_text(re.compile(r"Round trip(under )?\d+ ms"))
        await page.picture("link")
        network.hold()
        await facts.get_by_role("button", name="Connect anew").click()
        await page.is_in_state("offline")
        await expect(page.page.locator(".link-time")).to_have_text("")
        network.let_flow()
        await page.is_in_state("online")
        await page.run("echo ba''ck", "back")
        assert page.errors == []


async def test_keys_that_do_not_arrive_are_counted_and_told(browser: Browser) -> None:
    patient = settings_of(transport={"websocket": {"reconnect": {"delay": 600_000}}})
    async with running(patient) as server, tab(browser) as page, cable(server) as network:
        await page.page.add_init_script("Math.random = () => 0.99")
        await page.open(address(server, port=network.port))
        await page.run("echo sti''ll", "still")
        await network.pull()
        await page.is_in_state("offline")
        overlay = page.page.locator(".offline")
        await expect(overlay).to_contain_text("Trying again in")
        await page.type("rm")
        await page.press("Enter")
        await expect(overlay).to_contain_text("3 keys so far did not arrive.")
        await page.page.wait_for_timeout(300)  # it fades in
        await page.picture("offline-overlay")
        await page.page.set_viewport_size({"width": 320, "height": 560})
        await page.picture("offline-narrow")
        assert "still" in await page.text()
        await network.plug()
        await overlay.get_by_role("button", name="Reconnect now").click()
        await page.is_in_state("online")
        await expect(overlay).to_have_count(0)
        told = page.page.locator("[data-notice=unsent]")
        await expect(told).to_contain_text("3 keys did not arrive")
        await page.run("echo ba''ck", "back")
        assert "rm" not in await page.text()
        # What was on its way when the link broke may have arrived, or not: that is told too.
        network.hold()
        await page.type("x")
        await network.pull()
        await page.is_in_state("offline")
        await network.plug()
        network.let_flow()
        await overlay.get_by_role("button", name="Reconnect now").click()
        await expect(told).to_contain_text("just before may not have arrived")
        await told.get_by_role("button", name="Close").click()
        await expect(told).to_have_count(0)


async def view(page: Tab) -> tuple[str, str]:
    """What is in view, and what is selected."""
    selected = f"{IN_FRONT}.selectedText"
    return await page.text(), await page.page.evaluate(selected)


async def test_scrolling_and_selection_outlive_a_cut_that_needs_a_snapshot(
    browser: Browser,
) -> None:
    settings = settings_of(terminals={"tailBytes": 65_536})
    async with running(settings) as server, tab(browser) as page, cable(server) as network:
        await page.open(address(server, port=network.port))
        loop = "while [ $i -lt {} ]; do i=$((i+1)); echo line $i of many; done"
        await page.run(
            "i=0; "
            + loop.format(300)
            + "; (sleep 1.5; i=300; "
            + loop.format(5300)
            + "; echo E''ND) &",
            "line 300 of many",
        )
        for _ in range(4):
            await page.press("Shift+PageUp")
        row = page.page.locator(".xterm-screen")
        box = await row.bounding_box()
        assert box is not None
        await page.page.mouse.dblclick(box["x"] + 60, box["y"] + 120)
        before = await view(page)
        assert "line 300" not in before[0]
        assert before[1] != ""
        await network.pull()
        await page.is_in_state("offline")
        async with asyncio.timeout(20):
            (terminal,) = server.registry.terminals.values()
            while terminal.tail.end < 90_000:
                await asyncio.sleep(0.05)
        await network.plug()
        await page.is_in_state("online")
        async with asyncio.timeout(20):
            while "END" not in await page.everything():
                await asyncio.sleep(0.05)
        assert await view(page) == before


async def test_a_server_that_is_restarted_is_come_back_to(browser: Browser, tmp_path: Path) -> None:
    quick = settings_of(transport={"websocket": {"reconnect": {"delay": 200, "maxAttempts": 0}}})
    with closing(AccessStore(tmp_path / "access.db")) as kept:
        async with tab(browser) as page:
            async with running(quick, make_authenticator=lambda _: by_token(kept)) as first:
                link = cable(first)
                network = await link.__aenter__()
                await page.open(address(first, port=network.port))
                await page.run("echo be''fore", "before")
                await network.pull()
            await page.is_in_state("offline")
            async with running(quick, make_authenticator=lambda _: by_token(kept)) as second:
                network.lead_to(second)
                await network.plug()
                await page.is_in_state("online")
                await expect(page.page.locator(".offline")).to_have_count(0)
                await page.page.get_by_text("What it printed is still here.").wait_for()
                await page.shows("before")
                await page.picture("restarted")
                await page.page.get_by_role("button", name="Run again").click()
                await page.shows("sh> ")
                await page.run("echo af''ter", "after")
                await link.__aexit__(None, None, None)
