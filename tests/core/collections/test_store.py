"""The snapshot of all collections: who sees which state, and when."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.core.app import App
from appliance.core.collection import Collection
from appliance.core.collections.save import create_collection, update_collection
from appliance.errors import NotFound, SchemaMovedError, StorageError
from tests.core.bare_app import add_collection, open_app


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with open_app(tmp_path) as bare:
        yield bare


@pytest.mark.parametrize("key", ["posts", "POSTS", "pbc_1125843985"])
def test_a_collection_is_found_by_name_in_any_case_and_by_id(app: App, key: str) -> None:
    made = add_collection(app, "posts")
    assert app.collections.get(key) == made


def test_an_unknown_one_is_none_or_not_found(app: App) -> None:
    assert app.collections.find("PBC_1125843985") is None
    with pytest.raises(NotFound):
        app.collections.get("posts")


def test_a_write_sees_its_own_change_and_nobody_else_does_before_the_commit(app: App) -> None:
    seen: list[Collection | None] = []

    def work() -> None:
        create_collection(app, {"name": "posts"})
        seen.append(app.collections.find("posts"))
        reader = threading.Thread(target=lambda: seen.append(app.collections.find("posts")))
        reader.start()
        reader.join()

    app.collections.change(work)
    assert seen[0] is not None
    assert seen[1] is None
    assert app.collections.find("posts") is not None


def test_a_failed_write_leaves_memory_table_and_row_as_they_were(app: App) -> None:
    def work() -> None:
        create_collection(app, {"name": "posts"})
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        app.database.write(work)
    assert app.collections.find("posts") is None
    assert "posts" not in app.database.schema.tables()
    assert add_collection(app, "posts").name == "posts"


def test_a_failed_part_of_a_write_is_forgotten_and_the_rest_stays(app: App) -> None:
    def work() -> None:
        create_collection(app, {"name": "kept"})
        with pytest.raises(RuntimeError):
            app.collections.change(failing)
        assert app.collections.find("dropped") is None

    def failing() -> None:
        create_collection(app, {"name": "dropped"})
        raise RuntimeError("stop")

    app.collections.change(work)
    assert app.collections.find("kept") is not None
    assert app.collections.find("dropped") is None


def test_every_change_gives_all_collections_a_new_revision(app: App) -> None:
    before = app.collections.get("users").revision
    add_collection(app, "posts")
    assert app.collections.get("users").revision == app.collections.get("posts").revision != before


def test_memory_and_rows_agree(app: App) -> None:
    add_collection(app, "posts", {"name": "n", "type": "number", "min": 1})
    update_collection(app, "users", {"listRule": None, "otp": {"enabled": True}})
    before = [each.as_json() for each in app.collections.all()]
    app.collections.reload()
    assert [each.as_json() for each in app.collections.all()] == before


def test_changes_of_many_threads_all_count(app: App) -> None:
    threads = [threading.Thread(target=create_collection, args=(app, {"name": f"c{n}"})) for n in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert {f"c{n}" for n in range(8)} <= {each.name for each in app.collections.all()}
    assert {f"c{n}" for n in range(8)} <= set(app.database.schema.tables())


@pytest.mark.parametrize(
    ("column", "value"),
    [
        pytest.param("fields", '[{"type": "hologram", "name": "x"}]', id="an unknown field type"),
        pytest.param("fields", "[", id="broken JSON"),
        pytest.param("options", '{"authToken": 3}', id="an option of the wrong type"),
    ],
)
def test_a_row_that_can_not_be_read_is_named(app: App, column: str, value: str) -> None:
    statement = f"UPDATE _collections SET `{column}` = ? WHERE name = 'users'"
    app.database.write(lambda: app.database.execute(statement, (value,)))
    with pytest.raises(StorageError, match="The stored collection users can't be read"):
        app.collections.reload()


def test_options_that_an_older_version_did_not_write_are_empty(app: App) -> None:
    older = '{"authToken": {"secret": "s", "duration": 9}}'
    app.database.write(
        lambda: app.database.execute("UPDATE _collections SET options = ? WHERE name = 'users'", (older,))
    )
    app.collections.reload()
    options = app.collections.get("users").options
    assert options["authToken"] == {"secret": "s", "duration": 9}
    assert options["authAlert"] == {"enabled": False, "emailTemplate": {"subject": "", "body": ""}}


def test_a_read_that_a_schema_change_overtakes_runs_again(app: App) -> None:
    posts = add_collection(app, "posts")
    seen: list[int] = []

    def read() -> Collection | None:
        found = app.collections.find("posts")
        seen.append(found.revision if found else 0)
        if len(seen) == 1:
            changing = threading.Thread(target=lambda: update_collection(app, posts.id, {"listRule": ""}))
            changing.start()
            changing.join()
        return found

    assert app.collections.steady(read) == app.collections.find("posts")
    assert len(seen) == 2


def test_a_read_that_fails_because_the_schema_moved_runs_again_and_another_failure_is_raised(app: App) -> None:
    add_collection(app, "posts")
    tries: list[None] = []

    def read() -> None:
        tries.append(None)
        if len(tries) == 1:
            changing = threading.Thread(target=lambda: add_collection(app, "comments"))
            changing.start()
            changing.join()
        raise StorageError("no such column")

    with pytest.raises(StorageError, match="no such column"):
        app.collections.steady(read)
    assert len(tries) == 2


def test_a_write_prepared_for_an_older_schema_is_refused(app: App) -> None:
    posts = add_collection(app, "posts")
    update_collection(app, posts.id, {"listRule": ""})
    with pytest.raises(SchemaMovedError):
        app.database.write(lambda: app.collections.require_current(posts))


def test_a_commit_that_fails_lets_readers_go_on(app: App) -> None:
    def work() -> None:
        create_collection(app, {"name": "posts"})
        app.database.execute("PRAGMA defer_foreign_keys = ON")
        app.database.execute("CREATE TABLE parents (id TEXT PRIMARY KEY)")
        app.database.execute("CREATE TABLE children (parent TEXT REFERENCES parents (id))")
        app.database.execute("INSERT INTO children VALUES ('nobody')")

    with pytest.raises(StorageError):
        app.database.write(work)
    assert app.collections.steady(lambda: app.collections.find("posts")) is None
