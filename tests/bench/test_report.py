"""The tables show what was measured, and what failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import report
from bench.figures import Goal, Result, Sample
from bench.scenarios import SCENARIOS
from bench.servers import ORACLE, OURS

SAMPLE: Sample = {"rate": 1000, "p50": 1, "p99": 2, "cpu": 400, "failed": 0, "generator": 9}
VIEW = SCENARIOS[0].name


def results(**ours: float) -> dict[str, Result]:
    return {VIEW: Result({ORACLE: [SAMPLE], OURS: [{**SAMPLE, **ours}]})}


def test_a_table_is_aligned_markdown() -> None:
    assert report.table(["name", "n"], [["a", "1"], ["long name", "1,000"]]).splitlines() == [
        "| name      |     n |",
        "| --------- | ----: |",
        "| a         |     1 |",
        "| long name | 1,000 |",
    ]


def test_requests_show_both_sides_and_how_many_times_better_ours_is() -> None:
    row = report.requests_table(results(rate=2500, cpu=100)).splitlines()[2]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:4] == [VIEW, "1,000", "2,500", "2.5x"]
    assert "4.0x" in cells


@pytest.mark.parametrize(
    ("ours", "expected"),
    [
        pytest.param({"cpu": 50.0}, "met", id="quick enough"),
        pytest.param({"cpu": 350.0}, "missed", id="too slow"),
        pytest.param({"cpu": 50.0, "failed": 3.0}, "failed answers", id="quick because it refused"),
    ],
)
def test_a_verdict_counts_only_answers_that_were_given(ours: dict[str, float], expected: str) -> None:
    goal, measured = Goal("cpu", 4), results(**ours)
    assert report.verdict(goal, goal.reached(measured, VIEW), measured[VIEW]) == expected


def test_refused_answers_are_shown_and_none_are_not() -> None:
    assert "other than 2xx" in report.other_table(results(failed=7))
    assert "other than 2xx" not in report.other_table(results())


def test_what_was_not_measured_says_why() -> None:
    assert "the limit of open files is 1024" in report.left_out(
        {VIEW: Result(skipped="the limit of open files is 1024")}
    )


def test_a_page_keeps_what_stands_around_the_results(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.write_page(page, "new")
    assert page.read_text() == f"before\n{report.BEGIN}\n\nnew\n\n{report.END}\nafter\n"


def test_a_page_without_marks_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing")
    with pytest.raises(ValueError, match="needs the lines"):
        report.write_page(page, "new")


def test_every_scenario_says_what_it_leaves_out_and_has_a_name_of_its_own() -> None:
    assert all(scenario.leaves_out for scenario in SCENARIOS)
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)
