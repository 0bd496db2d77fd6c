"""Files beside a terminal over HTTP: who may, what is answered, and that nothing half is seen."""

import asyncio
import io
import json
import os
import random
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ptybridge.adapters.audit import AuditFile
from ptybridge.core.files import CHUNK_BYTES
from ptybridge.server import downloads, uploads
from ptybridge.server.downloads import http_date
from ptybridge.server.file_routes import MAX_DATE, date_of
from tests.people import connected, logged_in, share
from tests.server import TOKEN, Server, running, settings_of

BYTES = {"Content-Type": "application/octet-stream"}


@asynccontextmanager
async def terminal_in(folder: Path, *, name: str = "here", **options: Any) -> AsyncIterator[Server]:
    """A server with a terminal of that name, whose shell is in ``folder``."""
    async with running(**options) as server:
        body = {"id": name, "cwd": str(folder)}
        response = await server.http.post(server.url("/api/sessions/main/terminals"), json=body)
        assert response.status == 201, await response.text()
        yield server


def files(server: Server, path: str | None = None) -> str:
    query = "" if path is None else f"?path={path}"
    return server.url(f"/api/terminals/here/files{query}")


async def begun(
    server: Server, name: str, size: int, *, http: aiohttp.ClientSession | None = None, **body: Any
) -> str:
    """Begin an upload; its URL."""
    response = await (http or server.http).post(
        files(server), json={"name": name, "size": size, **body}
    )
    text = await response.text()
    assert response.status == 201, text
    return server.url(response.headers["Location"])


async def piece(server: Server, url: str, data: bytes, offset: int = 0) -> aiohttp.ClientResponse:
    headers = {**BYTES, "Upload-Offset": str(offset)}
    return await server.http.patch(url, data=io.BytesIO(data), headers=headers)


def hole(path: Path, size: int) -> None:
    """Make a file of that size which takes no space."""
    with open(path, "wb") as file:
        file.truncate(size)


async def exhaust(response: aiohttp.ClientResponse) -> None:
    """Take all that comes, and let it go."""
    try:
        while await response.content.readany():
            pass
    finally:
        response.close()


async def error_of(response: aiohttp.ClientResponse) -> tuple[int, str]:
    error = (await response.json())["error"]
    return response.status, error["code"]


