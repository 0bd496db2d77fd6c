"""The page as people use it: typing, programs, resizing, cuts, pastes, errors."""

import asyncio
import hashlib

from playwright.async_api import Browser

from tests.browser.conftest import Tab, address, cable, tab
from tests.server import Server, running, settings_of

COUNT = "i=0; while [ $i -lt {n} ]; do i=$((i+1)); echo line $i; done"


async def test_a_shell_is_typed_into_and_comes_back_after_a_reload(
    browser: Browser, server: Server
) -> None:
    async with tab(browser) as page:
        await page.open(address(server))
        assert "token" not in page.page.url
        await page.type("x=kept; echo $((6*7))-é中😀\n")
        await page.shows("42-é中😀")
        await page.picture("shell")
        where = page.page.url
        await page.page.reload()
        await page.is_in_state("online")
        assert page.page.url == where
        await page.shows("42-é中😀")
        await page.run("echo still-$x", "still-kept")
        assert len(server.registry.terminals) == 1
        assert page.errors == []


async def test_a_second_tab_has_a_terminal_of_its_own_and_nothing_is_asked_of_any_other_host(
    browser: Browser, server: Server
) -> None:
    async with tab(browser) as first, tab(browser) as second:
        hosts: set[str] = set()
        first.page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
        await first.open(address(server))
        await second.open(address(server))
        assert first.page.url != second.page.url
        assert len(server.registry.terminals) == 2
        assert hosts == {f"127.0.0.1:{server.port}"}


async def test_vim_htop_and_less_are_drawn_and_answer(browser: Browser, server: Server) -> None:
    async with tab(browser) as page:
        await page.open(address(server))
        await page.shows("sh> ")
        await page.enter("HOME=/tmp vim -Nu NONE -n")
        await page.shows("VIM - Vi IMproved")
        await page.type("ihello from vim")
        await page.press("Escape")
        await page.shows("hello from vim")
        await page.picture_in_both_schemes("vim")
        await page.type(":q!\n")
        await page.shows("NONE -n\nsh>")
        await page.enter("less /etc/passwd")
        await page.shows("root:x:0:0")
        await page.type("q")
        await page.shows("less /etc/passwd\nsh>")  # it might read, or drop, what comes before
        await page.enter("HOME=/tmp htop")
        await page.shows("F10Quit")
        await page.picture_in_both_schemes("htop")
        await page.press("F10")
        await page.shows("htop\nsh>")
        await page.run("echo do''ne", "done")
        assert page.errors == []


async def test_tmux_runs_inside(browser: Browser, server: Server) -> None:
    async with tab(browser) as page:
        await page.open(address(server))
        await page.enter("tmux -L ptybridge-test -f /dev/null new -s inner")
        await page.shows("[inner]")
        await page.enter('tmux -L ptybridge-test split-window -h; echo sp""lit')
        await page.shows("split")
        await page.shows("│")
        await page.picture("tmux")
        await page.enter("tmux -L ptybridge-test kill-server")
        await page.shows("[server exited]")


async def test_the_terminal_follows_the_window(browser: Browser, server: Server) -> None:
    async with tab(browser) as page:
        await page.open(address(server))
        (terminal,) = server.registry.terminals.values()
        before = terminal.size
        await page.page.set_viewport_size({"width": 320, "height": 480})
        async with asyncio.timeout(5):
            while terminal.size == before or terminal.size.cols > 45:
                await asyncio.sleep(0.02)
        assert terminal.size.rows < before.rows
        await page.run("stty size", f"{terminal.size.rows} {terminal.size.cols}")
        await page.picture("narrow")
        overflow = await page.page.evaluate(
            "document.documentElement.scrollWidth > innerWidth"
            " || document.documentElement.scrollHeight > innerHeight"
        )
        assert not overflow


