"""Logging in, cookies, tickets, the page and the headers that confine it."""

import gzip
import re

import aiohttp
import pytest
from yarl import URL

from ptybridge.server.cookies import COOKIE
from ptybridge.server.middlewares import SECURITY_HEADERS
from tests.server import TOKEN, WEB_ROOT, Server, running, settings_of, stranger


async def test_a_token_is_traded_for_a_cookie_that_opens_the_socket() -> None:
    async with running() as server, stranger() as http:
        assert (await http.get(server.url("/api/whoami"))).status == 401
        login = await http.post(server.url("/api/login"), json={"token": TOKEN})
        assert login.status == 204
        cookie = login.headers["Set-Cookie"]
        assert cookie.startswith(f"{COOKIE}=")
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert TOKEN not in cookie
        who = await http.get(server.url("/api/whoami"))
        assert await who.json() == {
            "id": "owner",
            "name": "owner",
            "session": "main",
            "transport": "websocket",
        }
        async with http.ws_connect(server.url("/ws")) as ws:
            await ws.send_str('{"type":"ping"}')
            assert (await ws.receive()).data == '{"type":"pong"}'
        assert (await http.post(server.url("/api/logout"), json={})).status == 204
        assert (await http.get(server.url("/api/whoami"))).status == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param({"token": "wrong"}, 401, id="wrong"),
        pytest.param({"token": TOKEN + "x"}, 401, id="longer"),
        pytest.param({"token": "\ud800"}, 400, id="not-text"),
        pytest.param({"token": 7}, 400, id="no-text"),
        pytest.param({}, 400, id="missing"),
        pytest.param([], 400, id="no-object"),
    ],
)
async def test_a_bad_login_is_refused(body: object, status: int) -> None:
    async with running() as server, stranger() as http:
        response = await http.post(server.url("/api/login"), json=body)
        assert response.status == status
        assert "Set-Cookie" not in response.headers
        assert "error" in await response.json()


async def test_a_request_that_changes_something_is_json_and_not_from_elsewhere() -> None:
    async with running() as server, stranger() as http:
        url = server.url("/api/login")
        assert (await http.post(url, data=b'{"token":"x"}')).status == 415
        response = await http.post(url, json={}, headers={"Origin": "http://evil.example"})
        assert response.status == 403


async def test_a_ticket_opens_one_connection() -> None:
    async with running() as server, stranger() as http:
        issued = await server.http.post(server.url("/api/tickets"), json={})
        ticket = (await issued.json())["ticket"]
        async with http.ws_connect(server.url(f"/ws?ticket={ticket}")) as ws:
            await ws.send_str('{"type":"ping"}')
            assert (await ws.receive()).data == '{"type":"pong"}'
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await http.ws_connect(server.url(f"/ws?ticket={ticket}"))
        assert refusal.value.status == 401


async def test_a_forged_cookie_opens_nothing() -> None:
    async with running() as server:
        for value in ("", "x", "owner.a.1.b", "owner.a.99999999999." + "0" * 64):
            async with stranger(cookies={COOKIE: value}) as http:
                assert (await http.get(server.url("/api/whoami"))).status == 401


async def test_health_needs_no_login_and_tells_little() -> None:
    async with running() as server, stranger() as http:
        health = await (await http.get(server.url("/healthz"))).json()
        assert set(health) == {"status", "version"}


