"""A record's values are its own, whatever is worked out once for all records of a collection."""

from __future__ import annotations

import pytest

from appliance.core.collection import Collection
from appliance.core.fields import field_from_json
from appliance.core.record import Record

FIELDS = (
    {"type": "text", "name": "title"},
    {"type": "number", "name": "score"},
    {"type": "select", "name": "tags", "values": ["a", "b"], "maxSelect": 2},
    {"type": "relation", "name": "friends", "collectionId": "c1", "maxSelect": 5},
    {"type": "file", "name": "photos", "maxSelect": 5},
    {"type": "geoPoint", "name": "place"},
    {"type": "json", "name": "meta"},
)


@pytest.fixture
def collection() -> Collection:
    return Collection("c1", "posts", fields=tuple(field_from_json(each) for each in FIELDS))


def test_a_new_record_has_the_zero_of_every_field(collection: Collection) -> None:
    assert Record(collection).values == {each.name: each.zero() for each in collection.fields}


@pytest.mark.parametrize("name", ["tags", "friends", "photos"])
def test_a_list_changed_in_one_new_record_stays_as_it_was_in_another(collection: Collection, name: str) -> None:
    first, second = Record(collection), Record(collection)
    first[name].append("a")
    assert (second[name], Record(collection)[name]) == ([], [])


def test_a_point_changed_in_one_new_record_stays_as_it_was_in_another(collection: Collection) -> None:
    first, second = Record(collection), Record(collection)
    first["place"]["lon"] = 7
    assert second["place"] == {"lon": 0, "lat": 0}


@pytest.mark.parametrize("name", ["tags", "friends", "photos", "meta"])
def test_what_is_remembered_stays_when_a_list_changes_in_place(collection: Collection, name: str) -> None:
    record = Record(collection)
    record.values[name] = ["a"]
    record.remember()
    record.values[name].append("b")
    assert record.original[name] == ["a"]
