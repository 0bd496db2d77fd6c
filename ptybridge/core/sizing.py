"""Which size a terminal has when its viewers' windows differ."""

from collections.abc import Iterable

from ptybridge.core.values import WindowSize


def smallest(sizes: Iterable[WindowSize]) -> WindowSize | None:
    """The largest size that fits into every one of ``sizes``; None when there are none.

    >>> smallest([WindowSize(24, 120), WindowSize(50, 80)])
    WindowSize(rows=24, cols=80)
    """
    rows: int | None = None
    cols: int | None = None
    for size in sizes:
        rows = size.rows if rows is None else min(rows, size.rows)
        cols = size.cols if cols is None else min(cols, size.cols)
    if rows is None or cols is None:
        return None
    return WindowSize(rows, cols)
