"""Where reading dates differs from the original on purpose; casts.json has the rest."""

from __future__ import annotations

import pytest

from appliance.core.fields.dates import parse_date


@pytest.mark.parametrize(
    ("text", "date"),
    [
        pytest.param("9999-12-31T23:59:59-02:00", "", id="a zone that leads into year 10000"),
        pytest.param("0000-01-01T00:00:00+02:00", "", id="a zone that leads before year 0"),
        pytest.param("9999-12-31T23:59:59Z", "9999-12-31 23:59:59.000Z", id="the last second"),
        pytest.param("0000-01-01", "0000-01-01 00:00:00.000Z", id="the first day"),
    ],
)
def test_dates_lie_in_the_years_0_to_9999(text: str, date: str) -> None:
    assert parse_date(text) == date
