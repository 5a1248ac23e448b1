"""The thread that owns the one writing connection: group commit.

Every write is a closure. The thread takes all closures that wait, runs each in a savepoint of one transaction, and
COMMITs once; the disk's flush, the dear part (0.5 ms), is shared by the whole group:

    caller A  submit ──┐                                       ┌─> after_commit callbacks, result
    caller B  submit ──┼─> BEGIN, A, B, C, COMMIT, on_commit ──┼─> after_commit callbacks, result
    caller C  submit ──┘   (each in SAVEPOINT s0)              └─> ...

- Nobody is answered before COMMIT has returned: acknowledged means on disk.
- What one closure raises rolls back its savepoint only. A COMMIT that fails fails the whole group.
- A full disk or an I/O error makes SQLite roll back the whole transaction by itself, in the middle of a closure:
  that closure and those before it in the group fail, those after it get a new transaction.
- The thread never waits for anybody, so there is no deadlock as long as no closure waits for another write.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from appliance import clock
from appliance.errors import BusyError, StorageError
from appliance.storage.database import Row
from appliance.storage.lean_peewee import peewee
from appliance.storage.sqlite_connection import driver_connection, fetch, time_limit
from appliance.storage.sqlite_errors import DriverError, translate

log = logging.getLogger(__name__)

Result = TypeVar("Result")
Callback = Callable[[], None]

WAITING_LIMIT = 1024
GROUP_SECONDS = 0.02  # a group that has worked this long commits before it takes the next closure


@dataclass(slots=True)
class _Effects:
    """What a savepoint wants done when all is committed, or when it is rolled back.
    `undone` are the `on_rollback` callbacks of savepoints inside it that were rolled back already."""

    before_commit: list[Callback] = field(default_factory=list)
    after_commit: list[Callback] = field(default_factory=list)
    on_commit: list[Callback] = field(default_factory=list)
    on_rollback: list[Callback] = field(default_factory=list)
    undone: list[Callback] = field(default_factory=list)

    def keep(self, inner: _Effects) -> None:
        """Take over what a savepoint that succeeded wants."""
        self.before_commit += inner.before_commit
        self.after_commit += inner.after_commit
        self.on_commit += inner.on_commit
        self.on_rollback += inner.on_rollback
        self.undone += inner.undone

    def drop(self, inner: _Effects) -> None:
        """Remember what a savepoint that was rolled back wants."""
        self.undone += inner.undone + inner.on_rollback


class _Ticket:
    """One waiting write. `done` is a lock that the caller waits on: a third of an Event's price."""

    __slots__ = ("done", "effects", "error", "result", "work")

    def __init__(self, work: Callable[[], Any]) -> None:
        self.work = work
        self.result: Any = None
        self.error: BaseException | None = None
        self.effects = _Effects()
        self.done = threading.Lock()
        self.done.acquire()


