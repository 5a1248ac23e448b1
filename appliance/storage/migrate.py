"""Our own tables' migrations, run by playhouse.migrations: one file a change, each recorded in the same transaction.

The record is also the version stamp: a folder that knows a migration which this program does not was written
by a newer one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from appliance.errors import NewerDataError
from appliance.storage.lean_peewee import load_playhouse, peewee
from appliance.storage.sqlite_errors import translate

FOLDER = Path(__file__).parent / "migrations"
HISTORY_TABLE = "_homeport_migrations"  # `_migrations` is the name of the wire's original


def migrate(database: peewee.SqliteDatabase, name: str) -> list[str]:
    """Bring the tables of one database file up to date, all or nothing; the names of what was run.

    `name` is a folder in migrations/. Raises NewerDataError, StorageError.
    """
    try:
        if not _pending(database, name):
            return []
        with database.atomic("IMMEDIATE"):  # two programs that start at once: the second finds nothing to do
            return _runner(database, name).up() if _pending(database, name) else []
    except peewee.PeeweeException as error:
        raise translate(error) from error


def _pending(database: peewee.SqliteDatabase, name: str) -> list[str]:
    states = _runner(database, name).status()
    unknown = [state.name for state in states if state.path is None]
    if unknown:
        raise NewerDataError(
            f"The data folder was written by a newer version (it knows {', '.join(unknown)}).",
            "Start the newer version again, or restore a backup made with this one.",
        )
    return [state.name for state in states if state.applied is None]


def _runner(database: peewee.SqliteDatabase, name: str) -> Any:
    runner = load_playhouse("migrations").Runner
    return runner(database, str(FOLDER / name), table_name=HISTORY_TABLE)
