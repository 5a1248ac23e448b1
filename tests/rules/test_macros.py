"""The moments that macros stand for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from appliance.rules.macros import MACROS

MONDAY = datetime(2024, 2, 26, 13, 5, 9, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("@now", "2024-02-26 13:05:09.123Z"),
        ("@yesterday", "2024-02-25 13:05:09.123Z"),
        ("@tomorrow", "2024-02-27 13:05:09.123Z"),
        ("@second", 9),
        ("@minute", 5),
        ("@hour", 13),
        ("@day", 26),
        ("@month", 2),
        ("@year", 2024),
        ("@weekday", 1),
        ("@todayStart", "2024-02-26 00:00:00.000Z"),
        ("@todayEnd", "2024-02-26 23:59:59.999Z"),
        ("@monthStart", "2024-02-01 00:00:00.000Z"),
        ("@monthEnd", "2024-02-29 23:59:59.999Z"),
        ("@yearStart", "2024-01-01 00:00:00.000Z"),
        ("@yearEnd", "2024-12-31 23:59:59.999Z"),
    ],
)
def test_a_macro_has_its_value(name: str, value: str | int) -> None:
    assert MACROS[name](MONDAY) == value


def test_all_macros_are_tested() -> None:
    assert len(MACROS) == 16


@pytest.mark.parametrize(
    ("name", "moment", "value"),
    [
        pytest.param("@weekday", datetime(2024, 3, 3, tzinfo=UTC), 0, id="Sunday is day 0"),
        pytest.param("@weekday", datetime(2024, 3, 2, tzinfo=UTC), 6, id="Saturday is day 6"),
        pytest.param("@monthEnd", datetime(2023, 12, 31, 23, 59, tzinfo=UTC), "2023-12-31 23:59:59.999Z", id="Dec"),
        pytest.param("@monthEnd", datetime(2023, 2, 1, tzinfo=UTC), "2023-02-28 23:59:59.999Z", id="a short February"),
        pytest.param("@tomorrow", datetime(2024, 2, 29, tzinfo=UTC), "2024-03-01 00:00:00.000Z", id="a leap day's end"),
        pytest.param("@yearEnd", datetime(2024, 2, 29, tzinfo=UTC), "2024-12-31 23:59:59.999Z", id="from a leap day"),
    ],
)
def test_the_edges_of_the_calendar(name: str, moment: datetime, value: str | int) -> None:
    assert MACROS[name](moment) == value
