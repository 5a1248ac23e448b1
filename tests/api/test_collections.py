"""The collection and settings endpoints: sentences, pages, picked fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from appliance.api import collections, settings
from appliance.api.request import Request, Response
from appliance.core.app import App
from appliance.core.collection import SUPERUSERS
from appliance.core.record import Record
from appliance.errors import BadRequest, NotFound
from tests.core.bare_app import add_collection, open_app

Handler = Callable[[Request], Response]


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with open_app(tmp_path) as bare:
        bare.settings.reload()
        yield bare


def ask(
    app: App, handler: Handler, body: Any = None, name: str = "", query: Mapping[str, str] | None = None
) -> Response:
    """What the handler answers a superuser."""
    root = Record(app.collections.get(SUPERUSERS))
    request = Request(app, "GET", "/", {"collection": name}, query or {}, body=body or {}, auth=root)
    return handler(request)


def refusal(app: App, handler: Handler, body: Any = None, name: str = "") -> dict[str, Any]:
    with pytest.raises(BadRequest) as caught:
        ask(app, handler, body, name)
    return caught.value.as_json()


def test_a_page_lists_collections_oldest_first(app: App) -> None:
    page = ask(app, collections.list_collections, query={"perPage": "2", "page": "2", "fields": "name"}).body
    assert page == {
        "page": 2,
        "perPage": 2,
        "totalItems": 6,
        "totalPages": 3,
        "items": [{"name": "_externalAuths"}, {"name": "_authOrigins"}],
    }


@pytest.mark.parametrize(
    ("query", "names"),
    [
        pytest.param({"filter": "type = 'auth'", "sort": "-name"}, ["users", "_superusers"], id="by type"),
        pytest.param({"filter": "system = false"}, ["users"], id="by flag"),
        pytest.param(
            {"filter": "name ~ 'auth'", "sort": "name"}, ["_authOrigins", "_externalAuths"], id="by part of the name"
        ),
    ],
)
def test_a_page_can_be_filtered_and_sorted(app: App, query: dict[str, str], names: list[str]) -> None:
    page = ask(app, collections.list_collections, query=query).body
    assert [each["name"] for each in page["items"]] == names


@pytest.mark.parametrize("query", [{"filter": "options != ''"}, {"filter": "((("}, {"sort": "fields"}, {"page": "x"}])
def test_what_is_no_plain_column_is_no_filter(app: App, query: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        ask(app, collections.list_collections, query=query)


def test_a_collection_is_made_viewed_changed_and_deleted(app: App) -> None:
    made = ask(
        app, collections.create_collection, {"name": "posts", "fields": [{"name": "title", "type": "text"}]}
    ).body
    assert ask(app, collections.view_collection, name="POSTS").body == made
    changed = ask(app, collections.update_collection, {"listRule": ""}, "posts", {"fields": "name,listRule"}).body
    assert changed == {"name": "posts", "listRule": ""}
    assert ask(app, collections.truncate_collection, name="posts").status == 204
    assert ask(app, collections.delete_collection, name="posts").status == 204
    with pytest.raises(NotFound):
        ask(app, collections.view_collection, name="posts")


@pytest.mark.parametrize(
    ("handler", "body", "name", "message", "data"),
    [
        pytest.param(
            collections.create_collection,
            {"name": ""},
            "",
            "Failed to create collection.",
            {"name": {"code": "validation_required", "message": "Cannot be blank."}},
            id="a new one without a name",
        ),
        pytest.param(
            collections.create_collection,
            {"name": 3},
            "",
            "Failed to load the collection type data due to invalid formatting.",
            {},
            id="a number for a name",
        ),
        pytest.param(
            collections.update_collection,
            {"fields": 3},
            "users",
            "Failed to load the submitted data due to invalid formatting.",
            {},
            id="a number for fields",
        ),
        pytest.param(
            collections.update_collection,
            {"type": "base"},
            "users",
            "Failed to update collection.",
            {"type": {"code": "validation_collection_type_change", "message": "Collection type cannot be changed."}},
            id="another type",
        ),
        pytest.param(
            collections.create_collection,
            {"name": "sqlite_x"},
            "",
            "Failed to create collection. Raw error: \n"
            "SQL logic error: object name reserved for internal use: sqlite_x (1).",
            {},
            id="a name that SQLite keeps",
        ),
        pytest.param(
            collections.delete_collection, None, "_otps", "Failed to delete collection.", {}, id="a system one"
        ),
        pytest.param(
            collections.import_collections,
            {"collections": []},
            "",
            "An error occurred while validating the submitted data.",
            {"collections": {"code": "validation_required", "message": "Cannot be blank."}},
            id="nothing to import",
        ),
        pytest.param(
            collections.import_collections,
            {"collections": [1]},
            "",
            "An error occurred while loading the submitted data.",
            {},
            id="a number to import",
        ),
        pytest.param(
            settings.change_settings,
            {"meta": {"appName": ""}},
            "",
            "An error occurred while saving the new settings.",
            {"meta": {"appName": {"code": "validation_required", "message": "Cannot be blank."}}},
            id="settings without a name",
        ),
    ],
)
def test_an_error_has_the_sentence_of_its_endpoint(
    app: App, handler: Handler, body: Any, name: str, message: str, data: dict[str, Any]
) -> None:
    assert refusal(app, handler, body, name) == {"status": 400, "message": message, "data": data}


def test_scaffolds_show_each_type_and_no_secret(app: App) -> None:
    made = ask(app, collections.view_scaffolds).body
    assert list(made) == ["base", "auth", "view"]
    assert made["auth"]["authToken"] == {"duration": 432_000}
    assert made["auth"]["indexes"][0].startswith("CREATE UNIQUE INDEX `idx_tokenKey_")
    assert made["view"]["fields"] == []


def test_settings_are_answered_whole_after_a_change(app: App) -> None:
    answer = ask(
        app, settings.change_settings, {"smtp": {"password": "swordfish"}}, query={"fields": "smtp.port,meta.appName"}
    )
    assert answer.body == {"smtp": {"port": 587}, "meta": {"appName": "Acme"}}
    assert "password" not in ask(app, settings.view_settings).body["smtp"]


def test_the_answer_of_a_change_is_what_a_view_answers(app: App) -> None:
    add_collection(app, "posts", {"name": "n", "type": "number"})
    changed = ask(app, collections.update_collection, {"fields": [{"name": "m", "type": "number"}]}, "posts").body
    assert ask(app, collections.view_collection, name="posts").body == changed
