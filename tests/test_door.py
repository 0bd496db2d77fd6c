"""Which hosts and origins are let in; the parser refuses everything that is not one."""

import asyncio
import io
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptybridge.server.door import Door, HostPort, is_loopback, parse_host, parse_origin
from tests.server import Server, running, stranger

LOCAL = Door(hostname="127.0.0.1", port=4096, allowed_origins=[])
PROXIED = Door(hostname="127.0.0.1", port=4096, allowed_origins=["https://term.example.org"])
EVERYWHERE = Door(hostname="0.0.0.0", port=4096, allowed_origins=[])


@pytest.mark.parametrize(
    ("door", "host", "admitted"),
    [
        pytest.param(LOCAL, "127.0.0.1:4096", True, id="own"),
        pytest.param(LOCAL, "localhost:4096", True, id="loopbacks-name"),
        pytest.param(LOCAL, "[::1]:4096", True, id="loopbacks-other-address"),
        pytest.param(LOCAL, "LOCALHOST:4096", True, id="case-is-nothing"),
        pytest.param(LOCAL, "127.0.0.1", False, id="another-port-by-default"),
        pytest.param(LOCAL, "127.0.0.1:4097", False, id="another-port"),
        pytest.param(LOCAL, "evil.example:4096", False, id="rebound-name"),
        pytest.param(LOCAL, "127.0.0.1.evil.example:4096", False, id="look-alike"),
        pytest.param(LOCAL, "localhost.evil.example:4096", False, id="look-alike-name"),
        pytest.param(LOCAL, "192.168.0.7:4096", False, id="another-address"),
        pytest.param(LOCAL, "a@127.0.0.1:4096", False, id="user-info"),
        pytest.param(LOCAL, "127.0.0.1:4096, evil", False, id="two-in-one"),
        pytest.param(LOCAL, "", False, id="empty"),
        pytest.param(LOCAL, "term.example.org", False, id="nobodys"),
        pytest.param(PROXIED, "term.example.org:443", True, id="proxied-with-port"),
        pytest.param(PROXIED, "term.example.org:444", False, id="proxied-other-port"),
        pytest.param(PROXIED, "127.0.0.1:4096", True, id="proxied-own"),
        pytest.param(EVERYWHERE, "192.168.0.7:4096", True, id="any-address-in-figures"),
        pytest.param(EVERYWHERE, "evil.example:4096", False, id="no-name-for-everywhere"),
    ],
)
def test_the_hosts_that_are_answered(door: Door, host: str, admitted: bool) -> None:
    assert door.admits_host([host]) is admitted


def test_letters_that_become_ascii_in_lower_case_are_none() -> None:
    door = Door(hostname="127.0.0.1", port=4096, allowed_origins=["https://desk.example"])
    assert door.admits_host(["DESK.example"])
    assert not door.admits_host(["des\u212a.example"])  # the sign of the kelvin
    assert not door.admits_origin(["https://des\u212a.example"], ["127.0.0.1:4096"])


def test_a_request_has_exactly_one_host() -> None:
    assert not LOCAL.admits_host([])
    assert not LOCAL.admits_host(["127.0.0.1:4096", "127.0.0.1:4096"])


@pytest.mark.parametrize(
    ("door", "origins", "admitted"),
    [
        pytest.param(LOCAL, [], True, id="no-page-behind-it"),
        pytest.param(LOCAL, ["http://127.0.0.1:4096"], True, id="own"),
        pytest.param(LOCAL, ["http://localhost:4096"], False, id="another-name-of-ours"),
        pytest.param(LOCAL, ["null"], False, id="null"),
        pytest.param(LOCAL, [""], False, id="empty"),
        pytest.param(LOCAL, ["http://127.0.0.1:4097"], False, id="other-port"),
        pytest.param(LOCAL, ["http://127.0.0.1"], False, id="port-left-out"),
        pytest.param(LOCAL, ["https://127.0.0.1:4096"], False, id="other-scheme"),
        pytest.param(LOCAL, ["http://127.0.0.1:4096.evil.example"], False, id="look-alike"),
        pytest.param(LOCAL, ["http://127.0.0.1:4096@evil.example"], False, id="user-info"),
        pytest.param(LOCAL, ["http://127.0.0.1:4096/"], False, id="not-an-origin"),
        pytest.param(LOCAL, ["file://"], False, id="file"),
        pytest.param(
            LOCAL, ["http://127.0.0.1:4096", "http://evil.example"], False, id="two-of-them"
        ),
        pytest.param(PROXIED, ["https://term.example.org"], True, id="allowed"),
        pytest.param(PROXIED, ["http://term.example.org"], False, id="allowed-by-tls-only"),
        pytest.param(PROXIED, ["https://xterm.example.org"], False, id="allowed-look-alike"),
    ],
)
def test_the_origins_whose_pages_may_act(door: Door, origins: list[str], admitted: bool) -> None:
    assert door.admits_origin(origins, ["127.0.0.1:4096"]) is admitted


