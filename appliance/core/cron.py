"""Cron expressions of the wire: five segments separated by one space, or a macro.

minute hour day month weekday      each `*`, `n`, `a-b`, `*/step`, `a-b/step`, or several with commas; Sunday is 0
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

MACROS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
LIMITS: Final = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))

_NUMBER: Final = re.compile(r"[+-]?[0-9]+\Z")


class CronError(ValueError):
    """An expression can't be read; the message is the wire's sentence without its full stop."""


@dataclass(frozen=True, slots=True)
class Cron:
    """A read expression: the allowed minutes, hours, days, months and weekdays."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    def is_due(self, moment: datetime) -> bool:
        """Whether the minute of `moment` is one of the expression's."""
        return (
            moment.minute in self.minutes
            and moment.hour in self.hours
            and moment.day in self.days
            and moment.month in self.months
            and moment.isoweekday() % 7 in self.weekdays
        )


def parse_cron(text: str) -> Cron:
    """Read an expression. Raises CronError."""
    segments = MACROS.get(text, text).split(" ")
    if len(segments) != len(LIMITS):
        raise CronError("Invalid cron expression - must be a valid macro or to have exactly 5 space separated segments")
    return Cron(*(_parse_segment(each, *limits) for each, limits in zip(segments, LIMITS, strict=True)))


def _parse_segment(segment: str, low: int, high: int) -> frozenset[int]:
    return frozenset(value for part in segment.split(",") for value in _parse_part(part, low, high))


def _parse_part(part: str, low: int, high: int) -> range:
    span, *steps = part.split("/")
    if len(steps) > 1:
        raise CronError("Invalid segment step format - must be in the format */n or 1-30/n")
    step = _parse_step(steps[0], high) if steps else 1
    if span == "*":
        return range(low, high + 1, step)
    bounds = span.split("-")
    if len(bounds) > 2:
        raise CronError("Invalid segment range format - the range must have 1 or 2 parts")
    return _parse_value(bounds[0], low, high, step) if len(bounds) == 1 else _parse_range(bounds, low, high, step)


def _parse_step(text: str, high: int) -> int:
    step = _whole(text)
    if not 1 <= step <= high:
        raise CronError(f"Invalid segment step boundary - the step must be between 1 and the {high}")
    return step


def _parse_value(text: str, low: int, high: int, step: int) -> range:
    if step > 1:
        raise CronError("Invalid segment step - step > 1 could be used only with the wildcard or range format")
    value = _whole(text)
    if not low <= value <= high:
        raise CronError("Invalid segment value - must be between the min and max of the segment")
    return range(value, value + 1)


def _parse_range(bounds: list[str], low: int, high: int, step: int) -> range:
    first = _whole(bounds[0])
    if not low <= first <= high:
        raise CronError(f"Invalid segment range minimum - must be between {low} and {high}")
    last = _whole(bounds[1])
    if not first <= last <= high:
        raise CronError(f"Invalid segment range maximum - must be between {first} and {high}")
    return range(first, last + 1, step)


def _whole(text: str) -> int:
    if not _NUMBER.match(text):
        raise CronError(f'Strconv.Atoi: parsing "{text}": invalid syntax')
    return int(text)
