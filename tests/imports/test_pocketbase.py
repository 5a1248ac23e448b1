"""Importing a PocketBase data folder: verbatim, and whole or not at all."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from appliance.config import Config, load_config
from appliance.errors import DiskFullError, ImportRefused, StorageError
from appliance.imports import pocketbase
from appliance.imports.pocketbase import import_pocketbase
from appliance.storage.lean_peewee import sqlite_driver
from appliance.storage.sqlite import open_auxiliary, open_database
from tests.imports.filled import Filled, fill
from tests.oracle import own_environment, start_oracle

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    return fill(tmp_path_factory.mktemp("filled"))


@pytest.fixture
def target(tmp_path: Path) -> Config:
    folder = tmp_path / "target"
    folder.mkdir()
    return load_config({"dir": str(folder)}, {})


def connect(path: Path) -> Any:
    return closing(sqlite_driver.connect(str(path), isolation_level=None))


def rows_of(path: Path) -> dict[str, list[Any]]:
    """Every row with its rowid, by table; our own table and SQLite's statistics left out."""
    with connect(path) as database:
        statement = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        names = [name for (name,) in database.execute(statement) if name != "_homeport_migrations"]
        return {name: database.execute(f"SELECT rowid, * FROM `{name}` ORDER BY rowid").fetchall() for name in names}


def statements_of(path: Path) -> set[str]:
    with connect(path) as database:
        statement = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name <> '_homeport_migrations'"
        return {sql for (sql,) in database.execute(statement)}


