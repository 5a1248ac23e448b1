"""Importing a PocketBase data folder: everything comes, verbatim."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from appliance.config import Config
from appliance.errors import ImportRefused
from appliance.imports import pocketbase
from appliance.imports.pocketbase import import_pocketbase
from appliance.storage.sqlite import open_auxiliary, open_database
from tests.imports.filled import Filled
from tests.imports.folders import KEY, change, connect, rows_of, settings_of, statements_of, tree_of
from tests.oracle import require_oracle, start_oracle

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
        require_oracle(),
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


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
