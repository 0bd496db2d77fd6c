"""The channel beside the terminals: two people and a responder."""

import asyncio
from contextlib import AsyncExitStack

from playwright.async_api import Browser, Locator, expect

from ptybridge.core.responder import Answer
from ptybridge.core.values import SessionId
from tests.browser.conftest import Tab, address, tab
from tests.browser.scripted import Scripted
from tests.people import share
from tests.server import Server, running

HOSTILE = """<img src=x onerror="document.title='owned'"> [go](javascript:alert(1)) [ok](https://example.org)
```sh
echo ty''ped
```
"""


def messages(page: Tab) -> Locator:
    return page.page.locator(".message")


def toggle(page: Tab) -> Locator:
    return page.page.locator(".chat-toggle")


async def say(page: Tab, text: str) -> None:
    await page.page.locator(".composer textarea").fill(text)
    await page.press("Enter")


async def guest_of(
    stack: AsyncExitStack, browser: Browser, server: Server, role: str, name: str
) -> Tab:
    """A page of somebody who came by a share link."""
    link = await share(server, role=role, name=name)
    page = await stack.enter_async_context(tab(browser))
    await page.open(server.url("/") + link["fragment"])
    return page


async def test_two_people_talk_and_see_the_same(browser: Browser, server: Server) -> None:
    async with AsyncExitStack() as stack:
        ann = await stack.enter_async_context(tab(browser))
        await ann.open(address(server))
        bob = await guest_of(stack, browser, server, "writer", "Bob")
        await toggle(ann).click()
        await say(ann, "hello **there**")
        await expect(ann.page.locator(".message strong")).to_have_text("there")
        # Bob's is closed: the button says what he has missed.
        await expect(toggle(bob)).to_have_accessible_name("Channel, 1 unread")
        await say(ann, "two\nlines")
        await expect(messages(ann).last).to_have_attribute("data-joined", "")
        await expect(toggle(bob)).to_have_accessible_name("Channel, 2 unread")
        await bob.press("Control+Shift+L")
        await expect(bob.page.locator(".log-mark")).to_be_visible()
        await expect(messages(bob)).to_have_count(2)
        await expect(toggle(bob)).to_have_accessible_name("Channel")
        await bob.type("hi")
        await expect(ann.page.locator(".chat-activity")).to_have_text("Bob is writing")
        await bob.press("Shift+Enter")
        await bob.type("all")
        composing = "new KeyboardEvent('keydown', {key: 'Enter', isComposing: true, bubbles: true})"
        await bob.page.evaluate(f"document.activeElement.dispatchEvent({composing})")
        await bob.press("Enter")
        await expect(messages(ann).last.locator(".message-body")).to_have_text("hi\nall")
        await expect(messages(ann).last.locator(".message-author")).to_have_text("Bob")
        await expect(ann.page.locator(".chat-activity")).to_have_text("")
        await bob.press("ArrowUp")
        await expect(bob.page.locator(".composer textarea")).to_have_value("hi\nall")
        # A reload keeps the draft, and what has been read.
        await bob.page.reload()
        await bob.is_in_state("online")
        await expect(bob.page.locator(".composer textarea")).to_have_value("hi\nall")
        await expect(messages(bob)).to_have_count(3)
        await expect(toggle(bob)).to_have_accessible_name("Channel")
        assert ann.errors == bob.errors == []


async def asks_and_runs(answer: Answer) -> None:
    """A tool that needs an approval."""
    call = answer.tool_call("run_command", {"command": "make all"}, needs_approval=True)
    if await answer.approval(call):
        answer.tool_result(call, "exit code 2\nmake: no rule", failed=True)
    else:
        answer.tool_result(call, "refused", failed=True)


async def test_a_prompt_is_answered_allowed_stopped_and_withdrawn(browser: Browser) -> None:
    helper = Scripted(tool=["I will **run** it.", asks_and_runs, "Done."], long=["one", " two"])
    async with running(responder=helper) as server, AsyncExitStack() as stack:
        ann = await stack.enter_async_context(tab(browser))
        await ann.open(address(server))
        watcher = await guest_of(stack, browser, server, "watcher", "Wim")
        await toggle(ann).click()
        await toggle(watcher).click()
        await expect(watcher.page.locator(".composer textarea")).to_be_hidden()
        await expect(watcher.page.locator(".composer-why")).to_contain_text("You watch")
        await ann.press("Control+Shift+Enter")
        await expect(ann.page.get_by_role("radio", name="Prompt")).to_be_checked()
        await say(ann, "tool")
        approve = ann.page.get_by_role("button", name="Approve")
        await expect(watcher.page.locator(".call")).to_contain_text("$ make all")
        await expect(watcher.page.get_by_role("button", name="Approve")).to_have_count(0)
        await approve.click()
        for page in (ann, watcher):
            answer = messages(page).nth(1)
            await expect(answer).to_have_attribute("data-state", "done")
            await expect(answer.locator(".call-outcome")).to_have_text("exit code 2")
            await expect(answer.locator(".output")).to_have_text("make: no rule")
            await expect(answer.locator(".markdown").last).to_have_text("Done.")
        helper.may_go_on.clear()
        await say(ann, "long")
        await expect(messages(watcher).last).to_contain_text("one")
        await expect(messages(watcher).last).to_have_attribute("aria-busy", "true")
        await say(ann, "never")
        withdraw = ann.page.get_by_role("button", name="Withdraw")
        await expect(messages(watcher).last).to_contain_text("Waits for its turn")
        await ann.picture("chat-waiting")
        await withdraw.click()
        await expect(messages(watcher).last).to_contain_text("Withdrawn")
        await ann.page.get_by_role("button", name="Stop").click()
        await expect(messages(watcher).nth(3).locator(".message-foot")).to_have_text("Stopped")
        await expect(messages(watcher).nth(3)).not_to_contain_text("two")
        assert ann.errors == watcher.errors == []


