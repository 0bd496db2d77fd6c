"""Peers that no library would let be so rude: requests and frames spelt out byte by byte.

Each is refused with its own error, makes nothing, and leaves everybody else alone.
"""

import asyncio
import re
import zlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from ptybridge.wire.codes import CloseCode
from ptybridge.wire.frames import SUBPROTOCOL, Frame, Kind
from ptybridge.wire.websocket import Opcode
from tests.server import TOKEN, Client, Server, running, settings_of
from tests.test_websocket_framing import client_frame

KEY = "AAAAAAAAAAAAAAAAAAAAAA=="

UPGRADE = (
    "Host: HERE\nAuthorization: Bearer TOKEN\nUpgrade: websocket\nConnection: Upgrade\n"
    f"Sec-WebSocket-Version: 13\nSec-WebSocket-Key: {KEY}\n"
)

SOCKET = "GET /ws?sessionID=main HTTP/1.1\n"

PATIENCE = 20.0
"""Seconds that any answer may take on a busy machine."""


def spelt(text: str, server: Server) -> bytes:
    """A request's bytes; ``HERE`` is the server, ``TOKEN`` its token."""
    here = f"127.0.0.1:{server.port}"
    text = text.replace("HERE", here).replace("TOKEN", TOKEN).replace("\n", "\r\n")
    return text.encode("latin-1") + b"\r\n"


