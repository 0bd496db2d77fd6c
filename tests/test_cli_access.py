"""Users, tokens, links and the doctor: commands as people run them, beside a server that runs."""

import json
import os
import signal
import socket
import sqlite3
import ssl
import stat
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ptybridge.adapters import cgroups
from ptybridge.cli.doctor import examine
from ptybridge.cli.findings import Severity
from ptybridge.config import build
from tests.test_cli import PATIENCE, Machine, Serving, machine

__all__ = ["machine"]  # a fixture

PASSWORD = "correct horse"


def typed(machine: Machine, password: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """A command that reads a password from standard input."""
    with machine.popen(*arguments, stdin=subprocess.PIPE) as process:
        output, errors = process.communicate(password + "\n", timeout=PATIENCE)
    return subprocess.CompletedProcess(arguments, process.returncode, output, errors)


def login(server: Serving, **body: str) -> int:
    """The status of a login."""
    base = server.printed.partition("#")[0].rstrip("/")
    asked = urllib.request.Request(
        f"{base}/api/login",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE) as response:
            status: int = response.status
    except urllib.error.HTTPError as error:
        return error.code
    return status


def test_users_are_added_changed_and_removed(machine: Machine) -> None:
    assert typed(machine, PASSWORD, "user", "add", "alice").returncode == 0
    assert typed(machine, PASSWORD, "user", "add", "bob", "--role", "writer").returncode == 0
    assert machine.run("user", "list").stdout == "alice\tmember\nbob\twriter\n"
    assert "a user alice already" in machine.refusal("user", "add", "alice")
    assert "cannot be a user's name" in machine.refusal("user", "add", "owner")
    assert "there is no user eve" in machine.refusal("user", "passwd", "eve")
    short = typed(machine, "short", "user", "passwd", "alice")
    assert short.returncode == 2
    assert "8 to 1024 characters" in short.stderr
    assert machine.run("user", "role", "bob", "watcher").returncode == 0
    assert machine.run("user", "remove", "alice").returncode == 0
    assert machine.run("user", "list").stdout == "bob\twatcher\n"
    users = (machine.state / "users.json").read_text()
    assert PASSWORD not in users
    assert "$argon2id$" in users


def test_a_server_follows_the_users_and_prints_no_token(machine: Machine) -> None:
    with machine.serving("--set", "auth.mode=password") as server:
        assert server.printed.endswith("/")
        assert login(server, user="alice", password=PASSWORD) == 401
        typed(machine, PASSWORD, "user", "add", "alice")
        assert login(server, user="alice", password=PASSWORD) == 204
        machine.run("user", "remove", "alice")
        assert login(server, user="alice", password=PASSWORD) == 401
        _, _, errors = server.end(signal.SIGTERM)
    assert "there is no user yet; run: ptybridge user add NAME" in errors


def test_a_server_follows_the_token(machine: Machine) -> None:
    with machine.serving() as server:
        old = server.printed.partition("#token=")[2]
        assert login(server, token=old) == 204
        done = machine.run("token", "rotate")
        assert done.stdout == f"{machine.state / 'token'}: holds a new token\n"
        new = (machine.state / "token").read_text().strip()
        assert login(server, token=old) == 401
        assert login(server, token=new) == 204


def test_links_are_made_listed_and_revoked_beside_a_server(machine: Machine) -> None:
    with machine.serving() as server:
        made = machine.run("share", "create", "main", "--role", "writer", "--expires", "2h",
                           "--uses", "3", "--name", "Ann")  # fmt: skip
        url, line = made.stdout.splitlines()
        assert url.startswith("http://127.0.0.1:4096/#share=")
        secret = url.partition("#share=")[2]
        share_id, role, until, used, name = line.split("\t")
        assert (role, used, name) == ("writer", "used 0/3", "Ann")
        assert until.startswith("until 20")
        deadline = time.monotonic() + PATIENCE
        assert login(server, share=secret) == 204
        assert "used 1/3" in machine.run("share", "list", "main").stdout
        assert secret not in machine.run("share", "list", "main").stdout
        assert machine.run("share", "revoke", "main", share_id).returncode == 0
        assert login(server, share=secret) == 401
        assert machine.run("share", "list", "main").stdout == ""
        assert "no such share link" in machine.refusal("share", "revoke", "main", share_id)
        assert time.monotonic() < deadline


@pytest.mark.parametrize(
    "arguments",
    [("--expires", "2 hours"), ("--expires", "0s"), ("--uses", "0"), ("--role", "god")],
)
def test_a_link_that_cannot_be_is_refused(machine: Machine, arguments: tuple[str, str]) -> None:
    assert machine.run("share", "create", "main", *arguments).returncode == 2
    assert "session's name" in machine.refusal("share", "create", "../x")


def test_a_server_on_a_unix_socket(machine: Machine, tmp_path: Path) -> None:
    path = tmp_path / "p.sock"
    setting = ("--set", f"server.unixSocket={path}")
    with machine.serving(*setting) as server:
        assert server.printed.startswith(f"unix:{path}:/#token=")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(path))
            sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert sock.recv(65536).startswith(b"HTTP/1.1 200")
        assert "is taken" in machine.refusal("serve", *setting)
        server.end(signal.SIGTERM)
    assert not path.exists()
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    with machine.serving(*setting) as server:
        assert server.end(signal.SIGTERM)[0] == 0


