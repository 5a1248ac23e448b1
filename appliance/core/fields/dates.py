"""Reads dates as the wire's original does: by a fixed list of layouts (those of Go's time and cast packages).

The answer is the wire's own text, `2006-01-02 15:04:05.000Z`, in UTC and cut to milliseconds; "" when no layout fits,
and for the first moment of year 1, which is Go's "no time".
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

STORED = re.compile(
    r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8]) (?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z", re.ASCII
)
NO_TIME = "0001-01-01 00:00:00.000Z"
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
GREGORIAN_CYCLE = 400  # years after which the calendar repeats: what Python's years 1-9999 can't hold is moved there
TWO_DIGIT_PIVOT = 69  # Go's: 69 is 1969, 68 is 2068

_DATE = r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})"
_MINUTES = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})"
_CLOCK = rf"{_MINUTES}:(?P<second>\d{{2}})(?:[.,](?P<fraction>\d+))?"
_MONTH = rf"(?P<month_name>(?i:{'|'.join(MONTHS)}))"
_SHORT_DAY = "(?i:mon|tue|wed|thu|fri|sat|sun)"
_LONG_DAY = "(?i:monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
_LOOSE_DAY = r"(?P<day>\d{2}| ?\d)"
_COLON = r"(?P<offset>[+-]\d{2}:\d{2})"
_PLAIN = r"(?P<offset>[+-]\d{4})"
_ZONE = r"(?:GMT(?P<gmt>[+-]\d{1,2})|[A-Z]{3,5})"

# Those that begin with a year come first: nearly every client sends one of them.
_LAYOUTS = tuple(
    re.compile(layout, re.ASCII)
    for layout in (
        rf"{_DATE}[ T]{_CLOCK}(?:Z|{_COLON})",
        rf"{_DATE}[ T]{_CLOCK}(?:{_PLAIN})?",
        _DATE,
        rf"{_DATE} {_CLOCK} {_PLAIN} {_ZONE}",
        rf"{_DATE} {_CLOCK} {_COLON}",
        rf"{_DATE} {_CLOCK} {_PLAIN}",
        rf"{_SHORT_DAY}, (?P<day>\d{{2}}) {_MONTH} (?P<year>\d{{4}}) {_CLOCK} (?:{_PLAIN}|{_ZONE})",
        rf"(?P<day>\d{{2}}) {_MONTH} (?P<short_year>\d{{2}}) {_MINUTES} (?:{_PLAIN}|{_ZONE})",
        rf"{_LONG_DAY}, (?P<day>\d{{2}})-{_MONTH}-(?P<short_year>\d{{2}}) {_CLOCK} {_ZONE}",
        rf"{_SHORT_DAY} {_MONTH} {_LOOSE_DAY} {_CLOCK} (?:{_ZONE} )?(?P<year>\d{{4}})",
        rf"{_SHORT_DAY} {_MONTH} (?P<day>\d{{2}}) {_CLOCK} {_PLAIN} (?P<year>\d{{4}})",
        rf"(?P<day>\d{{2}}) {_MONTH} (?P<year>\d{{4}})",
        rf"{_MINUTES}(?P<half>AM|PM)",
        rf"{_MONTH} {_LOOSE_DAY} {_CLOCK}",
    )
)


def parse_date(text: str) -> str:
    """The wire's text of a date, or "" when `text` is none."""
    if STORED.fullmatch(text):
        return "" if text == NO_TIME else text
    for layout in _LAYOUTS:
        found = layout.fullmatch(text)
        if found:
            return _moment_of(found.groupdict())
    return ""


def _moment_of(parts: dict[str, str | None]) -> str:
    """The moment in UTC. A day or an hour that no calendar has gives ""."""
    year = _year(parts)
    moved = 2000 + year % GREGORIAN_CYCLE
    try:
        moment = datetime(moved, _month(parts), int(parts.get("day") or 1), tzinfo=UTC) + _time_of_day(parts)
    except ValueError:
        return ""
    year += moment.year - moved
    text = f"{year:04d}-{moment:%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}Z"
    return text if 0 <= year <= 9999 and text != NO_TIME else ""


def _year(parts: dict[str, str | None]) -> int:
    short = parts.get("short_year")
    if short is None:
        return int(parts.get("year") or 0)
    return int(short) + (1900 if int(short) >= TWO_DIGIT_PIVOT else 2000)


def _month(parts: dict[str, str | None]) -> int:
    name = parts.get("month_name")
    return MONTHS.index(name.lower()) + 1 if name else int(parts.get("month") or 1)


def _time_of_day(parts: dict[str, str | None]) -> timedelta:
    """Time since midnight in UTC; ValueError when the clock or the zone is off its dial."""
    hour, minute, second = (int(parts.get(name) or 0) for name in ("hour", "minute", "second"))
    half = parts.get("half")
    if half:
        hour = _hour_of_half(hour, half)
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError("no such time of day")
    milliseconds = int((parts.get("fraction") or "")[:3].ljust(3, "0"))
    return timedelta(hours=hour, minutes=minute, seconds=second, milliseconds=milliseconds) - _offset(parts)


def _hour_of_half(hour: int, half: str) -> int:
    if hour > 12:
        raise ValueError("no such hour")
    return hour % 12 + (12 if half == "PM" else 0)


def _offset(parts: dict[str, str | None]) -> timedelta:
    if parts.get("gmt"):
        return -timedelta(hours=int(parts["gmt"] or 0))  # as the original: GMT+3 lies west, as in POSIX
    offset = (parts.get("offset") or "").replace(":", "")
    if not offset:
        return timedelta()
    hours, minutes = int(offset[1:3]), int(offset[3:])
    if hours > 24 or minutes > 60:
        raise ValueError("no such zone")
    return timedelta(hours=hours, minutes=minutes) * (-1 if offset[0] == "-" else 1)
