"""``python -m bench.growth JSON... SVG``: how what was measured grows, drawn and in numbers.

Takes the rows with a scale out of what ``python -m bench --json`` wrote (of a row that is there
twice, the last counts), draws each quantity over how many there were, both logarithmic, and prints
a table in Markdown. The *order* of a quantity is the slope from the least to the greatest scale
there: 0 does not grow, 1 grows as the count does. Exit code 1 when one grows faster.
"""

import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Final

from bench.report import MEASURED

NOT_WORSE: Final = 1.05
"""The greatest order that is still linear; a tick of the clock makes as much."""

_WIDTH, _HEIGHT = 280, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 34, 30
_COLUMNS = 3
_FONT = "font-family='system-ui, sans-serif'"


@dataclass(frozen=True, slots=True)
class Growth:
    """One quantity at several scales.

    Attributes:
        name: What was measured.
        unit: Its unit.
        of: What there were so many of.
        points: How many, and the median, in ascending order.
    """

    name: str
    unit: str
    of: str
    points: tuple[tuple[int, float], ...]

    @property
    def order(self) -> float | None:
        """The exponent by which it grows; None when it is nothing, or was measured once."""
        (first, low), (last, high) = self.points[0], self.points[-1]
        if first == last or low <= 0 or high <= 0:
            return None
        return math.log(high / low) / math.log(last / first)


def growths(documents: Sequence[dict[str, Any]]) -> list[Growth]:
    """What the documents say of ptybridge, in the order of the rows."""
    found: dict[tuple[str, str, str], dict[int, float]] = {}
    for document in documents:
        for row in document["rows"]:
            scale = row.get("scale")
            if scale is not None and MEASURED in row["medians"]:
                key = (row["name"].strip(), row["unit"], scale["of"])
                found.setdefault(key, {})[scale["count"]] = row["medians"][MEASURED]
    return [
        Growth(name, unit, of, tuple(sorted(points.items())))
        for (name, unit, of), points in found.items()
    ]


def table(found: Sequence[Growth]) -> str:
    """A line of Markdown for each quantity."""
    lines = ["| of | what | values | order |", "| --- | --- | --- | --- |"]
    for growth in found:
        values = ", ".join(f"{value:.3g} at {count:,}" for count, value in growth.points)
        order = "-" if growth.order is None else f"{growth.order:.2f}"
        lines.append(f"| {growth.of} | {growth.name}, {growth.unit} | {values} | {order} |")
    return "\n".join(lines)


def svg(found: Sequence[Growth]) -> str:
    """A small chart for each quantity."""
    rows = math.ceil(len(found) / _COLUMNS)
    width, height = _COLUMNS * _WIDTH, rows * _HEIGHT
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' "
        f"width='{width}' height='{height}' {_FONT} font-size='11'>",
        f"<rect width='{width}' height='{height}' fill='#ffffff'/>",
    ]
    for index, growth in enumerate(found):
        x, y = index % _COLUMNS * _WIDTH, index // _COLUMNS * _HEIGHT
        parts += [f"<g transform='translate({x} {y})'>", *_chart(growth), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


def _chart(growth: Growth) -> Iterator[str]:
    """A title, both axes, the points, and what linear growth would be."""
    counts = [count for count, _ in growth.points]
    values = [value for _, value in growth.points]
    positive = [value for value in values if value > 0] or [1.0]
    bottom = 10 ** math.floor(math.log10(min(positive)))
    top = max(10 ** math.ceil(math.log10(max(positive))), 10 * bottom)

    def place(count: float, value: float) -> tuple[float, float]:
        across = math.log(count / counts[0]) / max(math.log(counts[-1] / counts[0]), 1e-9)
        up = math.log(max(value, bottom) / bottom) / math.log(top / bottom)
        return (
            round(_LEFT + across * (_WIDTH - _LEFT - _RIGHT), 1),
            round(_HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM), 1),
        )

    order = "" if growth.order is None else f", order {growth.order:.2f}"
    title = escape(f"{growth.name} ({growth.unit}){order}")
    yield f"<text x='{_LEFT}' y='20' fill='#1a1a1a' font-weight='600'>{title}</text>"
    value = bottom
    while value <= top * 1.001:
        _, y = place(counts[0], value)
        yield f"<path d='M{_LEFT} {y}H{_WIDTH - _RIGHT}' stroke='#e2e2e2'/>"
        yield f"<text x='{_LEFT - 6}' y='{y + 4}' text-anchor='end' fill='#555'>{value:g}</text>"
        value *= 10
    for count in counts:
        x, y = place(count, bottom)
        yield f"<text x='{x}' y='{y + 15}' text-anchor='middle' fill='#555'>{count:,}</text>"
    yield (
        f"<text x='{_WIDTH - _RIGHT}' y='{_HEIGHT - 3}' text-anchor='end' fill='#555'>"
        f"{escape(growth.of)}</text>"
    )
    end = min(top, positive[0] * counts[-1] / counts[0])
    (x1, y1), (x2, y2) = place(counts[0], positive[0]), place(counts[0] * end / positive[0], end)
    yield f"<path d='M{x1} {y1}L{x2} {y2}' stroke='#b0b0b0' stroke-dasharray='3 3' fill='none'/>"
    placed = [place(count, value) for count, value in growth.points]
    line = "L".join(f"{x} {y}" for x, y in placed)
    yield f"<path d='M{line}' stroke='#0b6bcb' stroke-width='2' fill='none'/>"
    for x, y in placed:
        yield f"<circle cx='{x}' cy='{y}' r='3' fill='#0b6bcb'/>"


def main(argv: Sequence[str]) -> int:
    """Draw what the files named first hold into the file named last; the exit code."""
    *sources, target = map(Path, argv)
    found = growths([json.loads(path.read_text()) for path in sources])
    target.write_text(svg(found))
    print(table(found))
    worse = [growth for growth in found if growth.order is not None and growth.order > NOT_WORSE]
    for growth in worse:
        print(f"{growth.name} of {growth.of} grows faster than linearly", file=sys.stderr)
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
