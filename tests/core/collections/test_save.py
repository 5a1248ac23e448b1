"""Making, changing, emptying and deleting collections: row, table, indexes, views, files."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.core.app import App
from appliance.core.collection import AUTH_ORIGINS, Collection
from appliance.core.collections.save import (
    create_collection,
    delete_collection,
    truncate_collection,
    update_collection,
)
from appliance.core.record import Record
from appliance.core.records.query import find_records_by
from appliance.core.records.save import create_record
from appliance.core.upload import Upload
from appliance.errors import BadRequest, NotFound, SchemaError, ValidationFailed
from tests.core.bare_app import add_collection, open_app

TITLE = {"name": "title", "type": "text"}
COUNT = {"name": "n", "type": "number"}
TITLE_ID = "text724990059"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with open_app(tmp_path) as bare:
        yield bare


def add(app: App, collection: str, **values: Any) -> Record:
    record = Record(app.collections.get(collection))
    for name, value in values.items():
        record[name] = value
    return create_record(app, record)


def rows(app: App, collection: str) -> list[dict[str, Any]]:
    """The values of all records without ids, oldest first."""
    found = find_records_by(app, app.collections.get(collection), {})
    return [{name: value for name, value in each.values.items() if name != "id"} for each in found]


def names(collection: Collection) -> list[str]:
    return [each.name for each in collection.fields]


def index_names(app: App, table: str) -> set[str]:
    found = app.database.query("SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ?", (table,))
    return {name for (name,) in found if not name.startswith("sqlite_")}


def test_ids_come_from_type_and_name_and_step_aside_when_taken(app: App) -> None:
    assert add_collection(app, "posts", TITLE).id == "pbc_1125843985"
    update_collection(app, "posts", {"name": "articles"})
    second = add_collection(app, "posts", TITLE)
    assert second.id == "pbc_11258439852"
    assert second.fields[1].id == TITLE_ID


def test_a_new_auth_collection_has_its_fields_secrets_and_indexes(app: App) -> None:
    made = add_collection(app, "staff", type="auth")
    assert names(made) == ["id", "password", "tokenKey", "email", "emailVisibility", "verified"]
    secrets = {made.options[name]["secret"] for name in ("authToken", "fileToken", "verificationToken")}
    assert len(secrets) == 3
    assert index_names(app, "staff") == {f"idx_tokenKey_{made.id}", f"idx_email_{made.id}"}
    assert "secret" not in json.dumps(made.as_json())


def test_system_fields_can_be_shaped_but_not_lost(app: App) -> None:
    given = [
        {"name": "password", "type": "text"},
        {"name": "email", "type": "email", "hidden": True},
        {**TITLE, "id": "x"},
    ]
    made = add_collection(app, "staff", *given, type="auth")
    password, email = made.fields_by_name["password"], made.fields_by_name["email"]
    assert (password.type, password.hidden, password.system) == ("password", True, True)
    assert (email.hidden, email.system) == (False, True)


@pytest.mark.parametrize(
    ("fields", "listed"),
    [
        pytest.param([{**TITLE, "id": "a"}, {**COUNT, "id": "a"}], ["id", "n"], id="the same id"),
        pytest.param([TITLE, {"name": "title", "type": "number"}], ["id", "title"], id="the same name without id"),
        pytest.param([TITLE, {"name": "id", "type": "text"}], ["title", "id"], id="its own id field"),
    ],
)
def test_a_repeated_field_takes_the_place_of_the_first(app: App, fields: list[Any], listed: list[str]) -> None:
    assert names(add_collection(app, "posts", *fields)) == listed


def test_a_renamed_field_keeps_its_values(app: App) -> None:
    add_collection(app, "posts", TITLE)
    add(app, "posts", title="kept")
    update_collection(app, "posts", {"fields": [{"id": TITLE_ID, "name": "headline", "type": "text"}]})
    assert rows(app, "posts") == [{"headline": "kept"}]


def test_two_fields_can_swap_their_names(app: App) -> None:
    add_collection(app, "posts", {"id": "a", "name": "one", "type": "text"}, {"id": "b", "name": "two", "type": "text"})
    add(app, "posts", one="1", two="2")
    swapped = [{"id": "a", "name": "two", "type": "text"}, {"id": "b", "name": "one", "type": "text"}]
    update_collection(app, "posts", {"fields": swapped})
    assert rows(app, "posts") == [{"two": "1", "one": "2"}]


def test_a_freed_name_can_be_taken_by_a_new_field(app: App) -> None:
    add_collection(app, "posts", {"id": "a", "name": "one", "type": "text"})
    add(app, "posts", one="1")
    fields = [{"id": "b", "name": "one", "type": "number"}, {"id": "a", "name": "old", "type": "text"}]
    update_collection(app, "posts", {"fields": fields})
    assert rows(app, "posts") == [{"one": 0, "old": "1"}]


def test_a_select_can_become_many_and_one_again(app: App) -> None:
    choice = {"id": "s", "name": "s", "type": "select", "values": ["a", "b"]}
    add_collection(app, "posts", {**choice, "maxSelect": 1})
    add(app, "posts", s="a")
    update_collection(app, "posts", {"fields": [{**choice, "maxSelect": 2}]})
    assert rows(app, "posts") == [{"s": ["a"]}]
    update_collection(app, "posts", {"fields": [{**choice, "maxSelect": 1}]})
    assert rows(app, "posts") == [{"s": "a"}]


def test_a_field_left_out_goes_with_its_values(app: App) -> None:
    add_collection(app, "posts", TITLE, COUNT)
    add(app, "posts", title="x", n=5)
    update_collection(app, "posts", {"fields": [COUNT]})
    assert rows(app, "posts") == [{"n": 5}]
    assert "title" not in app.database.schema.columns("posts")


def test_a_renamed_collection_takes_rows_and_indexes_along(app: App) -> None:
    add_collection(app, "posts", TITLE, indexes=["create index idx_title on posts (title)"])
    add(app, "posts", title="kept")
    changed = update_collection(app, "posts", {"name": "Posts2"})
    assert changed.indexes == ("CREATE INDEX `idx_title` ON `Posts2` (`title`)",)
    assert rows(app, "posts2") == [{"title": "kept"}]
    assert index_names(app, "Posts2") == {"idx_title"}
    assert update_collection(app, "posts2", {"name": "POSTS2"}).name == "POSTS2"


def test_an_index_that_the_rows_break_is_named_and_nothing_changes(app: App) -> None:
    before = add_collection(app, "posts", TITLE)
    add(app, "posts", title="same")
    add(app, "posts", title="same")
    with pytest.raises(ValidationFailed) as caught:
        update_collection(app, "posts", {"name": "other", "indexes": ["create unique index u on posts (title)"]})
    message = caught.value.as_json()["data"]["indexes"]["0"]["message"]
    assert "UNIQUE constraint failed: other.title" in message
    assert app.collections.get("posts").as_json() == before.as_json()
    assert len(rows(app, "posts")) == 2


def test_removing_the_indexes_of_an_auth_collection_puts_them_back(app: App) -> None:
    changed = update_collection(app, "users", {"indexes": []})
    assert [each.split("`")[1] for each in changed.indexes] == [
        "idx_tokenKey__pb_users_auth_",
        "idx_email__pb_users_auth_",
    ]


def test_an_oauth2_provider_keeps_its_secret_when_the_body_leaves_it_out(app: App) -> None:
    google = {"name": "google", "clientId": "a", "clientSecret": "swordfish", "pkce": True}
    update_collection(app, "users", {"oauth2": {"enabled": True, "providers": [google]}})
    changed = update_collection(
        app,
        "users",
        {"oauth2": {"providers": [{"name": "github", "clientId": "b", "clientSecret": "c"}, {"name": "google"}]}},
    )
    stored = {each["name"]: each for each in changed.options["oauth2"]["providers"]}
    assert stored["google"]["clientSecret"] == "swordfish"
    assert stored["google"]["pkce"] is True
    assert "swordfish" not in json.dumps(changed.as_json())


def test_deleting_takes_rows_files_and_what_hangs_on_accounts_along(app: App) -> None:
    made = add_collection(app, "staff", {"name": "photo", "type": "file", "maxSelect": 1}, type="auth")
    photo = Upload("a.txt", 5, io.BytesIO(b"hello"))
    person = add(app, "staff", email="ann@example.com", password="secret123", photo=photo)
    add(app, AUTH_ORIGINS, collectionRef=made.id, recordRef=person.id, fingerprint="f")
    assert list(app.files.keys(f"{made.id}/"))
    delete_collection(app, "staff")
    assert not list(app.files.keys(f"{made.id}/"))
    assert rows(app, AUTH_ORIGINS) == []
    assert "staff" not in app.database.schema.tables()


def test_what_a_relation_points_to_stays(app: App) -> None:
    target = add_collection(app, "authors")
    add_collection(app, "posts", {"name": "by", "type": "relation", "collectionId": target.id})
    with pytest.raises(BadRequest, match="probably due to existing reference in posts"):
        delete_collection(app, "authors")
    delete_collection(app, "posts")
    delete_collection(app, "authors")


def test_system_collections_and_unknown_ones_are_not_deleted(app: App) -> None:
    with pytest.raises(BadRequest):
        delete_collection(app, "_mfas")
    with pytest.raises(NotFound):
        delete_collection(app, "nowhere")


def test_truncating_deletes_every_record_through_its_hooks(app: App) -> None:
    made = add_collection(app, "posts", TITLE)
    gone: list[str] = []
    app.on.record_delete("posts")(lambda event: gone.append(event.record["title"]))
    for number in range(3):
        add(app, "posts", title=str(number))
    truncate_collection(app, made.id)
    assert sorted(gone) == ["0", "1", "2"]
    assert rows(app, "posts") == []


def test_truncating_is_all_or_nothing(app: App) -> None:
    target = add_collection(app, "authors", TITLE)
    add_collection(
        app, "posts", {"name": "by", "type": "relation", "collectionId": target.id, "maxSelect": 1, "required": True}
    )
    add(app, "authors", title="free")
    held = add(app, "authors", title="held")
    add(app, "posts", by=held.id)
    with pytest.raises(BadRequest, match="Failed to truncate collection"):
        truncate_collection(app, "authors")
    assert len(rows(app, "authors")) == 2


def test_a_hook_may_veto_each_change(app: App) -> None:
    for event in ("collection_create", "collection_update", "collection_delete"):

        @getattr(app.on, event)("users", "posts")
        def no(event: Any) -> None:
            raise BadRequest(f"no {event.name}")

    with pytest.raises(BadRequest, match="no collection_create"):
        create_collection(app, {"name": "posts"})
    with pytest.raises(BadRequest, match="no collection_update"):
        update_collection(app, "users", {"listRule": ""})
    with pytest.raises(BadRequest, match="no collection_delete"):
        delete_collection(app, "users")
    assert app.collections.find("posts") is None
    assert app.collections.get("users").rules["listRule"] == "id = @request.auth.id"


class TestViews:
    """View collections: their fields, what follows their sources, and what they hold back."""

    @pytest.fixture(autouse=True)
    def sources(self, app: App) -> None:
        add_collection(
            app,
            "posts",
            {**TITLE, "id": "t", "max": 10},
            {**COUNT, "id": "n"},
            {"name": "hid", "type": "text", "hidden": True},
        )
        add(app, "posts", title="a", n=1)

    def view(self, app: App, query: str, name: str = "shown") -> Collection:
        return create_collection(app, {"name": name, "type": "view", "viewQuery": query})

    @pytest.mark.parametrize(
        ("column", "kind"),
        [
            pytest.param("title", "text", id="a field"),
            pytest.param("p.n as m", "number", id="a field of the named table"),
            pytest.param("p.id as ref", "relation", id="another id"),
            pytest.param("count(*) as c", "number", id="a count"),
            pytest.param("total(n) as c", "number", id="a total"),
            pytest.param("sum(n) as c", "json", id="a sum"),
            pytest.param("cast(n as text) as c", "text", id="a cast to text"),
            pytest.param("cast(n as real) as c", "number", id="a cast to a number"),
            pytest.param("cast(n as bool) as c", "bool", id="a cast to a flag"),
            pytest.param("cast(n as blob) as c", "json", id="a cast to bytes"),
            pytest.param("(n + 1) as c", "json", id="an expression"),
            pytest.param("'x y, z' as c", "json", id="a text"),
        ],
    )
    def test_a_column_gets_the_field_of_its_source(self, app: App, column: str, kind: str) -> None:
        made = self.view(app, f"select p.id, {column} from posts as p group by p.id")
        assert [each.type for each in made.fields] == ["text", kind]

    def test_a_hidden_field_stays_hidden(self, app: App) -> None:
        assert self.view(app, "select id, hid as open from posts").fields_by_name["open"].hidden

    @pytest.mark.parametrize(
        ("query", "reason"),
        [
            pytest.param("select 1", "missing required id column", id="no id"),
            pytest.param("select * from posts", "wildcard columns", id="a star"),
            pytest.param("select id from posts; drop table posts", "multiple statements", id="two statements"),
            pytest.param("select id from nowhere", "no such table: main.nowhere", id="no such table"),
            pytest.param("select id, title || 'x' as y from posts", "invalid identifier parts", id="a bare expression"),
            pytest.param("delete from posts", "syntax error", id="no SELECT"),
            pytest.param("select '' as id from posts", "empty or invalid ids", id="empty ids"),
            pytest.param(
                "select n as id from posts union select n from posts union select 2 ",
                "invalid identifier part",
                id="a union",
            ),
            pytest.param("select (1) as id from posts, users union all select 1", "", id="an unreadable from"),
            pytest.param("select id, load_extension('x') as y from posts", "load_extension", id="a dangerous function"),
            pytest.param(
                'select id, n as "a b" from posts', 'invalid field "a b" (1)', id="a name that no field may have"
            ),
        ],
    )
    def test_a_query_that_can_be_no_collection_is_refused(self, app: App, query: str, reason: str) -> None:
        with pytest.raises(ValidationFailed) as caught:
            self.view(app, query)
        assert reason in caught.value.as_json()["data"]["viewQuery"]["message"]
        assert "shown" not in app.database.schema.tables()
        assert len(rows(app, "posts")) == 1

    def test_rows_with_the_same_id_are_refused(self, app: App) -> None:
        add(app, "posts", title="b", n=1)
        with pytest.raises(ValidationFailed) as caught:
            self.view(app, "select n as id from posts")
        assert "non-unique ids" in caught.value.as_json()["data"]["viewQuery"]["message"]

    def test_it_has_no_indexes_and_no_write_rules(self, app: App) -> None:
        body = {
            "name": "shown",
            "type": "view",
            "viewQuery": "select id from posts",
            "createRule": "",
            "indexes": ["x"],
        }
        with pytest.raises(ValidationFailed) as caught:
            create_collection(app, body)
        assert {name: each["code"] for name, each in caught.value.as_json()["data"].items()} == {
            "createRule": "validation_nil",
            "indexes": "validation_indexes_not_supported",
        }

    def test_its_rows_are_those_of_its_sources(self, app: App) -> None:
        self.view(app, "select id, title, (n * 2) as twice from posts")
        assert rows(app, "shown") == [{"title": "a", "twice": 2}]

    def test_fields_follow_the_source_through_views_of_views(self, app: App) -> None:
        self.view(app, "select id, title from posts")
        self.view(app, "select id, title as name from shown", "again")
        fields = [each.as_json() for each in app.collections.get("posts").fields]
        fields[1]["help"] = "what it is called"
        update_collection(app, "posts", {"fields": fields})
        assert app.collections.get("again").fields_by_name["name"].help == "what it is called"

    def test_a_field_that_a_view_shows_is_not_dropped(self, app: App) -> None:
        self.view(app, "select id, title from posts")
        with pytest.raises(SchemaError, match=r"failed to drop column title - .*error in view shown"):
            update_collection(app, "posts", {"fields": [{**COUNT, "id": "n"}]})
        assert rows(app, "shown") == [{"title": "a"}]

    def test_a_table_that_a_view_reads_is_not_deleted(self, app: App) -> None:
        self.view(app, "select id, title from posts")
        with pytest.raises(BadRequest, match="Failed to delete collection"):
            delete_collection(app, "posts")
        assert rows(app, "shown") == [{"title": "a"}]

    def test_renaming_the_source_keeps_the_view_working(self, app: App) -> None:
        self.view(app, "select id, title from posts")
        update_collection(app, "posts", {"name": "articles"})
        assert rows(app, "shown") == [{"title": "a"}]
        assert app.collections.get("shown").fields_by_name["title"].type == "text"

    def test_it_can_be_changed_and_deleted_but_not_emptied(self, app: App) -> None:
        self.view(app, "select id, title from posts")
        changed = update_collection(app, "shown", {"viewQuery": "select id, n from posts", "name": "numbers"})
        assert names(changed) == ["id", "n"]
        with pytest.raises(BadRequest, match="don't store their own records"):
            truncate_collection(app, "numbers")
        delete_collection(app, "numbers")
        assert len(rows(app, "posts")) == 1

    def test_a_view_on_which_another_rests_is_not_renamed(self, app: App) -> None:
        self.view(app, "select id, title from posts")
        self.view(app, "select id, title from shown", "again")
        with pytest.raises(SchemaError, match="view again"):
            update_collection(app, "shown", {"name": "renamed"})
        assert rows(app, "again") == [{"title": "a"}]
