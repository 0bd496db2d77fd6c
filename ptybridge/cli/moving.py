"""``ptybridge upload`` and ``download`` from a client's terminal."""

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from ptybridge.cli.connecting import FAILED, OK, printable
from ptybridge.cli.remote import RemoteError, token_of
from ptybridge.client.errors import RequestFailed
from ptybridge.client.files import Files, OnProgress
from ptybridge.core.offers import TERMINAL_VARIABLE

PERIOD = 0.2
"""Seconds between two lines of progress."""

_UNITS = ("B", "kB", "MB", "GB", "TB")


async def upload(arguments: argparse.Namespace) -> int:
    """Upload files, one after the other; the exit code."""
    for source in arguments.files:
        if not source.is_file():
            raise RemoteError(f"{source}: there is no such file")
    code = OK
    async with Files.of(arguments.url, arguments.id, token=token_of(arguments)) as files:
        for source in arguments.files:
            with _progress(source.name) as on_progress:
                try:
                    path = await files.upload(
                        source,
                        directory=arguments.to,
                        overwrite=arguments.overwrite,
                        on_progress=on_progress,
                    )
                except (RequestFailed, OSError) as error:
                    code = _failed(source.name, error)
                    continue
            _tell(arguments, path, source.stat().st_size)
    return code


async def download(arguments: argparse.Namespace) -> int:
    """Download a file; the exit code."""
    if len(arguments.names) != 2:  # noqa: PLR2004 - the terminal and the path
        if TERMINAL_VARIABLE in os.environ:  # and no key to offer them by
            raise RemoteError("download: files are switched off on the server of this terminal")
        raise RemoteError("download: give TERMINAL and PATH; in a terminal of ptybridge just files")
    terminal, path = arguments.names
    name = PurePosixPath(path).name
    if not name or name == "..":
        raise RemoteError(f"download: {path} is no file")
    async with Files.of(arguments.url, terminal, token=token_of(arguments)) as files:
        with _progress(name) as on_progress:
            try:
                if arguments.output == "-":
                    await files.download(path, sys.stdout.buffer, on_progress=on_progress)
                    sys.stdout.buffer.flush()
                    return OK
                target = _target(arguments.output, name)
                with _appearing(target, overwrite=arguments.overwrite) as file:
                    size = await files.download(path, file, on_progress=on_progress)
            except (RequestFailed, OSError) as error:
                return _failed(name, error)
    _tell(arguments, str(target), size)
    return OK


def _target(output: str | None, name: str) -> Path:
    """Where a download goes."""
    chosen = Path(output or name)
    return chosen / name if chosen.is_dir() else chosen


@contextlib.contextmanager
def _appearing(target: Path, *, overwrite: bool) -> Iterator[BinaryIO]:
    """A file that has its name only once it is whole.

    Raises:
        FileExistsError: Something has that name, and may stay.
        OSError: It cannot be written.
    """
    if target.exists() and not overwrite:
        raise FileExistsError(None, "it exists here already; give --overwrite", str(target))
    descriptor, part = tempfile.mkstemp(prefix=".ptybridge-", suffix=".part", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
            mask = os.umask(0)
            os.umask(mask)
            os.fchmod(descriptor, 0o666 & ~mask)  # as any new file; mkstemp(3) gives less
        if overwrite:
            os.replace(part, target)
        else:
            os.link(part, target)  # unlike a rename it replaces nothing
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)


def _failed(name: str, error: RequestFailed | OSError) -> int:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    if isinstance(error, RequestFailed) and error.code == "conflict":
        reason = f"{reason}; give --overwrite"
    print(f"ptybridge: {printable(name)}: {printable(str(reason))}", file=sys.stderr)
    return FAILED


def _tell(arguments: argparse.Namespace, path: str, size: int) -> None:
    if arguments.json:
        print(json.dumps({"path": path, "size": size}))
    else:
        print(printable(path))


@contextlib.contextmanager
def _progress(name: str) -> Iterator[OnProgress]:
    """What shows how far it is, where somebody looks."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    began = time.monotonic()
    shown_at = 0.0

    def show(done: int, size: int) -> None:
        nonlocal shown_at
        now = time.monotonic()
        if now - shown_at < PERIOD and done < size:
            return
        shown_at = now
        percent = 100 * done // size if size else 100
        rate = in_units(done / max(now - began, 0.001))
        line = f"{printable(name)[:40]}  {percent} %  {in_units(done)}  {rate}/s"
        print(f"\r{line}\x1b[K", end="", file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def in_units(size: float) -> str:
    """A size for people.

    >>> in_units(999), in_units(1_000_000)
    ('999 B', '1.0 MB')
    """
    unit = 0
    while size >= 1000 and unit < len(_UNITS) - 1:  # noqa: PLR2004 - SI
        size, unit = size / 1000, unit + 1
    return f"{size:.0f} B" if unit == 0 else f"{size:.1f} {_UNITS[unit]}"