class Writer:
    """Runs closures on its own thread. `database` is an open connection that nobody else uses from now on."""

    def __init__(self, database: peewee.SqliteDatabase, waiting_limit: int = WAITING_LIMIT) -> None:
        self._database = database
        self._connection: Any = driver_connection(database)
        self._limit = waiting_limit
        self._waiting: deque[_Ticket] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._scopes: list[_Effects] = []
        self._ident = 0
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    @property
    def is_writing(self) -> bool:
        """Whether the calling thread is the writer, inside a closure."""
        return bool(self._scopes) and threading.get_ident() == self._ident

    @property
    def database(self) -> peewee.SqliteDatabase:
        """The writing connection, inside a closure only."""
        self._require_transaction()
        return self._database

    def write(self, work: Callable[[], Result]) -> Result:
        """Run `work` in the next transaction; inside one, in a savepoint of it."""
        if threading.get_ident() != self._ident:
            return self._submit(work)
        if not self._scopes:
            raise StorageError("An on_commit callback can't write: the writer would wait for itself.")
        return self._nested(work)

    def query(self, sql: str, parameters: Sequence[Any], seconds: float = 0) -> list[Row]:
        """Rows of one statement, inside the transaction."""
        self._require_transaction()
        with time_limit(self._connection, seconds):
            return fetch(self._connection, sql, parameters)

    def execute(self, sql: str, parameters: Sequence[Any]) -> int:
        """Run one statement inside the transaction; the number of rows touched."""
        self._require_transaction()
        with _translated():
            return int(self._connection.execute(sql, parameters).rowcount)

    def execute_many(self, sql: str, rows: Any) -> None:
        """Run one statement for many rows inside the transaction."""
        self._require_transaction()
        with _translated():
            self._connection.executemany(sql, rows)

    def after_commit(self, callback: Callback, on_rollback: Callback | None) -> None:
        """Queue a callback for the caller's thread."""
        self._require_transaction()
        self._scopes[-1].after_commit.append(callback)
        if on_rollback is not None:
            self._scopes[-1].on_rollback.append(on_rollback)

    def before_commit(self, callback: Callback) -> None:
        """Queue a callback for this thread, right before COMMIT."""
        self._require_transaction()
        self._scopes[-1].before_commit.append(callback)

    def on_commit(self, callback: Callback) -> None:
        """Queue a callback for this thread, in commit order."""
        self._require_transaction()
        self._scopes[-1].on_commit.append(callback)

    def close(self) -> None:
        """Finish what waits, refuse what comes, end the thread and close the connection."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()
        if not self._database.is_closed():
            self._database.close()

    # ---- the caller's side

    def _submit(self, work: Callable[[], Result]) -> Result:
        ticket = _Ticket(work)
        with self._wake:
            if self._closing:
                raise StorageError("The database is closed.")
            if len(self._waiting) >= self._limit:
                raise BusyError("Too many writes wait for the disk.", "The disk is slow, or a long write is running.")
            self._waiting.append(ticket)
            self._wake.notify()
        ticket.done.acquire()
        if ticket.error is not None:
            _run_all(ticket.effects.undone + ticket.effects.on_rollback)
            raise ticket.error
        _run_all(ticket.effects.after_commit + ticket.effects.undone)
        return ticket.result  # type: ignore[no-any-return]

    # ---- the writer's side

    def _run(self) -> None:
        self._ident = threading.get_ident()
        while self._wait():
            self._run_group()

    def _wait(self) -> bool:
        """Sleep until a write waits; False when closing and all are done."""
        with self._wake:
            while not self._waiting and not self._closing:
                self._wake.wait()
            return bool(self._waiting)

    def _run_group(self) -> None:
        """One transaction: begin, run what waits, commit, answer."""
        group: list[_Ticket] = []
        failed: list[_Ticket] = []
        try:
            self._control("BEGIN IMMEDIATE")
        except StorageError as error:
            self._fail([self._waiting.popleft() for _ in range(len(self._waiting))], error)
            return
        deadline = clock.monotonic() + GROUP_SECONDS
        while self._waiting and clock.monotonic() < deadline:
            ticket = self._waiting.popleft()
            self._run_ticket(ticket)
            (group if ticket.error is None else failed).append(ticket)
            if not self._connection.in_transaction:
                self._fail(group, ticket.error)
                _release(failed)
                return
        self._commit(group)
        _release(failed)

    def _run_ticket(self, ticket: _Ticket) -> None:
        self._scopes = [ticket.effects]
        try:
            ticket.result = self._in_savepoint(ticket.work)
        except BaseException as error:  # noqa: BLE001 - it belongs to the caller, and is raised there
            ticket.error = error
        finally:
            self._scopes = []

    def _nested(self, work: Callable[[], Result]) -> Result:
        outer, inner = self._scopes[-1], _Effects()
        self._scopes.append(inner)
        try:
            result = self._in_savepoint(work)
        except BaseException:
            outer.drop(inner)
            raise
        finally:
            self._scopes.pop()
        outer.keep(inner)
        return result

    def _in_savepoint(self, work: Callable[[], Result]) -> Result:
        """A fixed name a depth, so that the driver's cache of prepared statements hits."""
        self._require_transaction()
        name = f"s{len(self._scopes)}"
        self._control(f"SAVEPOINT {name}")
        try:
            result = work()
            self._require_transaction()
            self._control(f"RELEASE {name}")
        except BaseException:
            if self._connection.in_transaction:
                self._control(f"ROLLBACK TO {name}")
                self._control(f"RELEASE {name}")
            raise
        return result

    def _commit(self, group: list[_Ticket]) -> None:
        for ticket in group:
            _run_all(ticket.effects.before_commit)
        try:
            self._control("COMMIT")
        except StorageError as error:
            if self._connection.in_transaction:
                self._control("ROLLBACK")
            self._fail(group, error)
            return
        for ticket in group:
            _run_all(ticket.effects.on_commit)
        _release(group)

    def _fail(self, group: list[_Ticket], error: BaseException | None) -> None:
        """Give every ticket its own error: the same one raised on many threads would mix their tracebacks."""
        for ticket in group:
            ticket.error = _same_again(error)
            ticket.error.__cause__ = error
        _release(group)

    def _control(self, sql: str) -> None:
        with _translated():
            self._connection.execute(sql)

    def _require_transaction(self) -> None:
        """Without one, SQLite would commit each statement by itself."""
        if not self.is_writing:
            raise StorageError("This needs a transaction: call it inside database.write(...).")
        if not self._connection.in_transaction:
            raise StorageError("The transaction was rolled back by an earlier error; nothing of it is stored.")


class _translated:  # noqa: N801 - used as a statement, and cheaper than a generator
    """Raise what the driver raises as the StorageError that says what it means."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, DriverError):
            raise translate(error) from error
        if isinstance(error, OverflowError | UnicodeEncodeError):
            raise StorageError(f"A value can't be stored: {error}") from error


def _same_again(error: BaseException | None) -> StorageError:
    """A storage error of the same kind, for others in the group that it took along."""
    if isinstance(error, StorageError) and type(error).__init__ is StorageError.__init__:
        return type(error)(error.message, error.hint)
    return StorageError("The transaction was rolled back because of another write in it.")


def _release(tickets: list[_Ticket]) -> None:
    for ticket in tickets:
        ticket.done.release()


def _run_all(callbacks: list[Callback]) -> None:
    """Run effects of a write that is already decided: a failure is the callback's own, and only logged."""
    for callback in callbacks:
        try:
            callback()
        except Exception:
            log.exception("An effect of a write failed: %r", callback)