def tree_of(folder: Path) -> dict[str, tuple[int, str]]:
    """Each file's time and content, by its name inside the folder."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in folder.rglob("*")
        if path.is_file()
    }


def change(folder: Path, statement: str, *parameters: Any) -> None:
    with connect(folder / "data.db") as database:
        database.execute(statement, parameters)


# ---- what is brought over


def test_every_row_of_every_table_is_the_same(filled: Filled, target: Config) -> None:
    import_pocketbase(filled.folder, target)
    for name in ("data.db", "auxiliary.db"):
        assert rows_of(target.dir / name) == rows_of(filled.folder / name)
    brought = rows_of(target.dir / "data.db")
    tables = ("_superusers", "users", "_externalAuths", "_mfas", "_otps", "_authOrigins", "notes", "_params")
    assert {name: bool(brought[name]) for name in tables} == dict.fromkeys(tables, True)
    assert rows_of(target.dir / "auxiliary.db")["_logs"]


def test_tables_indexes_and_views_are_declared_the_same(filled: Filled, target: Config) -> None:
    import_pocketbase(filled.folder, target)
    assert statements_of(target.dir / "data.db") == statements_of(filled.folder / "data.db")


def test_uploads_come_with_their_dates_and_sidecars(filled: Filled, target: Config) -> None:
    import_pocketbase(filled.folder, target)
    brought = tree_of(target.dir / "storage")
    assert brought == tree_of(filled.folder / "storage")
    assert len(brought) == 8  # an avatar, a cover, two pages, and a sidecar for each


def test_the_report_counts_what_came(filled: Filled, target: Config) -> None:
    seen: list[tuple[str, int, int]] = []
    report = import_pocketbase(filled.folder, target, progress=lambda *step: seen.append(step))
    rows = rows_of(filled.folder / "data.db")
    assert report.collections == len(rows["_collections"])
    assert report.superusers == 1
    assert report.records == sum(len(rows[name]) for name in rows if name not in pocketbase.OUR_TABLES)
    assert report.logs == len(rows_of(filled.folder / "auxiliary.db")["_logs"])
    assert report.files == 8
    assert {what for what, _, _ in seen} == {"databases", "checks", "files"}
    assert [step for step in seen if step[1] == step[2]] == [
        ("databases", seen[1][2], seen[1][2]),
        ("checks", 3, 3),
        ("files", 8, 8),
    ]


def test_the_source_is_not_touched(filled: Filled, target: Config) -> None:
    before = tree_of(filled.folder)
    import_pocketbase(filled.folder, target)
    assert tree_of(filled.folder) == before


def test_the_files_are_private(filled: Filled, target: Config) -> None:
    import_pocketbase(filled.folder, target)
    assert {path.stat().st_mode & 0o077 for path in target.dir.glob("*.db")} == {0}
    assert sorted(path.name for path in target.dir.iterdir()) == ["auxiliary.db", "data.db", "storage"]


def test_rows_that_only_the_wal_holds_come_too(filled: Filled, target: Config, tmp_path: Path) -> None:
    source = filled.copy(tmp_path / "source")
    with connect(source / "data.db") as database:
        database.execute("PRAGMA journal_mode = wal")
        database.execute("PRAGMA wal_autocheckpoint = 0")
        database.execute("INSERT INTO notes (id, title) VALUES ('onlyinthewal000', 'late')")
        crashed = shutil.copytree(source, tmp_path / "crashed")
    assert (crashed / "data.db-wal").stat().st_size > 0
    import_pocketbase(crashed, target)
    with connect(target.dir / "data.db") as database:
        assert database.execute("SELECT title FROM notes WHERE id = 'onlyinthewal000'").fetchall() == [("late",)]


def test_a_source_without_logs_and_uploads_is_taken(filled: Filled, target: Config, tmp_path: Path) -> None:
    source = filled.copy(tmp_path / "source")
    shutil.rmtree(source / "storage")
    (source / "auxiliary.db").unlink()
    report = import_pocketbase(source, target)
    assert (report.files, report.logs) == (0, 0)
    with closing(open_auxiliary(target.dir)) as auxiliary:
        assert auxiliary.query("SELECT COUNT(*) FROM _logs") == [(0,)]


def test_a_fresh_target_is_replaced(filled: Filled, target: Config) -> None:
    with closing(open_database(target.dir)) as database, closing(open_auxiliary(target.dir)):
        database.write(lambda: database.execute("INSERT INTO _params (id, value) VALUES ('settings', '{}')"))
    (target.dir / "storage" / ".incoming").mkdir(parents=True)
    (target.dir / "homeport.toml").write_text("")
    import_pocketbase(filled.folder, target)
    assert rows_of(target.dir / "data.db") == rows_of(filled.folder / "data.db")
    names = sorted(path.name for path in target.dir.iterdir())
    assert names == ["auxiliary.db", "data.db", "homeport.toml", "storage"]


def test_an_imported_folder_opens_and_is_ours(filled: Filled, target: Config) -> None:
    import_pocketbase(filled.folder, target)
    for _ in range(2):
        with closing(open_database(target.dir)) as database:
            assert database.query("SELECT COUNT(*) FROM _superusers") == [(1,)]
            assert database.query("PRAGMA integrity_check") == [("ok",)]


# ---- encrypted settings


@pytest.fixture
def encrypted(filled: Filled, tmp_path: Path) -> Path:
    source = filled.copy(tmp_path / "source")
    with connect(source / "data.db") as database:
        ((plain,),) = database.execute("SELECT value FROM _params WHERE id = 'settings'").fetchall()
        nonce = os.urandom(12)
        text = plain if isinstance(plain, bytes) else plain.encode()
        sealed = base64.b64encode(nonce + AESGCM(KEY.encode()).encrypt(nonce, text, None)).decode()
        database.execute("UPDATE _params SET value = ? WHERE id = 'settings'", (sealed,))
    return source


def test_encrypted_settings_are_opened_with_their_key(filled: Filled, target: Config, encrypted: Path) -> None:
    import_pocketbase(encrypted, target, encryption_key=KEY)
    assert settings_of(target.dir) == settings_of(filled.folder)
    assert settings_of(target.dir)["smtp"]["password"] == "smtp-secret"


def test_the_real_pocketbases_encryption_is_read(
    target: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start_oracle(tmp_path / "encrypted")
    server.stop()
    folder = tmp_path / "encrypted" / "pb_data"
    monkeypatch.setenv("IMPORT_TEST_KEY", KEY)
    # Any command makes PocketBase load the settings; with a key it finds the plain ones and stores them sealed
    # at the next save, which a serve with the key does.
    command = [
        *oracle_command(),
        "serve",
        "--http",
        "127.0.0.1:0",
        "--dir",
        str(folder),
        "--encryptionEnv=IMPORT_TEST_KEY",
    ]
    change(folder, "DELETE FROM _params WHERE id = 'settings'")
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path)
    try:
        wait_until(lambda: bool(rows_of(folder / "data.db")["_params"]))
    finally:
        started.send_signal(signal.SIGINT)
        started.wait(10)
    with pytest.raises(ImportRefused, match="encrypted"):
        import_pocketbase(folder, target)
    import_pocketbase(folder, target, encryption_key=KEY)
    assert settings_of(target.dir)["meta"]["appName"] == "Acme"


def oracle_command() -> list[str]:
    from tests.oracle import require_oracle

    return [require_oracle()]


def settings_of(folder: Path) -> Any:
    with connect(folder / "data.db") as database:
        ((value,),) = database.execute("SELECT value FROM _params WHERE id = 'settings'").fetchall()
        return json.loads(value)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# ---- what is refused


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


# ---- whole or not at all


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(OSError(28, "No space left on device"), DiskFullError, id="a full disk"),
        pytest.param(OSError(5, "Input/output error"), StorageError, id="a failing disk"),
        pytest.param(KeyboardInterrupt(), KeyboardInterrupt, id="Ctrl-C"),
    ],
)
def test_an_import_that_fails_leaves_the_target_as_it_was(
    filled: Filled,
    target: Config,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    expected: type[BaseException],
) -> None:
    def fail(*_: Any) -> None:
        raise error

    with closing(open_database(target.dir)):
        pass
    before = tree_of(target.dir)
    with monkeypatch.context() as patch:
        patch.setattr(pocketbase.shutil, "copy2", fail)
        with pytest.raises(expected):
            import_pocketbase(filled.folder, target)
    assert tree_of(target.dir) == before
    import_pocketbase(filled.folder, target)


def test_too_little_space_is_said_before_anything_is_written(
    filled: Filled, target: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pocketbase.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100, 99, 1))
    with pytest.raises(DiskFullError, match="are free"):
        import_pocketbase(filled.folder, target)
    assert list(target.dir.iterdir()) == []


CHILD = """
import os, signal, sys
from pathlib import Path
from appliance.config import load_config
from appliance.imports import pocketbase

