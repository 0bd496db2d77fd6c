"""What ``ptybridge share`` takes; what it does is in ``share_commands``."""

import argparse
import re
from typing import Any

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"([1-9][0-9]{0,6})([smhd])\Z")


def seconds_of(text: str) -> float | None:
    """Read a duration such as ``90s``, ``15m``, ``2h`` or ``7d``; None for ``never``.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    if text == "never":
        return None
    match = _DURATION.match(text)
    if match is None:
        raise argparse.ArgumentTypeError("a duration is such as 90s, 15m, 2h, 7d, or never")
    return float(int(match[1]) * _UNITS[match[2]])


def _count(text: str) -> int:
    if not re.match(r"[1-9][0-9]{0,5}\Z", text):
        raise argparse.ArgumentTypeError("a number of uses is 1 to 999999")
    return int(text)


def add_to(commands: Any, settings_options: argparse.ArgumentParser) -> None:  # noqa: ANN401 - argparse does not export its type
    """Describe the command to the command line."""
    share = commands.add_parser("share", help="make, list or revoke links to a session")
    actions = share.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = actions.add_parser(
        "create", parents=[settings_options], help="a new link; it is shown this once"
    )
    create.add_argument("session")
    create.add_argument("--role", choices=("watcher", "writer", "owner"), default="watcher")
    create.add_argument(
        "--expires", type=seconds_of, default=86_400.0, metavar="TIME",
        help="such as 90s, 15m, 2h, 7d, or never (default: 1d)",
    )  # fmt: skip
    create.add_argument("--uses", type=_count, metavar="N", help="logins (default: any number)")
    create.add_argument("--name", default="guest", help="what the guests are called")
    listing = actions.add_parser(
        "list", parents=[settings_options], help="the session's links, without their secrets"
    )
    listing.add_argument("session")
    revoke = actions.add_parser(
        "revoke", parents=[settings_options], help="end a link, and everybody who came by it"
    )
    revoke.add_argument("session")
    revoke.add_argument("id")
