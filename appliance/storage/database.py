"""What a database is to the rest of the house. sqlite.py implements it; postgres.py will; tests/contracts judge both.

Reads see the committed state; a read inside `write` sees the transaction's own rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

Result = TypeVar("Result")
Row = tuple[Any, ...]


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

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run one INSERT, UPDATE or DELETE inside `write`; the number of rows touched. Raises ConstraintError."""

    def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for many rows inside `write`."""

    def write(self, work: Callable[[], Result]) -> Result:
        """Run `work` in a transaction on the writer and return its result after COMMIT has reached the disk.

        Whatever `work` raises rolls its changes back and is raised here. Inside another `write` it joins that
        transaction as a savepoint. `work` runs on the writer's thread while other writers wait: no slow I/O in it.
        """

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
