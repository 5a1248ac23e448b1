"""Saving records: what is generated, checked, hooked, written, and what comes after the commit or the rollback."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.core.app import App
from appliance.core.collection import Collection
from appliance.core.collections.save import delete_collection, update_collection
from appliance.core.events import RecordCreate, RecordUpdate
from appliance.core.fields.file_names import NewFile
from appliance.core.passwords import PasswordValue
from appliance.core.record import Record
from appliance.core.records.files import file_key, staged_files
from appliance.core.records.rows import load_where
from appliance.core.records.save import create_record, update_record
from appliance.core.upload import Upload
from appliance.errors import BadRequest, NotFound, ValidationFailed
from tests.core.bare_app import add_collection, open_app


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with open_app(tmp_path) as bare:
        yield bare


@pytest.fixture
def posts(app: App) -> Collection:
    return add_collection(
        app,
        "posts",
        {"name": "title", "type": "text", "max": 20},
        {"name": "slug", "type": "text"},
        {"name": "likes", "type": "number"},
        {"name": "tags", "type": "select", "values": ["a", "b", "c"], "maxSelect": 3},
        {"name": "picture", "type": "file", "maxSize": 100},
        {"name": "papers", "type": "file", "maxSelect": 3},
        {"name": "code", "type": "text", "autogeneratePattern": "[A-Z]{3}-\\d{4}"},
        {"name": "created", "type": "autodate", "onCreate": True},
        {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
        indexes=[
            "CREATE UNIQUE INDEX `idx_title` ON `posts` (`title`) WHERE `title` != ''",
            "CREATE UNIQUE INDEX `idx_slug` ON `posts` (lower(slug), likes) WHERE slug != ''",
        ],
    )


def draft(collection: Collection, **values: Any) -> Record:
    record = Record(collection)
    record.assign(values)
    return record


def add(app: App, collection: Collection, **values: Any) -> Record:
    return create_record(app, draft(collection, **values))


def find(app: App, collection: Collection, record_id: str) -> Record | None:
    found = load_where(app, collection, {"id": record_id})
    return found[0] if found else None


def change(app: App, collection: Collection, record_id: str, **values: Any) -> Record:
    def work() -> Record:
        record = find(app, collection, record_id)
        assert record is not None
        record.assign(values)
        return update_record(app, record)

    return app.database.write(work)


def upload(name: str, content: bytes = b"hello") -> Upload:
    return Upload(name=name, size=len(content), stream=io.BytesIO(content))


def stored_files(app: App) -> list[str]:
    return sorted(app.files.keys())


# creating


def test_a_new_record_gets_an_id_its_generated_texts_and_its_dates(app: App, posts: Collection) -> None:
    record = add(app, posts, title="One")
    stored = find(app, posts, record.id)
    assert stored is not None
    assert len(record.id) == 15
    assert stored.values == record.values
    assert stored["code"][:3].isupper()
    assert stored["created"] == stored["updated"] != ""
    assert not record.is_new


def test_values_that_are_given_stay(app: App, posts: Collection) -> None:
    record = add(app, posts, id="a" * 15, code="own")
    assert (record.id, record["code"]) == ("a" * 15, "own")


def test_dates_of_the_server_cannot_be_sent(app: App, posts: Collection) -> None:
    record = add(app, posts, created="2001-01-01", updated="2001-01-01")
    changed = change(app, posts, record.id, created="2001-01-01", title="x")
    assert record["created"] == changed["created"] > "2020"
    assert changed["updated"] >= record["updated"] > "2020"


def test_all_errors_are_collected(app: App, posts: Collection) -> None:
    with pytest.raises(ValidationFailed) as refused:
        add(app, posts, id="no", title="x" * 21, tags=["z"])
    assert {name: error.code for name, error in refused.value.data.items()} == {
        "id": "validation_min_text_constraint",
        "title": "validation_max_text_constraint",
        "tags": "validation_invalid_value",
    }


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        pytest.param({"title": "One"}, {"title"}, id="an index on one column"),
        pytest.param({"slug": "one", "likes": 1}, {"slug", "likes"}, id="an index on an expression and a column"),
        pytest.param({"id": "a" * 15}, {"id"}, id="the primary key"),
    ],
)
def test_a_unique_index_names_its_fields(app: App, posts: Collection, values: dict[str, Any], fields: set[str]) -> None:
    add(app, posts, id="a" * 15, title="One", slug="ONE", likes=1)
    with pytest.raises(ValidationFailed) as refused:
        add(app, posts, **values)
    assert {name: error.code for name, error in refused.value.data.items()} == dict.fromkeys(
        fields, "validation_not_unique"
    )


def test_a_view_is_read_only(app: App, posts: Collection) -> None:
    view = add_collection(app, "titles", type="view", viewQuery="SELECT id, title FROM posts")
    with pytest.raises(BadRequest, match="Unsupported collection type"):
        add(app, view, title="x")


def test_a_draft_of_an_older_schema_is_stored_in_the_newer(app: App, posts: Collection) -> None:
    record = draft(posts, title="One", likes=5)
    kept = [each.as_json() for each in posts.fields if each.name != "likes"]
    update_collection(app, "posts", {"fields": [*kept, {"name": "extra", "type": "number"}], "indexes": []})
    create_record(app, record)
    assert app.database.query("SELECT title, extra FROM posts") == [("One", 0)]


def test_a_draft_of_a_deleted_collection_is_not_found(app: App, posts: Collection) -> None:
    delete_collection(app, "posts")
    with pytest.raises(NotFound):
        add(app, posts, title="One")


# changing


def test_the_primary_key_stays(app: App, posts: Collection) -> None:
    record = add(app, posts)
    with pytest.raises(ValidationFailed) as refused:
        change(app, posts, record.id, id="b" * 15)
    assert refused.value.data["id"].code == "validation_pk_change"


def test_a_record_deleted_meanwhile_is_not_found(app: App, posts: Collection) -> None:
    record = add(app, posts)
    app.database.write(lambda: app.database.execute("DELETE FROM posts", ()))
    with pytest.raises(NotFound):
        update_record(app, record)


@pytest.mark.parametrize(
    ("before", "changes", "after"),
    [
        pytest.param({"likes": 5}, {"likes+": 2}, {"likes": 7}, id="add to a number"),
        pytest.param({"likes": 5}, {"likes-": "2"}, {"likes": 3}, id="subtract what a text spells"),
        pytest.param({"likes": 5}, {"likes+": 1, "likes": 1}, {"likes": 2}, id="plain values come first"),
        pytest.param({"tags": ["a"]}, {"tags+": ["b", "a"]}, {"tags": ["a", "b"]}, id="append what is missing"),
        pytest.param({"tags": ["a", "b"]}, {"+tags": "b"}, {"tags": ["b", "a"]}, id="move to the front"),
        pytest.param({"tags": ["a", "b"]}, {"tags-": '["a"]'}, {"tags": ["b"]}, id="take away"),
        pytest.param({"tags": ["a"]}, {"tags+": "b", "tags-": "b"}, {"tags": ["a"]}, id="added, then taken away"),
        pytest.param({"tags": ["a"]}, {"tags-": "a", "+tags": "a"}, {"tags": ["a"]}, id="taken away, then added"),
        pytest.param({"title": "a"}, {"title+": "b"}, {"title": "a"}, id="a text has no modifiers"),
        pytest.param({"likes": 5}, {"+likes": 1}, {"likes": 5}, id="a number has no prefix modifier"),
        pytest.param({}, {"nope": 1, "nope+": 1}, {"likes": 0}, id="unknown keys are left out"),
    ],
)
def test_modifiers_work_on_what_the_record_holds(
    app: App, posts: Collection, before: dict[str, Any], changes: dict[str, Any], after: dict[str, Any]
) -> None:
    record = change(app, posts, add(app, posts, **before).id, **changes)
    assert {name: record[name] for name in after} == after
    assert "nope" not in record


def test_no_change_is_lost_when_many_add_at_once(app: App, posts: Collection) -> None:
    record = add(app, posts)

    def add_ten() -> None:
        for _ in range(10):
            change(app, posts, record.id, **{"likes+": 1})

    threads = [threading.Thread(target=add_ten) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    stored = find(app, posts, record.id)
    assert stored is not None
    assert stored["likes"] == 40


def test_a_record_loaded_earlier_takes_back_nothing_but_its_own_changes(app: App, posts: Collection) -> None:
    earlier = find(app, posts, add(app, posts, title="One", slug="one").id)
    assert earlier is not None
    change(app, posts, earlier.id, title="Two", likes=5)
    earlier["slug"] = "uno"
    update_record(app, earlier)
    stored = find(app, posts, earlier.id)
    assert stored is not None
    assert (stored["title"], stored["slug"], stored["likes"]) == ("Two", "uno", 5)


def test_a_json_value_changed_in_place_is_stored(app: App) -> None:
    notes = add_collection(app, "notes", {"name": "meta", "type": "json"})
    record = add(app, notes, meta={"seen": 1})
    record["meta"]["seen"] = True
    update_record(app, record)
    assert app.database.query("SELECT meta FROM notes") == [('{"seen":true}',)]


def test_a_record_without_changes_can_be_saved(app: App) -> None:
    notes = add_collection(app, "notes", {"name": "text", "type": "text"})
    record = update_record(app, add(app, notes, text="x"))
    assert app.database.query("SELECT id, text FROM notes") == [(record.id, "x")]


def test_an_id_that_points_nowhere_does_not_block_other_changes(app: App) -> None:
    users = app.collections.get("users")
    relation = {"name": "by", "type": "relation", "collectionId": users.id, "maxSelect": 2}
    notes = add_collection(app, "notes", relation, {"name": "text", "type": "text"})
    record = add(app, notes)
    app.database.write(lambda: app.database.execute("UPDATE notes SET by = ?", ('["gone"]',)))
    assert change(app, notes, record.id, text="x")["text"] == "x"
    with pytest.raises(ValidationFailed):
        change(app, notes, record.id, **{"by+": "gone too"})


# hooks


def test_a_before_hook_may_change_the_record_and_is_checked_after(app: App, posts: Collection) -> None:
    @app.on.record_create("posts")
    def shout(event: RecordCreate) -> None:
        event.record["title"] = event.record["title"] * 2

    assert add(app, posts, title="ab")["title"] == "abab"
    with pytest.raises(ValidationFailed):
        add(app, posts, title="x" * 11)


def test_a_veto_stores_nothing(app: App, posts: Collection) -> None:
    @app.on.record_create("posts")
    def veto(event: RecordCreate) -> None:
        raise BadRequest("No.")

    with pytest.raises(BadRequest, match="No"):
        add(app, posts, picture=upload("a.txt"))
    assert app.database.query("SELECT id FROM posts") == []
    assert stored_files(app) == []


def test_a_hook_goes_on_after_the_commit_and_still_sees_the_old_values(app: App, posts: Collection) -> None:
    seen: list[Any] = []

    @app.on.record_update("posts")
    def watch(event: RecordUpdate) -> Iterator[None]:
        yield
        seen.append((app.database.is_writing, event.record.original["title"], event.record["title"]))

    record = change(app, posts, add(app, posts, title="old").id, title="new")
    assert seen == [(False, "old", "new")]
    assert record.original["title"] == "new"


def test_a_hook_of_a_refused_write_is_closed(app: App, posts: Collection) -> None:
    seen: list[str] = []

    @app.on.record_create("posts")
    def watch(event: RecordCreate) -> Iterator[None]:
        try:
            yield
            seen.append("committed")
        finally:
            seen.append("closed")

    record = draft(posts, title="x" * 30)
    with pytest.raises(ValidationFailed):
        create_record(app, record)
    assert seen == ["closed"]
    assert record.is_new


# files


def test_a_file_is_stored_under_a_readable_random_name(app: App, posts: Collection) -> None:
    record = add(app, posts, picture=upload("My Cat.PNG"), papers=[upload("a1.txt"), upload("tax.pdf")])
    assert record["picture"].startswith("my_cat_")
    assert record["picture"].endswith(".PNG")
    names = [record["picture"], *record["papers"]]
    assert stored_files(app) == sorted(file_key(posts, record.id, each) for each in names)
    with app.files.open(file_key(posts, record.id, record["picture"])) as stored:
        assert stored.read() == b"hello"


def test_files_of_a_refused_write_are_gone(app: App, posts: Collection) -> None:
    with pytest.raises(ValidationFailed):
        add(app, posts, picture=upload("a.txt", b"x" * 101))
    add(app, posts, title="One")
    with pytest.raises(ValidationFailed):
        add(app, posts, title="One", picture=upload("a.txt"))
    assert stored_files(app) == []


def test_replaced_and_removed_files_go_after_the_commit(app: App, posts: Collection) -> None:
    record = add(app, posts, picture=upload("a.txt"), papers=[upload("one.txt"), upload("two.txt")])
    first, second = record["papers"]
    record = change(app, posts, record.id, picture=upload("b.txt"), **{"papers-": first})
    assert stored_files(app) == sorted(file_key(posts, record.id, each) for each in (record["picture"], second))
    with pytest.raises(ValidationFailed):
        change(app, posts, record.id, picture="", title="x" * 30)
    assert len(stored_files(app)) == 2


def test_a_name_without_an_upload_must_be_the_records_own(app: App, posts: Collection) -> None:
    other = add(app, posts, picture=upload("a.txt"))
    with pytest.raises(ValidationFailed) as refused:
        add(app, posts, picture=other["picture"])
    assert refused.value.data["picture"].code == "validation_invalid_file"


def test_staged_files_are_adopted_by_the_write(app: App, posts: Collection) -> None:
    changes: dict[str, Any] = {"picture": NewFile.of(upload("a.txt"))}
    with staged_files(app, posts, changes):
        assert stored_files(app) == [f"{posts.id}/{changes['id']}/{changes['picture']}"]
        record = add(app, posts, **changes)
    assert stored_files(app) == [file_key(posts, record.id, record["picture"])]


@pytest.mark.parametrize(
    ("changes", "record_id"),
    [
        pytest.param({}, "a" * 15, id="of a stored record"),
        pytest.param({}, "", id="of a new record"),
        pytest.param({"id": "b" * 15}, "", id="of a new record with an id of its own"),
        pytest.param({"id": "../../../etc"}, "", id="of a new record with an id that leads out of the folder"),
    ],
)
def test_staged_files_that_no_write_adopts_are_deleted(
    app: App, posts: Collection, changes: dict[str, Any], record_id: str
) -> None:
    wanted = {**changes, "papers+": [NewFile.of(upload("a.txt"))], "title": "x"}
    with pytest.raises(BadRequest), staged_files(app, posts, wanted, record_id):
        raise BadRequest("the rule said no")
    assert stored_files(app) == []


def test_an_id_that_leads_out_of_the_folder_is_refused_with_its_files(app: App, posts: Collection) -> None:
    changes: dict[str, Any] = {"id": "../../../../etc", "picture": NewFile.of(upload("a.txt"))}
    with pytest.raises(ValidationFailed), staged_files(app, posts, changes):
        add(app, posts, **changes)
    assert stored_files(app) == []


def test_a_surrounding_write_that_fails_takes_everything_back(app: App, posts: Collection) -> None:
    seen: list[str] = []

    @app.on.record_create("posts")
    def watch(event: RecordCreate) -> Iterator[None]:
        try:
            yield
            seen.append("committed")
        finally:
            seen.append("closed")

    record = draft(posts, title="One", picture=upload("a.txt"))

    def work() -> None:
        create_record(app, record)
        raise BadRequest("something else failed")

    with pytest.raises(BadRequest, match="something else"):
        app.database.write(work)
    assert (seen, record.is_new, stored_files(app)) == (["closed"], True, [])
    assert create_record(app, record)["picture"]
    assert len(stored_files(app)) == 1


# auth records


@pytest.fixture
def users(app: App) -> Collection:
    return app.collections.get("users")


def test_a_password_set_by_a_job_is_hashed(app: App, users: Collection) -> None:
    record = add(app, users, email="a@example.com", password="correct horse")
    stored = find(app, users, record.id)
    assert stored is not None
    assert record["password"] == stored["password"] == PasswordValue(hash=stored["password"].hash)
    assert app.passwords.verify("correct horse", stored["password"].hash)


def test_a_hash_made_before_the_write_is_kept(app: App, users: Collection) -> None:
    record = add(app, users, email="a@example.com", password=PasswordValue("correct horse", "$argon2id$x"))
    assert record["password"] == PasswordValue(hash="$argon2id$x")


@pytest.mark.parametrize(
    ("password", "code"),
    [
        pytest.param("", "validation_required", id="none"),
        pytest.param("short", "validation_min_text_constraint", id="too short"),
        pytest.param("x" * 72, "validation_max_text_constraint", id="over 71 characters"),
        pytest.param("x" * 73, "validation_invalid_value", id="over 72 bytes"),
        pytest.param("é" * 37, "validation_invalid_value", id="over 72 bytes in 37 characters"),
    ],
)
def test_a_password_is_refused_and_never_cut(app: App, users: Collection, password: str, code: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        add(app, users, email="a@example.com", password=PasswordValue(password, "hash" if password else ""))
    assert refused.value.data["password"].code == code


@pytest.mark.parametrize(
    ("changes", "is_new_key", "left"),
    [
        pytest.param({"name": "x"}, False, {"_externalAuths", "_mfas", "_otps", "_authOrigins"}, id="a name"),
        pytest.param({"email": "b@example.com"}, True, {"_externalAuths", "_mfas", "_authOrigins"}, id="a new email"),
        pytest.param({"password": PasswordValue("12345678", "h")}, True, {"_externalAuths"}, id="a new password"),
        pytest.param({"tokenKey": "y" * 40}, True, {"_externalAuths", "_mfas", "_authOrigins"}, id="a new key"),
    ],
)
def test_a_changed_secret_ends_tokens_and_what_hangs_on_them(
    app: App, users: Collection, changes: dict[str, Any], is_new_key: bool, left: set[str]
) -> None:
    user = add(app, users, email="a@example.com", password=PasswordValue("12345678", "hash"))
    add_links(app, user)
    changed = change(app, users, user.id, **changes)
    assert (changed["tokenKey"] != user["tokenKey"]) == is_new_key
    assert 30 <= len(changed["tokenKey"]) <= 60
    assert links(app) == left


def add_links(app: App, user: Record) -> None:
    owner = {"collectionRef": user.collection.id, "recordRef": user.id}
    add(app, app.collections.get("_externalAuths"), **owner, provider="google", providerId="1")
    add(app, app.collections.get("_mfas"), **owner, method="password")
    add(app, app.collections.get("_otps"), **owner, password=PasswordValue("123456", "hash"))
    add(app, app.collections.get("_authOrigins"), **owner, fingerprint="f")


def links(app: App) -> set[str]:
    names = ("_externalAuths", "_mfas", "_otps", "_authOrigins")
    return {name for name in names if app.database.query(f"SELECT 1 FROM {name}")}


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        pytest.param({"collectionRef": "no"}, "collectionRef", "validation_invalid_collection_id", id="no collection"),
        pytest.param({"collectionRef": "posts"}, "collectionRef", "validation_invalid_collection_id", id="a name"),
        pytest.param({"recordRef": "no"}, "recordRef", "validation_invalid_record", id="no record"),
        pytest.param({"provider": "no"}, "provider", "validation_in_invalid", id="no provider"),
        pytest.param({"provider": ""}, "provider", "validation_required", id="provider missing"),
    ],
)
def test_an_external_auth_must_belong_to_an_auth_record(
    app: App, posts: Collection, users: Collection, values: dict[str, str], field: str, code: str
) -> None:
    user = add(app, users, email="a@example.com", password=PasswordValue("12345678", "hash"))
    right = {"collectionRef": users.id, "recordRef": user.id, "provider": "google", "providerId": "1"}
    with pytest.raises(ValidationFailed) as refused:
        add(app, app.collections.get("_externalAuths"), **{**right, **values})
    assert {name: error.code for name, error in refused.value.data.items()} == {field: code}


def test_a_superuser_is_always_verified(app: App) -> None:
    superusers = app.collections.get("_superusers")
    record = add(app, superusers, email="a@example.com", password=PasswordValue("12345678", "hash"), verified=False)
    assert record["verified"] is True
