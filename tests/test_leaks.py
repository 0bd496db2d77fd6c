"""Canaries put where secrets are turn up nowhere else."""

import http.server
import json
import queue
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.test_cli import PATIENCE, ROOT, Machine, Serving, machine

__all__ = ["machine"]  # a fixture

CANARY = "canary-5e1f"


def request(server: Serving, text: str, *, body: bytes = b"") -> bytes:
    """The response to a request that is spelt out by hand."""
    address = server.printed.partition("://")[2].partition("/")[0]
    host, _, port = address.partition(":")
    head = text.replace("HOST", address).replace("\n", "\r\n")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as sock:
        sock.sendall(head.encode("latin-1") + b"Connection: close\r\n\r\n" + body)
        received = b""
        while piece := sock.recv(65536):
            received += piece
    return received


def json_request(server: Serving, method: str, path: str, body: Any, **headers: str) -> Any:
    """Send JSON; the answer's body, or None."""
    base = server.printed.partition("/#")[0]
    asked = urllib.request.Request(
        base + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **headers},
        method=method,
    )
    with urllib.request.urlopen(asked, timeout=PATIENCE) as response:
        content = response.read()
    return json.loads(content) if content else None


def run_script(script: str, *arguments: str) -> str:
    """What a Python script prints."""
    done = subprocess.run(
        (sys.executable, "-c", script, *arguments),
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    return done.stdout


def processes_of(pid: int) -> list[int]:
    """A process and all its descendants."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += processes_of(int(child))
    return found


def test_no_secret_is_written_anywhere(machine: Machine) -> None:
    token = f"{CANARY}-token-token-token"
    machine.state.mkdir(mode=0o700)
    (machine.state / "token").write_text(token)
    (machine.state / "token").chmod(0o600)
    machine.env |= {"OPENAI_API_KEY": f"{CANARY}-key", "SECRET": f"{CANARY}-env"}
    audit = machine.folder / "audit.jsonl"
    options = ("--set", "logging.level=debug", "--set", f"logging.audit={audit}")
    with machine.serving(*options, "--set", "logging.format=json") as server:
        bearer = f"Bearer {token}"
        opened = json_request(
            server, "POST", "/api/sessions/main/terminals",
            {"command": ["sh", "-c", "env; tr '\\0' '\\n' </proc/$PPID/environ; echo READY; cat"]},
            Authorization=bearer,
        )["terminal"]["id"]  # fmt: skip
        link = json_request(server, "POST", "/api/sessions/main/shares", {}, Authorization=bearer)[
            "token"
        ]
        ticket = json_request(server, "POST", "/api/tickets", {}, Authorization=bearer)["ticket"]
        kept = json_request(server, "POST", "/api/bearer", {"share": link})["bearer"]
        secrets = [CANARY, link, ticket, kept]
        for text in (
            f"GET /ws?ticket={CANARY} HTTP/1.1\nHost: HOST\nReferer: http://x/{CANARY}\n",
            f"GET /{CANARY} HTTP/1.1\nHost: HOST\n",
            f"GET / HTTP/1.1\nHost: {CANARY}.example\n",
            f"GET /api/whoami HTTP/1.1\nHost: HOST\nCookie: ptybridge={CANARY}\n",
            f"GET /api/whoami HTTP/1.1\nHost: HOST\nAuthorization: Bearer {CANARY}\n",
            f"GET /api/whoami HTTP/1.1\nHost: HOST\nAuthorization: Bearer {CANARY}\x01\x80\n",
            f"GET /api/whoami HTTP/1.1\nHost: HOST\nAuthorization {CANARY}\n",
            f"GET /metrics HTTP/1.1\nHost: HOST\nAuthorization: Bearer {CANARY}\n",
            f"GET /s/{CANARY}?embed=1 HTTP/1.1\nHost: HOST\nReferer: http://x/{CANARY}\n",
            f"GET /static/{CANARY}/{CANARY} HTTP/1.1\nHost: HOST\n",
            f"PATCH /api/uploads/{CANARY} HTTP/1.1\nHost: HOST\nUpload-Offset: {CANARY}\n",
            f"{CANARY} / HTTP/1.1\nHost: HOST\n",
            f"GET /{CANARY} HTTP/9.9\nHost: HOST\n",
            f"GET /ws HTTP/1.1\nHost: HOST\nUpgrade: {CANARY}\n",
            f"GET /x HTTP/1.1\nHost: HOST\nTransfer-Encoding: {CANARY}\n",
            f"GET /x HTTP/1.1\nHost: HOST\nContent-Length: {CANARY}\n",
            f"GET /x HTTP/1.1\nHost: HOST\nX-{'y' * 9000}: {CANARY}\n",
        ):
            answer = request(server, text)
            assert answer.startswith(b"HTTP/1."), text
            assert CANARY.encode() not in answer, text
        for body in (
            f'{{"token": "{CANARY}"}}',
            f'{{"user": "{CANARY}", "password": "{CANARY}"}}',
            f'{{"share": "{CANARY}", "{CANARY}": 1}}',
            f'["{CANARY}"]',
            CANARY,
        ):
            answer = request(
                server,
                "POST /api/login HTTP/1.1\nHost: HOST\nContent-Type: application/json\n"
                f"Content-Length: {len(body)}\n",
                body=body.encode(),
            )
            assert b"HTTP/1.1 4" in answer
            assert CANARY.encode() not in answer, body
        screen = run_script(SCREEN, server.printed.partition("/#")[0], token, opened)
        assert "READY" in screen
        assert "TERM=xterm-256color" in screen
        counted = request(server, f"GET /metrics HTTP/1.1\nHost: HOST\nAuthorization: {bearer}\n")
        assert b"ptybridge_connections" in counted
        for secret in secrets:
            assert secret.encode() not in counted
        for secret in secrets:
            assert secret not in screen
        for pid in processes_of(server.process.pid):
            command_line = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
            assert all(secret not in command_line for secret in secrets)
        code, output, errors = server.end(signal.SIGTERM)
    assert code == 0
    written = output + errors + audit.read_text()
    for secret in secrets:
        assert secret not in written
    for path in machine.state.iterdir():
        if path.name != "token":
            assert all(secret.encode() not in path.read_bytes() for secret in secrets), path


SCREEN = """
import sys, time, urllib.request
base, token, terminal = sys.argv[1:]
headers = {"Authorization": "Bearer " + token}
address = f"{base}/api/terminals/{terminal}/screen"
for _ in range(200):
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as response:
        text = response.read().decode()
    if "READY" in text:
        break
    time.sleep(0.05)
print(text)
"""
"""Wait for the program's marker, and print what is on its screen."""


def test_the_server_hides_from_the_programs_it_starts(machine: Machine) -> None:
    with machine.serving() as server:
        limits = Path(f"/proc/{server.process.pid}/limits").read_text()
        code, _, errors = server.end(signal.SIGTERM)
    assert (code, errors) == (0, "")
    (core,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert core.split()[4] == "0"


def test_another_process_of_the_same_user_reads_nothing_of_a_hidden_one() -> None:
    done = subprocess.run(
        (sys.executable, "-c", HIDING), cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["3", "0"]


HIDING = """
import ctypes, os
from ptybridge.adapters.process_secrecy import PR_SET_DUMPABLE, hide_process

NOBODY = 65534

def become_ordinary():
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # what a change of user takes away

def look_at(pid):
    child = os.fork()
    if child == 0:
        become_ordinary()
        seen = 0
        for look in (
            lambda: open(f"/proc/{pid}/environ", "rb").read(1),
            lambda: open(f"/proc/{pid}/maps", "rb").read(1),
            lambda: os.listdir(f"/proc/{pid}/fd"),
        ):
            try:
                look()
                seen += 1
            except PermissionError:
                pass
        os._exit(seen)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

told, telling = os.pipe()
answered, answering = os.pipe()
hidden = os.fork()
if hidden == 0:
    become_ordinary()
    os.write(telling, b"r")
    os.read(answered, 1)
    hide_process()
    os.write(telling, b"h")
    os.read(answered, 1)
    os._exit(0)
os.read(told, 1)
print(look_at(hidden))
os.write(answering, b"h")
os.read(told, 1)
print(look_at(hidden))
os.write(answering, b"e")
os.waitpid(hidden, 0)
"""
"""Looks at a process before and after it hides, as another process of its user."""


@pytest.mark.parametrize("place", ["variable", "file"])
def test_the_responders_key_and_what_is_typed_are_written_nowhere(
    machine: Machine, place: str
) -> None:
    """A model's endpoint that gives the key back in an error, and a program that looks for it."""
    key = f"{CANARY}-key"
    keys = f"{CANARY}-keys"
    key_file = machine.folder / "api-key"
    key_file.write_text(key)
    key_file.chmod(0o600)
    machine.env |= (
        {"OPENAI_API_KEY": key} if place == "variable" else {"OPENAI_API_KEY_FILE": str(key_file)}
    )
    audit = machine.folder / "audit.jsonl"
    look = "env; tr '\\0' '\\n' </proc/$PPID/environ"
    with (
        telltale_endpoint() as (base_url, seen),
        machine.serving(
            "--set", "logging.level=debug", "--set", f"logging.audit={audit}",
            "--set", "responder.kind=openai", "--set", "responder.openai.model=m",
            "--set", f"responder.openai.baseURL={base_url}",
        ) as server,
    ):  # fmt: skip
        token = (machine.state / "token").read_text().strip()
        bearer = f"Bearer {token}"
        opened = json_request(
            server, "POST", "/api/sessions/main/terminals",
            {"command": ["sh", "-c", f"{look}; stty -echo; echo READY; read x; echo GOT"]},
            Authorization=bearer,
        )["terminal"]["id"]  # fmt: skip
        base = server.printed.partition("/#")[0]
        screen = run_script(SCREEN, base, token, opened)
        assert "TERM=xterm-256color" in screen
        post = ("POST", "/api/sessions/main/messages")
        attach = {"channel": 1, "terminalID": opened, "rows": 24, "cols": 80}
        typed = {"channel": 1, "data": f"{keys}\r"}
        prompt = {"parts": [{"type": "text", "text": "hello"}]}
        replies = json_request(
            server,
            *post,
            [
                {"type": "attach", "id": 1, "data": attach},
                {"type": "input", "id": 2, "data": typed},
                {"type": "prompt", "id": 3, "data": prompt},
                {"type": "say", "id": 4, "data": {"text": f"{CANARY}-said"}},
            ],
            Authorization=bearer,
        )
        assert all(reply["type"] != "error" for reply in replies), replies
        assert seen.get(timeout=PATIENCE) == f"Bearer {key}"
        told = json_request(server, "GET", "/api/sessions/main", None, Authorization=bearer)
        for pid in processes_of(server.process.pid):
            with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                assert CANARY.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
        code, output, errors = server.end(signal.SIGTERM)
    assert code == 0
    for text in (screen, json.dumps(told), output, errors, audit.read_text()):
        assert key not in text
        assert keys not in text
    for text in (output, errors, audit.read_text()):
        assert f"{CANARY}-said" not in text
    for path in machine.state.iterdir():
        content = path.read_bytes()
        assert key.encode() not in content, path
        assert keys.encode() not in content, path


@contextmanager
def telltale_endpoint() -> Iterator[tuple[str, "queue.Queue[str]"]]:
    """A model's endpoint that refuses and quotes the key; its URL, and the keys that were sent."""
    seen: queue.Queue[str] = queue.Queue()

    class Refuses(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = self.headers["Authorization"]
            body = json.dumps({"error": {"message": f"wrong key: {sent}"}}).encode()
            self.send_response(401, f"wrong {sent}")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            seen.put(sent)

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refuses) as endpoint:
        thread = threading.Thread(target=endpoint.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{endpoint.server_address[1]}/v1", seen
        finally:
            endpoint.shutdown()
            thread.join()
