"""Dates as the wire writes them, and texts drawn evenly."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone

import pytest

from appliance.clock import ID_ALPHABET, TOKEN_ALPHABET, format_date, now, now_text, random_text


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        pytest.param(datetime(2026, 11, 23, 16, 21, 38, 781_000, UTC), "2026-11-23 16:21:38.781Z", id="milliseconds"),
        pytest.param(datetime(2026, 1, 2, 3, 4, 5, 999_999, UTC), "2026-01-02 03:04:05.999Z", id="cut, not rounded"),
        pytest.param(datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02 00:00:00.000Z", id="none"),
        pytest.param(
            datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2))), "2025-12-31 23:00:00.000Z", id="another zone"
        ),
    ],
)
def test_a_date_is_written_as_on_the_wire(moment: datetime, text: str) -> None:
    assert format_date(moment) == text


def test_the_text_of_now_is_that_of_the_moment() -> None:
    for _ in range(1000):
        before, text, after = now(), now_text(), now()
        assert format_date(before) <= text <= format_date(after)


@pytest.mark.parametrize("alphabet", [ID_ALPHABET, TOKEN_ALPHABET, "01", "x", "äöü€"])
def test_a_random_text_has_its_length_and_only_its_letters(alphabet: str) -> None:
    for length in (0, 1, 15, 1000):
        text = random_text(length, alphabet)
        assert len(text) == length
        assert set(text) <= set(alphabet)


def test_every_letter_is_as_likely_as_any_other() -> None:
    counts = Counter(random_text(360_000))
    assert set(counts) == set(ID_ALPHABET)
    assert all(9_300 < count < 10_700 for count in counts.values())  # seven standard deviations around 10,000
