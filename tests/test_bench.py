import json
import os
import subprocess
import sys
from collections import Counter
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import growth, report
from bench.figures import Row, Scale, Target
from bench.orders import orders
from bench.summary import Summary, percentile, ratios

ROOT = Path(__file__).parents[1]

ECHO = Row(
    "echo p50",
    "µs",
    {
        "bare pty": [10.0, 20.0, 30.0],
        "ptybridge": [20.0, 40.0, 90.0],
        "terminado": [50.0, 100.0, 100.0],
    },
    (Target(0.5, "terminado"), Target(1.5, "bare pty")),
)


@pytest.mark.parametrize(
    ("percent", "expected"),
    [
        pytest.param(1, 1.0, id="least"),
        pytest.param(50, 2.0, id="half-of-four-is-two"),
        pytest.param(51, 3.0, id="more-than-half"),
        pytest.param(100, 4.0, id="greatest"),
    ],
)
def test_a_percentile_is_the_least_sample_that_enough_do_not_exceed(
    percent: float, expected: float
) -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], percent) == expected


@given(st.lists(st.floats(-1e9, 1e9), min_size=1), st.floats(0.1, 100))
def test_at_least_that_percentage_is_not_above_a_percentile(
    samples: list[float], percent: float
) -> None:
    value = percentile(samples, percent)
    assert value in samples
    assert sum(sample <= value for sample in samples) * 100 >= percent * len(samples) * (1 - 1e-12)
    assert sum(sample < value for sample in samples) * 100 < percent * len(samples) * (1 + 1e-12)


@pytest.mark.parametrize(
    ("samples", "percent"), [([], 50.0), ([1.0], 0.0), ([1.0], 100.1)], ids=["none", "0", "above"]
)
def test_a_percentile_of_nothing_or_out_of_range_is_refused(
    samples: list[float], percent: float
) -> None:
    with pytest.raises(ValueError, match="percentile"):
        percentile(samples, percent)


def test_ratios_are_taken_round_by_round() -> None:
    assert ratios([2.0, 30.0], [1.0, 10.0]) == [2.0, 3.0]


def test_ratios_refuse_a_missing_round() -> None:
    with pytest.raises(ValueError, match="longer"):
        ratios([1.0], [1.0, 2.0])


def test_ratios_refuse_to_divide_by_what_was_too_little_to_measure() -> None:
    with pytest.raises(ValueError, match="too little"):
        ratios([1.0], [0.0])


def test_in_six_rounds_each_of_three_stands_twice_at_each_place_and_behind_each_other() -> None:
    six = list(orders("abc", 6))
    for place in range(3):
        assert Counter(order[place] for order in six) == dict.fromkeys("abc", 2)
    behind = Counter(pair for order in six for pair in pairwise(order))
    assert behind == dict.fromkeys(permutations("abc", 2), 2)


@pytest.mark.parametrize("subjects", ["", "a", "ab"])
def test_everybody_has_each_round(subjects: str) -> None:
    rounds = [sorted(order) for order in orders(subjects, 5)]
    assert rounds == [list(subjects)] * (5 if subjects else 0)


def test_a_summary_of_no_rounds_is_refused() -> None:
    with pytest.raises(ValueError, match="no rounds"):
        Summary.of([])


@pytest.mark.parametrize(
    ("target", "value", "met"),
    [
        pytest.param(Target(0.5), 0.5, True, id="at-most-its-bound"),
        pytest.param(Target(0.5), 0.51, False, id="above"),
        pytest.param(Target(0.8, at_least=True), 0.8, True, id="at-least-its-bound"),
        pytest.param(Target(0.8, at_least=True), 0.79, False, id="below"),
    ],
)
def test_a_target_bounds_one_side(target: Target, value: float, *, met: bool) -> None:
    assert target.is_met(value) is met


def test_a_target_compares_the_median_of_the_ratios_of_each_round() -> None:
    compared = ECHO.compared("ptybridge", ECHO.targets[0])
    assert compared == Summary(median=0.4, low=0.4, high=0.9)
    assert [report.verdict(ECHO, target) for target in ECHO.targets] == ["pass", "MISS"]


def test_an_absolute_target_bounds_the_value_itself() -> None:
    row = Row("silence", "ms", {"ptybridge": [140.0, 160.0, 100.0]})
    assert report.verdict(row, Target(150)) == "pass"
    assert report.verdict(row, Target(139)) == "MISS"