async def test_the_last_row_lies_within_its_pane_at_any_height(
    browser: Browser, server: Server
) -> None:
    async with tab(browser, width=800, height=404) as page:
        await page.open(address(server))
        await page.run("echo re''ady", "ready")
        await last_row_lies_within(page)
        await page.page.set_viewport_size({"width": 800, "height": 412})
        await page.page.reload()
        await page.is_in_state("online")
        await page.run("echo ag''ain", "again")
        await last_row_lies_within(page)
        (terminal,) = server.registry.terminals.values()
        for height in (600, 400, 607, 408, 613, 419):
            before = terminal.size
            await page.page.set_viewport_size({"width": 800, "height": height})
            async with asyncio.timeout(15):
                while terminal.size == before:
                    await asyncio.sleep(0.02)
            await last_row_lies_within(page)


async def last_row_lies_within(page: Tab) -> None:
    """Wait until less than a row is left below the last row of the pane, and nothing cut off."""
    async with asyncio.timeout(15):
        await page.page.evaluate(
            """() => new Promise((resolve) => {
              const edges = (query) => document.querySelector(query).getBoundingClientRect();
              const look = () => {
                const left = edges(".pane-terminal").bottom - edges(".xterm-screen").bottom;
                if (0 <= left && left < 20) resolve();
                else setTimeout(look, 20);
              };
              look();
            })"""
        )


async def test_a_cut_in_the_middle_of_output_loses_nothing_and_repeats_nothing(
    browser: Browser, server: Server
) -> None:
    async with tab(browser) as cut, tab(browser) as whole, cable(server) as network:
        await cut.open(address(server, port=network.port))
        place = cut.page.url.partition("#")[2]
        await whole.open(address(server))
        await whole.page.goto("about:blank")
        await whole.open(f"http://127.0.0.1:{server.port}/#{place}")
        network.cut_after = 40_000
        await cut.enter(COUNT.format(n=6000) + "; echo al''l")
        await cut.is_in_state("offline")
        await cut.picture("offline")
        await cut.type("typed while offline")
        await whole.shows("all")
        await network.plug()
        await cut.is_in_state("online")
        await cut.shows("all")
        assert await everything(cut) == await everything(whole)
        assert "typed while offline" not in await everything(cut)
        await cut.run("echo go''es-on", "goes-on")


async def everything(page: Tab) -> str:
    """Scrollback and screen, as the emulator has them."""
    await page.page.evaluate("document.querySelector('.xterm-helper-textarea').focus()")
    return await page.everything()


async def test_reconnecting_can_be_asked_for(browser: Browser) -> None:
    patient = settings_of(transport={"websocket": {"reconnect": {"delay": 600_000}}})
    async with running(patient) as server, tab(browser) as page, cable(server) as network:
        await page.page.add_init_script("Math.random = () => 0.99")
        await page.open(address(server, port=network.port))
        await network.pull()
        await page.is_in_state("offline")
        await page.page.get_by_role("button", name="Reconnect now").wait_for()
        await network.plug()
        await page.page.get_by_role("button", name="Reconnect now").click()
        await page.is_in_state("online")
        await page.run("echo ba''ck", "back")


async def test_a_server_that_stays_away_is_explained(browser: Browser) -> None:
    async with running() as server, tab(browser) as page, cable(server) as network:
        await page.page.add_init_script("Math.random = () => 0")
        await page.open(address(server, port=network.port))
        await network.pull()
        await page.is_in_state("failed")
        alert = page.page.get_by_role("alert")
        assert "does not answer" in await alert.inner_text()
        await page.picture("gone")
        await network.plug()
        await alert.get_by_role("button", name="Try again").click()
        await page.is_in_state("online")


async def test_a_wrong_token_is_explained(browser: Browser, server: Server) -> None:
    async with tab(browser) as page:
        await page.page.goto(f"http://127.0.0.1:{server.port}/#token=wrong-wrong-wrong-wrong")
        await page.is_in_state("failed")
        assert "token" in await page.page.get_by_role("alert").inner_text()
        assert "wrong-wrong" not in page.page.url
        await page.picture("denied")
        assert not server.registry.terminals


