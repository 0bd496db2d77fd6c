"""Clients that do not say what they want are dropped, and nobody else feels them; TLS."""

import asyncio
import os
import re
import socket
import ssl
import subprocess
import time
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest

from ptybridge.config import Settings
from ptybridge.server import runner
from ptybridge.server.runner import tls_context
from tests.people import share
from tests.server import TOKEN, Client, Server, running, settings_of, stranger
from tests.test_raw_peers import spelt

SILENT = 500


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that its own key has signed, and the key."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


def with_tls(certificate: tuple[Path, Path], **sections: object) -> tuple[Settings, ssl.SSLContext]:
    cert, key = map(str, certificate)
    settings = settings_of(server={"tls": {"cert": cert, "key": key}}, **sections)
    return settings, tls_context(cert, key)


BEGINNINGS = [
    pytest.param(b"", id="nothing"),
    pytest.param(b"GET / HT", id="half-a-line"),
    pytest.param(b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade:", id="half-a-head"),
    pytest.param(
        b"POST /api/login HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nContent-Length: 90\r\n"
        b"Content-Type: application/json\r\n\r\n{",
        id="half-a-login",
    ),
    pytest.param(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n", id="then-nothing"),
]


async def dropped_after(server: Server, beginning: bytes) -> float:
    """Seconds until the server drops a client that sends this and then nothing."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    began = time.monotonic()
    writer.write(beginning.replace(b"PORT", str(server.port).encode()))
    await reader.read()
    writer.close()
    return time.monotonic() - began


@pytest.mark.parametrize("beginning", BEGINNINGS)
async def test_who_does_not_say_what_they_want_is_dropped(beginning: bytes) -> None:
    async with running(settings_of(limits={"handshake": 300})) as server:
        assert 0.25 < await dropped_after(server, beginning) < 10


async def test_a_trickle_does_not_prolong_it() -> None:
    async with running(settings_of(limits={"handshake": 500})) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        gone = asyncio.ensure_future(reader.read())
        sent = 0
        for byte in b"GET /healthz HTTP/1.1\r\nX-Long: " + b"x" * 2000:
            if gone.done():
                break
            writer.write(bytes([byte]))
            sent += 1
            await asyncio.wait([gone], timeout=0.02)
        assert gone.done()
        assert sent < 2000
        writer.close()


def reading_nothing(server: Server, request: str) -> socket.socket:
    """A client that has sent a request and takes next to nothing of the answer."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    sock.connect(("127.0.0.1", server.port))
    sock.sendall(spelt(request, server))
    return sock


def open_files() -> int:
    """How many files this process, the server and its clients, has open."""
    return len(os.listdir("/proc/self/fd"))


async def test_who_takes_nothing_of_an_answer_is_dropped_and_a_viewer_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runner, "UNREAD_SECONDS", 0.3)
    settings = settings_of(limits={"handshake": 60_000})
    async with running(settings) as server, server.binary() as client:
        terminal = await client.open("sh", "-c", "seq -f %070.0f 20000; cat")
        await client.attach(terminal)
        await client.output_until(b"0020000")
        viewing = f"GET /api/sessions/main/events?terminalID={terminal}&window=16777216 HTTP/1.1\n"
        asked = f"{viewing}Host: HERE\nAuthorization: Bearer TOKEN\n"
        with closing(reading_nothing(server, asked)):
            page = await (await server.http.get(server.url("/"))).text()
            static = re.search("static/[0-9a-f]+/", page)
            assert static is not None
            asked = f"GET /{static[0]}vendor/xterm/xterm.mjs HTTP/1.1\nHost: HERE\n\n" * 30
            for _ in range(2):  # the second has less time than the viewer
                before = open_files()
                with closing(reading_nothing(server, asked)):
                    async with asyncio.timeout(20):
                        while open_files() != before + 2:
                            await asyncio.sleep(0.01)
                        while open_files() != before + 1:
                            await asyncio.sleep(0.01)
            assert len(server.pool) == 2


@pytest.mark.parametrize("is_encrypted", [False, True])
async def test_many_who_say_nothing_leave_a_login_quick(
    is_encrypted: bool, certificate: tuple[Path, Path]
) -> None:
    settings, context = with_tls(certificate) if is_encrypted else (Settings(), None)
    connector = aiohttp.TCPConnector(ssl=False) if is_encrypted else None
    beginning = b"\x16\x03\x01\x02\x00" if is_encrypted else b"POST /api/login HTTP/1.1\r\nHost:"
    async with running(settings, tls=context) as server, stranger(connector=connector) as http:
        silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(SILENT)]
        try:
            for sock in silent[::2]:
                sock.sendall(beginning)
            times = []
            for _ in range(50):
                began = time.monotonic()
                login = await http.post(server.url("/api/login"), json={"token": TOKEN})
                times.append(time.monotonic() - began)
                assert login.status == 204
            assert sorted(times)[-2] < 1.0  # some milliseconds on a machine that is idle
        finally:
            for sock in silent:
                sock.close()


# --- TLS


async def test_all_of_it_works_over_tls(certificate: tuple[Path, Path]) -> None:
    settings, context = with_tls(certificate)
    trust = ssl.create_default_context(cafile=str(certificate[0]))
    async with running(settings, tls=context) as server:
        assert server.url("").startswith("https://")
        async with stranger(connector=aiohttp.TCPConnector(ssl=trust)) as http:
            login = await http.post(server.url("/api/login"), json={"token": TOKEN})
            assert login.headers["Set-Cookie"].startswith("__Host-ptybridge=")
            assert "Secure" in login.headers["Set-Cookie"]
            own = {"Origin": server.url("")}
            async with http.ws_connect(
                server.url("/ws?sessionID=main"), headers=own, protocols=["ptybridge.v1"]
            ) as ws:
                client = Client(ws)
                terminal = await client.open("sh", "-c", "head -c 300000 /dev/zero; echo END")
                await client.attach(terminal)
                output, _ = await client.output_to_the_end(offset=0)
                assert output == bytes(300000) + b"END\r\n"
            plain = {"Origin": server.url("").replace("https", "http")}
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await http.ws_connect(server.url("/ws"), headers=plain)
        link = await share(server)
        assert link["fragment"] == f"#share={link['token']}"


async def test_old_tls_and_no_tls_are_refused(certificate: tuple[Path, Path]) -> None:
    settings, context = with_tls(certificate)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    async with running(settings, tls=context) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert not (await reader.read()).startswith(b"HTTP")
        writer.close()


async def test_who_does_not_finish_tls_is_dropped(certificate: tuple[Path, Path]) -> None:
    settings, context = with_tls(certificate, limits={"handshake": 300})
    async with running(settings, tls=context) as server:
        assert 0.25 < await dropped_after(server, b"") < 10
        assert 0.25 < await dropped_after(server, b"\x16\x03\x01") < 10
