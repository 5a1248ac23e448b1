"""Importing a list of collections: all or nothing, in any order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.core.app import App
from appliance.core.collections.importing import import_collections
from appliance.core.collections.save import create_collection
from appliance.core.record import Record
from appliance.core.records.query import find_records_by
from appliance.core.records.save import create_record
from appliance.errors import ValidationFailed
from tests.core.bare_app import add_collection, open_app


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with open_app(tmp_path) as bare:
        yield bare


def field_names(app: App, collection: str) -> list[str]:
    return [each.name for each in app.collections.get(collection).fields]


def own_names(app: App) -> list[str]:
    return [each.name for each in app.collections.all() if not each.system]


def refusal(app: App, *listed: dict[str, Any], delete_missing: bool = False) -> str:
    before = [each.as_json() for each in app.collections.all()]
    tables = app.database.schema.tables()
    with pytest.raises(ValidationFailed) as caught:
        import_collections(app, listed, delete_missing)
    assert [each.as_json() for each in app.collections.all()] == before
    assert app.database.schema.tables() == tables
    entry = caught.value.as_json()["data"]["collections"]
    assert entry["code"] == "validation_collections_import_failure"
    return str(entry["message"])


def test_new_ones_are_made_and_known_ones_changed(app: App) -> None:
    add_collection(app, "posts", {"name": "a", "type": "text"}, listRule="")
    import_collections(app, [{"name": "tags"}, {"name": "posts", "fields": [{"name": "b", "type": "text"}]}], False)
    assert field_names(app, "posts") == ["b", "id", "a"]
    assert app.collections.get("posts").rules["listRule"] == ""
    assert "tags" in app.database.schema.tables()


def test_an_id_finds_a_collection_under_its_old_name(app: App) -> None:
    made = add_collection(app, "posts")
    import_collections(app, [{"id": made.id, "name": "articles"}], False)
    assert own_names(app) == ["users", "articles"]


@pytest.mark.parametrize("delete_missing", [False, True])
def test_a_field_without_id_is_the_one_of_its_name_and_keeps_its_values(app: App, delete_missing: bool) -> None:
    made = add_collection(app, "posts", {"id": "own", "name": "a", "type": "text"})
    record = Record(made)
    record["a"] = "kept"
    create_record(app, record)
    import_collections(app, [{"name": "posts", "fields": [{"name": "a", "type": "text", "max": 9}]}], delete_missing)
    posts = app.collections.get("posts")
    assert posts.fields_by_name["a"].id == "own"
    assert find_records_by(app, posts, {})[0]["a"] == "kept"


def test_the_missing_go_when_asked_for_but_never_what_the_system_needs(app: App) -> None:
    old = add_collection(app, "old")
    add_collection(app, "older", {"name": "r", "type": "relation", "collectionId": old.id})
    create_collection(app, {"name": "shown", "type": "view", "viewQuery": "select id from old"})
    import_collections(app, [{"name": "users", "fields": [{"name": "nick", "type": "text"}]}], True)
    assert own_names(app) == ["users"]
    assert field_names(app, "users") == ["nick", "id", "password", "tokenKey", "email", "emailVisibility", "verified"]
    assert sum(each.system for each in app.collections.all()) == 5


def test_collections_may_point_at_each_other_in_any_order(app: App) -> None:
    def pointing(own: str, other: str, **options: Any) -> dict[str, Any]:
        return {
            "id": own,
            "name": own,
            "fields": [{"name": "to", "type": "relation", "collectionId": other}],
            **options,
        }

    rule = "to.to.id != '' && @collection.beta.id != ''"
    import_collections(app, [pointing("alpha", "beta", listRule=rule), pointing("beta", "alpha")], False)
    assert own_names(app) == ["users", "alpha", "beta"]


def test_a_view_may_come_before_what_it_reads(app: App) -> None:
    listed = [
        {"name": "third", "type": "view", "viewQuery": "select id from second"},
        {"name": "second", "type": "view", "viewQuery": "select id from first"},
        {"name": "first"},
    ]
    import_collections(app, listed, False)
    assert app.database.query("SELECT * FROM third") == []
    import_collections(app, listed, False)
    assert field_names(app, "third") == ["id"]


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        pytest.param([{}], 'Data validations failed for collection ""', id="no name"),
        pytest.param([{"name": "a"}, {"name": "b", "listRule": "x = 1"}], 'unknown field \\"x\\"', id="a bad rule"),
        pytest.param(
            [{"name": "a", "fields": [{"type": "text"}]}], '"name": "cannot be blank"', id="a field without name"
        ),
        pytest.param([{"name": "a", "fields": 3}], "invalid formatting", id="fields that are no list"),
        pytest.param([{"name": "a"}, {"name": "A"}], "UNIQUE constraint failed: _collections.name", id="a name twice"),
        pytest.param([{"id": "x", "name": "a"}, {"id": "x", "name": "b"}], "_collections.id", id="an id twice"),
        pytest.param([{"id": "x", "name": "users"}], "_collections.name", id="another's name"),
        pytest.param(
            [{"name": "_mfas", "listRule": ""}], "System collection API rule cannot be changed", id="a system rule"
        ),
        pytest.param(
            [{"name": "a", "indexes": ["create index i on a (nope)"]}], "no such column: nope", id="an index on nothing"
        ),
        pytest.param(
            [{"name": "v", "type": "view", "viewQuery": "select id from nope"}], "main.nope", id="a view of nothing"
        ),
    ],
)
def test_one_bad_collection_refuses_the_whole_list(app: App, listed: list[dict[str, Any]], message: str) -> None:
    assert message in refusal(app, {"name": "fine"}, *listed)


def test_what_is_still_pointed_at_is_not_dropped(app: App) -> None:
    target = add_collection(app, "target")
    fields = [{"name": "r", "type": "relation", "collectionId": target.id}]
    add_collection(app, "source", *fields)
    assert "The relation collection doesn't exist" in refusal(
        app, {"name": "source", "fields": fields}, delete_missing=True
    )
