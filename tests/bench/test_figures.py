"""Medians, ratios and goals say what they claim to say."""

from __future__ import annotations

import pytest

from bench.figures import Goal, Result, percentile
from bench.servers import ORACLE, OURS


def result(figure: str, oracle: list[float], ours: list[float]) -> Result:
    made = Result()
    for side, values in ((ORACLE, oracle), (OURS, ours)):
        for value in values:
            made.add(side, {figure: value})
    return made


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        pytest.param([3, 1, 2], 50, 2, id="the median of three is the middle one"),
        pytest.param([4, 1, 3, 2], 50, 2, id="the median of four is the lower middle, a value that occurred"),
        pytest.param(list(range(1, 101)), 99, 99, id="99 of 100 are not above the p99"),
        pytest.param(list(range(1, 11)), 99, 10, id="with few values the p99 is the largest"),
        pytest.param([7], 0, 7, id="one value is every percentile"),
    ],
)
def test_a_percentile_is_a_value_that_occurred(values: list[float], percent: float, expected: float) -> None:
    assert percentile(values, percent) == expected


def test_nothing_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 50)


@pytest.mark.parametrize(
    ("figure", "oracle", "ours", "expected"),
    [
        pytest.param("rate", [100, 900, 110], [220, 1, 230], 2, id="twice the requests a second are 2 times better"),
        pytest.param("cpu", [300, 300], [100, 100], 3, id="a third of the CPU is 3 times better"),
        pytest.param("p99", [10], [40], 0.25, id="four times the latency is 0.25 times better"),
        pytest.param("lost", [0], [3], None, id="nothing can be compared with 0"),
        pytest.param("cpu", [], [3], None, id="nothing can be compared with what was not measured"),
        pytest.param("held", [5], [9], None, id="neither more nor fewer connections are better"),
    ],
)
def test_a_ratio_above_one_is_better(
    figure: str, oracle: list[float], ours: list[float], expected: float | None
) -> None:
    assert result(figure, oracle, ours).ratio(figure) == expected


@pytest.mark.parametrize(
    ("goal", "is_met"),
    [
        pytest.param(Goal("cpu", 4), True, id="4 times less CPU than the original"),
        pytest.param(Goal("cpu", 4.1), False, id="4.1 times less CPU than the original"),
        pytest.param(Goal("cpu", 25, than=""), True, id="at most 25"),
        pytest.param(Goal("cpu", 24, than=""), False, id="at most 24"),
        pytest.param(Goal("cpu", 1.3, than="small"), True, id="at most 1.3 times our own 20"),
        pytest.param(Goal("cpu", 1.2, than="small"), False, id="at most 1.2 times our own 20"),
    ],
)
def test_a_goal_is_met_or_not(goal: Goal, is_met: bool) -> None:
    results = {"large": result("cpu", [100], [25]), "small": result("cpu", [100], [20])}
    reached = goal.reached(results, "large")
    assert reached is not None
    assert goal.is_met(reached) is is_met


def test_a_goal_beside_another_scenario_needs_that_scenario() -> None:
    assert Goal("cpu", 1.3, than="small").reached({"large": result("cpu", [100], [25])}, "large") is None
