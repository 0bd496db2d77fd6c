"""What is taken back is taken back on connections that are open, within a second."""

import asyncio
import base64
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ptybridge.adapters.access_store import AccessStore
from ptybridge.adapters.authentication import Authentication
from ptybridge.adapters.tokens import Token, rotate_token
from ptybridge.adapters.users import UserEditor
from ptybridge.core.identity import Identity
from ptybridge.core.ports import Authenticator
from ptybridge.core.values import Role, SessionId
from ptybridge.server.cookies import COOKIE
from ptybridge.wire.websocket import Opcode
from tests.people import by_users, connected, editor_in, logged_in, person, share
from tests.server import Client, Server, running, stranger

ECHO = "stty raw -echo; echo READY; exec cat"


async def end_of(ws: aiohttp.ClientWebSocketResponse) -> int | None:
    """Read to the end; the code with which the server closed."""
    async for _ in ws:
        pass
    return ws.close_code


@asynccontextmanager
async def guest_of(server: Server, link: dict[str, Any], terminal: str) -> AsyncIterator[Client]:
    """A guest who views a terminal."""
    async with logged_in(server, share=link["token"]) as http, connected(server, http) as client:
        await client.attach(terminal)
        yield client


@asynccontextmanager
async def owner_and_writer(
    folder: Path,
) -> AsyncIterator[tuple[Server, UserEditor, Client, Client]]:
    """A server, what edits its users, and the connections of Alice, an owner, and Bob, a writer."""
    editor = editor_in(folder, alice="owner", bob="writer")
    async with (
        running(make_authenticator=by_users(folder)) as server,
        person(server, "alice") as alice,
        person(server, "bob") as bob,
        connected(server, alice) as hers,
        connected(server, bob) as his,
    ):
        yield server, editor, hers, his


async def test_a_revoked_link_ends_its_guests_and_nobody_else() -> None:
    async with running() as server, server.plain() as owner:
        terminal = await owner.open("sh", "-c", ECHO)
        await owner.attach(terminal)
        first, second = await share(server, role="writer"), await share(server, role="writer")
        async with (
            guest_of(server, first, terminal) as out,
            guest_of(server, second, terminal) as still,
        ):
            url = server.url(f"/api/sessions/main/shares/{first['share']['id']}")
            assert (await server.http.delete(url)).status == 204
            assert await end_of(out.ws) == 4002
            await still.send("ping")
            await still.receive("pong")
            assert len(server.pool) == 2
        async with stranger() as http:
            late = await http.post(server.url("/api/login"), json={"share": first["token"]})
            assert late.status == 401


async def test_whoever_shares_an_identity_is_looked_at_together() -> None:
    looked_at: list[str] = []

    class Noting(Authentication):
        def standing(self, identity: Identity) -> Identity | None:
            looked_at.append(identity.id)
            return super().standing(identity)

    def make(store: AccessStore) -> Authenticator:
        return Noting("token", store=store, token=Token("a-token-for-tests-only"))

    async with (
        running(make_authenticator=make) as server,
        server.plain(),
        server.plain(),
        server.binary() as client,
    ):
        link = await share(server)
        looked_at.clear()
        await server.http.delete(server.url(f"/api/sessions/main/shares/{link['share']['id']}"))
        await client.send("ping")
        await client.receive("pong")
        assert len(looked_at) == 1


async def test_a_link_that_another_process_revokes_ends_within_a_second(tmp_path: Path) -> None:
    database = tmp_path / "access.db"

    def make(store: AccessStore) -> Authenticator:
        return Authentication("token", store=shared, token=Token("a-token-for-tests-only"))

    shared = AccessStore(database)
    link, secret = shared.create(
        SessionId("main"),
        role=Role.WRITER,
        name="guest",
        made_by="owner",
        expires=None,
        max_uses=None,
    )
    async with running(make_authenticator=make) as server, server.plain() as owner:
        terminal = await owner.open()
        async with guest_of(server, {"token": secret}, terminal) as guest:
            other = AccessStore(database)
            began = time.monotonic()
            other.revoke(link.session, link.id)
            other.close()
            assert await end_of(guest.ws) == 4002
            assert time.monotonic() - began < 1.5  # half a second, and what the machine adds
    shared.close()


