"""A PocketBase data folder as it is found: copied without touching it, then judged on the copy.

Opening the source with SQLite would write into it (-shm and -wal files). So its bytes are copied, the -wal file with
them, and SQLite opens the copy: what is in the WAL is there, what is damaged shows.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from appliance.core.collection import AUTH, BASE, VIEW
from appliance.core.fields import FIELD_TYPES
from appliance.errors import ImportRefused, StorageError
from appliance.storage.lean_peewee import peewee
from appliance.storage.migrate import HISTORY_TABLE
from appliance.storage.sqlite_connection import driver_connection, fetch
from appliance.storage.sqlite_schema import quote

Progress = Callable[[str, int, int], None]

DATA, AUXILIARY, FILES = "data.db", "auxiliary.db", "storage"
COMPANIONS = ("", "-wal", "-journal")
BLOCK_BYTES = 4 * 1024 * 1024
SQLITE_HEADER = b"SQLite format 3\0"
WAL_IN_USE_BYTE = 128  # every connection to a WAL database holds a lock on this byte of the -shm file

TABLES = ("_collections", "_params", "_migrations", "_superusers", "_externalAuths", "_mfas", "_otps", "_authOrigins")
NEEDED_MIGRATION = "1717233559_v0.23_migrate4.go"  # the last that 0.23 brought
NEWEST_MIGRATION = 1778828400  # of 0.40.6
COLLECTION_COLUMNS = frozenset(
    {"id", "system", "type", "name", "fields", "indexes", "options", "created", "updated"}
    | {"listRule", "viewRule", "createRule", "updateRule", "deleteRule"}
)
_BUILT_IN = re.compile(r"(\d{10})_.*\.go")

NOT_POCKETBASE = "Name the folder that holds PocketBase's data.db, usually called pb_data."
TOO_NEW = "Wait for a version of Homeport that knows it; the source is as it was."
TOO_OLD = (
    "Start PocketBase 0.23 or newer (best 0.40.6) once on a copy of that folder: it upgrades it. Then import that."
)
DAMAGED = "Restore the source from a backup with PocketBase, then import again."


class Source:
    """The folder, and how its databases looked when the import began."""

    def __init__(self, folder: Path) -> None:
        """Raises ImportRefused when it is no PocketBase folder or PocketBase still runs on it."""
        self.folder = folder
        with _reading(folder):
            _require_database(folder / DATA)
            _require_stopped(folder)
            self._before = self._signature()

    @property
    def size(self) -> int:
        """Bytes of its databases and uploads."""
        with _reading(self.folder):
            return sum(path.stat().st_size for path in (*self._database_files(), *self.uploads()))

    def uploads(self) -> list[Path]:
        """Every file below storage/. Raises ImportRefused for a link, which could lead out of the folder."""
        found: list[Path] = []
        root = self.folder / FILES
        with _reading(root):
            for parent, folders, names in os.walk(root, onerror=_raise):
                paths = [Path(parent, name) for name in names]
                _refuse_links([*paths, *(Path(parent, name) for name in folders)])
                found += paths
        return found

    def copy_databases(self, target: Path, progress: Progress) -> None:
        """Copy both databases with what belongs to them."""
        files = self._database_files()
        total, done = sum(path.stat().st_size for path in files), 0
        for path in files:
            with _reading(path), path.open("rb") as old, (target / path.name).open("xb") as new:
                while block := old.read(BLOCK_BYTES):
                    new.write(block)
                    done += len(block)
                    progress("databases", done, total)

    def require_unchanged(self) -> None:
        """Raise ImportRefused when something wrote to the source meanwhile: the copy may be torn."""
        with _reading(self.folder):
            if self._signature() != self._before:
                raise ImportRefused("The source changed during the import.", "Stop PocketBase, then import again.")

    def _database_files(self) -> list[Path]:
        candidates = (self.folder / f"{name}{suffix}" for name in (DATA, AUXILIARY) for suffix in COMPANIONS)
        return [path for path in candidates if path.exists()]

    def _signature(self) -> list[tuple[str, int, int]]:
        states = [(path.name, path.stat()) for path in self._database_files()]
        return [(name, state.st_size, state.st_mtime_ns) for name, state in states]


class _reading:  # noqa: N801 - used as a statement
    """Turn an OSError from the source into a refusal."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, OSError) and _is_inside(error.filename, self._path):
            message = f"The source can't be read: {error.strerror or error} ({error.filename})."
            raise ImportRefused(message, "Give this user the right to read it.") from error


def _is_inside(name: Any, path: Path) -> bool:
    return isinstance(name, str | os.PathLike) and Path(name).is_relative_to(path)


def _raise(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):  # a folder without storage/ has no uploads
        raise error


def _refuse_links(paths: list[Path]) -> None:
    for path in paths:
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise ImportRefused(f"The source holds a link or a device: {path}.", "Replace it by the file it leads to.")


