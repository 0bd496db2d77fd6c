"""The page's own client at work in Node, over either transport."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.server import TOKEN, running

ROOT = Path(__file__).parents[1]
PACKAGES = "web/node_modules/.package-lock.json"


async def output_of(*command: str, cwd: Path = ROOT, **env: str) -> bytes:
    """What a command prints; it must succeed within a minute."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env={**os.environ, **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(60):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, errors.decode()
    return output


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["websocket", "events"])
async def test_a_cut_loses_nothing_and_repeats_nothing(transport: str) -> None:
    await output_of("make", "--silent", PACKAGES)
    async with running() as server:
        url = server.url("/")
        printed = await output_of("node", "tests/node/terminal.mjs", url, TOKEN, transport)
    said: dict[str, Any] = json.loads(printed)
    assert said["transport"] == transport
    assert said["code"] == 7
    text = said["text"].replace("sh> ", "")
    lines = [line for line in text.split("\r\n") if line.startswith("line ")]
    assert lines == [f"line {number}" for number in range(1, 3001)]


@pytest.mark.slow
async def test_the_examples_in_the_documents_run_and_end() -> None:
    await output_of("make", "--silent", PACKAGES)
    page = (ROOT / "docs" / "javascript.md").read_text()
    terminal, channel = (part.split("```")[0] for part in page.split("```js\n")[1:])
    beginning = terminal.partition("let attachment")[
        0
    ]  # the client, which the second one uses, too
    async with running() as server:
        printed = []
        for example in (terminal, beginning + channel):
            script = example.replace("http://127.0.0.1:4096/", server.url("/"))
            script = script.replace("./web/js/", "./js/").replace("date;", "echo fr''om node;")
            node = ("node", "--input-type=module", "--eval", script)
            printed.append(await output_of(*node, cwd=ROOT / "web", PTYBRIDGE_TOKEN=TOKEN))
    assert b"from node" in printed[0]
    assert printed[1] == b"$ echo fr''om node; exit 3\nfrom node\n[exit code 3]\n"