@pytest.mark.parametrize("missing", ["ptybridge", "terminado"])
def test_a_comparison_with_something_missing_is_not_measured(missing: str) -> None:
    rounds = {name: values for name, values in ECHO.rounds.items() if name != missing}
    row = Row("echo p50", "µs", rounds)
    assert report.verdict(row, Target(0.5, "terminado")) == "not measured"


def test_the_table_has_a_line_for_each_row_and_each_further_target() -> None:
    without_targets = Row("echo p99", "µs", {"bare pty": [12345.6]})
    lines = report.table([ECHO, without_targets], ["bare pty", "ptybridge"]).splitlines()
    cells = [[cell for cell in line.split("  ") if cell] for line in lines]
    assert [cell.strip() for cell in cells[0]] == [
        "figure", "unit", "bare pty", "ptybridge", "compared", "target",
    ]  # fmt: skip
    assert [cell.strip() for cell in cells[2]] == [
        "echo p50", "µs", "20.0 (10.0..30.0)", "40.0 (20.0..90.0)", "0.4 (0.4..0.9)",
        "<= 0.5 x terminado", "pass",
    ]  # fmt: skip
    assert [cell.strip() for cell in cells[3]] == [
        "2.00 (2.00..3.00)", "<= 1.50 x bare pty", "MISS",
    ]  # fmt: skip
    assert [cell.strip() for cell in cells[4]] == [
        "echo p99", "µs", "12346 (12346..12346)", "-",
    ]  # fmt: skip
    assert len(lines) == 5


def test_the_document_survives_json_and_names_each_verdict() -> None:
    document = json.loads(json.dumps(report.document([ECHO])))
    (row,) = document["rows"]
    assert row["medians"]["ptybridge"] == 40.0
    assert [target["verdict"] for target in row["targets"]] == ["pass", "MISS"]


def grown(unit: str, values: dict[int, float]) -> list[dict[str, Any]]:
    rows = [
        Row("memory", unit, {"ptybridge": [value]}, scale=Scale("terminals", count))
        for count, value in values.items()
    ]
    return [report.document([ECHO]), report.document(rows)]


@pytest.mark.parametrize(
    ("values", "order"),
    [
        pytest.param({1: 5.0, 10: 5.0, 100: 5.0}, 0.0, id="constant"),
        pytest.param({100: 300.0, 1: 3.0}, 1.0, id="linear-whatever-the-sequence"),
        pytest.param({1: 2.0, 10: 200.0}, 2.0, id="quadratic"),
        pytest.param({1: 0.0, 10: 1.0}, None, id="from-nothing"),
        pytest.param({7: 1.0}, None, id="measured-once"),
    ],
)
def test_the_order_of_growth_is_the_exponent(values: dict[int, float], order: float | None) -> None:
    (found,) = growth.growths(grown("MB", values))
    assert found.order == (None if order is None else pytest.approx(order))
    assert ElementTree.fromstring(growth.svg([found])).tag.endswith("svg")


def test_growth_beyond_linear_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = tmp_path / "measured.json", tmp_path / "growth.svg"
    for values, code in (({1: 1.0, 10: 9.0}, 0), ({1: 1.0, 10: 90.0}, 1)):
        source.write_text(json.dumps(grown("ms", values)[1]))
        assert growth.main([str(source), str(target)]) == code
        assert "| terminals | memory, ms | 1 at 1, " in capsys.readouterr().out
        assert target.read_text().startswith("<svg")


def run_bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )


def test_one_figure_of_the_floor_is_measured_quickly(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    result = run_bench("--quick", "--only", "echo", "--subjects", "bare pty", "--json", str(path))
    assert result.returncode == 0, result.stderr
    assert "not measured" in result.stdout
    rows = {row["name"]: row for row in json.loads(path.read_text())["rows"]}
    assert set(rows) == {"echo p50", "echo p99"}
    assert len(rows["echo p50"]["rounds"]["bare pty"]) == 3
    assert all(value > 0 for value in rows["echo p50"]["rounds"]["bare pty"])


def test_an_unknown_figure_is_refused_with_those_that_there_are() -> None:
    result = run_bench("--only", "speed")
    assert result.returncode == 2
    assert "'speed' is none of echo, flood, " in result.stderr
