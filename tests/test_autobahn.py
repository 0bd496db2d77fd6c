"""The fuzzing client of Autobahn|Testsuite against our WebSocket, over a real socket.

It talks to a route that gives every message back. The route exists only here, in an application
of its own, which takes requests over exactly as the server's routes do.
"""

import asyncio
import json
import socket
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from ptybridge.server import upgrade
from ptybridge.server.runner import Site, make_runner
from ptybridge.server.websocket import WebSocketLink
from ptybridge.wire.deflate import Deflater, negotiate
from tests.server import running

ROOT = Path(__file__).parents[1]
INSTALLED = ROOT / ".venv" / ".wstest"

MAX_MESSAGE = 16 << 20
"""Bytes; the suite's largest message, and the most that ``limits.messageBytes`` may be."""

COMPRESSION = ["12.1.1", "13.5.1"]
"""Cases of permessage-deflate: a thousand messages each, with what may be agreed on. The other two
hundred are the same with longer ones, and take minutes."""

PLAIN = [f"{number}.*" for number in range(1, 11)]
"""All other cases; 11 is none."""

LATE = {"6.4.1", "6.4.2", "6.4.3", "6.4.4"}
"""Cases that would like text refused before it is whole; RFC 6455 section 8.1 asks for less."""

MANY = 300
"""Fewer cases than the suite has for the rest; so many must have been run."""

RUN = (
    "import site, sys; site.addsitedir(sys.argv.pop(1)); "
    "from autobahntestsuite.wstest import run; run()"
)
"""Runs the suite from where it was installed; some of its packages need their ``.pth`` files."""


class Echo:
    """Gives back what comes."""

    link: WebSocketLink

    def on_text(self, message: bytes) -> None:
        self.link.send_text(message)

    def on_binary(self, message: bytes) -> None:
        self.link.send_binary(b"", [message])

    def on_heard(self) -> None: ...

    def on_writable(self) -> None: ...

    def on_closed(self) -> None: ...


async def echo(request: web.Request) -> web.StreamResponse:
    def open_link(transport: asyncio.Transport, head: bytes) -> WebSocketLink:
        receiver, loop = Echo(), asyncio.get_running_loop()
        receiver.link = WebSocketLink(
            receiver,
            transport,
            head=head,
            max_message=MAX_MESSAGE,
            loop=loop,
            deflater=None if agreed is None else Deflater(agreed[1]),
        )
        return receiver.link

    agreed = negotiate(upgrade.offered_extensions(request))
    return upgrade.take_over(
        request,
        open_link,
        accept=upgrade.check_handshake(request),
        extension=None if agreed is None else agreed[0],
    )


@asynccontextmanager
async def echoing() -> AsyncIterator[int]:
    """A server whose one route is the echo; its port."""
    app = web.Application()
    app.router.add_get("/echo", echo)
    runner = make_runner(app, patience=30, shutdown=1)
    await runner.setup()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        try:
            await Site(runner, listener, tls=None, patience=30, backlog=16).start()
            yield listener.getsockname()[1]
        finally:
            await runner.cleanup()


@pytest.fixture(scope="module")
def python2() -> str:
    """A Python 2.7 with the testsuite, which the first run installs."""
    found = subprocess.run(
        (ROOT / "tools" / "wstest.sh", INSTALLED), capture_output=True, text=True, check=False
    )
    if found.returncode != 0:
        pytest.skip(f"Autobahn|Testsuite needs Python 2.7: {found.stderr.strip()[-300:]}")
    return found.stdout.strip()


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_the_fuzzing_client_finds_nothing(python2: str, tmp_path: Path) -> None:
    async with echoing() as port:
        specification = tmp_path / "fuzzingclient.json"
        specification.write_text(
            json.dumps(
                {
                    "outdir": str(tmp_path / "report"),
                    "servers": [{"agent": "ptybridge", "url": f"ws://127.0.0.1:{port}/echo"}],
                    "cases": [*PLAIN, *COMPRESSION],
                    "exclude-cases": [],
                }
            )
        )
        client = await asyncio.create_subprocess_exec(
            python2, "-W", "ignore", "-c", RUN, str(INSTALLED), "-m", "fuzzingclient",
            "-s", str(specification),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            output, _ = await client.communicate()
        finally:
            if client.returncode is None:
                client.kill()
    assert client.returncode == 0, output[-2000:].decode()
    cases = json.loads((tmp_path / "report" / "index.json").read_text())["ptybridge"]
    verdicts = {name: (case["behavior"], case["behaviorClose"]) for name, case in cases.items()}
    assert len(verdicts) >= MANY
    assert verdicts.keys() >= set(COMPRESSION)
    fine = {"OK", "INFORMATIONAL"}
    late = {name for name, (behavior, _) in verdicts.items() if behavior == "NON-STRICT"}
    failed = {
        name: verdict
        for name, verdict in verdicts.items()
        if name not in late and not set(verdict) <= fine
    }
    assert failed == {}
    assert late <= LATE
    assert Counter(behavior for behavior, _ in verdicts.values())["OK"] > MANY - 10


async def test_no_server_has_the_echo() -> None:
    async with running() as server:
        assert (await server.http.get(server.url("/echo"))).status == 404
