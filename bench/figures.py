"""Samples, medians, ratios and goals."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.servers import ORACLE, OURS

Sample = Mapping[str, float]
"""What one run of one scenario measured: figure -> value, in the unit that FIGURES says."""


@dataclass(frozen=True)
class Figure:
    """A kind of number: its title with unit, how many decimals, and whether less of it is better (None: neither)."""

    title: str
    decimals: int = 0
    less_is_better: bool | None = True


FIGURES: Mapping[str, Figure] = {
    "rate": Figure("requests/s", 0, less_is_better=False),
    "p50": Figure("p50 ms", 2),
    "p99": Figure("p99 ms", 2),
    "cpu": Figure("CPU us a request", 0),
    "failed": Figure("answers other than 2xx, or none"),
    "generator": Figure("load generator's CPU, % of a core", 0, None),
    "connect_rate": Figure("subscribers connected and subscribed/s", 0, less_is_better=False),
    "fan_out_p50": Figure("event p50 ms", 1),
    "fan_out_p99": Figure("event p99 ms", 1),
    "cpu_event": Figure("CPU us a delivered event", 1),
    "lost": Figure("events not delivered"),
    "kib_client": Figure("KiB of memory a client", 1),
    "memory": Figure("memory MB (resident)", 1),
    "seconds": Figure("seconds", 2),
    "cpu_seconds": Figure("CPU seconds", 2),
    "held": Figure("connections held at the end", 0, None),
    "closed": Figure("connections that the server closed", 0, None),
}


@dataclass(frozen=True)
class Goal:
    """What a figure should reach: `bound` times better than the original, at most `bound`, or at most `bound` times
    our own figure in the scenario `than`."""

    figure: str
    bound: float
    than: str = ORACLE

    def text(self) -> str:
        """The goal as the table shows it."""
        title = FIGURES[self.figure].title
        if self.than == ORACLE:
            return f"{title}: {self.bound:g}x better"
        if self.than:
            return f"{title}: <= {self.bound:g}x of *{self.than}*"
        return f"{title} <= {self.bound:g}"

    def reached(self, results: Mapping[str, Result], scenario: str) -> float | None:
        """What was reached, in the goal's own terms; None when a side of the comparison was not measured."""
        ours = results[scenario].median(OURS, self.figure)
        if not self.than or ours is None:
            return ours
        if self.than == ORACLE:
            return results[scenario].ratio(self.figure)
        other = results[self.than].median(OURS, self.figure) if self.than in results else None
        return ours / other if other else None

    def is_met(self, reached: float) -> bool:
        """Whether that is good enough."""
        return reached >= self.bound if self.than == ORACLE else reached <= self.bound


@dataclass
class Result:
    """All runs of one scenario, by side, in the order in which they ran. `skipped` says why there are none."""

    samples: dict[str, list[Sample]] = field(default_factory=dict)
    skipped: str = ""

    def add(self, side: str, sample: Sample) -> None:
        """One more run."""
        self.samples.setdefault(side, []).append(sample)

    def figures(self) -> list[str]:
        """The figures that were measured, in the order of FIGURES."""
        seen = {name for samples in self.samples.values() for sample in samples for name in sample}
        return [name for name in FIGURES if name in seen]

    def median(self, side: str, figure: str) -> float | None:
        """The median of the runs; None when there is none."""
        values = [sample[figure] for sample in self.samples.get(side, ()) if figure in sample]
        return statistics.median(values) if values else None

    def ratio(self, figure: str) -> float | None:
        """How many times better ours is: above 1 is better, whichever way the figure counts."""
        oracle, ours, is_less_better = (
            self.median(ORACLE, figure),
            self.median(OURS, figure),
            FIGURES[figure].less_is_better,
        )
        if not oracle or not ours or is_less_better is None:
            return None
        return oracle / ours if is_less_better else ours / oracle


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of all are not above. Raises ValueError without values."""
    if not values:
        raise ValueError("a percentile of nothing")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
