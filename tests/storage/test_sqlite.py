"""SQLite as a database: the contract, and what is SQLite's own."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import BusyError, ConstraintError, DiskFullError, NewerDataError, OldSqliteError, StorageError
from appliance.storage import group_commit, migrate, sqlite_connection
from appliance.storage.lean_peewee import sqlite_driver
from appliance.storage.sqlite import SqliteDatabase, open_auxiliary, open_database, sqlite_version
from appliance.storage.sqlite_library import require_safe_sqlite
from tests.contracts.database import DatabaseContract, add, in_threads, make_notes, titles


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    opened = SqliteDatabase(tmp_path / "data.db")
    make_notes(opened)
    yield opened
    opened.close()


class TestSqliteDatabase(DatabaseContract):
    """SQLite is a database."""


# ---- the connections


def test_the_writer_flushes_every_commit_to_the_disk(database: SqliteDatabase) -> None:
    names = ("journal_mode", "synchronous", "foreign_keys", "recursive_triggers", "mmap_size", "trusted_schema")
    found = database.write(lambda: [database.query(f"PRAGMA {name}")[0][0] for name in names])
    assert found == ["wal", 2, 1, 1, 0, 0]


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


# ---- group commit


@pytest.fixture(autouse=True)
def patient_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a group would end by its time limit, at another place each run."""
    monkeypatch.setattr(group_commit, "GROUP_SECONDS", 30)


def held_back(database: SqliteDatabase) -> tuple[threading.Event, threading.Thread]:
    """Keep the writer busy until the event is set, so that later writes wait together."""
    entered, go_on = threading.Event(), threading.Event()

    def work() -> None:
        entered.set()
        go_on.wait()

    def hold() -> None:
        with suppress(StorageError):  # it is in the group, and fails with it
            database.write(work)

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait()
    return go_on, thread


def write_together(database: SqliteDatabase, works: list[Any]) -> list[Any]:
    """Run closures in one group, in this order; what each answered or raised."""
    go_on, holder = held_back(database)
    answers: list[Any] = [None] * len(works)

    def run(number: int) -> None:
        try:
            answers[number] = database.write(works[number])
        except Exception as error:
            answers[number] = error

    threads = []
    for number in range(len(works)):
        threads.append(threading.Thread(target=run, args=(number,)))
        threads[-1].start()
        while len(database._writer._waiting) < number + 1:
            pass
    go_on.set()
    for thread in (holder, *threads):
        thread.join()
    return answers


def test_writes_that_wait_together_commit_together(database: SqliteDatabase) -> None:
    commits: list[str] = []
    database.write(lambda: database._writer._connection.set_trace_callback(commits.append))
    answers = write_together(database, [lambda t=t: add(database, t) for t in "abcdefgh"])
    assert answers == [None] * 8
    assert titles(database) == list("abcdefgh")
    assert commits.count("COMMIT") == 2  # the one that set the trace, and the group


def test_a_full_disk_fails_its_write_and_those_before_it_and_nothing_after(database: SqliteDatabase) -> None:
    def limit(pages: int) -> None:
        database.query(f"PRAGMA max_page_count = {pages}")

    ((pages,),) = database.query("PRAGMA page_count")
    database.write(lambda: limit(pages + 1))
    works = [
        lambda: add(database, "before"),
        lambda: add(database, "x" * 100_000),
        lambda: add(database, "after"),
    ]
    before, full, after = write_together(database, works)
    assert isinstance(before, DiskFullError)
    assert isinstance(full, DiskFullError)
    assert after is None
    assert titles(database) == ["after"]
    database.write(lambda: limit(0xFFFFFFFE))
    add(database, "space again " + "x" * 100_000)
    assert len(titles(database)) == 2


def test_a_work_that_hides_a_lost_transaction_is_refused(database: SqliteDatabase) -> None:
    def work() -> None:
        with pytest.raises(DiskFullError):
            database.execute("INSERT INTO notes (title) VALUES (?)", ("x" * 100_000,))
        with pytest.raises(StorageError, match="rolled back"):
            database.execute("INSERT INTO notes (title) VALUES ('alone')")

    ((pages,),) = database.query("PRAGMA page_count")
    database.write(lambda: database.query(f"PRAGMA max_page_count = {pages + 1}"))
    with pytest.raises(StorageError, match="rolled back"):
        database.write(work)
    assert titles(database) == []


def test_a_commit_that_fails_fails_the_whole_group(database: SqliteDatabase) -> None:
    def prepare() -> None:
        database.execute("CREATE TABLE parents (id INTEGER PRIMARY KEY)")
        database.execute("CREATE TABLE children (p REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)")

    database.write(prepare)
    ran: list[str] = []

    def innocent() -> None:
        add(database, "innocent")
        database.after_commit(lambda: ran.append("commit"), lambda: ran.append("rollback"))
        database.on_commit(lambda: ran.append("published"))

    answers = write_together(database, [innocent, lambda: database.execute("INSERT INTO children VALUES (1)")])
    assert all(isinstance(answer, StorageError) for answer in answers)
    assert (titles(database), ran) == ([], ["rollback"])
    add(database, "next")
    assert titles(database) == ["next"]


def test_too_many_waiting_writes_are_refused(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "data.db", waiting_limit=2)
    make_notes(database)
    go_on, holder = held_back(database)
    threads = [threading.Thread(target=add, args=(database, str(number))) for number in range(2)]
    for thread in threads:
        thread.start()
    while len(database._writer._waiting) < 2:
        pass
    with pytest.raises(BusyError):
        add(database, "one too many")
    go_on.set()
    for thread in (holder, *threads):
        thread.join()
    assert sorted(titles(database)) == ["0", "1"]
    database.close()


def test_closing_finishes_what_waits(database: SqliteDatabase) -> None:
    go_on, holder = held_back(database)
    waiting = threading.Thread(target=add, args=(database, "waited"))
    waiting.start()
    while not database._writer._waiting:
        pass
    closing = threading.Thread(target=database.close)
    closing.start()
    go_on.set()
    for thread in (holder, waiting, closing):
        thread.join()
    again = SqliteDatabase(database.path)
    assert titles(again) == ["waited"]
    again.close()


def test_another_programs_write_lock_makes_writes_busy(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.write(lambda: database.query("PRAGMA busy_timeout = 50"))
    other = sqlite_driver.connect(str(database.path), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(BusyError):
        add(database, "blocked")
    other.execute("COMMIT")
    other.close()
    add(database, "free")
    assert titles(database) == ["free"]


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