async def test_a_file_goes_where_the_shell_is_and_comes_back(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    data = os.urandom(CHUNK_BYTES + 1)
    async with terminal_in(tmp_path) as server:
        url = await begun(server, "file", len(data))
        half = len(data) // 2
        first = await (await piece(server, url, data[:half])).json()
        assert first["upload"]["offset"] == half
        assert not first["upload"]["complete"]
        assert os.listdir(tmp_path) == ["sub"]
        last = await piece(server, url, data[half:], half)
        state = (await last.json())["upload"]
        assert state == {**state, "complete": True, "path": str(tmp_path / "file")}
        assert (tmp_path / "file").read_bytes() == data
        for answer in (await server.http.get(url), await piece(server, url, b"", len(data))):
            assert (await answer.json())["upload"] == state  # who missed the answer is told again
        assert (await server.http.delete(url)).status == 204
        assert (await server.http.get(url)).status == 404
        response = await server.http.get(files(server, "file"))
        assert await response.read() == data
        listed = await (await server.http.get(files(server))).json()
        assert listed["path"] == str(tmp_path)
        assert [entry["name"] for entry in listed["entries"]] == ["sub", "file"]
        url = await begun(server, "other", 0, directory="sub")
        assert (await piece(server, url, b"")).status == 200
        assert (tmp_path / "sub" / "other").read_bytes() == b""


async def test_the_directory_is_the_one_of_a_shell_in_the_shell(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    async with terminal_in(tmp_path) as server, server.binary() as client:
        await client.attach("here")
        await client.type(b"printf '\\033]7;file://localhost/etc\\007'; exec 3>&1\n")
        await client.type(b"sh -c 'cd sub; echo RE\"\"ADY; exec sleep 60'\n")
        await client.output_until(b"READY\r\n")
        listed = await (await server.http.get(files(server))).json()
        assert listed["path"] == str(tmp_path / "sub")  # not what the output says


async def test_an_upload_goes_on_after_every_cut_byte_for_byte(tmp_path: Path) -> None:
    data = os.urandom(8 * CHUNK_BYTES)
    dice = random.Random(5)
    async with terminal_in(tmp_path) as server:
        url = await begun(server, "file", len(data))
        offset = 0
        for _ in range(12):
            await cut_after(server, url, data[offset:], offset, dice.randrange(150_000))
            state = (await (await server.http.get(url)).json())["upload"]
            assert offset <= state["offset"] < len(data)
            offset = state["offset"]
        assert os.listdir(tmp_path) == []
        assert offset
        assert (await piece(server, url, data[offset:], offset)).status == 200
    assert (tmp_path / "file").read_bytes() == data


async def cut_after(server: Server, url: str, rest: bytes, offset: int, count: int) -> None:
    """Send a piece's head and some of its bytes, then cut the connection."""
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(head(server, url, offset, len(rest)) + rest[:count])
    await writer.drain()
    writer.transport.abort()


def head(server: Server, url: str, offset: int, length: int) -> bytes:
    path = url.removeprefix(server.url(""))
    return (
        f"PATCH {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        f"Authorization: Bearer {TOKEN}\r\nContent-Type: application/octet-stream\r\n"
        f"Upload-Offset: {offset}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


async def test_who_comes_back_ends_a_piece_that_hangs(tmp_path: Path) -> None:
    async with terminal_in(tmp_path) as server:
        url = await begun(server, "file", 10)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(head(server, url, 0, 10) + b"01234")
        async with asyncio.timeout(10):
            while (await (await server.http.get(url)).json())["upload"]["offset"] < 5:
                pass
            assert await reader.read() == b""  # it was cut off
        assert (await piece(server, url, b"56789", 5)).status == 200
        writer.close()
    assert (tmp_path / "file").read_bytes() == b"0123456789"


async def test_a_client_that_sends_nothing_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "STALL_SECONDS", 0.05)
    async with terminal_in(tmp_path) as server:
        url = await begun(server, "file", 10)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(head(server, url, 0, 10) + b"01234")
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        writer.close()
        assert (await piece(server, url, b"56789", 5)).status == 200


async def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    settings = settings_of(files={"maxBytes": 100})
    (tmp_path / "there").write_text("before")
    async with terminal_in(tmp_path, settings=settings) as server:
        for body, expected in (
            ({"name": "there", "size": 1}, (409, "conflict")),
            ({"name": "big", "size": 101}, (413, "limit-reached")),
            ({"name": "../up", "size": 1}, (400, "bad-message")),
            ({"name": "a\0b", "size": 1}, (400, "bad-message")),
            ({"name": "", "size": 1}, (400, "bad-message")),
            ({"name": "a", "size": -1}, (400, "bad-message")),
            ({"name": "a", "size": 1, "directory": "no/where"}, (404, "not-found")),
            ({"name": "a", "size": 1, "directory": "there"}, (404, "not-found")),
            ({"name": "a", "size": 1, "mode": 1}, (400, "bad-message")),
            ([], (400, "bad-message")),
        ):
            response = await server.http.post(files(server), json=body)
            assert await error_of(response) == expected, body
        url = await begun(server, "file", 10)
        for headers in (
            {},
            {"Upload-Offset": "x"},
            {"Upload-Offset": "5"},
            {"Upload-Offset": "-1"},
        ):
            response = await server.http.patch(url, data=b"", headers={**BYTES, **headers})
            assert await error_of(response) == (400, "bad-message")
        response = await piece(server, url, b"x" * 11)
        assert await error_of(response) == (400, "bad-message")
        assert (await server.http.delete(url)).status == 204
        assert await error_of(await server.http.get(url)) == (404, "not-found")
        assert await error_of(await server.http.get(files(server, "nothing"))) == (404, "not-found")
        assert await error_of(await server.http.get(files(server, "/dev/null"))) == (
            400,
            "bad-message",
        )
    assert os.listdir(tmp_path) == ["there"]


async def test_overwriting_is_asked_for_before_and_after(tmp_path: Path) -> None:
    place = tmp_path / "file"
    async with terminal_in(tmp_path) as server:
        url = await begun(server, "file", 3)
        place.write_text("between")
        assert await error_of(await piece(server, url, b"new")) == (409, "conflict")
        assert place.read_text() == "between"
        response = await server.http.patch(
            f"{url}?overwrite=true", data=b"", headers={**BYTES, "Upload-Offset": "3"}
        )
        assert response.status == 200
        assert place.read_text() == "new"
        url = await begun(server, "file", 5, overwrite=True)
        assert (await piece(server, url, b"newer")).status == 200
    assert place.read_text() == "newer"


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "../secret", "..", "sub/../../secret", "out", "up/secret", "%2e%2e/secret"],
)
async def test_nothing_outside_of_the_root_is_reached(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (tmp_path / "secret").write_text("canary")
    (root / "out").symlink_to("../secret")
    (root / "up").symlink_to("..")
    async with terminal_in(root, settings=settings_of(files={"root": str(root)})) as server:
        response = await server.http.get(files(server, path))
        assert response.status == 403
        assert "canary" not in await response.text()
        folder = path.rpartition("/")[0] or path
        response = await server.http.post(
            files(server), json={"name": "new", "size": 1, "directory": folder}
        )
        assert response.status in {403, 404}
    assert sorted(os.listdir(tmp_path)) == ["root", "secret"]


async def test_only_who_may_type_may_move_files(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("canary")
    async with terminal_in(tmp_path) as server:
        url = await begun(server, "new", 1)
        for role, session, status in (
            ("watcher", "main", 403),
            ("writer", "main", 200),
            ("owner", "main", 200),
            ("owner", "other", 404),
        ):
            token = (await share(server, session, role=role))["token"]
            async with logged_in(server, share=token) as guest:
                for path in (None, "file"):
                    response = await guest.get(files(server, path))
                    assert response.status == status, (role, session)
                    assert ("canary" in await response.text()) == (status == 200 and path == "file")
                response = await guest.post(files(server), json={"name": role, "size": 1})
                assert response.status == (201 if status == 200 else status)
                headers = {**BYTES, "Upload-Offset": "0"}  # another's upload does not exist
                assert (await guest.patch(url, data=b"x", headers=headers)).status == 404
                assert (await guest.get(url)).status == 404
                assert (await guest.delete(url)).status == 404
        assert (await piece(server, url, b"x")).status == 200


async def test_no_page_of_another_site_moves_files(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("canary")
    async with terminal_in(tmp_path) as server:
        url = await begun(server, "new", 1)
        for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert (await server.http.get(files(server, "file"), headers=headers)).status == 403
            body = {**BYTES, "Upload-Offset": "0", **headers}
            assert (await server.http.patch(url, data=b"x", headers=body)).status == 403
            response = await server.http.post(
                files(server), json={"name": "a", "size": 1}, headers=headers
            )
            assert response.status == 403
        for simple in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            body = {"Content-Type": simple, "Upload-Offset": "0"}
            assert (await server.http.patch(url, data=b"x", headers=body)).status == 415
        preflight = {
            "Origin": "http://evil.example",
            "Access-Control-Request-Method": "PATCH",
        }
        response = await server.http.options(url, headers=preflight)
        assert response.status == 403
        assert not [name for name in response.headers if name.startswith("Access-Control")]
        assert (await server.http.get(url)).status == 200


async def test_a_download_is_kept_and_never_shown(tmp_path: Path) -> None:
    name = 'p"a\u00fcge\n.html'
    (tmp_path / name).write_text("<script>alert(1)</script>")
    async with terminal_in(tmp_path) as server:
        response = await server.http.get(
            server.url("/api/terminals/here/files"), params={"path": name}
        )
        assert response.status == 200
        headers = response.headers
        assert headers["Content-Type"] == "application/octet-stream"
        assert headers["Content-Disposition"] == (
            "attachment; filename=\"p_a_ge_.html\"; filename*=UTF-8''p%22a%C3%BCge%0A.html"
        )
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("asked", "status", "expected", "told"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=5-99", 206, b"56789", "bytes 5-9/10"),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("bytes=-0", 416, b"", "bytes */10"),
        ("bytes=4-2", 200, b"0123456789", None),
        ("bytes=0-1,3-4", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
    ],
)
async def test_a_part_of_a_file(
    tmp_path: Path, asked: str, status: int, expected: bytes, told: str | None
) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")
    async with terminal_in(tmp_path) as server:
        url = files(server, "file")
        response = await server.http.get(url, headers={"Range": asked})
        assert (response.status, await response.read()) == (status, expected)
        assert response.headers.get("Content-Range") == told


async def test_a_part_is_a_matter_of_getting_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")
    async with terminal_in(tmp_path) as server:
        response = await server.http.head(files(server, "file"), headers={"Range": "bytes=2-4"})
        assert (response.status, response.headers["Content-Length"]) == (200, "10")


@pytest.mark.parametrize("changed", [-(2.0**62), -1.0, 0.0, 2.0**40, 2.0**62])
def test_a_file_of_any_age_has_a_date(changed: float) -> None:
    told = parsedate_to_datetime(http_date(changed)).timestamp()
    assert 0 <= told <= time.time()
    assert -MAX_DATE <= date_of(changed) <= MAX_DATE


async def test_a_file_that_has_changed_is_sent_from_its_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")
    async with terminal_in(tmp_path) as server:
        url = files(server, "file")
        tag = (await server.http.head(url)).headers["ETag"]
        headers = {"Range": "bytes=5-", "If-Range": tag}
        assert await (await server.http.get(url, headers=headers)).read() == b"56789"
        (tmp_path / "file").write_bytes(b"9876543210")
        assert await (await server.http.get(url, headers=headers)).read() == b"9876543210"


async def test_a_file_that_becomes_shorter_does_not_look_whole(tmp_path: Path) -> None:
    hole(tmp_path / "file", 64 << 20)
    async with terminal_in(tmp_path) as server:
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as http:
            response = await http.get(files(server, "file"))
            await response.content.readany()
            os.truncate(tmp_path / "file", 1 << 20)
            with pytest.raises(aiohttp.ClientError):
                await exhaust(response)
        assert (await server.http.get(files(server))).status == 200


async def test_who_is_removed_gets_no_further_byte(tmp_path: Path) -> None:
    hole(tmp_path / "file", 1 << 30)
    async with terminal_in(tmp_path) as server:
        link = await share(server, role="writer")
        async with (
            logged_in(server, share=link["token"]) as guest,
            aiohttp.ClientSession(cookie_jar=guest.cookie_jar) as http,
            asyncio.timeout(20),
        ):
            url = await begun(server, "new", 10, http=http)
            upload = asyncio.create_task(send_slowly(http, url))
            response = await http.get(files(server, "file"))
            await response.content.readany()
            path = f"/api/sessions/main/shares/{link['share']['id']}"
            assert (await server.http.delete(server.url(path))).status == 204
            with pytest.raises(aiohttp.ClientError):
                await exhaust(response)
            with pytest.raises(aiohttp.ClientError):
                await upload
    assert os.listdir(tmp_path) == ["file"]


async def send_slowly(http: aiohttp.ClientSession, url: str) -> None:
    await http.patch(url, data=slowly(), headers={**BYTES, "Upload-Offset": "0"})


async def slowly() -> AsyncIterator[bytes]:
    yield b"01234"
    await asyncio.Event().wait()


async def test_an_upload_that_nobody_goes_on_with_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with terminal_in(tmp_path) as server:
        url = await begun(server, "file", 10)
        monkeypatch.setattr(uploads, "KEEP_SECONDS", 0.0)
        async with asyncio.timeout(10):
            while (await server.http.get(url)).status != 404:
                await asyncio.sleep(0.05)


async def test_uploads_that_wait_give_way_to_new_ones(tmp_path: Path) -> None:
    async with terminal_in(tmp_path, settings=settings_of(files={"transfers": 4})) as server:
        urls = [await begun(server, f"{number}", 1) for number in range(4)]
        assert [(await server.http.get(url)).status for url in urls] == [404, 404, 200, 200]
    assert os.listdir(tmp_path) == []


async def test_who_takes_nothing_of_a_download_makes_room_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "STALL_SECONDS", 1.0)
    hole(tmp_path / "large", 1 << 30)
    async with terminal_in(tmp_path, settings=settings_of(files={"transfers": 2})) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as sock:
            sock.sendall(
                f"GET /api/terminals/here/files?path=large HTTP/1.1\r\n"
                f"Host: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
            )
            sock.setblocking(False)
            async with asyncio.timeout(20):
                head = await asyncio.get_running_loop().sock_recv(sock, 12)
                assert head == b"HTTP/1.1 200"
                assert (await server.http.head(files(server, "large"))).status == 429
                while (await server.http.head(files(server, "large"))).status == 429:
                    await asyncio.sleep(0.01)


async def test_the_guests_of_a_link_share_their_part_of_the_transfers(tmp_path: Path) -> None:
    settings = settings_of(files={"transfers": 4})
    async with terminal_in(tmp_path, settings=settings) as server:
        link = await share(server, role="writer")
        urls = []
        for number in range(3):
            async with logged_in(server, share=link["token"]) as guest:
                urls.append(await begun(server, f"{number}", 1, http=guest))
        mine = await begun(server, "mine", 1)
        assert (await server.http.get(mine)).status == 200
        async with asyncio.timeout(10):
            while sorted(os.listdir(tmp_path)):
                await asyncio.sleep(0.01)


async def test_files_can_be_kept_where_they_are(tmp_path: Path) -> None:
    settings = settings_of(files={"enabled": False})
    async with terminal_in(tmp_path, settings=settings) as server:
        assert await error_of(await server.http.get(files(server))) == (403, "denied")
        response = await server.http.post(files(server), json={"name": "a", "size": 1})
        assert await error_of(response) == (403, "denied")


async def test_it_is_written_down_who_moved_which_file(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    audit = AuditFile(tmp_path / "audit")
    async with terminal_in(folder, audit=audit) as server:
        url = await begun(server, "file", 7)
        await piece(server, url, b"content")
        await (await server.http.get(files(server, "file"))).read()
        await server.http.get(files(server))
    audit.close()
    text = (tmp_path / "audit").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    moved = [line for line in lines if line["event"].startswith("file.")]
    assert [line["event"] for line in moved] == ["file.upload", "file.download"]
    for line in moved:
        assert line["who"] == "owner"
        assert line["path"] == str(folder / "file")
        assert line["terminal"] == "here"
    assert "content" not in text


async def test_the_end_of_the_server_leaves_nothing(tmp_path: Path) -> None:
    async with terminal_in(tmp_path) as server:
        url = await begun(server, "file", 10)
        await piece(server, url, b"half")
    assert os.listdir(tmp_path) == []


async def test_a_client_that_takes_nothing_holds_up_nobody(tmp_path: Path) -> None:
    hole(tmp_path / "file", 1 << 30)
    async with terminal_in(tmp_path) as server, connected(server, server.http) as client:
        await client.attach("here")
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as http:
            response = await http.get(files(server, "file"))
            await client.send("input", channel=1, data="echo al''ive\r")
            text = ""
            while "\r\nalive" not in text:
                text += (await client.receive("output"))["data"]["output"]
            response.close()