def _require_database(path: Path) -> None:
    if not path.is_file():
        raise ImportRefused(f"There is no {path.name} in {path.parent}.", NOT_POCKETBASE)
    with path.open("rb") as file:
        if file.read(len(SQLITE_HEADER)) != SQLITE_HEADER:
            raise ImportRefused(f"{path} is not an SQLite database, or it is damaged.", NOT_POCKETBASE)


def _require_stopped(folder: Path) -> None:
    for name in (DATA, AUXILIARY):
        if _has_connections(folder / f"{name}-shm"):
            raise ImportRefused("PocketBase still runs on the source.", "Stop it first; a copy made now could be torn.")


def _has_connections(shared_memory: Path) -> bool:
    """Whether some process has the WAL database open. Where the lock can't be asked for (Windows, a read-only
    disk) the check for changes at the end of the copy is what is left."""
    try:
        import fcntl
    except ImportError:
        return False
    try:
        number = os.open(shared_memory, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.lockf(number, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, WAL_IN_USE_BYTE)
    except OSError:
        return True
    finally:
        os.close(number)  # frees the lock
    return False


# ---- judging the copy


def check_copy(database: peewee.SqliteDatabase, name: str) -> None:
    """Raise ImportRefused when the copied database is damaged."""
    try:
        problems = [str(row[0]) for row in rows(database, "PRAGMA integrity_check(5)")]
    except StorageError as error:
        raise ImportRefused(f"The source's {name} is damaged: {error.message}", DAMAGED) from error
    if problems != ["ok"]:
        raise ImportRefused(f"The source's {name} is damaged: {'; '.join(problems)}.", DAMAGED)


def check_version(database: peewee.SqliteDatabase) -> None:
    """Raise ImportRefused when it is not a PocketBase database of 0.23 to 0.40."""
    tables = {name for (name,) in rows(database, "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")}
    if "_admins" in tables or ("_collections" in tables and "_migrations" not in tables):
        raise ImportRefused("The source was written by PocketBase before 0.23.", TOO_OLD)
    if missing := [name for name in TABLES if name not in tables]:
        raise ImportRefused(f"The source has no table {', '.join(missing)}.", NOT_POCKETBASE)
    _check_migrations([str(name) for (name,) in rows(database, "SELECT file FROM _migrations")])
    columns = {name for (name,) in rows(database, "SELECT name FROM pragma_table_info('_collections')")}
    if columns - COLLECTION_COLUMNS:
        unknown = ", ".join(sorted(columns - COLLECTION_COLUMNS))
        raise ImportRefused(f"The source was written by a newer PocketBase: _collections has {unknown}.", TOO_NEW)
    _check_collections(database, tables)


def _check_migrations(names: list[str]) -> None:
    if NEEDED_MIGRATION not in names:
        raise ImportRefused("The source was written by PocketBase before 0.23.", TOO_OLD)
    for name in names:
        match = _BUILT_IN.fullmatch(name)
        if match and int(match[1]) > NEWEST_MIGRATION:
            raise ImportRefused(f"The source was written by a newer PocketBase: it has run {name}.", TOO_NEW)


def _check_collections(database: peewee.SqliteDatabase, tables: set[str]) -> None:
    for name, kind, fields in rows(database, "SELECT name, type, fields FROM _collections"):
        if kind not in (BASE, AUTH, VIEW):
            raise ImportRefused(f"The collection {name} is of the unknown type {kind}.", TOO_NEW)
        if name not in tables:
            raise ImportRefused(f"The table of the collection {name} is missing.", DAMAGED)
        unknown = sorted({field.get("type") for field in _parsed_fields(name, fields)} - FIELD_TYPES.keys(), key=str)
        if unknown:
            raise ImportRefused(f"The collection {name} has fields of the unknown type {unknown[0]}.", TOO_NEW)


def _parsed_fields(name: str, fields: Any) -> list[dict[str, Any]]:
    with suppress(ValueError, TypeError):
        parsed = json.loads(fields)
        if isinstance(parsed, list) and all(isinstance(field, dict) for field in parsed):
            return parsed
    raise ImportRefused(f"The fields of the collection {name} can't be read.", DAMAGED)


def count_rows(database: peewee.SqliteDatabase) -> dict[str, int]:
    """Rows of each table, by name; the tables that SQLite and we keep for ourselves left out."""
    statement = (
        r"SELECT name FROM sqlite_master WHERE type = 'table' AND name <> ? AND name NOT LIKE 'sqlite\_%' ESCAPE '\'"
    )
    names = [str(name) for (name,) in rows(database, statement, (HISTORY_TABLE,))]
    return {name: int(rows(database, f"SELECT COUNT(*) FROM {quote(name)}")[0][0]) for name in names}  # noqa: S608


def rows(database: peewee.SqliteDatabase, sql: str, parameters: tuple[Any, ...] = ()) -> list[Any]:
    """All rows of one statement on an open copy."""
    return fetch(driver_connection(database), sql, parameters)
