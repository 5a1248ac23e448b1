"""Replacing what a data folder holds at once. The import's tests kill it at every step."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.storage.folder_swap import commit_swap, finish_swap, new_staging, settle


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An old state: a database with a WAL, and an upload."""
    (tmp_path / "storage").mkdir()
    for name in ("data.db", "data.db-wal", "data.db-shm", "storage/old.txt", "homeport.toml"):
        (tmp_path / name).write_text("old")
    return tmp_path


def build(folder: Path) -> Path:
    staging = new_staging(folder)
    (staging / "storage").mkdir()
    for name in ("data.db", "storage/new.txt"):
        (staging / name).write_text("new")
    return staging


def state_of(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


NEW = {"data.db": "new", "storage/new.txt": "new", "homeport.toml": "old"}


def test_a_committed_swap_replaces_what_it_brings_and_keeps_the_rest(folder: Path) -> None:
    commit_swap(folder, build(folder))
    assert state_of(folder) == NEW


def test_a_swap_that_was_not_committed_is_forgotten(folder: Path) -> None:
    before = state_of(folder)
    build(folder).rename(folder / ".staging-999999999")
    settle(folder)
    assert state_of(folder) == before


def test_a_swap_that_is_being_built_is_left_alone(folder: Path) -> None:
    staging = build(folder)
    settle(folder)
    assert (staging / "data.db").exists()


@pytest.mark.parametrize("moved", [(), ("data.db",), ("data.db", "storage")])
def test_a_committed_swap_is_finished_by_the_next_start(folder: Path, moved: tuple[str, ...]) -> None:
    build(folder).rename(folder / ".ready")
    (folder / ".replaced").mkdir()
    for name in moved:
        (folder / name).rename(folder / ".replaced" / name)
        (folder / ".ready" / name).rename(folder / name)
    for companion in ("data.db-wal", "data.db-shm"):
        if moved:
            (folder / companion).rename(folder / ".replaced" / companion)
    settle(folder)
    assert state_of(folder) == NEW
    finish_swap(folder)
    assert state_of(folder) == NEW
