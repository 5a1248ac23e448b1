"""Brings a PocketBase data folder over, whole or not at all.

Table and column names are the original's, so both databases are taken as they are: ids, dates, row order, token keys,
password hashes, secrets and logs keep their values to the byte. Everything is built and checked in a staging folder
inside the target; one rename makes it count (appliance/storage/folder_swap.py).
"""

from __future__ import annotations

import base64
import binascii
import errno
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.config import Config
from appliance.core.collection import AUTH_ORIGINS, EXTERNAL_AUTHS, MFAS, OTPS, SUPERUSERS
from appliance.errors import DiskFullError, ImportRefused, StorageError
from appliance.imports.pocketbase_source import (
    AUXILIARY,
    DATA,
    FILES,
    Progress,
    Source,
    check_copy,
    check_version,
    count_rows,
    rows,
)
from appliance.storage.folder_swap import commit_swap, new_staging, settle
from appliance.storage.lean_peewee import peewee
from appliance.storage.migrate import migrate
from appliance.storage.sqlite_connection import open_reader, open_writer

SPARE_BYTES = 64 * 1024 * 1024
NONCE_BYTES = 12
OUR_TABLES = frozenset({"_collections", "_params", "_migrations"})
FRESH_COLLECTIONS = frozenset({SUPERUSERS, EXTERNAL_AUTHS, MFAS, OTPS, AUTH_ORIGINS, "users"})


@dataclass(frozen=True)
class ImportReport:
    """How much was brought over. `records` counts those of all collections, superusers included."""

    collections: int
    records: int
    superusers: int
    files: int
    file_bytes: int
    logs: int


def silent(_what: str, _done: int, _total: int) -> None:
    """Report no progress."""


def import_pocketbase(
    source: Path, config: Config, encryption_key: str = "", progress: Progress = silent
) -> ImportReport:
    """Bring `source` into the data folder of `config`, which nobody serves and which holds nothing of anybody.

    `encryption_key` opens settings of a server that was run with --encryptionEnv. `progress(what, done, total)` is
    called with "databases" (bytes), "checks" (steps) and "files" (files). Raises ImportRefused, DiskFullError,
    StorageError; then the target is as it was.
    """
    target = config.dir
    settle(target)
    _require_apart(source, target)
    require_fresh(target)
    found = Source(source)
    _require_space(target, found.size)
    staging = new_staging(target)
    try:
        found.copy_databases(staging, progress)
        counts = _take_over(staging, encryption_key, progress)
        files, file_bytes = _copy_uploads(found, staging, progress)
        found.require_unchanged()
        commit_swap(target, staging)
    except OSError as error:
        raise _disk_error(error) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return ImportReport(files=files, file_bytes=file_bytes, **counts)


def _disk_error(error: OSError) -> StorageError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError("The disk is full: nothing was imported.", "Make space on the data folder's disk.")
    return StorageError(f"The import failed: {error}.", "Nothing was changed. Look at the target's disk.")


def require_fresh(target: Path) -> None:
    """Raise ImportRefused when the folder holds records, uploads, superusers or collections of its own."""
    refusal = ImportRefused(f"The data folder {target} already holds data.", "Name an empty one with --dir.")
    uploads = target / FILES
    if uploads.is_dir() and any(path.is_file() for path in uploads.rglob("*")):
        raise refusal
    if not (target / DATA).exists():
        return
    database = open_reader(target / DATA)
    try:
        if _holds_data(database):
            raise refusal
    finally:
        database.close()


def _holds_data(database: peewee.SqliteDatabase) -> bool:
    counts = count_rows(database)
    if any(count for table, count in counts.items() if table not in OUR_TABLES):
        return True
    names = {name for (name,) in rows(database, "SELECT name FROM _collections")} if "_collections" in counts else set()
    return bool(names - FRESH_COLLECTIONS)


def _require_apart(source: Path, target: Path) -> None:
    one, other = source.resolve(), target.resolve()
    if one.is_relative_to(other) or other.is_relative_to(one):
        raise ImportRefused("The source and the data folder lie in each other.", "Name another folder with --dir.")


def _require_space(target: Path, needed: int) -> None:
    free = shutil.disk_usage(target).free
    if free < needed + SPARE_BYTES:
        message = f"The import needs {needed + SPARE_BYTES:,} bytes, and {free:,} are free."
        raise DiskFullError(message, "Make space on the data folder's disk, or name another with --dir.")


