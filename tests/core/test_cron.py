"""Cron expressions as the wire reads them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from appliance.core.cron import CronError, parse_cron


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        pytest.param("* * * *", "Invalid cron expression", id="four segments"),
        pytest.param("0  0 * * *", "Invalid cron expression", id="two spaces"),
        pytest.param("@reboot", "Invalid cron expression", id="an unknown macro"),
        pytest.param("a * * * *", 'Strconv.Atoi: parsing "a": invalid syntax', id="no number"),
        pytest.param("60 * * * *", "Invalid segment value", id="a minute too high"),
        pytest.param("* * * * 7", "Invalid segment value", id="no second Sunday"),
        pytest.param("5-1 * * * *", "must be between 5 and 59", id="a range backwards"),
        pytest.param("*/0 * * * *", "the step must be between 1 and the 59", id="a step of nothing"),
        pytest.param("1/2 * * * *", "step > 1 could be used only", id="a step on one value"),
        pytest.param("1-2-3 * * * *", "the range must have 1 or 2 parts", id="a range of three"),
        pytest.param("*/2/3 * * * *", "must be in the format */n or 1-30/n", id="two steps"),
        pytest.param("1,,2 * * * *", 'parsing ""', id="an empty part"),
    ],
)
def test_a_bad_expression_is_refused_with_the_reason(expression: str, message: str) -> None:
    with pytest.raises(CronError) as caught:
        parse_cron(expression)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("expression", "due"),
    [
        pytest.param("* * * * *", True, id="every minute"),
        pytest.param("30 8 * * 1-5", True, id="on workdays at half past eight"),
        pytest.param("30 8 * * 0", False, id="on Sundays"),
        pytest.param("*/15,7 8 23 11 *", True, id="every quarter of that hour"),
        pytest.param("@hourly", False, id="at the full hour"),
    ],
)
def test_an_expression_tells_whether_a_minute_is_due(expression: str, due: bool) -> None:
    assert parse_cron(expression).is_due(datetime(2026, 11, 23, 8, 30, 59, tzinfo=UTC)) is due
