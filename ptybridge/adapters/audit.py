"""The audit file: one JSON object a line for what somebody did; never what they typed or saw."""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import structlog

_log = structlog.get_logger(__name__)

MAX_TEXT = 256
"""Characters of a text that are written down."""


class AuditFileError(Exception):
    """The file cannot be opened; the text is one line that names it and the reason."""


class AuditFile:
    """Fulfils ``core.ports.Audit`` by appending to a file that only its owner may read.

    A line is written by one write(2) in append mode, so lines of two servers never mix. The file
    may be renamed or removed at any time: the next line begins a new one under its name.
    """

    def __init__(self, path: Path, *, wall_clock: Callable[[], float] = time.time) -> None:
        """Open the file, made when missing.

        Raises:
            AuditFileError: It cannot be opened.
        """
        self._path = path
        self._wall_clock = wall_clock
        self._is_failing = False
        self._is_torn = False
        self._encoder = msgspec.json.Encoder()
        try:
            self._descriptor = self._open()
        except OSError as error:
            raise AuditFileError(f"{path}: cannot be opened ({error.strerror})") from error

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(self._path, flags | os.O_NONBLOCK, 0o600)  # a FIFO does not stop the server

    def close(self) -> None:
        """Close the file; nothing is recorded any more. Idempotent."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def reopen(self) -> None:
        """Go on in the file that has the name now."""
        try:
            descriptor = self._open()
        except OSError as error:
            self._fail(error)
            return
        os.close(self._descriptor)
        self._descriptor = descriptor
        self._is_torn = False

    def record(
        self,
        event: str,
        *,
        who: str | None = None,
        address: str | None = None,
        **facts: str | int | None,
    ) -> None:
        """Append a line; see ``core.ports.Audit``. A failure is logged, and stops nothing."""
        if self._descriptor < 0:
            return
        if self._is_renamed():
            self.reopen()
        moment = datetime.fromtimestamp(self._wall_clock(), UTC)
        line: dict[str, str | int] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "event": event,
        }
        for name, value in (("who", who), ("from", address), *facts.items()):
            if value is not None:
                line[name] = _clean(value) if isinstance(value, str) else value
        try:
            # After a line that a full disk has cut short, the next one begins anew.
            text = b"\n" * self._is_torn + self._encoder.encode(line) + b"\n"
            written = os.write(self._descriptor, text)
        except OSError as error:
            self._fail(error)
        else:
            self._is_torn = written < len(text)
            self._is_failing = False

    def _is_renamed(self) -> bool:
        try:
            named = os.stat(self._path)
        except OSError:
            return True
        opened = os.fstat(self._descriptor)
        return (named.st_dev, named.st_ino) != (opened.st_dev, opened.st_ino)

    def _fail(self, error: OSError) -> None:
        """Say once that nothing can be written, until it can again."""
        if not self._is_failing:
            self._is_failing = True
            _log.error("the audit file cannot be written", reason=error.strerror)


def _clean(text: str) -> str:
    """Text that can be encoded, and not too much of it."""
    return text[:MAX_TEXT].encode(errors="replace").decode()