async def test_the_shell_is_prompted_and_what_it_prints_is_output(
    browser: Browser, server: Server
) -> None:
    async with tab(browser) as page:
        await page.open(address(server))
        await toggle(page).click()
        await page.page.get_by_text("Prompt", exact=True).click()
        await say(page, r"printf '\033[31m*not em*\033[0m\n<b>\n'; exit 3")
        answer = messages(page).last
        await expect(answer.locator(".call-outcome")).to_have_text("exit code 3")
        await expect(answer.locator(".message-body > .output")).to_have_text("*not em*\n<b>")


async def test_markdown_is_harmless_and_code_is_copied_and_typed(
    browser: Browser, server: Server
) -> None:
    async with tab(browser) as page:
        await page.open(address(server))
        await toggle(page).click()
        await say(page, HOSTILE)
        body = messages(page).last.locator(".message-body")
        await expect(body).to_contain_text("<img src=x onerror=")
        assert await body.locator("img, script").count() == 0
        links = body.locator("a")
        await expect(links).to_have_count(1)
        await expect(links).to_have_attribute("rel", "noopener noreferrer")
        await body.get_by_role("button", name="Copy").click()
        await expect(page.page.locator("[data-notice=said]")).to_contain_text("Copied")
        copied = "navigator.clipboard.readText()"
        assert await page.page.evaluate(copied) == "echo ty''ped"
        await body.get_by_role("button", name="Type into the terminal").click()
        await page.shows("sh> echo ty''ped")
        assert "\ntyped" not in await page.text()  # nobody has pressed Enter yet
        await page.press("Enter")
        await page.shows("\ntyped")
        assert await page.page.title() != "owned"
        assert page.errors == []


async def test_older_messages_come_when_one_scrolls_up(browser: Browser, server: Server) -> None:
    chat = server.registry.session(SessionId("main")).chat
    for number in range(1, 181):
        chat.say(f"message {number}", author="Ann")
    async with tab(browser) as page:
        await page.open(address(server))
        await toggle(page).click()
        await expect(page.page.get_by_text("message 180", exact=True)).to_be_in_viewport()
        await expect(page.page.get_by_text("message 80", exact=True)).to_have_count(0)
        for oldest in (31, 1):
            await page.page.locator(".log").evaluate("(log) => log.scrollTop = 0")
            await expect(page.page.get_by_text(f"message {oldest}", exact=True)).to_have_count(1)
            # What was at the top has stayed where it was.
            assert await page.page.locator(".log").evaluate("(log) => log.scrollTop") > 100
        await page.page.locator(".log").evaluate("(log) => log.scrollTop = 0")
        await expect(page.page.locator(".log-top")).to_have_text("The channel begins here.")
        chat.say("one more", author="Ann")
        pill = page.page.get_by_role("button", name="1 new")
        await expect(pill).to_be_visible()
        await page.picture("chat-pill")
        await pill.click()
        await expect(page.page.get_by_text("one more")).to_be_in_viewport()
        await expect(pill).to_be_hidden()


async def test_on_a_phone_it_is_a_drawer_and_on_a_desk_as_wide_as_one_likes(
    browser: Browser, server: Server
) -> None:
    async with tab(browser, width=390, height=700) as phone:
        await phone.open(address(server))
        await toggle(phone).click()
        panel = phone.page.get_by_role("complementary", name="Channel")
        await expect(phone.page.locator(".composer textarea")).to_be_focused()
        await phone.picture("chat-drawer")
        await phone.press("Escape")
        await expect(panel).to_be_hidden()
        await phone.is_in_terminal()
        await phone.run("echo ba''ck", "back")
        await toggle(phone).click()
        await phone.page.mouse.click(10, 300)
        await expect(panel).to_be_hidden()
        await phone.page.set_viewport_size({"width": 1200, "height": 700})
        await toggle(phone).click()
        before = await panel.evaluate("(panel) => panel.clientWidth")
        handle = phone.page.get_by_role("separator", name="Width of the channel")
        await handle.focus()
        await phone.press("ArrowLeft")
        assert await panel.evaluate("(panel) => panel.clientWidth") == before + 24
        box = await handle.bounding_box()
        assert box is not None
        await phone.page.mouse.move(box["x"] + 4, 300)
        await phone.page.mouse.down()
        await phone.page.mouse.move(600, 300)
        await phone.page.mouse.up()
        async with asyncio.timeout(5):
            while await panel.evaluate("(panel) => panel.offsetWidth") != 600:
                await asyncio.sleep(0.02)
        await phone.page.reload()
        await phone.is_in_state("online")
        assert await panel.evaluate("(panel) => panel.offsetWidth") == 600
