"""Importing a PocketBase data folder: what is refused before anything is written."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from appliance.config import Config, load_config
from appliance.errors import ImportRefused
from appliance.imports.pocketbase import import_pocketbase
from appliance.storage.sqlite import open_database
from tests.imports.filled import Filled
from tests.imports.folders import change, connect, tree_of
from tests.oracle import start_oracle


def truncate(folder: Path) -> None:
    os.truncate(folder / "data.db", (folder / "data.db").stat().st_size // 2)


def overwrite_pages(folder: Path, name: str = "data.db") -> None:
    with (folder / name).open("rb+") as file:
        file.seek(2 * 4096)
        file.write(os.urandom(12 * 4096) if name == "data.db" else b"\xff" * 4096 * 3)


def break_an_index(folder: Path) -> None:
    """Leave an index entry without its row, which reading the rows alone would not show."""
    with connect(folder / "data.db") as database:
        database.execute("PRAGMA writable_schema = ON")
        database.execute(
            "UPDATE sqlite_master SET sql = 'CREATE INDEX by_stars ON notes (title)' WHERE name = 'by_stars'"
        )


def add_field(folder: Path, field: str) -> None:
    change(folder, "UPDATE _collections SET fields = json_insert(fields, '$[#]', json(?)) WHERE name = 'notes'", field)


def link_out(folder: Path) -> None:
    next((folder / "storage").iterdir()).joinpath("out").symlink_to("/etc/hostname")


REFUSED: list[Any] = [
    pytest.param(lambda f: (f / "data.db").unlink(), "no data.db", id="no database"),
    pytest.param(lambda f: (f / "data.db").write_bytes(b"hello" * 999), "not an SQLite", id="another file"),
    pytest.param(lambda f: (f / "data.db").write_bytes(b""), "not an SQLite", id="an empty file"),
    pytest.param(truncate, "damaged", id="half a database"),
    pytest.param(overwrite_pages, "damaged", id="overwritten pages"),
    pytest.param(break_an_index, "damaged", id="an index that does not fit its rows"),
    pytest.param(lambda f: overwrite_pages(f, "auxiliary.db"), "auxiliary.db is damaged", id="damaged logs"),
    pytest.param(lambda f: change(f, "DROP TABLE _mfas"), "no table _mfas", id="a system table is missing"),
    pytest.param(lambda f: change(f, "DROP TABLE notes"), "table of the collection notes", id="a table is missing"),
    pytest.param(lambda f: change(f, "CREATE TABLE _admins (id)"), "before 0.23", id="an old version's table"),
    pytest.param(
        lambda f: change(f, "DELETE FROM _migrations WHERE file LIKE '%migrate4%'"), "before 0.23", id="an early 0.23"
    ),
    pytest.param(
        lambda f: change(f, "INSERT INTO _migrations VALUES ('1999999999_something_new.go', 1)"),
        "newer PocketBase: it has run 1999999999_something_new.go",
        id="a newer version's migration",
    ),
    pytest.param(
        lambda f: change(f, "ALTER TABLE _collections ADD COLUMN novelty TEXT"), "newer", id="a newer version's column"
    ),
    pytest.param(
        lambda f: add_field(f, '{"name":"x","type":"hologram"}'), "unknown type hologram", id="an unknown field type"
    ),
    pytest.param(lambda f: add_field(f, "5"), "fields of the collection notes", id="a field that is a number"),
    pytest.param(
        lambda f: change(f, "UPDATE _collections SET type = 'queue' WHERE name = 'notes'"),
        "unknown type queue",
        id="an unknown collection type",
    ),
    pytest.param(
        lambda f: change(f, "UPDATE _collections SET fields = '[{' WHERE name = 'notes'"),
        "fields of the collection notes",
        id="fields that are no JSON",
    ),
    pytest.param(link_out, "link", id="a link in the uploads"),
    pytest.param(
        lambda f: change(f, "UPDATE _params SET value = 'c2VhbGVk'"), "encrypted", id="encrypted settings without a key"
    ),
]


@pytest.mark.parametrize(("damage", "message"), REFUSED)
def test_a_bad_source_is_refused_and_nothing_changes(
    filled: Filled, target: Config, tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    source = filled.copy(tmp_path / "source")
    damage(source)
    before = tree_of(source)
    with pytest.raises(ImportRefused, match=message) as caught:
        import_pocketbase(source, target)
    assert caught.value.hint
    assert list(target.dir.iterdir()) == []
    assert tree_of(source) == before


def test_users_own_migrations_are_no_newer_version(filled: Filled, target: Config, tmp_path: Path) -> None:
    source = filled.copy(tmp_path / "source")
    change(source, "INSERT INTO _migrations VALUES ('1999999999_created_posts.js', 1)")
    import_pocketbase(source, target)


@pytest.mark.parametrize("key", [pytest.param("f" * 32, id="another"), pytest.param("short", id="too short")])
def test_a_wrong_key_is_refused(target: Config, encrypted: Path, key: str) -> None:
    with pytest.raises(ImportRefused, match="key"):
        import_pocketbase(encrypted, target, encryption_key=key)
    assert list(target.dir.iterdir()) == []


def test_a_running_source_is_refused(target: Config, tmp_path: Path) -> None:
    server = start_oracle(tmp_path / "running")
    try:
        with pytest.raises(ImportRefused, match="still runs"):
            import_pocketbase(tmp_path / "running" / "pb_data", target)
    finally:
        server.stop()
    assert import_pocketbase(tmp_path / "running" / "pb_data", target).superusers == 1


def test_a_source_that_changes_meanwhile_is_refused(filled: Filled, target: Config, tmp_path: Path) -> None:
    source = filled.copy(tmp_path / "source")

    def write_to_it(what: str, done: int, total: int) -> None:
        if what == "files" and done == total:
            change(source, "UPDATE notes SET stars = 5")

    with pytest.raises(ImportRefused, match="changed"):
        import_pocketbase(source, target, progress=write_to_it)
    assert list(target.dir.iterdir()) == []


def own_superuser(folder: Path) -> None:
    with closing(open_database(folder)) as database:
        database.write(lambda: database.execute("CREATE TABLE _superusers (id)"))
        database.write(lambda: database.execute("INSERT INTO _superusers VALUES ('me')"))


def own_collection(folder: Path) -> None:
    with closing(open_database(folder)) as database:
        database.write(lambda: database.execute("INSERT INTO _collections (name) VALUES ('mine')"))


def own_upload(folder: Path) -> None:
    (folder / "storage" / "c" / "r").mkdir(parents=True)
    (folder / "storage" / "c" / "r" / "mine.txt").write_text("mine")


@pytest.mark.parametrize("fill_target", [own_superuser, own_collection, own_upload])
def test_a_target_with_data_is_refused_and_left_alone(
    filled: Filled, target: Config, fill_target: Callable[[Path], None]
) -> None:
    fill_target(target.dir)
    before = tree_of(target.dir)
    with pytest.raises(ImportRefused, match="already holds data"):
        import_pocketbase(filled.folder, target)
    assert tree_of(target.dir) == before


def test_a_second_import_is_refused(filled: Filled, target: Config) -> None:
    import_pocketbase(filled.folder, target)
    with pytest.raises(ImportRefused, match="already holds data"):
        import_pocketbase(filled.folder, target)


@pytest.mark.parametrize("inside", [".", "storage"])
def test_a_target_inside_the_source_is_refused(filled: Filled, inside: str) -> None:
    config = load_config({"dir": str(filled.folder / inside)}, {})
    with pytest.raises(ImportRefused, match="each other"):
        import_pocketbase(filled.folder, config)