async def test_every_response_is_hardened() -> None:
    async with running() as server, stranger() as http:
        for path in ("/", "/healthz", "/no-such-page", "/api/whoami", "/ws"):
            response = await http.get(server.url(path))
            for name, value in SECURITY_HEADERS.items():
                assert response.headers[name] == value, path
        policy = SECURITY_HEADERS["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert " 'unsafe-eval'" not in policy
        assert "script-src 'self' 'wasm-unsafe-eval';" in policy  # which is no way to run a script


async def test_a_screen_as_a_page_runs_nothing_and_is_no_page_of_ours() -> None:
    """What a program prints that would be markup, an attribute or a script, if it were taken so."""
    evil = (
        r"\033]8;;http://x\"onmouseover=\"alert(1)\033\\a\033]8;;\033\\"
        r"\033]8;;javascript:alert(1)\033\\b\033]8;;\033\\ <script>alert(1)</script> READY"
    )
    async with running() as server, server.plain() as owner:
        terminal = await owner.open("sh", "-c", f"printf '{evil}'; exec cat")
        await owner.attach(terminal)
        text = ""
        while "READY" not in text:
            text += (await owner.receive("output"))["data"]["output"]
        url = server.url(f"/api/terminals/{terminal}/screen?format=html")
        response = await server.http.get(url)
        page = await response.text()
    assert "READY" in page
    assert "<script" not in page
    assert "javascript:" not in page
    assert '"onmouseover' not in page
    policy = response.headers["Content-Security-Policy"]
    assert "; sandbox" in policy
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


async def version_of(server: Server) -> str:
    """The version of the page that a server serves."""
    return (await server.http.get(server.url("/"))).headers["Ptybridge-Page"]


@pytest.mark.parametrize(
    "path",
    [
        "/static/package.json",
        "/static/js/main.js",
        "/static/0000000000000000/js/main.js",
        "/static/{version}/package.json",
        "/static/{version}/index.html",
        "/static/{version}/js/../package.json",
        "/static/{version}/js/%2e%2e/package.json",
        "/static/{version}/js/..%2fpackage.json",
        "/static/{version}//etc/passwd",
        "/static/{version}/%2fetc/passwd",
        "/static/{version}/vendor/vendor.json",
        "/static/{version}/node_modules/typescript/package.json",
        "/static/{version}/test/",
        "/static/{version}/js/",
        "/package.json",
        "/index.html",
        "/s/",
        "/s/main/t/",
        "/s/main/t/a/b",
        "/s/main/other",
    ],
)
async def test_only_the_pages_own_files_are_served(path: str) -> None:
    async with running() as server, stranger() as http:
        path = path.replace("{version}", await version_of(server))
        response = await http.get(URL(server.url(path), encoded=True))
        assert response.status == 404
        assert response.headers["Cache-Control"] == "no-store"


async def test_a_file_is_kept_for_ever_and_sent_compressed_to_who_takes_that() -> None:
    async with running() as server, stranger(auto_decompress=False) as http:
        url = server.url(f"/static/{await version_of(server)}/js/main.js")
        plain = await http.get(url, headers={"Accept-Encoding": "identity"})
        assert plain.status == 200
        assert plain.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert plain.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert plain.headers["Vary"] == "Accept-Encoding"
        body = (WEB_ROOT / "js" / "main.js").read_bytes()
        assert await plain.read() == body
        packed = await http.get(url, headers={"Accept-Encoding": "br, gzip"})
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(await packed.read()) == body
        head = await http.head(url, headers={"Accept-Encoding": "br, gzip"})
        assert head.status == 200
        assert head.headers["Content-Length"] == packed.headers["Content-Length"]
        assert await head.read() == b""


async def test_the_page_is_asked_for_each_time_and_sent_when_it_has_changed() -> None:
    async with running() as server, stranger() as http:
        for path in ("/", "/sw.js", "/manifest.webmanifest", "/offline.html"):
            response = await http.get(server.url(path))
            assert response.headers["Cache-Control"] == "no-cache"
            text = await response.text()
            assert '"static/' not in text.replace(f'"static/{await version_of(server)}/', "")
            headers = {"If-None-Match": response.headers["ETag"]}
            again = await http.get(server.url(path), headers=headers)
            assert again.status == 304
            assert again.headers["Content-Security-Policy"]
            headers = {"If-None-Match": 'W/"0000000000000000"'}
            assert (await http.get(server.url(path), headers=headers)).status == 200


@pytest.mark.parametrize(
    ("path", "base"), [("/", None), ("/s/main", "../"), ("/s/main/t/a", "../../../")]
)
@pytest.mark.parametrize("prefix", ["", "/deep/er"])
async def test_the_page_has_an_address_for_each_session(
    path: str, base: str | None, prefix: str
) -> None:
    settings = settings_of(server={"basePath": f"{prefix}/"})
    async with running(settings) as server, stranger() as http:
        address = URL(server.url(prefix + path))
        html = await (await http.get(address)).text()
        assert re.findall('<base href="([^"]+)">', html) == ([] if base is None else [base])
        assert "data-embed" not in html
        for name in re.findall(r'(?:src|href)="((?:static/|manifest)[^"]+)"', html):
            url = address.join(URL(base or "./")).join(URL(name))
            assert (await http.get(url)).status == 200, url


EMBEDDERS = ["https://app.example.org", "http://127.0.0.1:9999"]


async def test_only_allowed_origins_may_show_an_embedded_session_in_a_frame() -> None:
    async with (
        running(settings_of(auth={"allowedOrigins": EMBEDDERS})) as server,
        stranger() as http,
    ):
        for path in ("/s/main?embed=1", "/s/main/t/a?embed=1"):
            response = await http.get(server.url(path))
            policy = response.headers["Content-Security-Policy"]
            assert policy.endswith(f"frame-ancestors {' '.join(EMBEDDERS)}")
            assert "default-src 'none'" in policy
            assert "X-Frame-Options" not in response.headers
            assert f'data-embed="{" ".join(EMBEDDERS)}"' in await response.text()
        version = await version_of(server)
        for path in (
            "/", "/?embed=1", "/s/main", "/s/main?embed=0", "/sw.js", "/offline.html", "/nowhere",
            f"/static/{version}/js/main.js", "/api/whoami?embed=1", "/healthz",
        ):  # fmt: skip
            response = await http.get(server.url(path))
            assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"], path
            assert response.headers["X-Frame-Options"] == "DENY", path


async def test_nobody_may_where_no_origin_is_allowed() -> None:
    async with running() as server, stranger() as http:
        response = await http.get(server.url("/s/main?embed=1"))
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        assert 'data-embed=""' in await response.text()


async def test_a_handshake_of_another_version_is_told_the_right_one() -> None:
    async with running() as server:
        headers = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "8",
            "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        }
        response = await server.http.get(server.url("/ws"), headers=headers)
        assert response.status == 426
        assert response.headers["Sec-WebSocket-Version"] == "13"
        response = await server.http.get(server.url("/ws"))
        assert response.status == 400
        headers["Sec-WebSocket-Version"] = "13"
        headers["Sec-WebSocket-Key"] = "short"
        response = await server.http.get(server.url("/ws"), headers=headers)
        assert response.status == 400
