"""The macros: names that stand for a moment, or a part of one, in UTC. All of one statement see the same moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from appliance.clock import format_date

MacroValue = str | int
_DAY: Final = timedelta(days=1)
_MILLISECOND: Final = timedelta(milliseconds=1)


def _day_start(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _month_start(moment: datetime) -> datetime:
    return _day_start(moment).replace(day=1)


def _month_end(moment: datetime) -> datetime:
    return _month_start(_month_start(moment) + 31 * _DAY) - _MILLISECOND


def _year_start(moment: datetime) -> datetime:
    return _month_start(moment).replace(month=1)


def _year_end(moment: datetime) -> datetime:
    return _year_start(moment).replace(year=moment.year + 1) - _MILLISECOND


MACROS: Final[Mapping[str, Callable[[datetime], MacroValue]]] = {
    "@now": format_date,
    "@yesterday": lambda moment: format_date(moment - _DAY),
    "@tomorrow": lambda moment: format_date(moment + _DAY),
    "@second": lambda moment: moment.second,
    "@minute": lambda moment: moment.minute,
    "@hour": lambda moment: moment.hour,
    "@day": lambda moment: moment.day,
    "@month": lambda moment: moment.month,
    "@year": lambda moment: moment.year,
    "@weekday": lambda moment: moment.isoweekday() % 7,  # Sunday is 0
    "@todayStart": lambda moment: format_date(_day_start(moment)),
    "@todayEnd": lambda moment: format_date(_day_start(moment) + _DAY - _MILLISECOND),
    "@monthStart": lambda moment: format_date(_month_start(moment)),
    "@monthEnd": lambda moment: format_date(_month_end(moment)),
    "@yearStart": lambda moment: format_date(_year_start(moment)),
    "@yearEnd": lambda moment: format_date(_year_end(moment)),
}