async def test_ten_megabytes_are_pasted_whole_while_the_page_answers(
    browser: Browser, server: Server
) -> None:
    line = "The quick brown fox jumps over the lazy dög 中 😀 {:06d}\n"
    text = "".join(line.format(number) for number in range(175_000))
    expected = text.replace("\n", "\r").encode()
    assert len(expected) > 10 * 1024 * 1024
    async with tab(browser) as page:
        await page.open(address(server))
        reader = f"stty raw -echo; echo rea''dy; head -c {len(expected)} | sha256sum; stty sane"
        await page.run(reader, "ready")
        await paste(page, text)
        await page.page.get_by_role("progressbar").wait_for()
        await page.picture("paste")
        longest = await page.page.evaluate(
            "new Promise(done => { let last = performance.now(), longest = 0;"
            " const tick = now => { longest = Math.max(longest, now - last); last = now;"
            " document.querySelector('progress') ? requestAnimationFrame(tick) : done(longest) };"
            " requestAnimationFrame(tick) })"
        )
        await page.shows(hashlib.sha256(expected).hexdigest()[:40])
        assert longest < 1000


async def paste(page: Tab, text: str) -> None:
    """Give the page a paste event, as the browser does."""
    await page.page.evaluate(
        """(text) => {
          const data = new DataTransfer();
          data.setData("text/plain", text);
          document.querySelector(".xterm-helper-textarea").dispatchEvent(
            new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
        }""",
        text,
    )


async def test_a_paste_can_be_cancelled_and_stays_bracketed(
    browser: Browser, server: Server
) -> None:
    async with tab(browser) as page:
        await page.open(address(server))
        script = r"printf '\033[?2004h'; stty raw -echo; echo rea''dy; sleep 1; head -c 6 | od -c"
        await page.run(script, "ready")
        await paste(page, "x" * 3_000_000)
        await page.page.get_by_role("button", name="Cancel").click()
        await page.page.get_by_role("progressbar").wait_for(state="detached")
        await page.shows("033   [   2   0   0   ~")


async def test_hostile_text_cannot_end_its_bracketed_paste(
    browser: Browser, server: Server
) -> None:
    async with tab(browser) as page:
        await page.open(address(server))
        show = "head -c 18 | od -An -tx1 | tr -d '\\n'"
        script = rf"printf '\033[?2004h'; stty raw -echo; echo rea''dy; {show}"
        await page.run(script, "ready")
        await paste(page, "\x1b[201~\x9b201~rm")
        await page.shows("1b 5b 32 30 30 7e 5b 32 30 31 7e 32 30 31 7e 72 6d 1b")


async def test_ctrl_c_stops_a_flood(browser: Browser, server: Server) -> None:
    async with tab(browser) as page:
        await page.open(address(server))
        await page.enter("yes a long line of flood that goes on and on")
        await page.shows("flood")
        await asyncio.sleep(0.5)  # let it flow
        await page.press("Control+c")
        await page.run("echo sto''pped", "stopped")


async def test_selection_is_copied_and_pasted_by_keys_and_mouse(
    browser: Browser, server: Server
) -> None:
    async with tab(browser) as page:
        await page.open(address(server))
        await page.run("echo copy-''me; clear; echo copy-''me", "copy-me")
        screen = page.page.locator(".xterm-screen")
        await screen.dblclick(position={"x": 20, "y": 8})
        await page.press("Control+Shift+c")
        copied = await page.page.evaluate("navigator.clipboard.readText()")
        assert copied == "copy-me"
        await page.type("echo by-key-")
        await page.press("Control+Shift+v")
        await page.press("Enter")
        await page.shows("\nby-key-copy-me")
        await page.type("echo by-middle-")
        await screen.click(button="middle", position={"x": 300, "y": 200})
        await page.press("Enter")
        await page.shows("\nby-middle-copy-me")
        await page.type("echo by-right-")
        await screen.click(position={"x": 300, "y": 200})
        await screen.click(button="right", position={"x": 300, "y": 200})
        await asyncio.sleep(0.2)
        await page.press("Enter")
        await page.shows("\nby-right-copy-me")


