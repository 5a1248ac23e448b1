"""Where a json field is kinder than the original, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.core.collection import Collection
from appliance.core.fields import field_from_json
from appliance.core.record import Record

FIELD = field_from_json({"name": "f", "id": "f1", "type": "json"})


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        pytest.param(9007199254740993, 9007199254740993, id="an integer over 53 bits"),
        pytest.param("9007199254740993", 9007199254740993, id="the same as a text"),
        pytest.param(2**64, float(2**64), id="an integer over 64 bits becomes a float"),
        pytest.param("a\x00\x07b", "a\x00\x07b", id="a text with control characters"),
        pytest.param("\ud800", "\ufffd", id="half a character"),
        pytest.param("NaN", "NaN", id="a number that JSON doesn't have is a text"),
        pytest.param({"a": {"b": [1.0]}}, {"a": {"b": [1]}}, id="a fraction of nothing"),
    ],
)
def test_a_value_is_kept(raw: Any, value: Any) -> None:
    held = FIELD.normalise(raw)
    assert held == value
    assert FIELD.from_column(FIELD.to_column(held)) == value


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param('{"a":1,"a":2}', id="a key that stands twice"),
        pytest.param(float("inf"), id="an endless number"),
        pytest.param("[" * 65 + "]" * 65, id="nesting over 64 levels"),
        pytest.param("[" * 100_000, id="nesting without end that isn't closed"),
        pytest.param({"a": object()}, id="what JSON has no form for"),
    ],
)
def test_a_value_is_refused(raw: Any) -> None:
    record = Record(Collection(id="c", name="c", fields=(FIELD,)))
    record["f"] = raw
    error = FIELD.check_value(None, record, record["f"])  # type: ignore[arg-type]
    assert error is not None
    assert error.code == "validation_invalid_json"


def test_deep_json_of_an_imported_database_is_answered_as_text() -> None:
    deep = "[" * 300 + "]" * 300
    assert FIELD.from_column(deep) == deep
