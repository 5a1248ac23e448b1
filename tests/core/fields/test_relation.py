"""What the options of a relation may be, against collections that are really there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.core.app import App
from appliance.core.fields import field_from_json
from tests.core.bare_app import add_collection, open_app


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with open_app(tmp_path) as bare:
        yield bare


def target_error(app: App, collection: str, target: str, **options: Any) -> str:
    field = field_from_json(
        {"name": "to", "id": "relation1", "type": "relation", "collectionId": app.collections.get(target).id, **options}
    )
    error = field.check_options(app, app.collections.get(collection)).get("collectionId")
    return error.code if error else ""


def test_a_relation_keeps_its_collection(app: App) -> None:
    users = app.collections.get("users")
    relation = {"name": "to", "id": "relation1", "type": "relation", "collectionId": users.id}
    add_collection(app, "posts", relation)
    assert target_error(app, "posts", "users") == ""
    assert target_error(app, "posts", "posts") == "validation_field_relation_change"
    assert target_error(app, "posts", "posts", id="relation2") == ""


def test_only_a_view_may_point_to_a_view(app: App) -> None:
    add_collection(app, "posts")
    add_collection(app, "names", type="view", viewQuery="SELECT id FROM posts")
    assert target_error(app, "posts", "names") == "validation_relation_field_non_view_base_collection"
    assert target_error(app, "names", "names") == ""


def test_the_collection_is_named_by_its_id(app: App) -> None:
    add_collection(app, "posts")
    assert target_error(app, "posts", "users", collectionId="users") == "validation_field_relation_missing_collection"
    assert target_error(app, "posts", "users", collectionId="") == "validation_required"
