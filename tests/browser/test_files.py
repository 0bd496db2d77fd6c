"""Files on the page: chosen, dropped, replaced, cut off, offered by a program, watched only."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, expect

from tests.browser.conftest import Tab, address, cable, tab
from tests.people import share
from tests.server import Server, running, settings_of

DROP = """
async ([name, text, terminal]) => {
  const carried = new DataTransfer();
  carried.items.add(new File([text], name));
  const how = { dataTransfer: carried, bubbles: true, cancelable: true };
  const at = (type, target) => target.dispatchEvent(new DragEvent(type, how));
  for (const pane of document.querySelectorAll(".pane")) at("dragenter", pane); // on the way there
  at("dragenter", document.querySelector(`.pane[data-terminal="${terminal}"] .pane-terminal`));
  const veil = document.querySelector(".drop-veil");
  at("dragover", veil);
  if (name === "") return;
  at("drop", veil);
}
"""

DRAG = """
() => {
  const carried = new DataTransfer();
  carried.items.add(new File(["text"], "file"));
  const how = { dataTransfer: carried, bubbles: true, cancelable: true };
  document.querySelector(".pane").dispatchEvent(new DragEvent("dragenter", how));
}
"""


@asynccontextmanager
async def shell_in(
    browser: Browser, server: Server, folder: Path, *, port: int | None = None, **options: object
) -> AsyncIterator[Tab]:
    """A page whose shell is in ``folder``."""
    width, height = int(str(options.get("width", 1000))), int(str(options.get("height", 600)))
    scheme = str(options.get("scheme", "dark"))
    async with tab(browser, width=width, height=height, scheme=scheme) as page:
        await page.open(address(server, port=port))
        await page.run(f"cd '{folder}' && echo th''ere", "there")
        yield page


async def choose(page: Tab, *files: Path) -> None:
    """Upload files by the dialog."""
    await page.page.get_by_role("button", name="Files", exact=True).click()
    async with page.page.expect_file_chooser() as chooser:
        await page.page.get_by_role("button", name="Upload files here").click()
    await (await chooser.value).set_files([str(file) for file in files])


async def test_files_are_chosen_replaced_listed_and_downloaded(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    (there / "sub").mkdir(parents=True)
    here.mkdir()
    for name in (
        "one.txt",
        "two.txt",
        "a much longer name than there is room for in a line.tar.gz",
    ):
        (here / name).write_bytes(os.urandom(200_000))
    (there / "one.txt").write_text("before")
    (there / "two.txt").write_text("before")
    os.mkfifo(there / "pipe")
    async with shell_in(browser, server, there) as page:
        uploads = page.page.get_by_role("region", name="Uploads")
        await choose(page, *sorted(here.iterdir()))
        await expect(uploads.get_by_role("heading")).to_have_text("Replace 2 files?")
        await page.picture("files-asking-dark")
        await uploads.get_by_role("button", name="Skip two.txt").click()
        await uploads.get_by_role("button", name="Replace one.txt").click()
        await expect(uploads.get_by_role("heading")).to_have_text("Uploaded 2 files")
        await page.picture("files-done-dark")
        assert (there / "one.txt").read_bytes() == (here / "one.txt").read_bytes()
        assert (there / "two.txt").read_text() == "before"

        await page.page.get_by_role("button", name="Files", exact=True).click()
        dialog = page.page.get_by_role("dialog", name="Files")
        await expect(dialog.get_by_role("textbox", name="Directory")).to_have_value(str(there))
        assert await dialog.locator(".files-row").count() == 5
        assert await dialog.get_by_role("button", name="pipe").is_disabled()
        await page.picture("files-dialog-dark")
        async with page.page.expect_download() as download:
            await dialog.get_by_role("button", name="one.txt").click()
        got = await (await download.value).path()
        assert Path(got).read_bytes() == (here / "one.txt").read_bytes()  # noqa: ASYNC240
        await dialog.get_by_role("button", name="sub").click()
        await expect(dialog.get_by_role("status")).to_have_text("Nothing is here.")
        await dialog.get_by_role("textbox", name="Directory").fill("/nowhere")
        await dialog.get_by_role("textbox", name="Directory").press("Enter")
        await expect(dialog.get_by_role("status")).to_contain_text("no such file or directory")
        await page.press("Escape")
        await expect(dialog).to_have_count(0)
        await page.is_in_terminal()
        await page.run("echo st''ill", "still")
        assert [error for error in page.errors if "404" not in error and "409" not in error] == []


async def test_a_narrow_light_page_and_files_that_are_dropped(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    async with shell_in(browser, server, tmp_path, width=320, height=560, scheme="light") as page:
        (terminal,) = server.registry.terminals
        await page.page.evaluate(DROP, ["", "", terminal])
        await expect(page.page.locator(".drop-veil")).to_be_visible()
        await page.picture("files-drop-light-narrow")
        await page.page.evaluate(DROP, ["dropped.txt", "content", terminal])
        await expect(page.page.locator(".drop-veil")).to_have_count(0)
        uploads = page.page.get_by_role("region", name="Uploads")
        await expect(uploads.get_by_role("heading")).to_have_text("Uploaded 1 file")
        await page.picture("files-done-light-narrow")
        assert (tmp_path / "dropped.txt").read_text() == "content"
        await page.page.get_by_role("button", name="Files", exact=True).click()
        await expect(page.page.get_by_role("button", name="dropped.txt")).to_be_visible()
        await page.picture("files-dialog-light-narrow")
        assert page.errors == []


async def test_what_is_dropped_goes_to_the_terminal_under_it(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "first").mkdir()
    async with shell_in(browser, server, tmp_path / "first") as page:
        (first,) = server.registry.terminals
        await page.press("Control+Shift+E")
        await page.run("echo se''cond", "second")
        await page.page.evaluate(DROP, ["", "", first])
        await page.picture("files-drop-split-dark")
        await page.page.evaluate(DROP, ["dropped.txt", "content", first])
        await expect(page.page.locator(".upload")).to_have_attribute("data-state", "done")
        assert (tmp_path / "first" / "dropped.txt").read_text() == "content"
        assert page.errors == []


async def test_an_upload_goes_on_after_the_network_was_cut(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    there, big = tmp_path / "there", tmp_path / "big"
    there.mkdir()
    big.write_bytes(os.urandom(40 << 20))
    async with (
        cable(server) as line,
        shell_in(browser, server, there, port=line.port) as page,
    ):
        await choose(page, big)
        row = page.page.locator(".upload")
        async with asyncio.timeout(15):
            while not 0 < await row.locator("progress").evaluate("bar => bar.value") < 1:
                pass
        await line.pull()
        await expect(row).to_have_attribute("data-state", "paused")
        await page.picture("files-paused-dark")
        await line.plug()
        await page.page.evaluate("dispatchEvent(new Event('online'))")
        await expect(row).to_have_attribute("data-state", "done", timeout=30_000)
        assert (there / "big").read_bytes() == big.read_bytes()


async def test_an_upload_that_is_cancelled_leaves_nothing(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    there, big = tmp_path / "there", tmp_path / "big"
    there.mkdir()
    big.write_bytes(bytes(200 << 20))
    async with shell_in(browser, server, there) as page:
        await choose(page, big)
        await page.page.get_by_role("button", name="Cancel the upload of big").click()
        await expect(page.page.get_by_role("region", name="Uploads")).to_contain_text("Cancelled")
        assert os.listdir(there) == []


async def test_a_program_offers_a_file_and_the_user_decides(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "report.txt").write_text("content")
    offer = f"{sys.executable} -m ptybridge download report.txt"
    async with shell_in(browser, server, tmp_path) as page:
        await page.type(f"{offer}\n")
        notice = page.page.get_by_role("alert").filter(has_text="offers a file")
        await expect(notice).to_contain_text(f"{tmp_path}/report.txt, 7 bytes")
        await page.picture("files-offered-dark")
        async with page.page.expect_download() as download:
            await notice.get_by_role("button", name="Download").click()
        file = await download.value
        assert file.suggested_filename == "report.txt"
        assert Path(await file.path()).read_text() == "content"  # noqa: ASYNC240
        await page.type(f"{offer}\n")
        await notice.get_by_role("button", name="No").click()
        await expect(notice).to_have_count(0)
        assert "7750" not in await page.everything()
        assert page.errors == []


async def test_who_watches_moves_no_files(browser: Browser, tmp_path: Path) -> None:
    async with running() as server, shell_in(browser, server, tmp_path) as page:
        link = await share(server, role="watcher")
        async with tab(browser) as watcher:
            await watcher.open(server.url(f"/{link['fragment']}"))
            await watcher.shows("there")
            files = watcher.page.get_by_role("button", name="Files", exact=True)
            await expect(files).to_have_count(0)
            await watcher.page.evaluate(DRAG)
            await expect(watcher.page.locator(".drop-veil")).to_have_count(0)
        await expect(page.page.get_by_role("button", name="Files", exact=True)).to_be_visible()


async def test_where_no_files_are_moved_the_page_shows_nothing_of_it(
    browser: Browser, tmp_path: Path
) -> None:
    settings = settings_of(files={"enabled": False})
    async with running(settings) as server, shell_in(browser, server, tmp_path) as page:
        await expect(page.page.get_by_role("button", name="Files", exact=True)).to_have_count(0)
        await page.page.evaluate(DRAG)
        await expect(page.page.locator(".drop-veil")).to_have_count(0)
        await page.press("Control+Shift+K")
        await page.page.get_by_role("option", name="New terminal").wait_for()
        for title in ("Upload files", "Files beside this terminal"):
            await expect(page.page.get_by_role("option", name=title)).to_have_count(0)
        assert page.errors == []