async def test_an_event_stream_ends_as_a_socket_does() -> None:
    async with running() as server, server.plain() as owner:
        terminal = await owner.open()
        link = await share(server)
        async with logged_in(server, share=link["token"]) as http:
            path = f"/api/sessions/main/events?terminalID={terminal}"
            async with http.get(server.url(path)) as stream:
                await stream.content.readuntil(b"event: attached")
                url = server.url(f"/api/sessions/main/shares/{link['share']['id']}")
                assert (await server.http.delete(url)).status == 204
                rest = await stream.content.read()
        assert b'"code":4002' in rest


async def test_a_link_ends_with_its_time() -> None:
    async with running() as server, server.plain() as owner:
        terminal = await owner.open()
        link = await share(server, expiresIn=1)
        async with guest_of(server, link, terminal) as guest:
            assert await end_of(guest.ws) == 4002


async def test_a_new_token_ends_what_came_by_the_old(tmp_path: Path) -> None:
    path = tmp_path / "token"
    first = Token.load(path)
    old = path.read_text().strip()

    def make(store: AccessStore) -> Authenticator:
        return Authentication("token", store=store, token=first)

    async with running(make_authenticator=make) as server, stranger() as http:
        assert (await http.post(server.url("/api/login"), json={"token": old})).status == 204
        bearer = {"Authorization": f"Bearer {old}"}
        async with (
            connected(server, http) as by_cookie,
            stranger(headers=bearer) as http2,
            connected(server, http2) as by_bearer,
        ):
            rotate_token(path)
            assert await end_of(by_cookie.ws) == 1008
            assert await end_of(by_bearer.ws) == 1008
        assert (await http.get(server.url("/api/whoami"))).status == 401


@pytest.mark.parametrize("change", ["removed", "another-password"])
async def test_a_user_who_goes_is_gone(change: str, tmp_path: Path) -> None:
    editor = editor_in(tmp_path, alice="member", bob="member")
    async with (
        running(make_authenticator=by_users(tmp_path)) as server,
        person(server, "alice") as alice,
        person(server, "bob") as bob,
        connected(server, alice, "/ws?sessionID=a") as hers,
        connected(server, bob, "/ws?sessionID=b") as his,
    ):
        if change == "removed":
            editor.remove("alice")
        else:
            editor.set_hash("alice", "another")
        assert await end_of(hers.ws) == 1008
        await his.send("ping")
        await his.receive("pong")


async def test_a_demoted_user_types_no_more_and_still_watches(tmp_path: Path) -> None:
    async with owner_and_writer(tmp_path) as (_, editor, hers, his):
        terminal = await hers.open("sh", "-c", ECHO)
        await hers.attach(terminal)
        await his.attach(terminal)
        await his.send("input", data="before")
        editor.set_role("bob", "watcher")
        while True:  # until it shows: after that not one byte
            viewers = (await his.receive("viewers"))["data"]["viewers"]
            if {viewer["name"]: viewer["role"] for viewer in viewers}.get("bob") == "watcher":
                break
        await his.send("input", data="after")
        assert (await his.receive("error"))["data"]["code"] == "denied"
        await his.send("terminal.open", rows=24, cols=80)
        assert (await his.receive("error"))["data"]["code"] == "denied"
        await hers.send("input", data="END")
        text = ""
        while "END" not in text:
            text += (await hers.receive("output"))["data"]["output"]
        assert "after" not in text
        while "END" not in (await his.receive("output"))["data"]["output"]:
            pass


async def test_the_members_are_told_at_once_who_may_do_less_or_more(tmp_path: Path) -> None:
    async with (
        owner_and_writer(tmp_path) as (server, editor, hers, _),
        person(server, "bob") as bob,
        connected(server, bob),
    ):
        (session,) = server.registry.sessions.values()
        for role in ("watcher", "owner"):
            editor.set_role("bob", role)
            told = await hers.receive("member.changed")  # once, though he is here twice
            assert told["data"]["member"] == {"id": "bob", "name": "bob", "role": role}
            assert {one.name: one.role.label for one in session.members} == {
                "alice": "owner",
                "bob": role,
            }


async def test_who_is_removed_from_all_sessions_is_cut_off(tmp_path: Path) -> None:
    async with owner_and_writer(tmp_path) as (_, editor, hers, his):
        terminal = await hers.open()
        await his.attach(terminal)
        editor.set_role("bob", "member")
        assert await end_of(his.ws) == 1008