async def test_alt_and_ctrl_with_keys_that_are_no_letters_type(
    browser: Browser, server: Server
) -> None:
    async with tab(browser) as page:
        await page.open(address(server))
        await page.run("stty raw -echo; echo rea''dy; cat -v", "ready")
        for key in ("Alt+-", "Control+/", "Control+2", "Alt+x"):
            await page.press(key)
        await page.shows("^[-^_^@^[x")


async def test_the_end_of_the_program_is_told_and_a_new_one_is_at_hand(
    browser: Browser, server: Server
) -> None:
    async with tab(browser) as page:
        await page.open(address(server))
        await page.type("exit 3\n")
        await page.page.get_by_text("The program ended with exit code 3.").wait_for()
        await page.picture("ended")
        await page.page.get_by_role("button", name="Run again").click()
        await page.run("echo a''new", "anew")


async def test_a_title_is_shown_as_text_only(browser: Browser, server: Server) -> None:
    async with tab(browser) as page:
        await page.open(address(server))
        await page.enter(r"printf '\033]2;<img src=x onerror=alert(1)>\007'")
        await page.page.locator(".bar", has_text="<img src=x").wait_for()
        assert await page.page.locator("header img, .pane img").count() == 0
        assert page.errors == []


async def test_a_program_that_asks_is_answered_once_and_not_again_when_shown_again(
    browser: Browser, server: Server
) -> None:
    async with tab(browser) as page:
        await page.open(address(server))
        ask = r"stty raw -echo; printf '\033[5n'; head -c 4 | od -An -c; stty sane; echo as''ked"
        assert "033   [   0   n" in await page.run(ask, "asked")
        await page.run("echo qui''et", "quiet")
        await page.page.reload()
        await page.is_in_state("online")
        shown = await page.shows("quiet")
        await asyncio.sleep(0.3)
        assert await page.text() == shown  # nothing was typed by the page


async def test_the_mouse_reaches_a_program_that_asks_for_it(
    browser: Browser, server: Server
) -> None:
    async with tab(browser) as page:
        await page.open(address(server))
        script = r"printf '\033[?1000h\033[?1006h'; stty raw -echo; echo rea''dy; head -c 9 | od -c"
        await page.run(script, "ready")
        await page.page.locator(".xterm-screen").click(position={"x": 4, "y": 4})
        await page.shows("033   [   <   0   ;   1   ;   1   M")


async def test_a_program_fills_the_clipboard_and_cannot_read_it(
    browser: Browser, server: Server
) -> None:
    async with tab(browser) as page:
        await page.open(address(server))
        await page.run(r"printf '\033]52;c;c2VjcmV0\007'; echo do''ne", "done")
        await page.page.get_by_role("button", name="Allow").click()
        copied = "navigator.clipboard.readText()"
        async with asyncio.timeout(5):
            while await page.page.evaluate(copied) != "secret":
                await asyncio.sleep(0.02)
        ask = r"stty raw -echo; printf '\033]52;c;?\007\033[5n'; head -c 4 | tr '\033' E; stty sane"
        shown = await page.run(f"{ask}; echo as''ked", "asked")
        assert "E[0n" in shown
        assert "c2Vj" not in shown.partition("head -c")[2]
        await page.page.evaluate("navigator.clipboard.writeText('since')")
        await page.page.reload()
        await page.is_in_state("online")
        await page.run("echo relo''aded", "reloaded")
        assert await page.page.evaluate(copied) == "since"
