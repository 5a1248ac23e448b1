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
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import TypeVar

from appliance import clock
from appliance.errors import BusyError, StorageError
from appliance.storage.database import Follower, Outcome, Touched
from appliance.storage.lean_peewee import peewee
from appliance.storage.sqlite_errors import DriverError
from appliance.storage.tickets import Ticket, run_all
from appliance.storage.transaction import Transaction

log = logging.getLogger(__name__)

Result = TypeVar("Result")

WAITING_LIMIT = 1024
LOOK_SECONDS = 1.0  # between looks for commits of other processes while nothing is written
GROUP_SECONDS = 0.02  # a group that has worked this long commits before it takes the next closure


class Writer:
    """Runs closures on its own thread. `database` is an open connection that nobody else uses from now on."""

    def __init__(self, database: peewee.SqliteDatabase, waiting_limit: int = WAITING_LIMIT) -> None:
        self.transaction = Transaction(database)
        self._database = database
        self._limit = waiting_limit
        self._waiting: SimpleQueue[Ticket | None] = SimpleQueue()  # None wakes the thread up to end
        self._followers: tuple[Follower, ...] = ()
        self._others_version = self.transaction.data_version()
        self._closing = False
        self._has_ended = False
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def write(self, work: Callable[[], Result]) -> Result:
        """Run `work` in the next transaction; inside one, in a savepoint of it."""
        if threading.get_ident() == self.transaction.owner:
            return self.transaction.nest(work)
        finished = threading.Lock()  # a third of an Event's price
        finished.acquire()
        ticket = Ticket(work, lambda _: finished.release())
        self._queue(ticket)
        finished.acquire()
        return ticket.result()  # type: ignore[no-any-return]

    def submit(self, work: Callable[[], Result], done: Callable[[Outcome[Result]], None]) -> None:
        """Queue `work` for the next transaction and return; `done` is called on the writer's thread."""
        self._queue(Ticket(work, done))

    def follow(self, follower: Follower) -> None:
        """Tell `follower` of every commit from the next group on."""
        self._followers += (follower,)
        self._waiting.put(None)  # from now on the thread looks for other processes, too

    def close(self) -> None:
        """Finish what waits, refuse what comes, end the thread and close the connection."""
        self._closing = True
        self._waiting.put(None)
        self._thread.join()
        if not self._database.is_closed():
            self._database.close()

    # ---- the caller's side

    def _queue(self, ticket: Ticket) -> None:
        """The queue takes no lock that a caller could wait for; a ticket that came too late is found by one of both
        sides, because each looks after the other has made its mark."""
        if self._closing:
            raise StorageError("The database is closed.")
        if self._waiting.qsize() >= self._limit:
            raise BusyError("Too many writes wait for the disk.", "The disk is slow, or a long write is running.")
        self._waiting.put(ticket)
        if self._has_ended:
            self._refuse_rest()

    def _refuse_rest(self) -> None:
        self._fail(self._take_all(), StorageError("The database is closed."))

    def _take_all(self) -> list[Ticket]:
        taken: list[Ticket] = []
        while True:
            try:
                ticket = self._waiting.get_nowait()
            except Empty:
                return taken
            if ticket is not None:
                taken.append(ticket)

    # ---- the writer's side

    def _run(self) -> None:
        self.transaction.owner = threading.get_ident()
        while not self._closing or not self._waiting.empty():
            ticket = self._wait()
            if ticket is not None:
                self._run_group(ticket)
            else:
                self._notice_others()
        self._has_ended = True
        self._refuse_rest()

    def _wait(self) -> Ticket | None:
        """Sleep until a write waits; None when it is time to look around."""
        try:
            return self._waiting.get(timeout=LOOK_SECONDS if self._followers else None)
        except Empty:
            return None

    def _run_group(self, first: Ticket) -> None:
        """One transaction: begin, run what waits, commit, answer."""
        try:
            self.transaction.begin()
        except StorageError as error:
            self._fail([first, *self._take_all()], error)
            return
        self._notice_others()
        group: list[Ticket] = []
        failed: list[Ticket] = []
        for ticket in self._group(first):
            self.transaction.run(ticket)
            (group if ticket.error is None else failed).append(ticket)
            if not self.transaction.is_open:
                self._fail(group, ticket.error)
                break
        else:
            self._commit(group)
        _release(failed)

    def _group(self, first: Ticket) -> Iterator[Ticket]:
        """What waits, until the group has worked for long enough."""
        yield first
        deadline = clock.monotonic() + GROUP_SECONDS
        while clock.monotonic() < deadline:
            try:
                ticket = self._waiting.get_nowait()
            except Empty:
                return
            if ticket is not None:
                yield ticket

    def _commit(self, group: list[Ticket]) -> None:
        for ticket in group:
            run_all(ticket.effects.before_commit)
        touched = self.transaction.touched
        self._tell_committing(touched)
        try:
            self.transaction.commit()
        except StorageError as error:
            self._tell_settled(touched)
            self._fail(group, error)
            return
        self._tell_settled(touched)
        for ticket in group:
            run_all(ticket.effects.on_commit)
        _release(group)

    def _fail(self, group: list[Ticket], error: BaseException | None) -> None:
        """Give every ticket its own error: the same one raised on many threads would mix their tracebacks."""
        for ticket in group:
            ticket.error = _same_again(error)
            ticket.error.__cause__ = error
        _release(group)

    # ---- followers

    def _notice_others(self) -> None:
        """Tell followers when another process has committed: SQLite's data_version doesn't move by our own commits."""
        if not self._followers:
            return
        try:
            version = self.transaction.data_version()
        except DriverError:
            log.exception("Whether another process has written can't be told")
            return
        if version != self._others_version:
            self._others_version = version
            self._tell_committing(everything := Touched(everything=True))
            self._tell_settled(everything)

    def _tell_committing(self, touched: Touched) -> None:
        if touched:
            for follower in self._followers:
                follower.committing(touched)

    def _tell_settled(self, touched: Touched) -> None:
        if touched:
            for follower in self._followers:
                follower.settled(touched)


def _same_again(error: BaseException | None) -> StorageError:
    """A storage error of the same kind, for others in the group that it took along."""
    if isinstance(error, StorageError) and type(error).__init__ is StorageError.__init__:
        return type(error)(error.message, error.hint)
    return StorageError("The transaction was rolled back because of another write in it.")


def _release(tickets: list[Ticket]) -> None:
    for ticket in tickets:
        ticket.release()