def test_an_allowed_origin_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="not an origin"):
        Door(hostname="127.0.0.1", port=1, allowed_origins=["example.org"])


@given(st.text(max_size=40))
def test_any_text_is_a_host_or_refused(text: str) -> None:
    host = parse_host(text, scheme="http")
    if host is not None:
        assert 0 < host.port <= 65535
        name = f"[{host.name}]" if ":" in host.name else host.name
        assert parse_host(f"{name}:{host.port}", scheme="http") == host


@given(st.text(max_size=40))
def test_any_text_is_an_origin_or_refused(text: str) -> None:
    for candidate in (text, f"http://{text}", f"https://{text}"):
        origin = parse_origin(candidate)
        if origin is not None:
            assert not set("/@?# ") & set(candidate.partition("://")[2])


@given(st.ip_addresses(v=4), st.integers(1, 65535))
def test_an_address_and_port_round_trips(address: Any, port: int) -> None:
    assert parse_host(f"{address}:{port}", scheme="http") == HostPort(str(address), port)
    assert is_loopback(str(address)) is address.is_loopback


NEAR = st.sampled_from(
    [
        "127.0.0.1:4096", "localhost:4096", "[::1]:4096", "http://", "https://", "127.0.0.1",
        ":", "@", ".", "/", "\\", "?", "#", "%", "%00", "\0", "\t", "\n", " ", ",", "[", "]",
        "evil", ".example", "term.example.org", "null", "x", "0", "4096",
        "\u2488", "\uff0e", "\u0130", "\u212a", "\u00b2",
    ]
)  # fmt: skip
"""Pieces of hosts and origins, and what parsers disagree about."""


def nearly() -> st.SearchStrategy[str]:
    return st.lists(NEAR, max_size=6).map("".join)


@given(nearly())
def test_a_host_that_is_let_in_is_one_of_ours_to_every_reader(text: str) -> None:
    """What a browser, a proxy or Python's own parser would read in it is what was checked."""
    if LOCAL.admits_host([text]):
        read = urlsplit(f"http://{text}/")
        assert read.hostname is not None
        assert is_loopback(read.hostname.removesuffix("."))
        assert read.port == 4096
        assert read.username is None
        assert text.isascii()
        assert not set(text) & set(" \t\r\n\0/\\?#@,%")


@given(nearly())
def test_an_origin_that_is_let_in_is_ours_or_allowed_letter_by_letter(text: str) -> None:
    for door, ours in (
        (LOCAL, {"http://127.0.0.1:4096"}),
        (PROXIED, {"http://127.0.0.1:4096", "https://term.example.org"}),
    ):
        if door.admits_origin([text], ["127.0.0.1:4096"]):
            # The only other spellings are those of the same origin (RFC 6454 section 4).
            scheme, _, host = text.lower().partition("://")
            name, colon, port = host.partition(":")
            if (scheme, port.lstrip("0")) == ("https", "443"):
                colon = port = ""
            port = port.lstrip("0")
            assert f"{scheme}://{name.removesuffix('.')}{colon}{port}" in ours


@given(nearly(), nearly())
def test_two_origins_are_never_let_in(first: str, second: str) -> None:
    assert not LOCAL.admits_origin([first, second], ["127.0.0.1:4096"])
    assert not LOCAL.admits_host([first, second])


DOORS: list[Any] = [
    pytest.param({"Host": "evil.example"}, 421, id="foreign-host"),
    pytest.param({"Origin": "http://evil.example"}, 403, id="foreign-origin"),
    pytest.param({"Origin": "null"}, 403, id="null-origin"),
    pytest.param({"Authorization": "Bearer wrong-wrong-wrong"}, 401, id="wrong-token"),
]


