"""Any JSON value at all, through every field type: nothing raises, reading twice changes nothing, columns keep it."""

from __future__ import annotations

import json
import math
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.core.collection import Collection
from appliance.core.fields import FIELD_TYPES, Field, field_from_json
from appliance.core.fields.json import InvalidJson
from appliance.core.record import Record

TEXTS = st.one_of(
    st.text(),
    st.text(alphabet=st.characters(codec=None, categories=None)),
    st.sampled_from(
        [
            '["a"',
            '["a"]',
            json.dumps([json.dumps(["a", "b"])]),
            '{"a":1}',
            "1e999",
            "-",
            "[[[",
            "\ud800",
            "2022-01-01",
            "0x1p9999",
            "1" * 400,
            "null",
        ]
    ),
    st.dates().map(str),
    st.datetimes().map(str),
)
NUMBERS = st.one_of(st.integers(), st.floats())
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)


def as_json_text(value: Any) -> str:
    return json.dumps(value)


FIELDS = [
    *(field_from_json({"name": "f", "id": "f1", "type": kind, "values": ["a", "b"]}) for kind in FIELD_TYPES),
    *(
        field_from_json({"name": "f", "id": "f1", "type": kind, "maxSelect": 3})
        for kind in ("select", "relation", "file")
    ),
]
quickly = settings(max_examples=60, deadline=None)


@quickly
@given(raw=VALUES)
def test_reading_a_value_twice_changes_nothing(raw: Any) -> None:
    for field in FIELDS:
        value = field.normalise(raw)
        assert repr(field.normalise(value)) == repr(value), field


@quickly
@given(raw=VALUES)
def test_a_column_gives_back_what_it_got(raw: Any) -> None:
    for field in FIELDS:
        value = field.normalise(raw)
        if _is_storable(field, value):
            stored = field.to_column(value)
            assert stored is None or isinstance(stored, str | int | float), field
            assert field.value_as_json(field.from_column(stored)) == field.value_as_json(value), field


def _is_storable(field: Field, value: Any) -> bool:
    """Neither refused by the checks nor, as a password, only readable as a hash."""
    is_endless = isinstance(value, float) and not math.isfinite(value)
    return field.type != "password" and not isinstance(value, InvalidJson) and not is_endless


@quickly
@given(raw=VALUES)
def test_any_value_can_be_checked_and_answered(raw: Any) -> None:
    for field in FIELDS:
        record = Record(Collection(id="c", name="c", fields=(field,)))
        record["f"] = raw
        orjson.dumps(field.value_as_json(record["f"]))
        if field.type != "relation":  # it asks the database
            field.check_value(None, record, record["f"])  # type: ignore[arg-type]


@quickly
@given(stored=st.one_of(st.none(), NUMBERS, st.text(), st.binary(), VALUES.map(as_json_text)))
def test_any_column_of_a_view_can_be_answered(stored: Any) -> None:
    for field in FIELDS:
        orjson.dumps(field.value_as_json(field.from_column(stored)))


@quickly
@given(current=VALUES, raw=VALUES)
def test_modifiers_take_any_value(current: Any, raw: Any) -> None:
    for field in FIELDS:
        for modifier in sorted(field.modifiers):
            value = field.modify(field.normalise(current), modifier, raw)
            assert repr(field.normalise(value)) == repr(value), (field, modifier)
