"""The rules of which size a terminal has."""

from hypothesis import given
from hypothesis import strategies as st

from ptybridge.core.sizing import smallest
from ptybridge.core.values import MAX_COLS, MAX_ROWS, WindowSize

sizes = st.builds(WindowSize, st.integers(1, MAX_ROWS), st.integers(1, MAX_COLS))


@given(st.lists(sizes, min_size=1))
def test_the_smallest_size_fits_into_every_window_and_cannot_grow(
    windows: list[WindowSize],
) -> None:
    size = smallest(windows)
    assert size is not None
    assert all(size.rows <= window.rows and size.cols <= window.cols for window in windows)
    assert any(size.rows == window.rows for window in windows)
    assert any(size.cols == window.cols for window in windows)


def test_without_windows_there_is_no_size() -> None:
    assert smallest([]) is None
