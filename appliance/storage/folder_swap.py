"""Replace databases and uploads of a data folder at once: all new or all old, whenever the program is killed.

    <data>/.staging-<pid>/    what is being built; nobody looks at it       <- killed here: the old state
    <data>/.ready/            the same folder, renamed: the commit          <- killed here or later: the new state
    <data>/data.db ...        its entries, moved into place one by one; `finish_swap` goes on where it was interrupted

Every opening of the databases calls `settle` first. The caller of `commit_swap` holds the folder's lock.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

STAGING = ".staging-"
READY = ".ready"
REPLACED = ".replaced"
CLOCK_SLACK_SECONDS = 1
SQLITE_COMPANIONS = ("-wal", "-shm", "-journal")


def settle(folder: Path) -> None:
    """Finish what was committed, delete what was not. For whoever opens the folder."""
    finish_swap(folder)
    sweep_staging(folder)


def new_staging(folder: Path) -> Path:
    """An empty folder to build the new state in, on the same file system. Leftovers of killed programs go."""
    sweep_staging(folder)
    staging = folder / f"{STAGING}{os.getpid()}"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(mode=0o700)
    return staging


def sweep_staging(folder: Path) -> None:
    """Delete what programs that no longer run were building."""
    for left in folder.glob(f"{STAGING}*"):
        if not _is_being_built(left):
            shutil.rmtree(left, ignore_errors=True)


def commit_swap(folder: Path, staging: Path) -> None:
    """Make what `staging` holds the state of `folder`: flush it, rename it, move its entries into place."""
    flush_tree(staging)
    staging.rename(folder / READY)
    flush_folder(folder)
    finish_swap(folder)


def finish_swap(folder: Path) -> None:
    """Go on with a swap that was committed but not finished. Nothing to do otherwise."""
    ready = folder / READY
    if not ready.is_dir():
        return
    for entry in sorted(ready.iterdir()):
        _make_way(folder, entry.name)
        flush_folder(folder)  # the old WAL must be gone for good before the new database is there
        entry.replace(folder / entry.name)
    flush_folder(folder)
    shutil.rmtree(folder / REPLACED, ignore_errors=True)
    ready.rmdir()
    flush_folder(folder)


def _make_way(folder: Path, name: str) -> None:
    """Put the old entry aside. An old WAL beside a new database would be replayed into it."""
    replaced = folder / REPLACED
    replaced.mkdir(mode=0o700, exist_ok=True)
    for old in (folder / name, *(folder / f"{name}{suffix}" for suffix in SQLITE_COMPANIONS)):
        if old.is_dir():
            shutil.rmtree(replaced / old.name, ignore_errors=True)
        if old.exists():
            old.replace(replaced / old.name)


def flush_tree(folder: Path) -> None:
    """Put everything below `folder` on the disk: a new file's bytes and its name in each folder."""
    if hasattr(os, "sync"):
        os.sync()  # one call for all: a flush a file would take minutes for 100,000 uploads
        return
    for path in _files_below(folder):
        with path.open("rb+") as file:
            os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Make renames inside a folder durable. Windows has no such call and needs none: NTFS journals names."""
    if os.name == "nt":
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _files_below(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _is_being_built(staging: Path) -> bool:
    """Whether the process that made it still runs. One that has the number but started later is another."""
    import psutil

    try:
        maker = psutil.Process(int(staging.name.removeprefix(STAGING)))
        return bool(maker.create_time() <= staging.stat().st_ctime + CLOCK_SLACK_SECONDS)
    except (ValueError, FileNotFoundError, psutil.Error):
        return False
