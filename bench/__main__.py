"""The command. Each scenario runs on both servers in turn: PocketBase, ours, PocketBase, ours, ..."""

from __future__ import annotations

import argparse
import dataclasses
import fnmatch
import json
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from itertools import groupby, product
from pathlib import Path

import httpx

from bench import machine, report
from bench.figures import Result
from bench.generators import GeneratorFailed
from bench.measures import Turn
from bench.scenarios import LARGE, SCENARIOS, SMALL, Scenario
from bench.seed import open_world
from bench.servers import ServerFailed, Side, both_sides
from bench.wrk import WrkFailed, require_wrk

WARM_UP_SECONDS = 1


@dataclasses.dataclass(frozen=True)
class Plan:
    """How often and how long each scenario is run."""

    rounds: int
    seconds: int

    def turns(self, scenario: Scenario) -> list[Turn]:
        """The warm-up and the runs that count."""
        rounds = min(self.rounds, scenario.most_rounds)
        return [Turn(0, WARM_UP_SECONDS), *(Turn(number, self.seconds) for number in range(1, rounds + 1))]


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m bench", description="Measure Homeport against PocketBase.")
    made.add_argument("--only", metavar="PATTERN", help="only scenarios whose name contains it, or matches it (*, ?)")
    made.add_argument("--rows", type=int, choices=(SMALL, LARGE), help="only scenarios on that many rows")
    made.add_argument("--quick", action="store_true", help="one short round, without the long scenarios")
    made.add_argument("--rounds", type=int, default=3, metavar="N", help="runs a side that count (3)")
    made.add_argument("--seconds", type=int, default=2, metavar="N", help="how long wrk loads in each (2)")
    made.add_argument("--json", type=Path, metavar="FILE", help="keep every sample")
    made.add_argument("--page", type=Path, metavar="FILE", help="write the result into this Markdown page")
    made.add_argument("--list", action="store_true", help="name the scenarios")
    made.add_argument(
        "--cache",
        type=Path,
        metavar="DIR",
        default=Path(tempfile.gettempdir()) / "homeport-bench",
        help="where the worlds are kept (the system's temporary folder)",
    )
    return made


def chosen(arguments: argparse.Namespace) -> list[Scenario]:
    """The scenarios that the command line asks for."""
    pattern = arguments.only or "*"
    return [
        scenario
        for scenario in SCENARIOS
        if (arguments.rows or scenario.rows) == scenario.rows
        and (scenario.is_quick or not arguments.quick or arguments.only)
        and (pattern in scenario.name or fnmatch.fnmatch(scenario.name, pattern))
    ]


def run_all(scenarios: Sequence[Scenario], plan: Plan, cache: Path) -> dict[str, Result]:
    """Run the scenarios, those on one world together. What was measured before Ctrl+C is kept."""
    results: dict[str, Result] = {}
    with suppress(KeyboardInterrupt):
        for rows, group in groupby(scenarios, key=lambda scenario: scenario.rows):
            run_on(rows, group, plan, cache, results)
    return results


def run_on(rows: int, scenarios: Iterable[Scenario], plan: Plan, cache: Path, results: dict[str, Result]) -> None:
    """Run the scenarios of one world; each result goes into `results` when it is there."""
    note(f"the world of {rows:,} rows")
    with both_sides(open_world(rows, cache)) as sides:
        for scenario in scenarios:
            results[scenario.name] = run_scenario(scenario, sides, plan)


def run_scenario(scenario: Scenario, sides: Sequence[Side], plan: Plan) -> Result:
    """All turns of one scenario on freshly started servers. One that fails says so in its result."""
    result, begin = Result(skipped=scenario.needs()), time.monotonic()
    if not result.skipped:
        try:
            run_turns(scenario, sides, plan, result)
        except (GeneratorFailed, ServerFailed, WrkFailed, httpx.HTTPError) as error:
            result.skipped = f"{type(error).__name__}: {error}"
    note(f"{scenario.name}: {result.skipped or f'{time.monotonic() - begin:.0f} s'}")
    return result


def run_turns(scenario: Scenario, sides: Sequence[Side], plan: Plan, result: Result) -> None:
    """The warm-up and the runs that count, the sides in turn."""
    with ExitStack() as undo:
        for side in sides:
            undo.enter_context(_Prepared(scenario, side))
        for turn, side in product(plan.turns(scenario), sides):
            _run(scenario, side, turn, result)


def _run(scenario: Scenario, side: Side, turn: Turn, result: Result) -> None:
    if scenario.fresh_turns and not turn.is_warm_up:
        side.restart(scenario.options(side))
    sample = scenario.measure(side, turn)
    if not turn.is_warm_up:
        result.add(side.name, sample)


@dataclasses.dataclass
class _Prepared:
    """A started server with the scenario's settings; they are undone afterwards."""

    scenario: Scenario
    side: Side

    def __enter__(self) -> None:
        self.side.restart(self.scenario.options(self.side))
        if self.scenario.settings:
            self.side.change_settings(self.scenario.settings)
        if self.scenario.prepare:
            self.scenario.prepare(self.side)

    def __exit__(self, *_: object) -> None:
        if self.scenario.undone:
            self.side.change_settings(self.scenario.undone)


def note(text: str) -> None:
    """Progress, for people who wait."""
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Run the command."""
    arguments = parser().parse_args()
    scenarios = chosen(arguments)
    if arguments.list or not scenarios:
        print("\n".join(f"{scenario.rows:>9,}  {scenario.name}" for scenario in scenarios or SCENARIOS))
        sys.exit(0 if arguments.list else 2)
    require_wrk()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    shape = machine.describe(arguments.cache)
    plan = Plan(1, 1) if arguments.quick else Plan(arguments.rounds, arguments.seconds)
    begin = time.monotonic()
    results = run_all(scenarios, plan, arguments.cache)
    how = (
        f"{plan.rounds} rounds of {plan.seconds} s in turn after a warm-up of {WARM_UP_SECONDS} s, medians; "
        f"{time.monotonic() - begin:.0f} s in all"
    )
    part = report.page_part(results, shape, how)
    print(part)
    if arguments.json:
        kept = {"machine": shape, "run": how, "results": {name: vars(result) for name, result in results.items()}}
        arguments.json.write_text(json.dumps(kept, indent=1), encoding="utf-8")
    if arguments.page:
        report.write_page(arguments.page, part)


if __name__ == "__main__":
    main()
