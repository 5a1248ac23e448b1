"""SQLite as the house's database: WAL, one writer with group commit, readers apart.

`data.db` holds the records, `auxiliary.db` the logs: they never wait for each other.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from appliance.errors import StorageError
from appliance.storage.database import Follower, Outcome, OwnReader, Row, Touch
from appliance.storage.folder_swap import settle
from appliance.storage.group_commit import WAITING_LIMIT, Writer
from appliance.storage.migrate import migrate
from appliance.storage.own_reader import OwnReaders
from appliance.storage.sqlite_connection import FULL, Readers, open_writer
from appliance.storage.sqlite_library import require_safe_sqlite, sqlite_version
from appliance.storage.sqlite_schema import SqliteSchema

Result = TypeVar("Result")

DATA_FILE = "data.db"
AUXILIARY_FILE = "auxiliary.db"
READERS = 8

__all__ = ["AUXILIARY_FILE", "DATA_FILE", "SqliteDatabase", "open_auxiliary", "open_database", "sqlite_version"]


def open_database(folder: Path, synchronous: str = FULL) -> SqliteDatabase:
    """Open, or make, the database of collections and records in a data folder. `synchronous` is FULL, or NORMAL where
    a power cut may lose the last commits.

    Raises OldSqliteError, NewerDataError, BusyError, StorageError.
    """
    settle(folder)
    return SqliteDatabase(folder / DATA_FILE, migrations="main", synchronous=synchronous)


def open_auxiliary(folder: Path) -> SqliteDatabase:
    """Open, or make, the database of request logs."""
    settle(folder)
    return SqliteDatabase(folder / AUXILIARY_FILE, migrations="auxiliary", readers=2)


class SqliteDatabase:
    """Implements `Database`. `migrations` names the folder of our own tables' migrations; "" makes no tables."""

    def __init__(
        self,
        path: Path,
        migrations: str = "",
        readers: int = READERS,
        waiting_limit: int = WAITING_LIMIT,
        synchronous: str = FULL,
    ) -> None:
        require_safe_sqlite()
        _make_private(path)
        connection = open_writer(path, synchronous)
        try:
            if migrations:
                migrate(connection, migrations)
        except BaseException:
            connection.close()
            raise
        self.path = path
        self._readers = Readers(path, readers)
        self._own_readers = OwnReaders(path)
        self._writer = Writer(connection, waiting_limit)
        self._transaction = self._writer.transaction
        self.schema = SqliteSchema(self._transaction, self.query)

    def query(self, sql: str, parameters: Sequence[Any] = (), seconds: float = 0) -> list[Row]:
        """Rows of one SELECT. Inside `write` it sees the transaction, and may be a DELETE ... RETURNING."""
        own = self._own_readers.mine()
        if own is not None:
            return own.query(sql, parameters, seconds)
        if self._transaction.is_mine:
            return self._transaction.query(sql, parameters, seconds)
        return self._readers.query(sql, parameters, seconds)

    def own_reader(self, budget_seconds: float) -> OwnReader:
        """Give the calling thread a reading connection of its own, with a budget of CPU time a statement."""
        return self._own_readers.open(budget_seconds)

    def execute(self, sql: str, parameters: Sequence[Any] = (), touches: Touch | None = None) -> int:
        """Run one INSERT, UPDATE or DELETE inside `write`; the number of rows touched."""
        return self._transaction.execute(sql, parameters, touches)

    def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for many rows inside `write`."""
        self._transaction.execute_many(sql, rows)

    def write(self, work: Callable[[], Result]) -> Result:
        """Run `work` in a transaction on the writer's thread; its result once COMMIT has reached the disk."""
        return self._writer.write(work)

    def submit(self, work: Callable[[], Result], done: Callable[[Outcome[Result]], None]) -> None:
        """Queue `work` for the writer's thread; `done` gets its outcome there, once COMMIT has reached the disk."""
        self._writer.submit(work, done)

    def follow(self, follower: Follower) -> None:
        """Tell `follower` of every commit, from the next one on."""
        self._writer.follow(follower)

    def after_commit(self, callback: Callable[[], None], on_rollback: Callable[[], None] | None = None) -> None:
        """Inside `write`: run `callback` on the caller's thread after COMMIT, or `on_rollback` after a rollback."""
        self._transaction.after_commit(callback, on_rollback)

    def before_commit(self, callback: Callable[[], None]) -> None:
        """Inside `write`: run `callback` on the writer's thread right before COMMIT."""
        self._transaction.before_commit(callback)

    def on_commit(self, callback: Callable[[], None]) -> None:
        """Inside `write`: run `callback` on the writer's thread right after COMMIT, in commit order."""
        self._transaction.on_commit(callback)

    @property
    def is_writing(self) -> bool:
        """Whether this thread is inside `write`."""
        return self._transaction.is_mine

    def close(self) -> None:
        """Finish waiting writes and close every connection; the last one to close empties the WAL file."""
        self._own_readers.close()
        self._readers.close()
        self._writer.close()


def _make_private(path: Path) -> None:
    """Make the file readable by its owner only; SQLite gives its -wal and -shm files the same rights."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        reason = error.strerror or str(error)
        message = f"The database {path} can't be opened: {reason}."
        raise StorageError(message, "Check the data folder's rights.") from error
