"""What a database is to the rest of the house. sqlite.py implements it; postgres.py will; tests/contracts judge both.

Reads see the committed state; a read inside `write` sees the transaction's own rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)
Row = tuple[Any, ...]
Touch = tuple[str, str]
"""A table's name and the id of its row that a statement changes."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column to make. `kind` is a Field's column_kind: text, number, boolean, json or point.

    Each has a NOT NULL default of its kind ('' / 0 / FALSE / {"lon":0,"lat":0}), json NULL; `primary_key` makes the
    text id.
    """

    name: str
    kind: str = "text"
    primary_key: bool = False
    is_list: bool = False  # json with default '[]': a select, file or relation of many


class Schema(Protocol):
    """Schema changes. Each must run inside `Database.write`, and rolls back with it, rows and all."""

    def create_table(self, table: str, columns: Sequence[Column]) -> None:
        """Make a table."""

    def drop_table(self, table: str) -> None:
        """Drop a table with its rows and indexes."""

    def rename_table(self, old: str, new: str) -> None:
        """Rename a table; rows and indexes stay."""

    def add_column(self, table: str, column: Column) -> None:
        """Add a column; rows get its default."""

    def rename_column(self, table: str, old: str, new: str) -> None:
        """Rename a column; values and indexes stay."""

    def retype_column(self, table: str, old: Column, new: Column) -> None:
        """Change a column's kind; values are converted: a list that becomes single keeps its last entry."""

    def drop_column(self, table: str, column: str) -> None:
        """Drop a column and its values."""

    def create_index(self, statement: str) -> None:
        """Run one CREATE INDEX that core/ has parsed and checked. Raises SchemaError or ConstraintError."""

    def drop_index(self, name: str) -> None:
        """Drop an index if it is there."""

    def create_view(self, view: str, select: str) -> list[tuple[str, str]]:
        """Make a view and answer its (column, declared type) pairs. `select`: one SELECT, else SchemaError."""

    def drop_view(self, view: str) -> None:
        """Drop a view if it is there."""

    def tables(self) -> list[str]:
        """Names of all tables and views."""

    def columns(self, table: str) -> list[str]:
        """Column names of a table or view, in order."""


@dataclass(slots=True)
class Touched:
    """What the writes of one commit may have changed: at least that. `everything` outweighs `rows`."""

    rows: set[Touch] = field(default_factory=set)
    everything: bool = False

    def __bool__(self) -> bool:
        return self.everything or bool(self.rows)


class Follower(Protocol):
    """Whoever keeps something that was read. Both calls come in pairs, on the writer's thread, before anybody is
    answered; they must be quick and must not raise.

    Between the two a reader may see either state: what was read since `committing` must not be kept.
    """

    def committing(self, touched: Touched) -> None:
        """Right before COMMIT."""

    def settled(self, touched: Touched) -> None:
        """Right after COMMIT, or after it has failed."""


class Outcome(Protocol[Result_co]):
    """A write that is decided."""

    def result(self) -> Result_co:
        """Run the write's `after_commit` (or `on_rollback`) callbacks here and now; then return what its work returned,
        or raise what it raised. Must be called once, even when nobody is interested any more."""


class OwnReader(Protocol):
    """A reading connection that belongs to one thread.

    `is_resting`: it refuses every statement with OverBudgetError, for a thread that wants only what memory knows.
    """

    is_resting: bool

    def close(self) -> None:
        """Give the connection back; the thread shares readers again. Closing the database does it too."""


class Database(Protocol):
    """One database: many readers, one writer."""

    @property
    def schema(self) -> Schema:
        """Schema changes, inside `write`."""

    def query(self, sql: str, parameters: Sequence[Any] = (), seconds: float = 0) -> list[Row]:
        """Rows of one SELECT with `?` parameters. Inside `write` it sees the transaction's own changes, and
        may also be a DELETE ... RETURNING (one-time codes are consumed that way).

        Raises StatementError when it has not ended after `seconds`; 0 lets it run.
        """

    def execute(self, sql: str, parameters: Sequence[Any] = (), touches: Touch | None = None) -> int:
        """Run one INSERT, UPDATE or DELETE inside `write`; the number of rows touched. Raises ConstraintError.

        `touches` names the one row that it changes, so that followers keep what they know of all others.
        """

    def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for many rows inside `write`."""

    def own_reader(self, budget_seconds: float) -> OwnReader:
        """Give the calling thread a reading connection of its own, which its `query` uses from now on.

        For a loop that must never wait: no other thread can keep the connection busy, and a statement that has used
        `budget_seconds` of CPU time fails with OverBudgetError (`query`'s own time limit holds when it is tighter).
        """

    def write(self, work: Callable[[], Result]) -> Result:
        """Run `work` in a transaction on the writer and return its result after COMMIT has reached the disk.

        Whatever `work` raises rolls its changes back and is raised here. Inside another `write` it joins that
        transaction as a savepoint. `work` runs on the writer's thread while other writers wait: no slow I/O in it.
        """

    def submit(self, work: Callable[[], Result], done: Callable[[Outcome[Result]], None]) -> None:
        """Like `write`, without waiting: `done` gets the outcome on the writer's thread, once COMMIT has reached the
        disk or the write has failed. It must be quick and must not raise: it passes the outcome on to a thread that
        calls `result()`. Raises BusyError, StorageError when the work can't be queued; then `done` is never called.
        """

    def follow(self, follower: Follower) -> None:
        """Tell `follower` of every commit that touches something, from the next one on. Commits of other processes
        count as touching everything; they are noticed before the next group of writes, and within a second."""

    def after_commit(self, callback: Callable[[], None], on_rollback: Callable[[], None] | None = None) -> None:
        """Inside `write`: run `callback` on the thread that called the outermost `write`, after COMMIT and before
        `write` returns. `on_rollback` runs instead when the transaction (or its savepoint) is rolled back."""

    def before_commit(self, callback: Callable[[], None]) -> None:
        """Inside `write`: run `callback` on the writer's thread when all work is done, right before COMMIT. It may
        still fail; then the `on_rollback` callbacks run. Must be quick, and must not write."""

    def on_commit(self, callback: Callable[[], None]) -> None:
        """Inside `write`: run `callback` on the writer's thread right after COMMIT, in commit order. Must be quick."""

    @property
    def is_writing(self) -> bool:
        """Whether this thread is inside `write`."""

    def close(self) -> None:
        """Finish waiting writes and close every connection."""
