"""The soak, in seconds: all is as it was when everybody has gone; and it would tell if not."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.soak import Held, soak

HELD = Held(memory=100_000_000, descriptors=26, threads=5, tasks=6, children=0, pseudo_terminals=0)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        pytest.param({}, [], id="the-same"),
        pytest.param({"memory": 109_000_000, "threads": 4}, [], id="holes-and-less"),
        pytest.param(
            {"memory": 120_000_000}, ["memory: 100000000 before, 120000000 after"], id="memory"
        ),
        pytest.param(
            {"descriptors": 27, "pseudo_terminals": 1},
            ["descriptors: 26 before, 27 after", "pseudo terminals: 0 before, 1 after"],
            id="a-terminal",
        ),
    ],
)
def test_whatever_there_is_more_of_is_told(changed: dict[str, int], told: list[str]) -> None:
    assert replace(HELD, **changed).excess(HELD) == told


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_some_seconds_leave_nothing_behind(tmp_path: Path) -> None:
    assert soak(0.06, 24, tmp_path / "log") == []
