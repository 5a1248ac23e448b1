"""SQLite as a database: the contract, and what is SQLite's own."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import ConstraintError, NewerDataError, OldSqliteError, StorageError
from appliance.storage import migrate, sqlite_connection
from appliance.storage.sqlite import SqliteDatabase, open_auxiliary, open_database, sqlite_version
from appliance.storage.sqlite_library import require_safe_sqlite
from tests.contracts.database import DatabaseContract
from tests.contracts.notes import add, in_threads, make_notes, titles


class TestSqliteDatabase(DatabaseContract):
    """SQLite is a database."""


# ---- the connections


def test_the_writer_flushes_every_commit_to_the_disk(database: SqliteDatabase) -> None:
    names = ("journal_mode", "synchronous", "foreign_keys", "recursive_triggers", "mmap_size", "trusted_schema")
    found = database.write(lambda: [database.query(f"PRAGMA {name}")[0][0] for name in names])
    assert found == ["wal", 2, 1, 1, 0, 0]


def test_a_box_may_choose_to_wait_for_the_disk_at_checkpoints_only(tmp_path: Path) -> None:
    with closing(open_database(tmp_path, "normal")) as database:
        assert database.write(lambda: database.query("PRAGMA synchronous")) == [(1,)]


def test_readers_can_not_write(database: SqliteDatabase) -> None:
    assert database.query("PRAGMA query_only") == [(1,)]


def test_a_text_that_is_not_utf8_is_read_with_replacement_characters(database: SqliteDatabase) -> None:
    add(database, "x")
    database.write(lambda: database.execute("UPDATE notes SET title = CAST(x'61ff62' AS TEXT)"))
    assert titles(database) == ["a\ufffdb"]
    assert database.write(lambda: titles(database)) == ["a\ufffdb"]


def test_more_threads_than_readers_wait_for_one(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "data.db", readers=2)
    make_notes(database)
    counts: list[Any] = []
    in_threads(12, lambda _: counts.extend(database.query("SELECT COUNT(*) FROM notes") for _ in range(20)))
    database.close()
    assert counts == [[(0,)]] * 240


def test_the_file_is_private(database: SqliteDatabase) -> None:
    for suffix in ("", "-wal", "-shm"):
        mode = stat.S_IMODE(os.stat(f"{database.path}{suffix}").st_mode)
        assert mode == 0o600, suffix


def test_closing_empties_the_wal(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "data.db")
    make_notes(database)
    add(database, "kept")
    titles(database)
    database.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["data.db"]


# ---- errors


def test_a_constraint_error_reads_as_the_originals(database: SqliteDatabase) -> None:
    database.write(lambda: database.schema.create_index("CREATE UNIQUE INDEX one ON notes (title)"))
    add(database, "same")
    with pytest.raises(ConstraintError, match=r"^constraint failed: UNIQUE constraint failed: notes\.title \(2067\)$"):
        add(database, "same")


def test_a_unique_expression_names_no_columns(database: SqliteDatabase) -> None:
    database.write(lambda: database.schema.create_index("CREATE UNIQUE INDEX one ON notes (lower(title))"))
    add(database, "same")
    with pytest.raises(ConstraintError) as caught:
        add(database, "SAME")
    assert (caught.value.kind, caught.value.columns) == ("unique", ())


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"this is not a database" * 100, id="another file"),
        pytest.param(b"SQLite format 3\0" + b"\xff" * 4080, id="a damaged header"),
    ],
)
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data.db").write_bytes(content)
    with pytest.raises(StorageError) as caught:
        open_database(tmp_path)
    assert caught.value.hint
    assert (tmp_path / "data.db").read_bytes() == content


def test_a_folder_that_is_not_there_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        open_database(tmp_path / "nowhere")


# ---- the library


@pytest.mark.parametrize("version", ["3.40.1", "3.46.0", "3.51.2"])
def test_a_library_with_the_wal_reset_bug_is_refused(version: str) -> None:
    with pytest.raises(OldSqliteError) as caught:
        require_safe_sqlite(version)
    assert version in caught.value.message
    assert "pysqlite3" in caught.value.hint


@pytest.mark.parametrize("version", ["3.51.3", "3.52.0", "3.53.4", "4.0.0", sqlite_version()])
def test_a_library_without_it_is_taken(version: str) -> None:
    require_safe_sqlite(version)


def test_no_other_databases_driver_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "psycopg.py").write_text("LOADED = True\n")
    program = (
        "import sys, pathlib, appliance.storage.sqlite as sqlite\n"
        f"database = sqlite.open_database(pathlib.Path({str(tmp_path)!r}))\n"
        "database.write(lambda: database.schema.rename_table('_params', 'x'))\n"
        "assert 'psycopg' not in sys.modules, 'loaded'\n"
        "import psycopg; assert psycopg.LOADED; database.close()\n"
    )
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": path}, check=True)


# ---- our own tables


def test_a_fresh_folder_has_our_tables_and_a_second_open_finds_them(tmp_path: Path) -> None:
    for _ in range(2):
        database, auxiliary = open_database(tmp_path), open_auxiliary(tmp_path)
        assert sorted(database.schema.tables()) == ["_collections", "_homeport_migrations", "_params"]
        assert sorted(auxiliary.schema.tables()) == ["_homeport_migrations", "_logs"]
        database.close()
        auxiliary.close()


def test_a_folder_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    database = open_database(tmp_path)
    statement = "INSERT INTO _homeport_migrations (name, applied) VALUES ('0099_from_the_future', '2030-01-01')"
    database.write(lambda: database.execute(statement))
    database.close()
    with pytest.raises(NewerDataError, match="0099_from_the_future"):
        open_database(tmp_path)


def test_a_migration_that_fails_leaves_nothing_of_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "migrations" / "main"
    folder.mkdir(parents=True)
    (folder / "0001_good.py").write_text("def up(migrator, db):\n    db.execute_sql('CREATE TABLE good (id)')\n")
    (folder / "0002_bad.py").write_text("def up(migrator, db):\n    db.execute_sql('CREATE TABLE good (id)')\n")
    monkeypatch.setattr(migrate, "FOLDER", tmp_path / "migrations")
    with pytest.raises(StorageError):
        open_database(tmp_path)
    plain = SqliteDatabase(tmp_path / "data.db")
    assert plain.schema.tables() == []
    plain.close()


def test_programs_that_start_at_once_migrate_once(tmp_path: Path) -> None:
    errors: list[Exception] = []

    def start(_: int) -> None:
        try:
            open_database(tmp_path).close()
        except Exception as error:
            errors.append(error)

    in_threads(6, start)
    assert errors == []


def test_the_busy_timeout_is_long_enough_for_a_slow_neighbour() -> None:
    assert sqlite_connection.BUSY_SECONDS >= 5


def test_a_thread_that_runs_gevents_loop_can_read_and_write(database: SqliteDatabase) -> None:
    answers: list[Any] = []

    def hub() -> None:
        import gevent

        def work(number: int) -> None:
            add(database, str(number))
            gevent.sleep(0)
            answers.append(database.query("SELECT COUNT(*) FROM notes"))

        gevent.joinall([gevent.spawn(work, number) for number in range(5)])

    thread = threading.Thread(target=hub)
    thread.start()
    thread.join()
    assert answers == [[(5,)]] * 5
