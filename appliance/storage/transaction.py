"""The transaction of one group of writes: savepoints, statements, what they touch and what is to happen after them.

It belongs to the writer's thread; every other thread that calls it is refused.

    write A            SAVEPOINT s1 ... RELEASE s1
    write B            SAVEPOINT s1 ... RELEASE s1
      a write in it      SAVEPOINT s2 ... RELEASE s2
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from appliance.errors import StorageError
from appliance.storage.database import Row, Touch, Touched
from appliance.storage.lean_peewee import peewee
from appliance.storage.sqlite_connection import Timed, driver_connection
from appliance.storage.sqlite_errors import REFUSED, translate
from appliance.storage.tickets import Callback, Effects, Ticket

Result = TypeVar("Result")


class Savepoint(NamedTuple):
    """The statements of one savepoint. Its name is fixed for its depth: the driver finds them prepared."""

    begin: str
    roll_back: str
    release: str


class Transaction:
    """Runs writes on the one connection that writes. `owner` is the ident of the writer's thread."""

    def __init__(self, database: peewee.SqliteDatabase) -> None:
        self.owner = 0
        self.touched = Touched()
        self._database = database
        self._connection: Any = driver_connection(database)
        self._timed = Timed(self._connection)
        self._cursor: Any = self._connection.cursor()  # one for all: a new one a statement costs 0.3 us
        self._scopes: list[Effects] = []  # of the write that runs and those inside it, which are the last

    @property
    def is_mine(self) -> bool:
        """Whether the calling thread is inside a write."""
        return bool(self._scopes) and threading.get_ident() == self.owner

    @property
    def is_open(self) -> bool:
        """Whether there is a transaction; SQLite ends it by itself on a full disk."""
        return bool(self._connection.in_transaction)

    @property
    def database(self) -> peewee.SqliteDatabase:
        """The connection, inside a write only. What is done with it counts as touching everything."""
        self.require()
        self.touched.everything = True
        return self._database

    # ---- what a write may do

    def require(self) -> None:
        """Refuse outside of a write: without a transaction SQLite would commit each statement by itself."""
        if not self._scopes or threading.get_ident() != self.owner:
            raise StorageError("This needs a transaction: call it inside database.write(...).")
        if not self._connection.in_transaction:
            raise StorageError("The transaction was rolled back by an earlier error; nothing of it is stored.")

    def query(self, sql: str, parameters: Sequence[Any], seconds: float = 0) -> list[Row]:
        """Rows of one statement. One that changes rows counts as touching everything."""
        self.require()
        before = self._connection.total_changes
        rows = self._timed.fetch(sql, parameters, seconds)
        if self._connection.total_changes != before:
            self.touched.everything = True
        return rows

    def execute(self, sql: str, parameters: Sequence[Any], touches: Touch | None = None) -> int:
        """Run one statement; the number of rows touched.

        One that changes more rows than the one it names, by a trigger of an imported file, touches everything.
        """
        self.require()
        before = self._connection.total_changes
        count = self._run(sql, parameters)
        if touches is None or self._connection.total_changes - before > 1:
            self.touched.everything = True
        else:
            self.touched.rows.add(touches)
        return count

    def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for many rows."""
        self.require()
        self.touched.everything = True
        try:
            self._cursor.executemany(sql, rows)
        except REFUSED as error:
            raise translate(error) from error

    def after_commit(self, callback: Callback, on_rollback: Callback | None) -> None:
        """Queue a callback for whoever takes up the write's outcome."""
        self.require()
        effects = self._scopes[-1]
        effects.after_commit.append(callback)
        if on_rollback is not None:
            effects.on_rollback.append(on_rollback)

    def before_commit(self, callback: Callback) -> None:
        """Queue a callback for this thread, right before COMMIT."""
        self.require()
        self._scopes[-1].before_commit.append(callback)

    def on_commit(self, callback: Callback) -> None:
        """Queue a callback for this thread, in commit order."""
        self.require()
        self._scopes[-1].on_commit.append(callback)

    def nest(self, work: Callable[[], Result]) -> Result:
        """Run a write inside the one that runs. Refused in an `on_commit` callback, which is inside none."""
        if not self._scopes:
            raise StorageError("An on_commit callback can't write: the writer would wait for itself.")
        self.require()
        outer, inner = self._scopes[-1], Effects()
        try:
            result = self._in_savepoint(work, inner)
        except BaseException:
            outer.drop(inner)
            raise
        outer.keep(inner)
        return result

    # ---- the group around the writes

    def begin(self) -> None:
        """Begin, with the write lock."""
        self.touched = Touched()
        self._run("BEGIN IMMEDIATE")

    def run(self, ticket: Ticket) -> None:
        """Run one write; its ticket gets the result, or the error that rolled it back."""
        try:
            ticket.value = self._in_savepoint(ticket.work, ticket.effects)
        except BaseException as error:  # noqa: BLE001 - it belongs to the caller, and is raised there
            ticket.error = error

    def commit(self) -> None:
        """Commit; when that fails, roll back and raise."""
        try:
            self._run("COMMIT")
        except StorageError:
            if self.is_open:
                self._run("ROLLBACK")
            raise

    def data_version(self) -> int:
        """A number that moves when another connection has committed. Raises what the driver raises."""
        return int(self._cursor.execute("PRAGMA data_version").fetchone()[0])

    # ---- savepoints

    def _in_savepoint(self, work: Callable[[], Result], effects: Effects) -> Result:
        savepoint = _savepoint(len(self._scopes) + 1)
        self._run(savepoint.begin)
        self._scopes.append(effects)
        try:
            result = work()
            self.require()
            self._run(savepoint.release)
        except BaseException:
            if self._connection.in_transaction:
                self._run(savepoint.roll_back)
                self._run(savepoint.release)
            raise
        finally:
            self._scopes.pop()
        return result

    def _run(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        try:
            return int(self._cursor.execute(sql, parameters).rowcount)
        except REFUSED as error:
            raise translate(error) from error


@lru_cache(maxsize=64)
def _savepoint(depth: int) -> Savepoint:
    return Savepoint(f"SAVEPOINT s{depth}", f"ROLLBACK TO s{depth}", f"RELEASE s{depth}")