# ---- the databases


def _take_over(staging: Path, encryption_key: str, progress: Progress) -> dict[str, int]:
    """Check the copied databases, add our own tables, and count what is there."""
    with _opened(staging / DATA) as database:
        check_copy(database, DATA)
        progress("checks", 1, 3)
        check_version(database)
        before = count_rows(database)
        _open_settings(database, encryption_key)
        migrate(database, "main")
        _require_same(before, count_rows(database))
        progress("checks", 2, 3)
    with _opened(staging / AUXILIARY) as auxiliary:
        check_copy(auxiliary, AUXILIARY)
        migrate(auxiliary, "auxiliary")
        logs = count_rows(auxiliary)["_logs"]
        progress("checks", 3, 3)
    kept = {table: count for table, count in before.items() if table not in OUR_TABLES}
    return {
        "collections": before["_collections"],
        "records": sum(kept.values()),
        "superusers": before[SUPERUSERS],
        "logs": logs,
    }


@contextmanager
def _opened(path: Path) -> Iterator[peewee.SqliteDatabase]:
    """Open a copy; closing it moves what is in its WAL into the file. One that is missing is made (old logs)."""
    try:
        database = open_writer(path)
    except StorageError as error:
        raise ImportRefused(f"The source's {path.name} is damaged: {error.message}", error.hint) from error
    try:
        yield database
    finally:
        database.close()
    path.chmod(0o600)
    for companion in path.parent.glob(f"{path.name}-*"):
        raise ImportRefused(
            f"The source's {companion.name} can't be taken in.", "Start PocketBase on it once and stop it."
        )


def _require_same(before: dict[str, int], after: dict[str, int]) -> None:
    lost = [table for table, count in before.items() if after.get(table) != count]
    if lost:
        raise StorageError(f"The import would change the number of rows in {', '.join(lost)}; nothing was changed.")


def _open_settings(database: peewee.SqliteDatabase, encryption_key: str) -> None:
    """Turn encrypted settings into plain ones; the settings store seals them with this box's own key."""
    stored = rows(database, "SELECT value FROM _params WHERE id = 'settings'")
    if not stored or _is_plain(stored[0][0]):
        return
    if not encryption_key:
        message = "The source's settings are encrypted."
        raise ImportRefused(message, "Name the variable that held PocketBase's key: --encryption-key-env NAME")
    plain = decrypt_settings(stored[0][0], encryption_key)
    rows(database, "UPDATE _params SET value = ? WHERE id = 'settings'", (plain,))


def _is_plain(value: Any) -> bool:
    with suppress(ValueError, TypeError):
        return isinstance(json.loads(value), dict)
    return False


def decrypt_settings(value: str | bytes, key: str) -> str:
    """AES-GCM with the 32 characters of `key`; base64 of the nonce and what it sealed. Raises ImportRefused."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        sealed = base64.b64decode(value, validate=True)
        plain = AESGCM(key.encode()).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None).decode()
    except (InvalidTag, ValueError, binascii.Error) as error:
        message = "The key does not open the source's settings."
        raise ImportRefused(message, "Give the 32 characters that PocketBase was run with.") from error
    if not _is_plain(plain):
        raise ImportRefused("The source's settings can't be read.", "Start PocketBase on it and save the settings.")
    return plain


# ---- the uploads


def _copy_uploads(source: Source, staging: Path, progress: Progress) -> tuple[int, int]:
    """Copy storage/ with its dates; the number of files and their bytes. Raises StorageError for a short copy."""
    uploads = source.uploads()
    total_bytes = 0
    make_folder = _folder_maker()
    for done, path in enumerate(uploads, start=1):
        copy = staging / path.relative_to(source.folder)
        make_folder(copy.parent)
        shutil.copy2(path, copy)
        size = path.stat().st_size
        if copy.stat().st_size != size:
            raise StorageError(f"{path} was not copied whole.", "Nothing was changed. Import again.")
        total_bytes += size
        progress("files", done, len(uploads))
    return len(uploads), total_bytes


def _folder_maker() -> Callable[[Path], None]:
    made: set[Path] = set()

    def make(folder: Path) -> None:
        if folder not in made:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            made.add(folder)

    return make
