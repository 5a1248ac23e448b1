"""Rows as JSON: the quick way says what the way over records says, whatever a column holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.core.app import App
from appliance.core.collection import Collection
from appliance.core.record import Record
from appliance.core.records.json import record_as_json, shape_of
from appliance.core.request_info import RequestInfo
from tests.boxes import open_box
from tests.core.bare_app import add_collection

PLAIN = ("text", "number", "bool", "email", "url", "date", "editor", "json", "geoPoint")
STORED = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.binary(max_size=6),
    st.sampled_from(
        [
            "",
            "[]",
            '["a","b"]',
            '{"lon":1,"lat":2}',
            "2026-01-02 03:04:05.678Z",
            "2026-02-30 00:00:00Z",
            "1e3",
            "true",
            "null",
        ]
    ),
)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with open_box(Path(tmp_path_factory.mktemp("box"))) as box:
        yield box


@pytest.fixture(scope="module")
def collection(app: App) -> Collection:
    """One field of every type that a client can see, of one value and of many, and a hidden one."""
    users = app.collections.get("users").id
    return add_collection(
        app,
        "everything",
        *({"type": kind, "name": kind} for kind in PLAIN),
        {"type": "autodate", "name": "created", "onCreate": True},
        {"type": "select", "name": "one", "values": ["a", "b"], "maxSelect": 1},
        {"type": "select", "name": "many", "values": ["a", "b"], "maxSelect": 2},
        {"type": "relation", "name": "friend", "collectionId": users, "maxSelect": 1},
        {"type": "relation", "name": "friends", "collectionId": users, "maxSelect": 9},
        {"type": "file", "name": "picture", "maxSelect": 1},
        {"type": "file", "name": "pictures", "maxSelect": 9},
        {"type": "text", "name": "secret", "hidden": True},
    )


@pytest.mark.parametrize("who", ["a guest", "a superuser"])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_row_looks_like_its_record(app: App, collection: Collection, who: str, data: st.DataObject) -> None:
    row = data.draw(st.tuples(*(STORED for _ in collection.fields)))
    asking = RequestInfo(auth=Record(app.collections.get("_superusers")) if who == "a superuser" else None)
    long_way = _dumped(lambda: record_as_json(app, Record.from_row(collection, row), asking))
    assert _dumped(lambda: shape_of(collection, asking.is_superuser).as_json(row)) == long_way


def _dumped(make: Any) -> Any:
    try:
        return orjson.dumps(make())
    except (TypeError, ValueError) as error:
        return type(error)


def test_only_superusers_see_hidden_fields(collection: Collection) -> None:
    row = tuple("x" for _ in collection.fields)
    assert "secret" not in shape_of(collection, is_superuser=False).as_json(row)
    assert "secret" in shape_of(collection, is_superuser=True).as_json(row)


def test_many_combinations_of_types_fill_no_memory(collection: Collection) -> None:
    shape = shape_of(collection, is_superuser=True)
    values: list[Any] = ["", 1, 1.5, None]
    for number in range(300):
        row = tuple(values[number // 4**place % 4] if place < 5 else "" for place in range(len(collection.fields)))
        shape.as_json(row)
    assert len(shape._readers) <= 64
