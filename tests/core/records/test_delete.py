"""Deleting a record: what follows it, what only loses the reference, what refuses."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.core.app import App
from appliance.core.collection import Collection
from appliance.core.collections.save import update_collection
from appliance.core.events import RecordDelete, RecordUpdate
from appliance.core.passwords import PasswordValue
from appliance.core.record import Record
from appliance.core.records.rows import load_where
from appliance.core.records.save import create_record, delete_record
from appliance.core.upload import Upload
from appliance.errors import BadRequest
from tests.core.bare_app import add_collection, open_app
from tests.core.records.test_save import add_links, change, links


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with open_app(tmp_path) as bare:
        yield bare


def add(app: App, collection: Collection, **values: Any) -> Record:
    record = Record(collection)
    record.assign(values)
    return create_record(app, record)


def relation(name: str, target: Collection, **options: Any) -> dict[str, Any]:
    return {"name": name, "type": "relation", "collectionId": target.id, **options}


@pytest.fixture
def authors(app: App) -> Collection:
    return add_collection(app, "authors", {"name": "name", "type": "text"}, {"name": "photo", "type": "file"})


@pytest.fixture
def nodes(app: App) -> Collection:
    """A collection that points to itself."""
    made = add_collection(app, "nodes", {"name": "name", "type": "text"})
    fields = [each.as_json() for each in made.fields]
    update_collection(app, "nodes", {"fields": [*fields, relation("next", made, cascadeDelete=True)]})
    return app.collections.get("nodes")


@pytest.mark.parametrize(
    ("options", "held", "left"),
    [
        pytest.param({}, "x", "", id="one loses the id"),
        pytest.param({"maxSelect": 3}, ["x", "y"], ["y"], id="many lose the id"),
        pytest.param({"maxSelect": 3, "required": True}, ["x", "y"], ["y"], id="required, with one left"),
        pytest.param({"maxSelect": 3, "minSelect": 2}, ["x", "y"], ["y"], id="the least number is not checked"),
        pytest.param({"cascadeDelete": True}, "x", None, id="one follows"),
        pytest.param({"maxSelect": 3, "cascadeDelete": True}, ["x", "y"], ["y"], id="many stay while one is left"),
        pytest.param({"maxSelect": 3, "cascadeDelete": True}, ["x"], None, id="many follow with the last"),
        pytest.param({"required": True, "cascadeDelete": True}, "x", None, id="required follows too"),
        pytest.param({"required": True}, "x", "refused", id="one that is required refuses"),
        pytest.param({"maxSelect": 3, "required": True}, ["x"], "refused", id="many that are required refuse"),
    ],
)
def test_references_stay_true(app: App, authors: Collection, options: dict[str, Any], held: Any, left: Any) -> None:
    books = add_collection(app, "books", relation("by", authors, **options))
    people = {name: add(app, authors, id=name * 15) for name in "xy"}
    book = add(app, books, by=held * 15 if isinstance(held, str) else [each * 15 for each in held])
    if left == "refused":
        with pytest.raises(BadRequest, match="required relation reference"):
            delete_record(app, people["x"])
        assert load_where(app, authors, {"id": "x" * 15})
        return
    delete_record(app, people["x"])
    found = load_where(app, books, {"id": book.id})
    assert [each["by"] for each in found] == (
        [] if left is None else [left * 15 if isinstance(left, str) else [each * 15 for each in left]]
    )


def test_a_circle_of_cascades_ends(app: App, nodes: Collection) -> None:
    first = add(app, nodes)
    second = add(app, nodes, next=first.id)
    delete_record(app, change(app, nodes, first.id, next=second.id))
    assert app.database.query("SELECT id FROM nodes") == []


def test_a_long_chain_needs_no_deep_stack(app: App, nodes: Collection) -> None:

    def fill() -> Record:
        first = last = add(app, nodes)
        for _ in range(300):
            last = add(app, nodes, next=last.id)
        return first

    delete_record(app, app.database.write(fill))
    assert app.database.query("SELECT id FROM nodes") == []


def test_one_that_follows_by_one_field_does_not_refuse_by_another(app: App, authors: Collection) -> None:
    books = add_collection(
        app, "books", relation("by", authors, cascadeDelete=True), relation("editor", authors, required=True)
    )
    author = add(app, authors)
    add(app, books, by=author.id, editor=author.id)
    delete_record(app, author)
    assert app.database.query("SELECT id FROM books") == []


def test_each_record_that_follows_or_changes_has_its_own_event(app: App, authors: Collection) -> None:
    books = add_collection(
        app,
        "books",
        relation("by", authors, cascadeDelete=True),
        relation("editor", authors),
        {"name": "title", "type": "text", "required": True},
        {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
    )
    seen: list[tuple[str, str]] = []

    @app.on.record_delete()
    def deleted(event: RecordDelete) -> Iterator[None]:
        yield
        seen.append(("deleted", event.record.collection.name))

    @app.on.record_update()
    def updated(event: RecordUpdate) -> Iterator[None]:
        yield
        seen.append(("updated", event.record.collection.name))

    author = add(app, authors)
    add(app, books, title="followed", by=author.id)
    add(app, books, title="released", editor=author.id)
    delete_record(app, author)
    assert sorted(seen) == [("deleted", "authors"), ("deleted", "books"), ("updated", "books")]


def test_a_veto_keeps_everything(app: App, authors: Collection) -> None:
    @app.on.record_delete("authors")
    def veto(event: RecordDelete) -> None:
        raise BadRequest("No.")

    author = add(app, authors, photo=Upload("a.txt", 1, io.BytesIO(b"a")))
    with pytest.raises(BadRequest, match="No"):
        delete_record(app, author)
    assert len(list(app.files.keys())) == 1
    assert load_where(app, authors, {"id": author.id})


def test_files_go_with_their_record(app: App, authors: Collection) -> None:
    keep = add(app, authors, photo=Upload("a.txt", 1, io.BytesIO(b"a")))
    delete_record(app, add(app, authors, photo=Upload("a.txt", 1, io.BytesIO(b"a"))))
    assert list(app.files.keys()) == [f"{authors.id}/{keep.id}/{keep['photo']}"]


def test_a_new_record_of_the_same_id_keeps_its_files(app: App, authors: Collection) -> None:
    @app.on.record_delete("authors")
    def reuse(event: RecordDelete) -> Iterator[None]:
        yield  # the row is gone, the files not yet
        add(app, authors, id="x" * 15, photo=Upload("new.txt", 1, io.BytesIO(b"b")))

    delete_record(app, add(app, authors, id="x" * 15, photo=Upload("old.txt", 1, io.BytesIO(b"a"))))
    kept = list(app.files.keys(f"{authors.id}/"))
    assert [key.rpartition("/")[2].partition("_")[0] for key in kept] == ["new"]


def test_an_auth_record_takes_its_links_along(app: App) -> None:
    users = app.collections.get("users")
    user, other = (
        add(app, users, email=f"{name}@example.com", password=PasswordValue("12345678", "hash")) for name in "ab"
    )
    add_links(app, user)
    delete_record(app, other)
    assert len(links(app)) == 4
    delete_record(app, user)
    assert links(app) == set()


def test_the_last_superuser_stays(app: App) -> None:
    superusers = app.collections.get("_superusers")
    first, second = (
        add(app, superusers, email=f"{name}@example.com", password=PasswordValue("12345678", "hash")) for name in "ab"
    )
    delete_record(app, first)
    with pytest.raises(BadRequest, match="You can't delete the only existing superuser"):
        delete_record(app, second)


def test_deleting_twice_is_harmless(app: App, authors: Collection) -> None:
    author = add(app, authors)
    delete_record(app, author)
    delete_record(app, author)
    assert app.database.query("SELECT id FROM authors") == []
