"""Importing a PocketBase data folder: whole or not at all, whenever it is interrupted."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from appliance.config import Config, load_config
from appliance.errors import DiskFullError, StorageError
from appliance.imports import pocketbase
from appliance.imports.pocketbase import import_pocketbase
from appliance.storage.sqlite import open_auxiliary, open_database
from tests.imports.filled import Filled
from tests.imports.folders import rows_of, tree_of


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


WATCHED = {"open", "os.rename", "os.mkdir", "os.rmdir", "os.remove", "shutil.copyfile", "shutil.rmtree"}


def run_child(source: Path, target: Path, kill_at: int, counted: Path) -> int:
    """Import in a forked child that is killed at its nth file operation (0: never); its wait status.
    How many operations there were is written to `counted`."""
    config = load_config({"dir": str(target)}, {})
    child = os.fork()
    if child == 0:
        _import_and_die(source, config, kill_at, counted)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _import_and_die(source: Path, config: Config, kill_at: int, counted: Path) -> None:
    count = 0

    def watch(event: str, _: Any) -> None:
        nonlocal count
        if event in WATCHED:
            count += 1
            if count == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    try:
        sys.addaudithook(watch)
        import_pocketbase(source, config)
        counted.write_text(str(count))
    finally:
        os._exit(0)


def moments(total: int, count: int) -> Iterator[int]:
    """Evenly spread, and every one of the last, where things are moved into place."""
    yield from sorted({1 + step * total // count for step in range(count)} | set(range(total - 15, total + 1)))


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is a POSIX signal")
def test_killed_at_any_moment_the_target_is_old_or_new(filled: Filled, tmp_path: Path) -> None:
    counted = tmp_path / "counted"
    run_child(filled.folder, fresh_folder(tmp_path / "whole"), 0, counted)
    expected = rows_of(tmp_path / "whole" / "data.db")
    outcomes: list[str] = []
    for moment in moments(int(counted.read_text()), 15):
        folder = fresh_folder(tmp_path / f"killed-{moment}")
        assert run_child(filled.folder, folder, moment, counted) == -signal.SIGKILL
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
