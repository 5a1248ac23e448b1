"""Any JSON value at all, through every field type: nothing raises, reading twice changes nothing, columns keep it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.core.collection import Collection
from appliance.core.fields import FIELD_TYPES, Field, field_from_json
from appliance.core.fields.json import InvalidJson
from appliance.core.record import Record

TEXTS = st.one_of(
    st.text(),
    st.text(alphabet=st.characters(codec=None, categories=None)),
    st.sampled_from(['["a"', '{"a":1}', "1e999", "-", "[[[", "\ud800", "2022-01-01", "0x1p9999", "1" * 400, "null"]),
    st.dates().map(str),
    st.datetimes().map(str),
)
NUMBERS = st.one_of(st.integers(), st.floats())
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)
FIELDS = [
    *(field_from_json({"name": "f", "id": "f1", "type": kind, "values": ["a", "b"]}) for kind in FIELD_TYPES),
    *(
        field_from_json({"name": "f", "id": "f1", "type": kind, "maxSelect": 3})
        for kind in ("select", "relation", "file")
    ),
]
each_field = pytest.mark.parametrize("field", [pytest.param(f, id=f"{f.type} {f.is_multiple}") for f in FIELDS])


@each_field
@settings(max_examples=50, deadline=None)
@given(raw=VALUES)
def test_reading_a_value_twice_changes_nothing(field: Field, raw: Any) -> None:
    value = field.normalise(raw)
    assert repr(field.normalise(value)) == repr(value)


@each_field
@settings(max_examples=50, deadline=None)
@given(raw=VALUES)
def test_a_column_gives_back_what_it_got(field: Field, raw: Any) -> None:
    value = field.normalise(raw)
    if field.type == "password" or isinstance(value, InvalidJson) or "nan" in repr(value) or "inf" in repr(value):
        return
    stored = field.to_column(value)
    assert stored is None or isinstance(stored, str | int | float)
    assert field.value_as_json(field.from_column(stored)) == field.value_as_json(value)


@each_field
@settings(max_examples=50, deadline=None)
@given(raw=VALUES)
def test_what_passes_the_checks_can_be_answered(field: Field, raw: Any) -> None:
    record = Record(Collection(id="c", name="c", fields=(field,)))
    record["f"] = raw
    orjson.dumps(field.value_as_json(record["f"]))
    if field.type != "relation":  # needs a database
        field.check_value(None, record, record["f"])  # type: ignore[arg-type]


@each_field
@settings(max_examples=40, deadline=None)
@given(stored=st.one_of(st.none(), NUMBERS, TEXTS, st.binary()))
def test_any_column_of_a_view_can_be_read(field: Field, stored: Any) -> None:
    orjson.dumps(field.value_as_json(field.from_column(stored)))


@each_field
@settings(max_examples=40, deadline=None)
@given(current=VALUES, raw=VALUES)
def test_modifiers_take_any_value(field: Field, current: Any, raw: Any) -> None:
    for modifier in sorted(field.modifiers):
        value = field.modify(field.normalise(current), modifier, raw)
        assert repr(field.normalise(value)) == repr(value)