@pytest.mark.parametrize("path", ["/ws?sessionID=main", "/pty?sessionID=t1"])
@pytest.mark.parametrize(("headers", "status"), DOORS)
async def test_who_is_refused_is_refused_before_the_upgrade_and_makes_nothing(
    path: str, headers: dict[str, str], status: int
) -> None:
    async with running() as server:
        handshake = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        }
        response = await server.http.get(server.url(path), headers={**handshake, **headers})
        assert response.status == status
        assert "error" in await response.json()
        assert not server.registry.terminals
        assert not server.registry.sessions
        assert len(server.pool) == 0


async def raw(server: Server, request: str) -> bytes:
    """The status line that a request spelt out by hand gets."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request.replace("\n", "\r\n").encode())
    status = await reader.readline()
    writer.close()
    return status.split()[1]


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        pytest.param("GET /healthz HTTP/1.0\n\n", b"421", id="no-host"),
        pytest.param(
            "GET http://127.0.0.1:{port}/healthz HTTP/1.1\nHost: 127.0.0.1:{port}\n\n",
            b"421",
            id="absolute-form",
        ),
        pytest.param(
            "GET http://evil.example/healthz HTTP/1.1\nHost: 127.0.0.1:{port}\n\n",
            b"421",
            id="absolute-form-elsewhere",
        ),
        pytest.param(
            "GET /healthz HTTP/1.1\nHost: 127.0.0.1:{port}\nHost: evil\n\n", b"400", id="two-hosts"
        ),
        pytest.param(
            "GET /ws HTTP/1.1\nHost: 127.0.0.1:{port}\nOrigin: http://127.0.0.1:{port}\n"
            "Origin: http://evil.example\nUpgrade: websocket\nConnection: Upgrade\n"
            "Sec-WebSocket-Version: 13\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\n"
            "Authorization: Bearer a-token-for-tests-only\n\n",
            b"403",
            id="two-origins",
        ),
        pytest.param("GET /healthz HTTP/1.1\nHost: 127.0.0.1:{port}\n\n", b"200", id="proper"),
    ],
)
async def test_requests_spelt_out_by_hand(request_text: str, status: bytes) -> None:
    async with running() as server:
        answered = await raw(server, request_text.replace("{port}", str(server.port)))
        assert answered == status or (status == b"400" and answered == b"421")


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        pytest.param("/api/whoami", {"Sec-Fetch-Site": "same-origin"}, 200, id="own-page"),
        pytest.param("/api/whoami", {"Sec-Fetch-Site": "none"}, 200, id="address-bar"),
        pytest.param("/api/whoami", {"Sec-Fetch-Site": "cross-site"}, 403, id="image-elsewhere"),
        pytest.param("/api/whoami", {"Sec-Fetch-Site": "same-site"}, 403, id="another-port"),
        pytest.param("/api/whoami", {"Origin": "http://evil.example"}, 403, id="read-elsewhere"),
        pytest.param("/static/1/js/main.js", {"Sec-Fetch-Site": "cross-site"}, 403, id="script"),
        pytest.param("/sw.js", {"Sec-Fetch-Site": "cross-site"}, 403, id="worker"),
        pytest.param("/", {"Sec-Fetch-Site": "cross-site"}, 200, id="a-link-to-the-page"),
        pytest.param("/", {"Origin": "null"}, 200, id="a-redirection-to-the-page"),
        pytest.param("/s/main", {"Sec-Fetch-Site": "cross-site"}, 200, id="a-link-to-a-session"),
        pytest.param("/s/main/t/a", {"Sec-Fetch-Site": "cross-site"}, 200, id="to-a-terminal"),
        pytest.param("/api/sessions/", {"Sec-Fetch-Site": "cross-site"}, 403, id="no-page"),
    ],
)
async def test_pages_of_other_sites_do_not_even_read(
    path: str, headers: dict[str, str], status: int
) -> None:
    async with running() as server:
        assert (await server.http.get(server.url(path), headers=headers)).status == status


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "PATCH"])
async def test_no_page_of_another_site_changes_anything(method: str) -> None:
    paths = ("/", "/api/login", "/api/logout", "/api/tickets", "/api/sessions/main/shares")
    async with running() as server:
        for path in paths:
            for headers in (
                {"Origin": "http://evil.example"},
                {"Origin": "null"},
                {"Sec-Fetch-Site": "cross-site"},
            ):
                response = await server.http.request(
                    method, server.url(path), headers=headers, json={}
                )
                assert response.status == 403, path
        assert not server.registry.sessions


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
async def test_what_a_form_can_send_is_no_json(content_type: str) -> None:
    async with running() as server:
        headers = {"Content-Type": content_type}
        for path in ("/api/login", "/api/logout", "/api/tickets", "/api/sessions/main/shares"):
            response = await server.http.post(server.url(path), data=b"{}", headers=headers)
            assert response.status == 415, path


async def test_only_a_piece_of_a_file_is_no_json() -> None:
    async with running() as server, server.plain() as owner:
        terminal = await owner.open()
        headers = {"Content-Type": "application/octet-stream"}
        for path in ("/api/sessions/main", f"/api/terminals/{terminal}"):
            url = server.url(path)
            refused = await server.http.patch(url, data=b'{"title": "x"}', headers=headers)
            assert refused.status == 415
            assert (await server.http.patch(url, json={"title": "x"})).status == 200
        url = server.url("/api/uploads/none")
        assert (await server.http.patch(url, json={})).status == 415
        assert (await server.http.patch(url, data=b"", headers=headers)).status == 404


DEEP = [b"[" * 9000, b'{"a":' * 9000, b'{"title":' * 9000, b'{"token":' * 9000]


async def test_no_body_is_too_odd_for_a_clear_answer() -> None:
    """Every route that takes JSON, before and after a login; none is our own fault (500)."""
    odd = [*DEEP, b"", b"null", b"[]", b"\xff", b"9" * 6000, b'{"id":"\\ud800"}', b'{"name":7}']
    headers = {"Content-Type": "application/json"}
    async with running() as server, server.plain() as owner, stranger() as nobody:
        terminal = await owner.open("cat")
        for method, canonical in server.routes:
            if method not in {"POST", "PATCH"} or "/uploads/" in canonical:
                continue
            path = canonical.replace("/terminals/{id}", f"/terminals/{terminal}")
            url = server.url(path.replace("{id}", "main"))
            for http in (server.http, nobody):
                for body in odd:
                    answer = await http.request(method, url, data=body, headers=headers)
                    assert answer.status < 500, (method, canonical, body[:20])
        for body in DEEP:
            refused = await server.http.post(
                server.url("/api/sessions/main/terminals"), data=body, headers=headers
            )
            assert refused.status == 400


PAGES = {"/", "/s/{session}", "/s/{session}/t/{terminal}"}
"""Routes that any site may lead to."""

PUBLIC = {
    *(("GET", page) for page in PAGES),
    ("GET", "/sw.js"), ("GET", "/manifest.webmanifest"), ("GET", "/offline.html"),
    ("GET", "/healthz"), ("GET", "/api/auth"), ("POST", "/api/login"), ("POST", "/api/logout"),
    ("POST", "/api/bearer"),
}  # fmt: skip
"""Routes that answer somebody who has not logged in, apart from the page's files."""


async def test_every_route_asks_for_whom_from_where_and_who() -> None:
    async with running() as server, stranger() as nobody:
        assert len(server.routes) > 15
        for method, canonical in server.routes:
            path = server.url(canonical.replace("{", "").replace("}", ""))
            name = f"{method} {canonical}"
            body: dict[str, Any] = {"json": {}} if method in {"POST", "PUT", "PATCH"} else {}
            if method == "PATCH" and canonical.startswith("/api/uploads/"):  # a piece of a file
                body = {"data": io.BytesIO(b"piece")}
            for http in (server.http, nobody):
                foreign = {"Host": "evil.example"}
                answer = await http.request(method, path, headers=foreign, **body)
                assert answer.status == 421, name
                if canonical not in PAGES:
                    foreign = {"Origin": "http://evil.example"}
                    answer = await http.request(method, path, headers=foreign, **body)
                    assert answer.status == 403, name
            is_public = (
                method.replace("HEAD", "GET"),
                canonical,
            ) in PUBLIC or canonical.startswith("/static/")
            if not is_public:
                assert (await nobody.request(method, path, **body)).status == 401, name
        assert not server.registry.sessions
        assert len(server.pool) == 0
