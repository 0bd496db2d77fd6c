"""Log lines: constant text plus fields, to standard error."""

import logging
import os
import sys
from io import StringIO
from textwrap import indent
from typing import TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, WrappedLogger


def escaped(text: str, *, kept: str = "") -> str:
    r"""Text that a terminal shows and does not obey: what is not printable becomes an escape.

    >>> print(escaped("\x1b]2;a title\x07"), escaped("a\nb", kept="\n"))
    \x1b]2;a title\x07 a
    b
    """
    return "".join(
        char if char.isprintable() or char in kept else char.encode("unicode_escape").decode()
        for char in text
    )


def escape_values(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Escape what may be somebody else's text: a path, a reason; a structlog processor."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = escaped(value)
    return event


def _escaped_traceback(file: TextIO, exc_info: ExcInfo) -> None:
    """Write a traceback without values of variables; indented, for errors may quote anything."""
    whole = StringIO()
    structlog.dev.plain_traceback(whole, exc_info)
    file.write(indent(escaped(whole.getvalue(), kept="\n\t"), "  "))


def is_journal(file: TextIO) -> bool:
    """Whether what is written there is kept in the system's journal (systemd.exec(5))."""
    try:
        found = os.fstat(file.fileno())
    except (OSError, ValueError):  # a file in memory, or one that is closed
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def set_up(*, level: str, format: str) -> None:
    """Send the program's log, and that of its libraries from warnings on, to standard error."""
    lowest = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor
    if format == "json":
        renderer = structlog.processors.JSONRenderer()
        shared.append(structlog.processors.format_exc_info)
    else:
        shared.append(escape_values)
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=_escaped_traceback
        )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(lowest),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(level=max(lowest, logging.WARNING), handlers=[handler], force=True)