def answer_of(path: Path, request: str, *, token: str = "", body: str = "") -> bytes:
    """The beginning of what a server on a Unix socket answers."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(PATIENCE)
        sock.connect(str(path))
        head = f"{request} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        sock.sendall((head + kind + body).encode())
        return sock.recv(65536)


def is_listened_on(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as sock:
        return sock.connect_ex(str(path)) == 0


def test_who_asks_to_reload_a_server_that_is_starting_does_not_end_it(machine: Machine) -> None:
    machine.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    with closing(sqlite3.connect(machine.state / "access.db", isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")  # the start waits for that
        with machine.popen("serve", "--port", "0") as process:
            try:
                deadline = time.monotonic() + PATIENCE
                while not (machine.state / "token").exists():
                    assert time.monotonic() < deadline
                process.send_signal(signal.SIGHUP)
                database.execute("ROLLBACK")
                assert process.stdout is not None
                assert process.stdout.readline().startswith("http://")
            finally:
                process.kill()


def test_a_server_that_ends_leaves_the_next_one_its_socket(
    machine: Machine, tmp_path: Path
) -> None:
    path = tmp_path / "p.sock"
    setting = ("--set", f"server.unixSocket={path}")
    with machine.serving(*setting) as first:
        token = first.printed.partition("#token=")[2]
        stubborn = json.dumps({"command": ["sh", "-c", "trap '' HUP; while :; do sleep 1; done"]})
        began = answer_of(path, "POST /api/sessions/main/terminals", token=token, body=stubborn)
        assert began.startswith(b"HTTP/1.1 201")
        first.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        while is_listened_on(path):
            assert time.monotonic() < deadline
        with machine.serving(*setting):
            assert first.process.poll() is None  # its program has its grace
            assert first.process.wait(PATIENCE) == 0
            assert answer_of(path, "GET /healthz").startswith(b"HTTP/1.1 200")


EC = ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
RSA = ("rsa:2048",)


def make_certificate(
    folder: Path, *, kind: tuple[str, ...] = EC, protection: tuple[str, ...] = ("-nodes",)
) -> tuple[Path, Path]:
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", *kind,
         *protection, "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


def shown(server: Serving) -> bytes:
    """The certificate that a server shows."""
    address = server.printed.partition("://")[2].partition("/")[0]
    host, _, port = address.partition(":")
    return ssl.get_server_certificate((host, int(port)), timeout=PATIENCE).encode()


def test_a_server_with_tls_that_takes_a_new_certificate(machine: Machine, tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path)
    settings = ("--set", f"server.tls.cert={cert}", "--set", f"server.tls.key={key}")
    audit = tmp_path / "audit.jsonl"
    with machine.serving(
        "--host", "0.0.0.0", *settings, "--set", f"logging.audit={audit}"
    ) as server:
        assert server.printed.startswith("https://127.0.0.1:")
        assert shown(server).split() == cert.read_bytes().split()
        make_certificate(tmp_path)
        audit.rename(tmp_path / "audit.1")
        server.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + PATIENCE
        while shown(server).split() != cert.read_bytes().split():
            assert time.monotonic() < deadline
        assert audit.exists()
        assert server.end(signal.SIGTERM)[0] == 0


@pytest.mark.parametrize(("before", "after"), [(EC, RSA), (RSA, EC)])
def test_a_new_certificate_may_have_another_kind_of_key(
    machine: Machine, tmp_path: Path, before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    cert, key = make_certificate(tmp_path, kind=before)
    settings = ("--set", f"server.tls.cert={cert}", "--set", f"server.tls.key={key}")
    with machine.serving(*settings) as server:
        assert shown(server).split() == cert.read_bytes().split()
        make_certificate(tmp_path, kind=after)
        server.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + PATIENCE
        while shown(server).split() != cert.read_bytes().split():
            assert time.monotonic() < deadline
        assert server.end(signal.SIGTERM)[0] == 0


def test_a_key_with_a_passphrase_is_refused_and_nobody_is_asked_for_it(
    machine: Machine, tmp_path: Path
) -> None:
    cert, key = make_certificate(tmp_path, protection=("-passout", "pass:secret"))
    settings = ("--set", f"server.tls.cert={cert}", "--set", f"server.tls.key={key}")
    ours, theirs = os.openpty()  # on which OpenSSL would ask, and wait
    try:
        with machine.popen("serve", "--port", "0", *settings, stdin=theirs) as process:
            try:
                _, errors = process.communicate(timeout=PATIENCE)
            finally:
                process.kill()
    finally:
        os.close(ours)
        os.close(theirs)
    assert process.returncode == 2
    assert errors.endswith("without a passphrase; set others\n")
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (("server.tls.cert=CERT",), "server.tls.key: needed"),
        (("server.tls.key=KEY",), "server.tls.cert: needed"),
        (("server.tls.cert=/no/such", "server.tls.key=KEY"), "server.tls.cert: /no/such cannot"),
        (("server.tls.cert=KEY", "server.tls.key=CERT"), "hold no certificate and its key"),
        (("server.trustedProxies=[example.org]",), "server.trustedProxies: example.org is no"),
        (("auth.mode=proxy",), "auth.mode: proxy needs to know"),
        (("logging.audit=/no/such/audit",), "logging.audit: /no/such/audit: cannot be opened"),
        (("server.unixSocket=/no/such/sock",), "server.unixSocket: /no/such/sock"),
    ],
)
def test_what_cannot_be_is_named_before_the_start(
    machine: Machine, tmp_path: Path, settings: tuple[str, ...], complaint: str
) -> None:
    cert, key = make_certificate(tmp_path)
    options = []
    for setting in settings:
        options += ["--set", setting.replace("CERT", str(cert)).replace("KEY", str(key))]
    assert complaint in machine.refusal("serve", "--port", "0", *options)


def test_a_damaged_users_file_stops_the_start(machine: Machine) -> None:
    machine.state.mkdir(mode=0o700)
    (machine.state / "users.json").write_text("{")
    (machine.state / "users.json").chmod(0o600)
    refusal = machine.refusal("serve", "--port", "0", "--set", "auth.mode=password")
    assert "users.json: it is damaged" in refusal


# --- the doctor


def weak(values: dict[str, Any]) -> str:
    """All that is weak with these settings."""
    findings = examine(build(values))
    return "\n".join(finding.text for finding in findings if finding.severity is Severity.WEAK)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("PTYBRIDGE_STATE_DIR", str(folder))
    return folder


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"auth": {"mode": "none"}}, "auth.mode: every user"),
        ({"transport": {"websocket": {"hostname": "0.0.0.0"}}}, "nothing is encrypted"),
        (
            {
                "transport": {"websocket": {"hostname": "0.0.0.0"}},
                "server": {"trustedProxies": ["10.0.0.1"]},
            },
            "around the proxy",
        ),
        ({"server": {"trustedProxies": ["0.0.0.0/0"]}}, "can say to be anybody"),
        ({"server": {"tls": {"cert": "/no/such"}}}, "server.tls.key: needed"),
        ({"auth": {"allowedOrigins": ["http://term.example.org"]}}, "is not encrypted"),
        ({"auth": {"loginLifetime": 10**11}}, "longer than 90 days"),
        ({"limits": {"loginAttempts": 10_000}}, "is guessing"),
        ({"terminals": {"passEnv": ["*"]}}, "may be a secret"),
        ({"terminals": {"env": {"GITHUB_TOKEN": "x"}}}, "GITHUB_TOKEN looks like a secret"),
        ({"auth": {"mode": "password"}}, "can read and change its token, users"),
        (
            {"responder": {"kind": "openai", "approve": "never"}},
            "what the model wants to run or type is done unseen",
        ),
        (
            {"responder": {"kind": "openai", "openai": {"baseURL": "http://m.example/v1"}}},
            "the key and all prompts go unencrypted",
        ),
        ({"terminals": {"runAs": "no-such-user"}}, "no-such-user"),
        ({"terminals": {"confine": {"limits": {"openFiles": 10**9}}}}, "limits.openFiles"),
    ],
)
@pytest.mark.usefixtures("state")
def test_the_doctor_finds_what_is_weak(values: dict[str, Any], words: str) -> None:
    assert words in weak(values)
    assert words not in weak({})


def said(severity: Severity, values: dict[str, Any]) -> str:
    """All findings of that severity with these settings."""
    return "\n".join(
        finding.text for finding in examine(build(values)) if finding.severity is severity
    )


@pytest.mark.parametrize(
    ("confine", "words"),
    [
        ({"cgroup": {"processes": 100}}, "nothing limits processes"),
        ({"cgroup": {"memoryBytes": 1 << 30}}, "nothing limits memory"),
        ({"noNewPrivs": True}, "sudo and other set-user-ID programs work"),
    ],
)
@pytest.mark.usefixtures("state")
def test_the_doctor_names_the_bounds_that_lack(confine: dict[str, Any], words: str) -> None:
    assert words in said(Severity.NOTE, {})
    assert words not in said(Severity.NOTE, {"terminals": {"confine": confine}})


@pytest.mark.usefixtures("state")
def test_the_doctor_tries_the_bounds_that_are_set() -> None:
    bounds = {"terminals": {"confine": {"noNewPrivs": True, "limits": {"openFiles": 256}}}}
    assert "a program was started within the bounds" in said(Severity.GOOD, bounds)
    assert "a program was started" not in said(Severity.GOOD, {})
    assert "terminals.idleTimeout" in said(Severity.NOTE, {})
    assert "terminals.idleTimeout" not in said(
        Severity.NOTE, {"terminals": {"idleTimeout": 60_000}}
    )


@pytest.mark.usefixtures("state")
def test_the_doctor_makes_no_cgroup(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> list[cgroups.Place]:
        raise cgroups.CgroupError("the machine has no pids controller")

    monkeypatch.setattr(cgroups, "find_places", none)
    values = {"terminals": {"confine": {"cgroup": {"processes": 10}}}}
    assert "terminals.confine.cgroup: the machine has no pids controller" in weak(values)


def test_the_doctor_looks_at_the_responders_key(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = state / "key"
    key.write_text("secret")
    key.chmod(0o644)
    monkeypatch.setenv("OPENAI_API_KEY_FILE", str(key))
    assert f"{key} is open to others" in weak({"responder": {"kind": "openai"}})
    assert str(key) not in weak({})


@pytest.mark.parametrize(
    ("server", "terminals", "is_weak"),
    [
        pytest.param({"trustedProxies": ["127.0.0.1"]}, {}, True, id="any-program-here"),
        pytest.param({"trustedProxies": ["::1"]}, {"runAs": "nobody"}, True, id="of-any-user"),
        pytest.param({"trustedProxies": ["0.0.0.0/0"]}, {}, True, id="everybody"),
        pytest.param(
            {"trustedProxies": ["127.0.0.1"], "proxySecretFile": "/no/such"},
            {"runAs": "nobody"},
            False,
            id="with-a-secret",
        ),
        pytest.param({"trustedProxies": ["192.0.2.1"]}, {}, False, id="another-machine"),
        pytest.param({"trustedProxies": ["unix"], "unixSocket": "/s"}, {}, True, id="same-user"),
        pytest.param(
            {"trustedProxies": ["unix"], "unixSocket": "/s"},
            {"runAs": "nobody"},
            False,
            id="another-user",
        ),
    ],
)
def test_the_doctor_says_who_could_speak_in_the_proxy_s_place(
    server: dict[str, Any], terminals: dict[str, Any], is_weak: bool
) -> None:
    found = weak({"auth": {"mode": "proxy"}, "server": server, "terminals": terminals})
    assert ("auth.mode: proxy believes" in found) is is_weak


def test_the_doctor_says_who_could_read_the_proxy_s_secret(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("sixteen-letters-z")
    secret.chmod(0o640)
    server = {"trustedProxies": ["127.0.0.1"], "proxySecretFile": str(secret)}
    found = weak({"auth": {"mode": "proxy"}, "server": server})
    assert "the proxy's secret" in found
    assert "programs in terminals can read it" in found


def test_the_doctor_looks_at_files(state: Path) -> None:
    (state / "token").write_text("sixteen-letters-x")
    (state / "token").chmod(0o600)
    assert "may be guessed" in weak({})
    (state / "token").chmod(0o644)
    assert "others may read it" in weak({})
    state.chmod(0o755)
    assert "open to others" in weak({})
    scrape = state / "scrape-token"
    scrape.write_text("sixteen-letters-y")
    scrape.chmod(0o644)
    assert "the scrape token" in weak({"metrics": {"tokenFile": str(scrape)}})


def test_the_doctor_says_by_its_exit_code_whether_something_is_weak(machine: Machine) -> None:
    done = machine.run("doctor", "--set", "auth.mode=none")
    assert done.returncode == 1
    assert done.stdout.startswith("WEAK  ")
    done = machine.run("doctor")
    assert done.returncode == (1 if os.getuid() == 0 else 0)
    assert "only this machine can reach 127.0.0.1" in done.stdout