async def test_who_stays_the_same_and_has_lost_a_session_is_cut_off(tmp_path: Path) -> None:
    stores: list[AccessStore] = []

    def make(store: AccessStore) -> Authenticator:
        stores.append(store)
        return by_users(tmp_path)(store)

    editor_in(tmp_path, bob="member")
    async with (
        running(make_authenticator=make) as server,
        person(server, "bob") as bob,
        connected(server, bob, "/ws?sessionID=lost") as in_lost,
        connected(server, bob, "/ws?sessionID=kept") as in_kept,
    ):
        stores[0].release(SessionId("lost"))
        assert await end_of(in_lost.ws) == 1008
        await in_kept.send("ping")
        await in_kept.receive("pong")


async def raw_socket(
    server: Server, cookie: str, *, carrier: str = "socket", terminal: str = ""
) -> socket.socket:
    """A WebSocket or event stream by hand, with small buffers, which nobody reads."""
    loop = asyncio.get_running_loop()
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await loop.sock_connect(sock, ("127.0.0.1", server.port))
    path, status, more = (
        "/ws?sessionID=main",
        b"101",
        (
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        ),
    )
    if carrier == "events":
        path, status, more = f"/api/sessions/main/events?terminalID={terminal}", b"200", ""
    request = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        f"{more}Cookie: {COOKIE}={cookie}\r\n\r\n"
    )
    await loop.sock_sendall(sock, request.encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += await loop.sock_recv(sock, 1)
    assert head.startswith(b"HTTP/1.1 " + status)
    return sock


def masked(message: dict[str, Any]) -> bytes:
    """A text frame as clients send it; the mask is of zeros."""
    body = json.dumps(message).encode()
    assert len(body) < 126
    return bytes([0x80 | Opcode.TEXT, 0x80 | len(body)]) + bytes(4) + body


async def test_what_waits_for_somebody_who_is_removed_never_arrives() -> None:
    """A guest who does not read, behind a flood; then the flood's end is printed, then it reads."""
    flood = "echo START; head -c 30000000 /dev/zero | tr '\\0' x; echo; echo MARKER; exec cat"
    loop = asyncio.get_running_loop()
    async with running() as server, server.plain() as owner:
        terminal = await owner.open("sh", "-c", flood)
        link = await share(server, role="writer")
        async with logged_in(server, share=link["token"]) as http:
            cookie = next(iter(http.cookie_jar)).value
        with await raw_socket(server, cookie) as sock:
            attach = {"channel": 1, "terminalID": terminal, "rows": 24, "cols": 80}
            await loop.sock_sendall(sock, masked({"type": "attach", "data": attach}))
            received = b""
            while b"xxxx" not in received:
                received += await loop.sock_recv(sock, 4096)
            await owner.attach(terminal, channel=1)
            text = ""
            while "MARKER" not in text:
                text = text[-10:] + (await owner.receive("output"))["data"]["output"]
            url = server.url(f"/api/sessions/main/shares/{link['share']['id']}")
            assert (await server.http.delete(url)).status == 204
            rest = b""
            try:
                late = {"type": "input", "data": {"data": "LATE"}}
                await loop.sock_sendall(sock, masked(late))
                while piece := await loop.sock_recv(sock, 1 << 20):
                    rest += piece
            except (ConnectionResetError, BrokenPipeError):
                pass
        assert b"MARKER" not in rest
        await owner.send("input", data="END\r")
        text = ""
        while "END" not in text:
            text += (await owner.receive("output"))["data"]["output"]
        assert "LATE" not in text


MARKERS = [base64.b64encode(bytes(at) + b"MARKER")[at + (at > 0) :][:6] for at in range(3)]
"""What of the marker's base64 is the same whatever stands around it, by where it begins."""


@pytest.mark.parametrize("carrier", ["socket", "events"])
async def test_what_was_sent_and_not_taken_never_arrives(carrier: str) -> None:
    """The marker is printed, and is on its way to a guest who does not read, when they are out."""
    printed = "stty raw -echo; read go; head -c 60000 /dev/zero | tr '\\0' x; echo MARKER; exec cat"
    loop = asyncio.get_running_loop()
    async with running() as server, server.plain() as owner:
        terminal = await owner.open("sh", "-c", printed)
        await owner.attach(terminal, channel=1)
        link = await share(server)
        async with logged_in(server, share=link["token"]) as http:
            cookie = next(iter(http.cookie_jar)).value
        with await raw_socket(server, cookie, carrier=carrier, terminal=terminal) as sock:
            attach = {"channel": 1, "terminalID": terminal, "rows": 24, "cols": 80}
            if carrier == "socket":
                await loop.sock_sendall(sock, masked({"type": "attach", "data": attach}))
            while len(server.registry.terminal(terminal).viewers) < 2:
                await asyncio.sleep(0.01)
            await owner.send("input", data="go\n")
            text = ""
            while "MARKER" not in text:
                text = text[-10:] + (await owner.receive("output"))["data"]["output"]
            url = server.url(f"/api/sessions/main/shares/{link['share']['id']}")
            assert (await server.http.delete(url)).status == 204
            received = b""
            with contextlib.suppress(ConnectionResetError):
                while piece := await loop.sock_recv(sock, 1 << 20):
                    received += piece
    assert not any(marker in received for marker in (b"MARKER", *MARKERS))


async def test_what_was_typed_and_not_read_never_arrives(tmp_path: Path) -> None:
    """The program gets what the kernel had of it when the guest is out, and no more."""
    go, typed = tmp_path / "go", 200_000
    program = f"stty raw -echo; echo READY; while ! [ -e {go} ]; do sleep 0.02; done; exec cat"
    async with running() as server, server.plain() as owner:
        terminal = await owner.open("sh", "-c", program)
        await owner.attach(terminal)
        while "READY" not in (await owner.receive("output"))["data"]["output"]:
            pass
        link = await share(server, role="writer")
        async with guest_of(server, link, terminal) as guest:
            for _ in range(typed // 50_000):
                await guest.send("input", data="x" * 50_000)
            await guest.send("ping")
            await guest.receive("pong")
            url = server.url(f"/api/sessions/main/shares/{link['share']['id']}")
            assert (await server.http.delete(url)).status == 204
        go.touch()
        await owner.send("input", data="END")
        text = ""
        while "END" not in text:
            text += (await owner.receive("output"))["data"]["output"]
    assert text.count("x") < typed // 4


async def test_a_prompt_that_waits_is_not_run_for_somebody_who_is_out(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    async with running() as server, server.plain() as owner:
        link = await share(server, role="writer")
        begun = [{"type": "text", "text": "echo begun; exec sleep 100"}]
        await owner.send("prompt", parts=begun)
        await owner.receive("text-delta")
        async with logged_in(server, share=link["token"]) as http:
            prompt = {
                "type": "prompt",
                "data": {"parts": [{"type": "text", "text": f"touch {ran}"}]},
            }
            posted = await http.post(server.url("/api/sessions/main/messages"), json=prompt)
            waiting = (await posted.json())["data"]["messageID"]
        url = server.url(f"/api/sessions/main/shares/{link['share']['id']}")
        assert (await server.http.delete(url)).status == 204
        await owner.send("cancel")
        while (await owner.receive("cancelled"))["data"]["messageID"] != waiting:
            pass
        await owner.send("prompt", parts=[{"type": "text", "text": "echo next"}])
        assert "next" in (await owner.receive("text-delta"))["data"]["delta"]
    assert not ran.exists()


async def test_pty_ends_as_a_socket_does() -> None:
    async with running() as server, server.plain() as owner:
        terminal = await owner.open("sh", "-c", ECHO)
        await owner.attach(terminal)
        link = await share(server, role="writer")
        path = f"/pty?sessionID={terminal}"
        async with (
            logged_in(server, share=link["token"]) as http,
            connected(server, http, path) as guest,
        ):
            assert "READY" in (await guest.receive("output"))["data"]["output"]
            url = server.url(f"/api/sessions/main/shares/{link['share']['id']}")
            assert (await server.http.delete(url)).status == 204
            await guest.send("input", data="LATE")
            assert await end_of(guest.ws) == 4002
        await owner.send("input", data="END")
        text = ""
        while "END" not in text:
            text += (await owner.receive("output"))["data"]["output"]
        assert "LATE" not in text
