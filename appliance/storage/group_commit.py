"""The thread that owns the one writing connection: group commit.

Every write is a closure. The thread takes all closures that wait, runs each in a savepoint of one transaction, and
COMMITs once; the disk's flush, the dear part (0.5 ms), is shared by the whole group:

    caller A  submit ──┐                                                ┌─> done, result()
    caller B  submit ──┼─> BEGIN, A, B, C, committing, COMMIT, settled, ├─> done, result()
    caller C  submit ──┘   (each in SAVEPOINT s1)        on_commit      └─> ...

- Nobody is answered before COMMIT has returned: acknowledged means on disk.
- What one closure raises rolls back its savepoint only. A COMMIT that fails fails the whole group.
- A full disk or an I/O error makes SQLite roll back the whole transaction by itself, in the middle of a closure:
  that closure and those before it in the group fail, those after it get a new transaction.
- The thread never waits for anybody, so there is no deadlock as long as no closure waits for another write.
- Followers (caches) hear what a group has touched right before its COMMIT and right after. What a rolled back
  savepoint touched is told too: that costs a cache entry, never the truth.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from appliance import clock
from appliance.errors import BusyError, StorageError
from appliance.storage.database import Follower, Outcome, Row, Touch, Touched
from appliance.storage.lean_peewee import peewee
from appliance.storage.sqlite_connection import driver_connection, fetch, time_limit
from appliance.storage.sqlite_errors import DriverError, translate
from appliance.storage.tickets import Callback, Effects, Ticket, run_all

log = logging.getLogger(__name__)

Result = TypeVar("Result")

WAITING_LIMIT = 1024
LOOK_SECONDS = 1.0  # between looks for commits of other processes while nothing is written
GROUP_SECONDS = 0.02  # a group that has worked this long commits before it takes the next closure


class Writer:
    """Runs closures on its own thread. `database` is an open connection that nobody else uses from now on."""

    def __init__(self, database: peewee.SqliteDatabase, waiting_limit: int = WAITING_LIMIT) -> None:
        self._database = database
        self._connection: Any = driver_connection(database)
        self._limit = waiting_limit
        self._waiting: deque[Ticket] = deque()
        self._followers: tuple[Follower, ...] = ()
        self._touched = Touched()
        self._others_version = self._data_version()
        self._wake = threading.Condition()
        self._closing = False
        self._scopes: list[Effects] = []
        self._ident = 0
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    @property
    def is_writing(self) -> bool:
        """Whether the calling thread is the writer, inside a closure."""
        return bool(self._scopes) and threading.get_ident() == self._ident

    @property
    def database(self) -> peewee.SqliteDatabase:
        """The writing connection, inside a closure only. What is done with it counts as touching everything."""
        self._require_transaction()
        self._touched.everything = True
        return self._database

    def write(self, work: Callable[[], Result]) -> Result:
        """Run `work` in the next transaction; inside one, in a savepoint of it."""
        if threading.get_ident() != self._ident:
            return self._write_and_wait(work)
        if not self._scopes:
            raise StorageError("An on_commit callback can't write: the writer would wait for itself.")
        return self._nested(work)

    def submit(self, work: Callable[[], Result], done: Callable[[Outcome[Result]], None]) -> None:
        """Queue `work` for the next transaction and return; `done` is called on the writer's thread."""
        ticket = Ticket(work, done)
        with self._wake:
            if self._closing:
                raise StorageError("The database is closed.")
            if len(self._waiting) >= self._limit:
                raise BusyError("Too many writes wait for the disk.", "The disk is slow, or a long write is running.")
            self._waiting.append(ticket)
            self._wake.notify()

    def _write_and_wait(self, work: Callable[[], Result]) -> Result:
        """A lock is what the caller waits on: a third of an Event's price."""
        finished = threading.Lock()
        finished.acquire()
        outcomes: list[Outcome[Result]] = []

        def finish(outcome: Outcome[Result]) -> None:
            outcomes.append(outcome)
            finished.release()

        self.submit(work, finish)
        finished.acquire()
        return outcomes[0].result()

    def follow(self, follower: Follower) -> None:
        """Tell `follower` of every commit from the next group on."""
        self._followers += (follower,)

    def query(self, sql: str, parameters: Sequence[Any], seconds: float = 0) -> list[Row]:
        """Rows of one statement, inside the transaction. One that changes rows counts as touching everything."""
        self._require_transaction()
        before = self._connection.total_changes
        with time_limit(self._connection, seconds):
            rows = fetch(self._connection, sql, parameters)
        if self._connection.total_changes != before:
            self._touched.everything = True
        return rows

    def execute(self, sql: str, parameters: Sequence[Any], touches: Touch | None = None) -> int:
        """Run one statement inside the transaction; the number of rows touched.

        One that changes more rows than the one it names, by a trigger of an imported file, touches everything.
        """
        self._require_transaction()
        connection, touched = self._connection, self._touched
        before = connection.total_changes
        with _translated():
            count = int(connection.execute(sql, parameters).rowcount)
        if touches is None or connection.total_changes - before > 1:
            touched.everything = True
        else:
            touched.rows.add(touches)
        return count

    def execute_many(self, sql: str, rows: Any) -> None:
        """Run one statement for many rows inside the transaction."""
        self._require_transaction()
        self._touched.everything = True
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

    # ---- the writer's side

    def _run(self) -> None:
        self._ident = threading.get_ident()
        while self._wait():
            if self._waiting:
                self._run_group()
            else:
                self._notice_others()

    def _wait(self) -> bool:
        """Sleep until a write waits or it is time to look for other processes; False when closing and all are done."""
        with self._wake:
            if not self._waiting and not self._closing:
                self._wake.wait(LOOK_SECONDS if self._followers else None)
            return bool(self._waiting) or not self._closing

    def _notice_others(self) -> None:
        """Tell followers when another process has committed: SQLite's data_version doesn't move by our own commits."""
        if not self._followers:
            return
        try:
            version = self._data_version()
        except DriverError:
            log.exception("Whether another process has written can't be told")
            return
        if version != self._others_version:
            self._others_version = version
            self._tell_committing(everything := Touched(everything=True))
            self._tell_settled(everything)

    def _run_group(self) -> None:
        """One transaction: begin, run what waits, commit, answer."""
        self._touched = Touched()
        group: list[Ticket] = []
        failed: list[Ticket] = []
        try:
            self._control("BEGIN IMMEDIATE")
        except StorageError as error:
            self._fail([self._waiting.popleft() for _ in range(len(self._waiting))], error)
            return
        self._notice_others()
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

    def _run_ticket(self, ticket: Ticket) -> None:
        self._scopes = [ticket.effects]
        try:
            ticket.value = self._in_savepoint(ticket.work)
        except BaseException as error:  # noqa: BLE001 - it belongs to the caller, and is raised there
            ticket.error = error
        finally:
            self._scopes = []

    def _nested(self, work: Callable[[], Result]) -> Result:
        outer, inner = self._scopes[-1], Effects()
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

    def _commit(self, group: list[Ticket]) -> None:
        for ticket in group:
            run_all(ticket.effects.before_commit)
        touched = self._touched
        self._tell_committing(touched)
        try:
            self._control("COMMIT")
        except StorageError as error:
            if self._connection.in_transaction:
                self._control("ROLLBACK")
            self._tell_settled(touched)
            self._fail(group, error)
            return
        self._tell_settled(touched)
        for ticket in group:
            run_all(ticket.effects.on_commit)
        _release(group)

    def _data_version(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def _tell_committing(self, touched: Touched) -> None:
        if touched:
            for follower in self._followers:
                follower.committing(touched)

    def _tell_settled(self, touched: Touched) -> None:
        if touched:
            for follower in self._followers:
                follower.settled(touched)

    def _fail(self, group: list[Ticket], error: BaseException | None) -> None:
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


def _release(tickets: list[Ticket]) -> None:
    for ticket in tickets:
        ticket.release()
