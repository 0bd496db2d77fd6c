"""The command line: as a process of its own, started as people start it."""

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ptybridge import __version__
from ptybridge.cli.preparation import ServeError, page_url, terminal_defaults
from ptybridge.config import Terminals, build

ROOT = Path(__file__).parents[1]
PATIENCE = 20.0
"""Seconds after which a process that should have ended never will."""


@dataclass
class Machine:
    """Where the command runs: its environment, and the folder that it is started in."""

    folder: Path
    env: dict[str, str]

    @property
    def state(self) -> Path:
        return Path(self.env["PTYBRIDGE_STATE_DIR"])

    def popen(self, *arguments: str, stdin: int = subprocess.DEVNULL) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            (sys.executable, "-m", "ptybridge", *arguments),
            cwd=self.folder,
            env=self.env,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        with self.popen(*arguments) as process:
            try:
                output, errors = process.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(arguments, process.returncode, output, errors)

    def refusal(self, *arguments: str) -> str:
        """The one line with which a command ends that cannot do its work."""
        done = self.run(*arguments)
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1, done.stderr
        assert done.stderr.startswith("ptybridge: ")
        return done.stderr.removeprefix("ptybridge: ").rstrip()

    @contextmanager
    def serving(self, *arguments: str) -> Iterator["Serving"]:
        """A server that has printed its URL."""
        with self.popen("serve", "--port", "0", *arguments) as process:
            try:
                assert process.stdout is not None
                yield Serving(process, process.stdout.readline().rstrip())
            finally:
                process.kill()


@dataclass
class Serving:
    """A server's process, and what it printed."""

    process: "subprocess.Popen[str]"
    printed: str

    def answer(self, path: str) -> bytes:
        address = self.printed.partition("/#")[0]
        with urllib.request.urlopen(address + path, timeout=PATIENCE) as response:
            content: bytes = response.read()
        return content

    def end(self, number: signal.Signals) -> tuple[int, str, str]:
        """Exit code, and what it wrote after the URL to standard output and error."""
        self.process.send_signal(number)
        output, errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, output, errors


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    env: Mapping[str, str] = os.environ
    kept = {name: env[name] for name in ("PATH", "HOME") if name in env}
    return Machine(
        tmp_path,
        {
            **kept,
            "PTYBRIDGE_STATE_DIR": str(tmp_path / "state"),
            "PYTHONPATH": str(ROOT),
            "SHELL": "/bin/sh",
        },
    )


# --- commands that end by themselves


def test_version(machine: Machine) -> None:
    assert machine.run("--version").stdout == f"ptybridge {__version__}\n"


def test_help_names_the_commands(machine: Machine) -> None:
    done = machine.run("--help")
    assert done.returncode == 0
    assert "serve" in done.stdout
    assert "check-config" in done.stdout


@pytest.mark.parametrize("arguments", [(), ("fly",), ("serve", "--fly")])
def test_what_is_no_command_ends_with_2(machine: Machine, arguments: tuple[str, ...]) -> None:
    done = machine.run(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_check_config_says_that_the_file_is_good(machine: Machine) -> None:
    config = str(ROOT / "config.yaml")
    done = machine.run("check-config", "--config", config)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{config}: ok\n", "")
    assert not machine.state.exists()


def test_a_server_without_a_network_is_refused(machine: Machine) -> None:
    done = machine.run("serve", "--set", "transport.mode=direct")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "ptybridge: transport.mode: direct is without a network, and a server needs one; set "
        "websocket or sse (ptybridge run --transport direct works without a server)\n"
    )
    assert not machine.state.exists()


def test_check_config_tells_all_that_is_wrong(machine: Machine) -> None:
    done = machine.run("check-config", "--set", "a=1", "--set", "limits.sessions=0")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "ptybridge: a: unknown setting",
        "ptybridge: limits.sessions: expected an integer from 1 to 1000000000, got 0",
    ]


@pytest.mark.parametrize("item", ["limits.sessions", "=5", ""])
def test_a_setting_without_name_or_value_is_refused(machine: Machine, item: str) -> None:
    assert "NAME=VALUE" in machine.refusal("check-config", "--set", item)


# --- starts that cannot be


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        (("--config", "no.yaml"), "no.yaml: cannot be read: No such file or directory"),
        (("--port", "abc"), 'transport.websocket.port: expected an integer from 0 to 65535, got "'),
        (("--set", "terminals.foo=1"), "terminals.foo: unknown setting"),
        (("--set", "auth.mode=proxy"), "auth.mode: proxy needs to know which proxy"),
        (("--set", "terminals.command=/no/shell"), "terminals.command: /no/shell was not found"),
        (
            ("--set", "terminals.command=[no-such-program, -i]"),
            "terminals.command: no-such-program",
        ),
        (
            ("--set", "terminals.command=/etc/passwd"),
            "terminals.command: /etc/passwd was not found",
        ),
        (("--set", "terminals.cwd=/no/where"), "terminals.cwd: /no/where is no directory"),
        (("--host", "no.such.host.invalid"), "transport.websocket.hostname (--host): no.such"),
        (("--host", "192.0.2.1"), "transport.websocket.hostname (--host): 192.0.2.1 is no address"),
        (
            ("--set", "auth.allowedOrigins=['http://a:99999']"),
            "auth.allowedOrigins: http://a:99999",
        ),
    ],
)
def test_a_start_that_cannot_be_ends_with_one_line(
    machine: Machine, arguments: tuple[str, ...], start: str
) -> None:
    assert machine.refusal("serve", "--port", "0", *arguments).startswith(start)


