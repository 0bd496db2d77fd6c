"""Commands that ask a running server something over HTTP, and print the answer."""

import argparse
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

DEFAULT_URL = "http://127.0.0.1:4096"
PATIENCE = 30.0
"""Seconds that an answer may take."""


class RemoteError(Exception):
    """The server cannot be asked, or refuses; the text is one line that says what to do."""


def server_options() -> argparse.ArgumentParser:
    """The options that say which server, as a parent of commands."""
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument(
        "--url",
        default=os.environ.get("PTYBRIDGE_URL", DEFAULT_URL),
        help=f"the server's address (PTYBRIDGE_URL; {DEFAULT_URL})",
    )
    where.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="holds the token; else PTYBRIDGE_TOKEN, else the state directory's",
    )
    return where


def json_option() -> argparse.ArgumentParser:
    """The option of commands that a script would want, as a parent of them."""
    as_json = argparse.ArgumentParser(add_help=False)
    as_json.add_argument("--json", action="store_true", help="print JSON, for scripts")
    return as_json


def add_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    where: argparse.ArgumentParser,
    as_json: argparse.ArgumentParser,
) -> None:
    """Add the commands of this module."""
    listing = commands.add_parser("ls", parents=[where, as_json], help="list the terminals")
    listing.set_defaults(ask=_list)
    new = commands.add_parser("new", parents=[where, as_json], help="start a terminal")
    new.add_argument("--session", default="main", help="the session that it belongs to (main)")
    new.add_argument("argv", nargs="*", metavar="COMMAND", help="else the configured one")
    new.set_defaults(ask=_new)
    kill = commands.add_parser("kill", parents=[where], help="end a terminal")
    kill.add_argument("id", metavar="ID")
    kill.set_defaults(ask=_kill)
    screen = commands.add_parser(
        "screen", parents=[where], help="print what is on a terminal's screen now"
    )
    screen.add_argument("id", metavar="ID")
    screen.add_argument("--format", choices=("text", "html", "vt"), default="text")
    screen.set_defaults(ask=_screen)


def run(arguments: argparse.Namespace) -> None:
    """Run one of the commands.

    Raises:
        RemoteError: It cannot be done.
    """
    sys.stdout.write(arguments.ask(arguments))


def _list(arguments: argparse.Namespace) -> str:
    sessions = json.loads(_ask(arguments, "GET", "sessions"))["sessions"]
    terminals = [terminal for session in sessions for terminal in session["terminals"]]
    if arguments.json:
        return json.dumps(terminals) + "\n"
    return "".join(map(_line, terminals))


def _line(terminal: dict[str, Any]) -> str:
    status = terminal.get("exit")
    if status is None:
        state = f"{terminal.get('viewers', 0)} viewers"
    elif "code" in status:
        state = f"exit {status['code']}"
    else:
        state = f"signal {status['signal']}"
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(terminal["created"] / 1000))
    title = "".join(char if char.isprintable() else "?" for char in terminal["title"])
    size = f"{terminal['rows']}x{terminal['cols']}"
    session = terminal.get("sessionID", "")
    return f"{terminal['id']}  {session}  {size}  {since}  {state}  {title}\n"


def _new(arguments: argparse.Namespace) -> str:
    session = urllib.parse.quote(arguments.session, safe="")
    body = {"command": arguments.argv} if arguments.argv else {}
    answer = json.loads(_ask(arguments, "POST", f"sessions/{session}/terminals", body))
    terminal = answer["terminal"]
    return (json.dumps(terminal) if arguments.json else terminal["id"]) + "\n"


def _kill(arguments: argparse.Namespace) -> str:
    _ask(arguments, "DELETE", _path(arguments))
    return ""


def _screen(arguments: argparse.Namespace) -> str:
    text = _ask(arguments, "GET", f"{_path(arguments)}/screen?format={arguments.format}")
    return text if text.endswith("\n") else text + "\n"


def session_of(arguments: argparse.Namespace) -> str:
    """The session that the terminal of the arguments belongs to.

    Raises:
        RemoteError: There is no such terminal, or the server cannot be asked.
    """
    name: str = json.loads(_ask(arguments, "GET", _path(arguments)))["terminal"]["sessionID"]
    return name


def _path(arguments: argparse.Namespace) -> str:
    return f"terminals/{urllib.parse.quote(arguments.id, safe='')}"


def _ask(
    arguments: argparse.Namespace, method: str, path: str, body: dict[str, Any] | None = None
) -> str:
    """Ask the server's API; the answer's text."""
    url = f"{arguments.url.rstrip('/')}/api/{path}"
    if urllib.parse.urlsplit(url).scheme not in {"http", "https"}:
        raise RemoteError(f"--url: {arguments.url} is no address such as {DEFAULT_URL}")
    request = urllib.request.Request(url, method=method)  # noqa: S310 - checked above
    request.add_header("Authorization", f"Bearer {token_of(arguments)}")
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:  # noqa: S310 - as above
            text: str = response.read().decode(errors="replace")
            return text
    except urllib.error.HTTPError as error:
        raise RemoteError(_complaint(error)) from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise RemoteError(
            f"{arguments.url} does not answer ({reason}); start it, or give --url"
        ) from error


def _complaint(error: urllib.error.HTTPError) -> str:
    with error:
        try:
            said: str = json.loads(error.read())["error"]["message"]
        except (ValueError, KeyError, TypeError, OSError):
            said = "the answer is not ptybridge's"
    if error.code == 401:  # noqa: PLR2004 - RFC 9110 section 15.5.2
        return "the token is not this server's; give --token-file or PTYBRIDGE_TOKEN"
    return f"the server refuses ({error.code}): {said}"


def token_of(arguments: argparse.Namespace) -> str:
    """The token: of a file, of the environment, or of this user's server.

    Raises:
        RemoteError: There is none.
    """
    chosen: Path | None = arguments.token_file
    if chosen is None and (token := os.environ.get("PTYBRIDGE_TOKEN")):
        return token
    # Imported by need: neither a version nor a wrong word needs them, which take half of a start.
    from ptybridge.adapters.tokens import TokenFileError, read_token  # noqa: PLC0415
    from ptybridge.cli.preparation import ServeError, state_dir  # noqa: PLC0415

    try:
        return read_token(chosen or state_dir() / "token")
    except (TokenFileError, ServeError) as error:
        raise RemoteError(str(error)) from error