@asynccontextmanager
async def raw_peer(
    server: Server,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        async with asyncio.timeout(PATIENCE):
            yield reader, writer
    finally:
        writer.transport.abort()


async def head_of(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and head of a response."""
    head = await reader.readuntil(b"\r\n\r\n")
    return int(head.split()[1]), head


def without(*names: str) -> str:
    """The head of a handshake without some of its lines."""
    lines = [line for line in UPGRADE.splitlines() if line.partition(":")[0] not in names]
    return "\n".join([*lines, ""])


def hostile(head: str, *more: str) -> str:
    """A handshake with another beginning, and lines of its own."""
    return SOCKET + head + "".join(f"{line}\n" for line in more)


REQUESTS = [
    # --- Origin (RFC 6454): exactly the server's own, or none at all
    *(
        pytest.param(hostile(UPGRADE, f"Origin: {origin}"), {403}, id=f"origin-{name}")
        for name, origin in {
            "foreign": "http://evil.example",
            "null": "null",
            "empty": "",
            "other-port": "http://127.0.0.1:1",
            "no-port": "http://127.0.0.1",
            "other-scheme": "https://HERE",
            "file": "file://",
            "look-alike-after": "http://HERE.evil.example",
            "look-alike-before": "http://evil-HERE",
            "user-info": "http://HERE@evil.example",
            "path": "http://HERE/",
            "query": "http://HERE?",
            "in-one-header": "http://HERE http://evil.example",
            "comma": "http://HERE, http://evil.example",
            "another-name-of-ours": "http://localhost:4096",
            "figures": "http://2130706433",
            "extension": "chrome-extension://abcdefgh",
        }.items()
    ),
    pytest.param(
        hostile(UPGRADE, "Origin: http://HERE", "Origin: http://evil.example"),
        {400, 403},
        id="two-origins",
    ),
    pytest.param(
        hostile(UPGRADE, "Origin: http://HERE", "Origin: http://HERE"),
        {400, 403},
        id="the-same-origin-twice",
    ),
    pytest.param(
        hostile(UPGRADE, "ORIGIN: http://evil.example"), {403}, id="origin-in-another-case"
    ),
    pytest.param(hostile(UPGRADE, "Sec-Fetch-Site: cross-site"), {403}, id="no-origin-but-foreign"),
    # --- Host (RFC 9110 section 7.2, RFC 9112 section 3.2): exactly the server's own
    *(
        pytest.param(hostile(without("Host"), f"Host: {host}"), {400, 421}, id=f"host-{name}")
        for name, host in {
            "foreign": "evil.example",
            "rebound": "evil.example:4096",
            "empty": "",
            "look-alike-after": "HERE.evil.example",
            "look-alike-before": "evil-HERE",
            "user-info": "HERE@evil.example",
            "two-in-one": "HERE, evil.example",
            "two-by-space": "HERE evil.example",
            "path": "HERE/x",
            "tab": "HERE\tx",
            "not-ascii": "\u0031\u00b2\u0037.0.0.1:4096",
            "octal": "0177.0.0.1:4096",
            "port-of-nobody": "127.0.0.1:99999",
        }.items()
    ),
    pytest.param(hostile(without("Host")), {400, 421}, id="no-host"),
    pytest.param(hostile(UPGRADE, "Host: evil.example"), {400, 421}, id="a-second-host"),
    pytest.param(
        hostile(without("Host"), "Host: evil.example", "X-Forwarded-Host: HERE"),
        {421},
        id="forwarded-host-of-nobody",
    ),
    pytest.param(
        hostile(without("Host"), "Host: evil.example", "Forwarded: host=HERE"),
        {421},
        id="forwarded-header",
    ),
    # --- the target (RFC 9112 section 3.2)
    *(
        pytest.param(f"{line}\n{UPGRADE}", {400, 404, 405, 421}, id=f"target-{name}")
        for name, line in {
            "absolute-own": "GET http://HERE/ws?sessionID=main HTTP/1.1",
            "absolute-foreign": "GET http://evil.example/ws?sessionID=main HTTP/1.1",
            "absolute-without-slashes": "GET http:/ws HTTP/1.1",
            "authority": "CONNECT HERE HTTP/1.1",
            "asterisk": "OPTIONS * HTTP/1.1",
            "two-slashes": "GET //evil.example/ws?sessionID=main HTTP/1.1",
            "backslash": "GET \\ws HTTP/1.1",
            "nothing": "GET  HTTP/1.1",
        }.items()
    ),
    # --- the handshake (RFC 6455 section 4.2.1)
    *(
        pytest.param(
            hostile(without("Sec-WebSocket-Version"), *lines), {400, 426}, id=f"version-{name}"
        )
        for name, lines in {
            "none": [],
            "8": ["Sec-WebSocket-Version: 8"],
            "0": ["Sec-WebSocket-Version: 0"],
            "14": ["Sec-WebSocket-Version: 14"],
            "list": ["Sec-WebSocket-Version: 13, 8"],
            "two": ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8"],
            "013": ["Sec-WebSocket-Version: 013"],
        }.items()
    ),
    *(
        pytest.param(hostile(without("Sec-WebSocket-Key"), *lines), {400}, id=f"key-{name}")
        for name, lines in {
            "none": [],
            "short": ["Sec-WebSocket-Key: AAAA"],
            "no-base64": ["Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!=="],
            "two": [f"Sec-WebSocket-Key: {KEY}", f"Sec-WebSocket-Key: {KEY}"],
        }.items()
    ),
    pytest.param(hostile(without("Upgrade"), "Upgrade: h2c"), {400}, id="another-upgrade"),
    pytest.param(hostile(without("Connection"), "Connection: close"), {400}, id="no-upgrade"),
    pytest.param(
        "POST /ws?sessionID=main HTTP/1.1\nContent-Type: application/json\n" + UPGRADE,
        {400, 405},
        id="post-to-a-socket",
    ),
    # --- who is asking
    pytest.param(hostile(without("Authorization")), {401}, id="nobody"),
    pytest.param(
        hostile(UPGRADE, "Authorization: Bearer wrong"), {400, 401}, id="two-authorizations"
    ),
    pytest.param(
        hostile(without("Authorization"), "X-Forwarded-User: owner"), {401}, id="forwarded-user"
    ),
    # --- requests in requests
    pytest.param(
        "POST /api/login HTTP/1.1\nHost: HERE\nContent-Type: application/json\n"
        "Content-Length: 4\nTransfer-Encoding: chunked\n",
        {400},
        id="two-lengths",
    ),
    pytest.param(
        "POST /api/login HTTP/1.1\nHost: HERE\nContent-Type: application/json\n"
        "Content-Length: 4\nContent-Length: 5\n",
        {400},
        id="length-twice",
    ),
    pytest.param(SOCKET + UPGRADE + "X: a\n b\n", {400}, id="a-folded-line"),
    pytest.param(SOCKET + UPGRADE + "X-Bare: a\rb\n", {400}, id="a-bare-return"),
    pytest.param(SOCKET + UPGRADE + f"X: {'y' * 10_000}\n", {400, 431}, id="a-long-line"),
]


@pytest.mark.parametrize(("text", "statuses"), REQUESTS)
async def test_a_hostile_request_is_refused_and_makes_nothing(
    text: str, statuses: set[int]
) -> None:
    async with running() as server, raw_peer(server) as (reader, writer):
        writer.write(spelt(text, server))
        status, head = await head_of(reader)
        assert status in statuses, head
        assert b"Content-Security-Policy" in head
        assert not server.registry.terminals
        assert not server.registry.sessions
        assert len(server.pool) == 0


async def test_the_same_request_without_its_fault_is_taken() -> None:
    async with running() as server, raw_peer(server) as (reader, writer):
        writer.write(spelt(hostile(UPGRADE, "Origin: http://HERE"), server))
        status, _ = await head_of(reader)
        assert status == 101
        assert len(server.pool) == 1


@pytest.mark.parametrize(
    "text",
    [
        "GET / HTTP/1.1\nHost : HERE\n",
        "POST /api/login HTTP/1.1\nHost: HERE\nContent-Type: application/json\n"
        "Content-Length: 9\nX-Then: gone\n",
        "POST /api/login HTTP/1.1\nHost: HERE\nContent-Type: application/json\n"
        "Transfer-Encoding: chunked\n\nzz\n",
    ],
    ids=["malformed", "cut-off", "a-malformed-body"],
)
async def test_nobody_fills_the_log_with_bad_requests(
    text: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with running() as server:
        async with raw_peer(server) as (reader, writer):
            writer.write(spelt(text, server))
            if "gone" in text:
                writer.write_eof()
                writer.transport.abort()
            await reader.read()
        assert (await server.http.get(server.url("/healthz"))).status == 200
    assert not caplog.records


# --- frames


def unmasked(opcode: Opcode, payload: bytes) -> bytes:
    return client_frame(opcode, payload, mask=None)


PING = b'{"type":"ping"}'
DEFLATED = zlib.compressobj(wbits=-15)
BOMB = DEFLATED.compress(bytes(10_000_000)) + DEFLATED.flush(zlib.Z_SYNC_FLUSH)

FRAMES = [
    pytest.param(unmasked(Opcode.TEXT, PING), CloseCode.PROTOCOL_ERROR, id="unmasked-text"),
    pytest.param(unmasked(Opcode.BINARY, PING), CloseCode.PROTOCOL_ERROR, id="unmasked-binary"),
    pytest.param(unmasked(Opcode.PING, b""), CloseCode.PROTOCOL_ERROR, id="unmasked-ping"),
    pytest.param(unmasked(Opcode.CLOSE, b""), CloseCode.PROTOCOL_ERROR, id="unmasked-close"),
    pytest.param(b"\x83\x80\0\0\0\0", CloseCode.PROTOCOL_ERROR, id="unknown-opcode"),
    pytest.param(b"\x80\x80\0\0\0\0", CloseCode.PROTOCOL_ERROR, id="nothing-to-continue"),
    pytest.param(b"\xa1\x80\0\0\0\0", CloseCode.PROTOCOL_ERROR, id="reserved-bit"),
    pytest.param(
        bytes([0xC1, 0x80 | 126]) + len(BOMB).to_bytes(2, "big") + bytes(4) + BOMB,
        CloseCode.PROTOCOL_ERROR,
        id="compressed-though-not-negotiated",
    ),
    pytest.param(
        b"\x82\xff" + (1 << 62).to_bytes(8, "big"), CloseCode.TOO_LARGE, id="four-exabytes"
    ),
    pytest.param(b"\x82\xff" + b"\xff" * 8, CloseCode.TOO_LARGE, id="a-negative-length"),
    pytest.param(
        client_frame(Opcode.TEXT, b"x" * 1000, fin=False)
        + client_frame(Opcode.CONTINUATION, b"x" * 1000, fin=False) * 2,
        CloseCode.TOO_LARGE,
        id="fragments-without-end",
    ),
    pytest.param(
        client_frame(Opcode.TEXT, b"x", fin=False) + client_frame(Opcode.TEXT, b"x"),
        CloseCode.PROTOCOL_ERROR,
        id="a-message-in-a-message",
    ),
    pytest.param(client_frame(Opcode.TEXT, b"\xff\xfe"), CloseCode.INVALID_TEXT, id="not-utf-8"),
    pytest.param(
        client_frame(Opcode.CLOSE, b"\x03\xed"), CloseCode.PROTOCOL_ERROR, id="a-forbidden-code"
    ),
]


@pytest.mark.parametrize(("frames", "code"), FRAMES)
async def test_a_hostile_frame_ends_its_connection_and_no_other(
    frames: bytes, code: CloseCode
) -> None:
    settings = settings_of(limits={"messageBytes": 2048})
    async with running(settings) as server, server.plain() as other:
        async with raw_peer(server) as (reader, writer):
            writer.write(spelt(SOCKET + UPGRADE, server))
            assert (await head_of(reader))[0] == 101
            writer.write(frames + client_frame(Opcode.TEXT, b'{"type":"say","data":{"text":"x"}}'))
            received = await reader.read()  # to the end, which comes at once
        close = re.search(rb"\x88[\x02-\x7d]" + code.to_bytes(2, "big"), received, re.DOTALL)
        assert close is not None, received[-200:]
        assert not server.registry.session("main").chat.recent
        await other.send("ping", request_id=1)
        assert (await other.receive("pong"))["id"] == 1


OFFER = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"

FAR = "X-Forwarded-For: 203.0.113.5"

BEHIND_A_PROXY = {"server": {"trustedProxies": ["127.0.0.1"]}, "limits": {"messageBytes": 2048}}


async def head_with(server: Server, *lines: str) -> bytes:
    async with raw_peer(server) as (reader, writer):
        writer.write(spelt("\n".join([SOCKET + UPGRADE.strip(), *lines, ""]), server))
        status, head = await head_of(reader)
        assert status == 101
        return head


async def test_compression_is_for_those_who_offer_it_from_elsewhere() -> None:
    async with running(settings_of(**BEHIND_A_PROXY)) as server:
        for lines in ((OFFER,), (FAR,), (OFFER, "X-Forwarded-For: ::ffff:127.0.0.1")):
            assert b"extensions" not in (await head_with(server, *lines)).lower()
        head = await head_with(server, OFFER, FAR)
        assert (
            b"\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
            b"client_no_context_takeover\r\n"
        ) in head
        head = await head_with(server, FAR, OFFER + "=9; server_max_window_bits=10")
        assert b"; server_max_window_bits=10\r\n" in head


async def test_compression_can_be_turned_off() -> None:
    off = settings_of(**BEHIND_A_PROXY, transport={"websocket": {"compression": "off"}})
    async with running(off) as server:
        assert b"extensions" not in (await head_with(server, OFFER, FAR)).lower()


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        pytest.param(client_frame(Opcode.TEXT, BOMB[:1500], rsv=0x40), 1009, id="a-bomb"),
        pytest.param(
            client_frame(Opcode.TEXT, BOMB[:1000], fin=False, rsv=0x40)
            + client_frame(Opcode.CONTINUATION, BOMB[1000:1900]),
            1009,
            id="a-bomb-in-pieces",
        ),
        pytest.param(client_frame(Opcode.TEXT, BOMB, rsv=0x40), 1009, id="too-large-already"),
        pytest.param(client_frame(Opcode.PING, b"", rsv=0x40), 1002, id="a-compressed-ping"),
        pytest.param(client_frame(Opcode.TEXT, PING, rsv=0x20), 1002, id="another-reserved-bit"),
        pytest.param(client_frame(Opcode.BINARY, b"\xff" * 9, rsv=0x40), 1007, id="no-deflate"),
    ],
)
async def test_a_hostile_compressed_frame_ends_its_connection_and_no_other(
    frames: bytes, code: int
) -> None:
    async with running(settings_of(**BEHIND_A_PROXY)) as server, server.plain() as other:
        async with raw_peer(server) as (reader, writer):
            writer.write(spelt(f"{SOCKET}{UPGRADE}{OFFER}\n{FAR}\n", server))
            assert (await head_of(reader))[0] == 101
            say = zlib.compressobj(wbits=-15)
            said = say.compress(b'{"type":"say","data":{"text":"heard"}}')
            said += say.flush(zlib.Z_SYNC_FLUSH)
            writer.write(client_frame(Opcode.TEXT, said.removesuffix(b"\0\0\xff\xff"), rsv=0x40))
            writer.write(frames + client_frame(Opcode.TEXT, b'{"type":"say","data":{"text":"x"}}'))
            received = await reader.read()
        close = re.search(rb"\x88[\x02-\x7d]" + code.to_bytes(2, "big"), received, re.DOTALL)
        assert close is not None, received[-200:]
        said_there = server.registry.session("main").chat.recent
        assert [message.text for message in said_there] == ["heard"]
        await other.send("ping", request_id=1)
        assert (await other.receive("pong"))["id"] == 1


async def shown(client: Client, marker: bytes) -> bytes:
    """What a viewer's terminal has printed to ``marker``, whichever way the viewer speaks."""
    collected = b""
    while marker not in collected:
        message = await client.next()
        if isinstance(message, Frame):
            assert message.kind is not Kind.SNAPSHOT
            collected += message.payload  # an INPUT_ACK has none
        elif message["type"] == "output":
            collected += message["data"]["output"].encode()
    return collected


async def test_what_is_compressed_arrives_as_it_was_sent() -> None:
    script = "stty raw -echo; echo READY; read _; seq 10000; read _; seq 10001 20000; exec cat"
    settings = settings_of(server=BEHIND_A_PROXY["server"], terminals={"tailBytes": 65_536})
    expected = "".join(f"{number}\n" for number in range(1, 10_001)).encode()
    async with (
        running(settings) as server,
        AsyncExitStack() as stack,
    ):

        async def from_afar(*protocols: str) -> Client:
            ws = await stack.enter_async_context(
                server.http.ws_connect(
                    server.url("/ws?sessionID=main"),
                    protocols=protocols,
                    headers={"X-Forwarded-For": "203.0.113.5"},
                    compress=15,
                )
            )
            assert ws.compress
            return Client(ws)

        first, second, plain = [await from_afar(*it) for it in ([SUBPROTOCOL], [SUBPROTOCOL], [])]
        terminal = await first.open("sh", "-c", script)
        for client in (first, second, plain):
            await client.attach(terminal)
            assert await shown(client, b"READY\n") == b"READY\n"
        await first.type(b"\n")
        for client in (first, second, plain):
            assert await shown(client, b"\n10000\n") == expected
        await first.type(b"\n")
        while True:
            message = await first.next()
            if isinstance(message, Frame) and b"\n20000\n" in message.payload:
                break  # more than the tail holds has been printed now
        late = await from_afar(SUBPROTOCOL)
        await late.attach(terminal)
        snapshot = await late.frame(Kind.SNAPSHOT)
        assert b"19999" in snapshot.payload
        await late.send("say", text="a long story " * 100)
        for client in (first, second, plain, late):
            told = await client.receive("message.created")
            assert told["data"]["message"]["parts"][0]["text"] == "a long story " * 100


@pytest.mark.parametrize(("coding", "wbits"), [("gzip", 31), ("deflate", 15)])
async def test_a_body_that_unpacks_to_much_is_refused(coding: str, wbits: int) -> None:
    """A hundred megabytes in a hundred kilobytes; no more than a body may have is unpacked."""
    packer = zlib.compressobj(level=9, wbits=wbits)
    body = packer.compress(b'{"token": "' + b"x" * 100_000_000) + packer.flush()
    async with running() as server, raw_peer(server) as (reader, writer):
        head = (
            "POST /api/login HTTP/1.1\nHost: HERE\nContent-Type: application/json\n"
            f"Content-Encoding: {coding}\nContent-Length: {len(body)}\n"
        )
        writer.write(spelt(head, server) + body)
        status, _ = await head_of(reader)
        assert status == 413
        assert (await server.http.get(server.url("/healthz"))).status == 200
