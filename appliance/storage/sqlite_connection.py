"""How a connection to a SQLite file is opened, and how it is shared: one that writes, a few that only read."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from appliance.clock import monotonic
from appliance.errors import StorageError
from appliance.storage.database import Row
from appliance.storage.lean_peewee import peewee
from appliance.storage.sqlite_errors import REFUSED, translate

BUSY_SECONDS = 10
STATEMENTS_KEPT = 256
STEPS_BETWEEN_LOOKS = 200_000  # of SQLite's machine: about 5 ms
_BOTH = {
    "foreign_keys": 1,
    "recursive_triggers": 1,
    "trusted_schema": 0,  # a view or trigger of an imported file can't call functions with side effects
    "mmap_size": 0,  # an I/O error would be a SIGBUS that kills the process
    "temp_store": "memory",
}
FULL = "full"  # a commit returns when the disk has confirmed it: acknowledged means on disk
NORMAL = "normal"  # the disk is waited for at checkpoints only: a power cut takes the commits since the last one
_WRITER = {
    "journal_mode": "wal",
    "journal_size_limit": 64 * 1024 * 1024,
    "cache_size": -16_000,  # KiB
    **_BOTH,
}
_READER = {"query_only": 1, "cache_size": -4_000, **_BOTH}
_OWN_READER = {**_READER, "cache_size": -32_000}  # one a process: a page that it holds costs no copy from the system


def open_writer(path: Path, synchronous: str = FULL) -> peewee.SqliteDatabase:
    """Open the connection that writes, with `synchronous` FULL or NORMAL; makes the file. For one thread at a time."""
    return _open(path, {**_WRITER, "synchronous": synchronous})


def open_reader(path: Path) -> peewee.SqliteDatabase:
    """Open a connection that can't write. One thread at a time may use it."""
    return _open(path, _READER)


def open_own_reader(path: Path) -> peewee.SqliteDatabase:
    """Like `open_reader`, with a bigger page cache: for the one thread that answers most reads."""
    return _open(path, _OWN_READER)


def _open(path: Path, pragmas: dict[str, Any]) -> peewee.SqliteDatabase:
    database = peewee.SqliteDatabase(
        str(path),
        pragmas=pragmas,
        timeout=BUSY_SECONDS,
        thread_safe=False,  # peewee would keep one connection a thread; ours are handed around
        check_same_thread=False,
        cached_statements=STATEMENTS_KEPT,
    )
    try:
        database.connect()
    except peewee.PeeweeException as error:
        raise translate(error) from error
    return database


def driver_connection(database: peewee.SqliteDatabase) -> Any:
    """The DB-API connection under an open peewee database: the hot paths save 3 us a statement on it."""
    return database.connection()  # type: ignore[no-untyped-call]


def fetch(connection: Any, sql: str, parameters: Sequence[Any]) -> list[Row]:
    """All rows of one statement on a driver's connection. Raises StorageError."""
    try:
        return connection.execute(sql, parameters).fetchall()  # type: ignore[no-any-return]
    except REFUSED as error:
        if "Could not decode to UTF-8" in str(error) and sql.lstrip().upper().startswith(("SELECT", "WITH")):
            return _fetch_leniently(connection, sql, parameters)
        raise translate(error) from error


def _fetch_leniently(connection: Any, sql: str, parameters: Sequence[Any]) -> list[Row]:
    """Read again with U+FFFD for bytes that are not UTF-8, which an imported file may hold: answer them as
    the wire's original does. Not the default, because a Python function a text costs a third of the speed."""
    before = connection.text_factory
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    try:
        return connection.execute(sql, parameters).fetchall()  # type: ignore[no-any-return]
    finally:
        connection.text_factory = before


class Timed:
    """A driver's connection whose SELECTs can have a time limit. SQLite asks every STEPS_BETWEEN_LOOKS steps."""

    __slots__ = ("_end", "connection")

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self._end = math.inf
        connection.set_progress_handler(self._is_late, STEPS_BETWEEN_LOOKS)

    def fetch(self, sql: str, parameters: Sequence[Any], seconds: float = 0) -> list[Row]:
        """All rows of one statement; StatementError once `seconds` have passed, 0 sets no limit."""
        if not seconds:
            return fetch(self.connection, sql, parameters)
        self._end = monotonic() + seconds
        try:
            return fetch(self.connection, sql, parameters)
        finally:
            self._end = math.inf

    def _is_late(self) -> bool:
        return monotonic() > self._end


class Readers:
    """At most `limit` reading connections, opened when needed. Who finds none free waits for one.

    The one used last is taken first: its page cache and its prepared statements are warm.
    """

    def __init__(self, path: Path, limit: int) -> None:
        self._path = path
        self._free: list[Timed] = []
        self._opened: list[peewee.SqliteDatabase] = []
        self._slots = threading.Semaphore(limit)
        self._closed = False

    def query(self, sql: str, parameters: Sequence[Any], seconds: float = 0) -> list[Row]:
        """All rows of one SELECT on the committed state."""
        with self._slots:
            connection = self._take()
            try:
                return connection.fetch(sql, parameters, seconds)
            finally:
                self._free.append(connection)

    def _take(self) -> Timed:
        if self._closed:
            raise StorageError("The database is closed.")
        try:
            return self._free.pop()
        except IndexError:
            database = open_reader(self._path)
            self._opened.append(database)
            return Timed(driver_connection(database))

    def close(self) -> None:
        """Close every connection. A read that runs right now fails."""
        self._closed = True
        for database in self._opened:
            database.close()
