"""Rows as a table for people, and as JSON."""

import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.figures import Row, Target
from bench.summary import Summary

MEASURED = "ptybridge"
"""The subject that the targets are for."""

_HEADINGS = ("figure", "unit")
_TARGET_HEADINGS = ("compared", "target", "")


def number(value: float) -> str:
    """Three significant digits, without an exponent.

    >>> number(0.04213), number(17.25), number(12345.6)
    ('0.0421', '17.2', '12346')
    """
    if value == 0:
        return "0"
    digits = 3
    whole = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    if whole:
        return f"{value:.{max(0, digits - whole)}f}"
    return f"{value:.{digits}g}"


def spread(summary: Summary) -> str:
    """The median, with the least and the greatest round behind it."""
    return f"{number(summary.median)} ({number(summary.low)}..{number(summary.high)})"


def verdict(row: Row, target: Target) -> str:
    """``pass`` or ``MISS``, or that it was not measured."""
    compared = row.compared(MEASURED, target)
    if compared is None:
        return "not measured"
    return "pass" if target.is_met(compared.median) else "MISS"


def bound(row: Row, target: Target) -> str:
    """The target in words."""
    sign = ">=" if target.at_least else "<="
    if target.against is None:
        return f"{sign} {number(target.limit)} {row.unit}"
    return f"{sign} {number(target.limit)} x {target.against}"


def columns(rows: Sequence[Row], subjects: Sequence[str]) -> list[str]:
    """The subjects, and behind them what else a figure has compared with."""
    return list(dict.fromkeys([*subjects, *(name for row in rows for name in row.rounds)]))


def table(rows: Sequence[Row], subjects: Sequence[str]) -> str:
    """All rows, one line for each and one more for each further target."""
    lines: list[tuple[str, ...]] = [(*_HEADINGS, *subjects, *_TARGET_HEADINGS)]
    for row in rows:
        values = [
            spread(Summary.of(row.rounds[name])) if name in row.rounds else "-" for name in subjects
        ]
        described = [_described(row, target) for target in row.targets] or [("", "", "")]
        lines.append((_title(row), row.unit, *values, *described[0]))
        lines += [("", "", *("" for _ in subjects), *more) for more in described[1:]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _title(row: Row) -> str:
    return row.name if row.scale is None else f"{row.name}, {row.scale.count} {row.scale.of}"


def _described(row: Row, target: Target) -> tuple[str, str, str]:
    compared = row.compared(MEASURED, target)
    shown = "-" if compared is None else spread(compared)
    return (shown, bound(row, target), verdict(row, target))


def document(rows: Sequence[Row]) -> dict[str, Any]:
    """All that was measured, with the circumstances, ready for ``json``."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "revision": _revision(),
        "machine": {
            "system": platform.platform(),
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            "load": os.getloadavg()[0],
        },
        "rows": [
            {
                "name": row.name,
                "unit": row.unit,
                "scale": None if row.scale is None else asdict(row.scale),
                "rounds": {name: list(values) for name, values in row.rounds.items()},
                "medians": {name: Summary.of(values).median for name, values in row.rounds.items()},
                "targets": [_target(row, target) for target in row.targets],
            }
            for row in rows
        ],
    }


def _target(row: Row, target: Target) -> dict[str, Any]:
    compared = row.compared(MEASURED, target)
    return {
        "target": bound(row, target),
        "compared": None if compared is None else compared.median,
        "verdict": verdict(row, target),
    }


def _revision() -> str | None:
    """The commit that is measured, ``-dirty`` if files differ from it; None outside git."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return described.stdout.strip()
