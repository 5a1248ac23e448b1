"""The tables: Markdown whose columns are aligned, so that it reads well on a terminal too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.figures import FIGURES, Goal, Result
from bench.scenarios import SCENARIOS, Scenario
from bench.servers import ORACLE, OURS

BEGIN, END = "<!-- begin: python -m bench -->", "<!-- end -->"
IN_FIRST_TABLE = ("rate", "p50", "p99", "cpu", "generator")
SILENT_AT_ZERO = ("failed", "lost", "closed")

Results = Mapping[str, Result]


def number(value: float | None, decimals: int) -> str:
    """`12,345.6`, or a dash when it was not measured."""
    return "-" if value is None else f"{value:,.{decimals}f}"


def times(value: float | None) -> str:
    """`3.4x`, or a dash."""
    return "-" if value is None else f"{value:.{0 if value >= 100 else 1}f}x" if value >= 0.1 else f"{value:.2f}x"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], texts: int = 1) -> str:
    """An aligned Markdown table; the first `texts` columns are texts, the others numbers."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]

    def line(row: Sequence[str]) -> str:
        cells = [
            cell.ljust(width) if column < texts else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return f"| {' | '.join(cells)} |"

    rule = [("-" * width) if column < texts else f"{'-' * (width - 1)}:" for column, width in enumerate(widths)]
    return "\n".join([line(head), f"| {' | '.join(rule)} |", *map(line, rows)])


def requests_table(results: Results) -> str:
    """Throughput, latency and CPU of the scenarios that count requests. PB is PocketBase."""
    head = ["scenario", "req/s PB", "ours", "better", "p50 ms PB", "ours", "p99 ms PB", "ours"]
    head += ["CPU us PB", "ours", "better", "wrk CPU % PB", "ours"]
    rows = [
        [
            name,
            *_pair(result, "rate"),
            times(result.ratio("rate")),
            *_pair(result, "p50"),
            *_pair(result, "p99"),
            *_pair(result, "cpu"),
            times(result.ratio("cpu")),
            *_pair(result, "generator"),
        ]
        for name, result in results.items()
        if "rate" in result.figures()
    ]
    return table(head, rows) if rows else ""


def other_table(results: Results) -> str:
    """All other figures, one a row."""
    rows = [
        [name, FIGURES[figure].title, *_pair(result, figure), times(result.ratio(figure))]
        for name, result in results.items()
        for figure in result.figures()
        if not ("rate" in result.figures() and figure in IN_FIRST_TABLE) and not _is_silent(result, figure)
    ]
    return table(["scenario", "figure", "PB", "ours", "better"], rows, texts=2) if rows else ""


def goals_table(results: Results, scenarios: Sequence[Scenario] = SCENARIOS) -> str:
    """Each goal, what was reached, and whether that is enough."""
    rows = []
    for scenario in scenarios:
        for goal in scenario.goals if scenario.name in results else ():
            reached = goal.reached(results, scenario.name)
            shown = times(reached) if goal.than else number(reached, FIGURES[goal.figure].decimals)
            rows.append([scenario.name, goal.text(), shown, verdict(goal, reached, results[scenario.name])])
    return table(["scenario", "goal", "reached", "verdict"], rows, texts=2) if rows else ""


def verdict(goal: Goal, reached: float | None, result: Result) -> str:
    """Whether the goal is met. A server that refused what it was asked has met nothing, however quickly it did."""
    if reached is None:
        return "not measured"
    if result.median(OURS, "failed"):
        return "failed answers"
    return "met" if goal.is_met(reached) else "missed"


def left_out(results: Results, scenarios: Sequence[Scenario] = SCENARIOS) -> str:
    """What each figure does not say, and what was not measured."""
    lines = [f"- **{scenario.name}**: {scenario.leaves_out}" for scenario in scenarios if scenario.name in results]
    lines += [f"- **{name}** was not measured: {result.skipped}" for name, result in results.items() if result.skipped]
    return "\n".join(lines)


def page_part(results: Results, machine: Mapping[str, str], how: str) -> str:
    """The part of docs/explanation/performance.md that the command writes."""
    facts = "\n".join(f"- {name}: {value}" for name, value in {**machine, "run": how}.items())
    parts = {
        "## Where it was measured": facts,
        "## Goals": goals_table(results),
        "## Requests": requests_table(results),
        "## Other figures": other_table(results),
        "## What each figure leaves out": left_out(results),
    }
    return "\n\n".join(f"{title}\n\n{text}" for title, text in parts.items() if text)


def write_page(page: Path, part: str) -> None:
    """Put the part between the page's two marks. Raises ValueError when they are missing."""
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} needs the lines {BEGIN} and {END}: the results go between them")
    page.write_text(f"{before}{BEGIN}\n\n{part}\n\n{END}{after}", encoding="utf-8")


def _pair(result: Result, figure: str) -> tuple[str, str]:
    decimals = FIGURES[figure].decimals
    return number(result.median(ORACLE, figure), decimals), number(result.median(OURS, figure), decimals)


def _is_silent(result: Result, figure: str) -> bool:
    return figure in SILENT_AT_ZERO and not any(result.median(side, figure) for side in (ORACLE, OURS))
