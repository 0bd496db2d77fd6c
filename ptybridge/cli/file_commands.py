"""``ptybridge upload`` and ``download``, as far as the parser has to know them.

What they need is imported when one is run: a version is told at once.
"""

import argparse
import os
from pathlib import Path


def add_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    where: argparse.ArgumentParser,
    as_json: argparse.ArgumentParser,
) -> None:
    """Add both."""
    upload = commands.add_parser(
        "upload", parents=[where, as_json], help="copy files to where a terminal is"
    )
    upload.add_argument("id", metavar="TERMINAL")
    upload.add_argument("files", metavar="FILE", nargs="+", type=Path)
    upload.add_argument(
        "--to", metavar="DIRECTORY", help="from the terminal's working directory on (that itself)"
    )
    download = commands.add_parser(
        "download",
        parents=[where, as_json],
        help="copy a file from where a terminal is; in a terminal: offer it to who views it",
    )
    download.add_argument(
        "names",
        metavar="[TERMINAL] PATH",
        nargs="+",
        help="the terminal, and a path from its working directory on; in a terminal just files",
    )
    download.add_argument(
        "-o", "--output", metavar="FILE", help="its name here, or a directory; - is standard output"
    )
    for parser in (upload, download):
        parser.add_argument("--overwrite", action="store_true", help="replace what has the name")
    upload.set_defaults(work=_upload)
    download.set_defaults(work=_download)


def _upload(arguments: argparse.Namespace) -> int:
    from ptybridge.cli import connecting, moving  # noqa: PLC0415

    return connecting.run(moving.upload(arguments))


def _download(arguments: argparse.Namespace) -> int:
    from ptybridge.cli import offering  # noqa: PLC0415

    if offering.is_inside(os.environ) and arguments.output is None:
        return offering.offer(arguments.names, os.environ)
    from ptybridge.cli import connecting, moving  # noqa: PLC0415

    return connecting.run(moving.download(arguments))