def test_a_missing_login_shell_is_named(machine: Machine) -> None:
    machine.env["SHELL"] = "/no/such/shell"
    assert "terminals.command: /no/such/shell was not found" in machine.refusal("serve")


def test_a_taken_port_is_named(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refusal = machine.refusal("serve", "--port", str(port))
    assert f"127.0.0.1:{port} is taken" in refusal
    assert "--port" in refusal


def test_a_state_directory_that_is_a_file_is_named(machine: Machine) -> None:
    machine.state.touch()
    refusal = machine.refusal("serve", "--port", "0")
    assert refusal.startswith(f"state directory {machine.state}: it is no directory")
    assert "PTYBRIDGE_STATE_DIR" in refusal


def test_a_state_directory_that_cannot_be_made_is_named(machine: Machine) -> None:
    (machine.folder / "file").touch()
    machine.env["PTYBRIDGE_STATE_DIR"] = str(machine.folder / "file" / "state")
    assert "it cannot be made" in machine.refusal("serve", "--port", "0")


def test_a_state_directory_in_which_nothing_can_be_made_is_named(machine: Machine) -> None:
    machine.env["PTYBRIDGE_STATE_DIR"] = "/proc/self"  # where not even root may
    refusal = machine.refusal("serve", "--port", "0")
    assert "/proc/self" in refusal
    assert "PTYBRIDGE_STATE_DIR" in refusal


def test_a_token_file_that_others_may_read_is_named(machine: Machine) -> None:
    machine.state.mkdir()
    (machine.state / "token").write_text("a-token-for-tests-only")
    (machine.state / "token").chmod(0o644)
    assert "chmod 600" in machine.refusal("serve", "--port", "0")


# --- the server


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_server_prints_one_url_serves_and_ends_in_order(
    machine: Machine, number: signal.Signals
) -> None:
    with machine.serving() as server:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/#token=[\w-]{43}", server.printed)
        assert b'"status":"ok"' in server.answer("/healthz")
        assert server.end(number) == (0, "", "")
    token = machine.state / "token"
    assert server.printed.endswith(f"#token={token.read_text().strip()}")
    assert stat.S_IMODE(token.stat().st_mode) == 0o600


def test_a_second_server_on_one_store_is_warned(machine: Machine) -> None:
    with machine.serving() as first:
        with machine.serving() as second:
            assert second.answer("/healthz")
            assert "another server writes to the same store" in second.end(signal.SIGTERM)[2]
        assert first.end(signal.SIGTERM) == (0, "", "")


def test_a_terminal_library_that_does_not_fit_is_said_and_the_server_goes_on(
    machine: Machine,
) -> None:
    machine.env["PYGHOSTTY_LIB"] = "libc.so.6"  # it can be loaded, and has none of the functions
    with machine.serving() as server:
        assert server.process.stderr is not None
        warning = server.process.stderr.readline()
        assert "terminals have no screen" in warning
        assert "AttributeError" in warning
        assert b'"status":"ok"' in server.answer("/healthz")
        url, _, token = server.printed.partition("/#token=")
        where = {"PTYBRIDGE_URL": url, "PTYBRIDGE_TOKEN": token}
        done = replace(machine, env=machine.env | where).run("run", "--", "sh", "-c", "echo word")
        assert (done.returncode, done.stdout) == (0, "word\n")
        code, _, errors = server.end(signal.SIGTERM)
        assert (code, errors) == (0, "")


def test_the_server_begins_below_the_base_path(machine: Machine) -> None:
    with machine.serving("--set", "server.basePath=/a/b/") as server:
        address, _, _ = server.printed.partition("#")
        assert address.endswith("/a/b/")
        assert b'"status":"ok"' in server.answer("/healthz")


def test_a_server_that_others_can_reach_needs_encryption(machine: Machine) -> None:
    refusal = machine.refusal("serve", "--port", "0", "--host", "0.0.0.0")
    assert "nothing would be encrypted" in refusal
    assert "--insecure" in refusal
    refusal = machine.refusal(
        "serve", "--port", "0", "--host", "0.0.0.0", "--insecure", "--set", "auth.mode=none"
    )
    assert refusal.startswith("auth.mode: none is for loopback addresses only")
    with machine.serving("--host", "0.0.0.0", "--insecure") as server:
        assert server.printed.startswith("http://127.0.0.1:")
        _, _, errors = server.end(signal.SIGTERM)
    assert "nothing is encrypted" in errors


# --- pieces


@pytest.mark.parametrize(
    ("hostname", "base_path", "url"),
    [
        ("127.0.0.1", "/", "http://127.0.0.1:80/#token=t"),
        ("localhost", "/", "http://localhost:80/#token=t"),
        ("0.0.0.0", "/", "http://127.0.0.1:80/#token=t"),
        ("::", "/", "http://[::1]:80/#token=t"),
        ("::1", "/a", "http://[::1]:80/a/#token=t"),
        ("fe80::1", "/a/", "http://[fe80::1]:80/a/#token=t"),
    ],
)
def test_the_printed_url_can_be_opened(hostname: str, base_path: str, url: str) -> None:
    chosen = {
        "transport": {"websocket": {"hostname": hostname}},
        "server": {"basePath": base_path},
    }
    assert page_url(build(chosen), 80, token="t") == url


def test_the_printed_url_has_the_scheme_and_only_a_token_that_opens_something() -> None:
    tls = build({"server": {"tls": {"cert": "c", "key": "k"}}})
    assert page_url(tls, 443, token=None) == "https://127.0.0.1:443/"
    unix = build({"server": {"unixSocket": "/run/p.sock"}})
    assert page_url(unix, 80, token="t") == "unix:/run/p.sock:/#token=t"


def test_a_relative_program_is_looked_for_where_it_will_start(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    found = terminal_defaults(Terminals(command=("./program", "-x"), cwd=str(tmp_path)))
    assert (found.command, found.cwd) == (("./program", "-x"), str(tmp_path))
    with pytest.raises(ServeError, match=r"\./program was not found"):
        terminal_defaults(Terminals(command=("./program",), cwd="/"))


def test_a_program_is_looked_for_in_its_own_path(tmp_path: Path) -> None:
    with pytest.raises(ServeError, match="sh was not found"):
        terminal_defaults(Terminals(command="sh", env={"PATH": str(tmp_path)}))


def test_times_become_seconds() -> None:
    assert terminal_defaults(Terminals(command="/bin/sh", keep_detached=1500)).keep_detached == 1.5


def test_programs_in_terminals_find_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    path = terminal_defaults(Terminals(command="/bin/sh")).env["PATH"]
    assert path.startswith("/usr/bin:/bin:")  # behind all that there is
    assert shutil.which("ptybridge", path=path)
    own = tmp_path / "ptybridge"
    own.touch(mode=0o755)
    for chosen in (str(tmp_path), "/usr/bin:/bin"):
        values = Terminals(command="/bin/sh", env={"PATH": chosen})
        assert terminal_defaults(values).env["PATH"] == chosen
    monkeypatch.setenv("PATH", str(tmp_path))
    assert terminal_defaults(Terminals(command="/bin/sh")).env["PATH"] == str(tmp_path)


# --- commands that ask a server


def test_a_terminal_is_started_listed_looked_at_and_ended(machine: Machine) -> None:
    with machine.serving() as server:
        url = server.printed.partition("/#")[0]
        there = ("--url", url)
        terminal = machine.run("new", *there, "--", "sh", "-c", "printf 'on the screen'; cat")
        assert (terminal.returncode, terminal.stderr) == (0, "")
        name = terminal.stdout.strip()
        while "on the screen" not in (shown := machine.run("screen", *there, name)).stdout:
            assert shown.returncode == 0
        assert shown.stdout == "on the screen\n"
        (line,) = machine.run("ls", *there).stdout.splitlines()
        assert line.startswith(f"{name}  main  24x80  ")
        (listed,) = json.loads(machine.run("ls", *there, "--json").stdout)
        assert (listed["id"], listed["title"]) == (name, "sh")
        assert "on the screen" in machine.run("screen", *there, "--format", "html", name).stdout
        assert machine.run("kill", *there, name).returncode == 0
        while "exit" not in json.loads(machine.run("ls", *there, "--json").stdout)[0]:
            pass
        assert "signal 1" in machine.run("ls", *there).stdout
        assert "no such terminal" in machine.refusal("kill", *there, "none")
        machine.env["PTYBRIDGE_TOKEN"] = "not-the-token-of-this-server"
        assert "--token-file" in machine.refusal("ls", *there)


def test_a_server_that_is_not_there_is_named(machine: Machine) -> None:
    machine.env["PTYBRIDGE_TOKEN"] = "a-token-for-tests-only"
    assert "http://127.0.0.1:1 does not answer" in machine.refusal(
        "ls", "--url", "http://127.0.0.1:1"
    )
    assert "is no address" in machine.refusal("ls", "--url", "file:///etc")


def test_without_a_token_the_way_to_give_one_is_said(machine: Machine) -> None:
    assert "token" in machine.refusal("ls", "--url", "http://127.0.0.1:1")