WATCHED = {"open", "os.rename", "os.mkdir", "os.rmdir", "os.remove", "shutil.copyfile", "shutil.rmtree"}
count, last = 0, int(sys.argv[3])

def watch(event, arguments):
    global count
    if armed and event in WATCHED:
        count += 1
        if count == last:
            os.kill(os.getpid(), signal.SIGKILL)

armed = False
sys.addaudithook(watch)
config = load_config({"dir": sys.argv[2]}, {})
armed = True
pocketbase.import_pocketbase(Path(sys.argv[1]), config)
armed = False
print(count)
"""


def run_child(source: Path, target: Path, kill_at: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", CHILD, str(source), str(target), str(kill_at)]
    return subprocess.run(command, capture_output=True, text=True, env=own_environment(), check=False)


def moments(total: int, count: int) -> Iterator[int]:
    """Evenly spread, and every one of the last, where things are moved into place."""
    yield from sorted({1 + step * total // count for step in range(count)} | set(range(total - 15, total + 1)))


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is a POSIX signal")
def test_killed_at_any_moment_the_target_is_old_or_new(filled: Filled, tmp_path: Path) -> None:
    whole = run_child(filled.folder, fresh_folder(tmp_path / "whole"), 0)
    assert whole.returncode == 0, whole.stderr
    expected = rows_of(tmp_path / "whole" / "data.db")
    outcomes: list[str] = []
    for moment in moments(int(whole.stdout), 12):
        folder = fresh_folder(tmp_path / f"killed-{moment}")
        assert run_child(filled.folder, folder, moment).returncode == -signal.SIGKILL
        outcomes.append(outcome(folder, expected, filled))
    assert outcomes == sorted(outcomes, reverse=True)  # first "old", from one moment on "new"
    assert {"old", "new"} == set(outcomes)


def fresh_folder(folder: Path) -> Path:
    """A target that a first start has left behind."""
    folder.mkdir()
    with closing(open_database(folder)) as database:
        database.write(lambda: database.execute("INSERT INTO _params (id, value) VALUES ('settings', '{}')"))
    return folder


def outcome(folder: Path, imported: dict[str, list[Any]], filled: Filled) -> str:
    """What a start finds. Neither a mix nor leftovers are allowed."""
    with closing(open_database(folder)) as database:
        assert database.query("PRAGMA integrity_check") == [("ok",)]
    with closing(open_auxiliary(folder)) as auxiliary:
        logs = auxiliary.query("SELECT COUNT(*) FROM _logs")
    assert {path.name for path in folder.iterdir()} <= {"auxiliary.db", "data.db", "storage"}
    if rows_of(folder / "data.db") == imported:
        assert logs != [(0,)]
        assert tree_of(folder / "storage") == tree_of(filled.folder / "storage")
        return "new"
    assert [len(rows) for name, rows in rows_of(folder / "data.db").items() if name in ("_params", "_collections")] == [
        0,
        1,
    ]
    assert logs == [(0,)]
    assert not (folder / "storage").exists()
    return "old"
