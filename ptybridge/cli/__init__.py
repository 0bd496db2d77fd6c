"""The command line: the only place that prints, and that ends the process."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from ptybridge import __version__
from ptybridge.cli import accounts, client_commands, file_commands, remote, sharing

USAGE_ERROR = 2
"""Exit code when the settings or the machine do not allow it, as argparse's own."""


def fail(*lines: str) -> NoReturn:
    """End with a clear line for each problem."""
    for line in lines:
        print(f"ptybridge: {line}", file=sys.stderr)
    raise SystemExit(USAGE_ERROR)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ptybridge", description="Terminals on the web that are never lost."
    )
    parser.add_argument("--version", action="version", version=f"ptybridge {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    with_settings = argparse.ArgumentParser(add_help=False)
    with_settings.add_argument(
        "--config", type=Path, metavar="FILE", help="YAML or JSON; the defaults without it"
    )
    with_settings.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="one setting by its full name, such as logging.level=debug; may be repeated",
    )
    serve = commands.add_parser("serve", parents=[with_settings], help="run the server")
    serve.add_argument("--host", help="address to listen on (transport.websocket.hostname)")
    serve.add_argument("--port", help="port; 0 is any free one (transport.websocket.port)")
    serve.add_argument(
        "--insecure",
        action="store_true",
        help="let other machines come in without encryption",
    )
    accounts.add_to(commands, with_settings)
    sharing.add_to(commands, with_settings)
    commands.add_parser(
        "doctor", parents=[with_settings], help="say what is weak in the settings and the machine"
    )
    commands.add_parser(
        "check-config", parents=[with_settings], help="say whether the settings can be used"
    )
    where, as_json = remote.server_options(), remote.json_option()
    remote.add_commands(commands, where, as_json)
    client_commands.add_commands(commands, where, as_json)
    file_commands.add_commands(commands, where, as_json)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command; ends the process with its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        if hasattr(arguments, "ask"):
            remote.run(arguments)
            return
        if hasattr(arguments, "work"):
            raise SystemExit(arguments.work(arguments))
    except remote.RemoteError as error:
        fail(str(error))
    # Imported by need: a version is told at once, and only the server pays for its libraries.
    from ptybridge.cli.preparation import ServeError  # noqa: PLC0415

    try:
        _run(arguments)
    except ServeError as error:
        fail(str(error))


def _run(arguments: argparse.Namespace) -> None:
    """Run the command that was chosen.

    Raises:
        ServeError: It cannot be done.
    """
    if arguments.command == "user":
        accounts.run_user(arguments)
        return
    from ptybridge.cli.chosen import chosen_settings  # noqa: PLC0415
    from ptybridge.config import ConfigError  # noqa: PLC0415

    try:
        settings = chosen_settings(arguments)
    except ConfigError as error:
        fail(*error.lines)
    if arguments.command == "check-config":
        print(f"{arguments.config or 'the defaults'}: ok")
        return
    if arguments.command == "token":
        accounts.run_token(settings)
        return
    if arguments.command == "share":
        from ptybridge.cli import share_commands  # noqa: PLC0415

        share_commands.run(arguments, settings)
        return
    if arguments.command == "doctor":
        from ptybridge.cli import doctor  # noqa: PLC0415

        raise SystemExit(0 if doctor.run(settings) else 1)
    from ptybridge.cli import garbage  # noqa: PLC0415

    garbage.suspend()
    from ptybridge.cli.serve import serve  # noqa: PLC0415

    serve(settings, is_insecure=arguments.insecure)
