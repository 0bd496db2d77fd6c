"""``ptybridge user`` and ``ptybridge token``: who may log in, changed while the server runs."""

import argparse
import getpass
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ptybridge.config import Settings

MAX_LINE = 4096
"""Characters of a password that is read from standard input."""


def add_to(commands: Any, settings_options: argparse.ArgumentParser) -> None:  # noqa: ANN401 - argparse does not export its type
    """Describe the commands to the command line."""
    user = commands.add_parser("user", help="add, change, remove or list users")
    actions = user.add_subparsers(dest="action", required=True, metavar="ACTION")
    roles = ("owner", "writer", "watcher", "member")
    role_help = (
        "in the sessions of others: owner, writer, watcher or member, who has only sessions "
        "of their own and what is shared with them (default: member)"
    )
    add = actions.add_parser("add", help="add a user; asks for the password")
    add.add_argument("name")
    add.add_argument("--role", choices=roles, default="member", help=role_help)
    add.add_argument(
        "--no-password", action="store_true", help="for users that a proxy vouches for"
    )
    passwd = actions.add_parser("passwd", help="change a password; ends the user's logins")
    passwd.add_argument("name")
    role = actions.add_parser("role", help="change a role, for open connections too")
    role.add_argument("name")
    role.add_argument("role", choices=roles, help=role_help)
    remove = actions.add_parser("remove", help="remove a user; ends logins and connections")
    remove.add_argument("name")
    actions.add_parser("list", help="list names and roles")

    token = commands.add_parser("token", help="replace the server's token")
    actions = token.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser(
        "rotate", parents=[settings_options], help="a new token; ends all that came by the old one"
    )


def run_user(arguments: argparse.Namespace) -> None:
    """Do what ``ptybridge user`` was asked.

    Raises:
        ServeError: It cannot be done.
    """
    # Imported by need: argon2 takes longer to load than the other commands take.
    from ptybridge.adapters.passwords import hash_password  # noqa: PLC0415
    from ptybridge.adapters.users import UserEditor, UserFileError  # noqa: PLC0415
    from ptybridge.cli.entrance import USERS_FILE  # noqa: PLC0415
    from ptybridge.cli.preparation import ServeError, state_dir  # noqa: PLC0415

    editor = UserEditor(state_dir() / USERS_FILE)
    try:
        match arguments.action:
            case "add":
                editor.check_new(arguments.name)
                hashed = None if arguments.no_password else hash_password(_new_password())
                editor.add(arguments.name, password_hash=hashed, role=arguments.role)
            case "passwd":
                editor.check_known(arguments.name)
                editor.set_hash(arguments.name, hash_password(_new_password()))
            case "role":
                editor.set_role(arguments.name, arguments.role)
            case "remove":
                editor.remove(arguments.name)
            case _:
                for name, user in sorted(editor.list().items()):
                    print(f"{name}\t{user.role}")
    except UserFileError as error:
        raise ServeError(str(error)) from error


def run_token(settings: "Settings") -> None:
    """Replace the token; the new one is in its file.

    Raises:
        ServeError: It cannot be written.
    """
    from ptybridge.adapters.tokens import TokenFileError, rotate_token  # noqa: PLC0415
    from ptybridge.cli.entrance import token_path  # noqa: PLC0415
    from ptybridge.cli.preparation import ServeError, state_dir  # noqa: PLC0415

    path = token_path(settings, state_dir())
    try:
        rotate_token(path)
    except TokenFileError as error:
        raise ServeError(f"auth.tokenFile: {error}") from error
    print(f"{path}: holds a new token")


def _new_password() -> str:
    """Ask twice at a terminal; elsewhere read one line of standard input."""
    from ptybridge.adapters.passwords import MAX_CHARACTERS, MIN_CHARACTERS  # noqa: PLC0415
    from ptybridge.cli.preparation import ServeError  # noqa: PLC0415

    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != password:
            raise ServeError("the two passwords differ; nothing was changed")
    else:
        password = sys.stdin.readline(MAX_LINE).rstrip("\r\n")
    if not MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS:
        raise ServeError(
            f"a password has {MIN_CHARACTERS} to {MAX_CHARACTERS} characters; nothing was changed"
        )
    return password
