"""Schema changes on SQLite, each inside the transaction of `Database.write`.

Tables and columns are declared as the wire's original declares them, so that its data folder and ours hold the same:
`name` TEXT DEFAULT '' NOT NULL, NUMERIC DEFAULT 0, BOOLEAN DEFAULT FALSE, JSON DEFAULT NULL, JSON DEFAULT '[]'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from appliance.errors import SchemaError, StorageError
from appliance.storage.database import Column
from appliance.storage.lean_peewee import load_playhouse, peewee, sqlite_driver
from appliance.storage.sqlite_connection import driver_connection
from appliance.storage.sqlite_errors import DriverError, schema_error

if TYPE_CHECKING:
    from appliance.storage.transaction import Transaction

_ID = "TEXT PRIMARY KEY DEFAULT ('r'||lower(hex(randomblob(7)))) NOT NULL"
_DECLARATIONS = {
    "text": "TEXT DEFAULT '' NOT NULL",
    "number": "NUMERIC DEFAULT 0 NOT NULL",
    "boolean": "BOOLEAN DEFAULT FALSE NOT NULL",
    "json": "JSON DEFAULT NULL",
    "point": """JSON DEFAULT '{"lon":0,"lat":0}' NOT NULL""",
}
_LIST = "JSON DEFAULT '[]' NOT NULL"
_TEMPORARY = "_homeport_moving"

# {c} is the quoted old column. A list that becomes single keeps its last entry, as the original does.
_TO_LIST = """CASE WHEN COALESCE({c}, '') = '' THEN '[]'
    WHEN json_valid({c}) AND json_type({c}) = 'array' THEN {c} ELSE json_array({c}) END"""
_TO_SINGLE = """CASE WHEN COALESCE({c}, '[]') = '[]' THEN ''
    WHEN json_valid({c}) AND json_type({c}) = 'array' THEN COALESCE(json_extract({c}, '$[#-1]'), '') ELSE {c} END"""
_CONVERSIONS = {
    "text": "COALESCE(CAST({c} AS TEXT), '')",
    "number": "COALESCE(CAST({c} AS NUMERIC), 0)",
    "boolean": "COALESCE(LOWER(CAST({c} AS TEXT)) IN ('1', '1.0', 'true'), FALSE)",
    "json": "CASE WHEN {c} = '' THEN NULL WHEN json_valid({c}) THEN {c} ELSE json_quote({c}) END",
}

_READ_ONLY_ACTIONS = frozenset(
    getattr(sqlite_driver, name) for name in ("SQLITE_SELECT", "SQLITE_READ", "SQLITE_FUNCTION", "SQLITE_RECURSIVE")
)


def quote(name: str) -> str:
    """An identifier as SQL."""
    return "`" + name.replace("`", "``") + "`"


def declaration(column: Column) -> str:
    """A column's type, default and constraints as SQL. Raises SchemaError for an unknown kind."""
    if column.primary_key:
        return _ID
    if column.is_list:
        return _LIST
    try:
        return _DECLARATIONS[column.kind]
    except KeyError:
        raise SchemaError(f"There is no column kind {column.kind!r}.") from None


def conversion(old: Column, new: Column) -> str:
    """The SQL expression that turns a value of the old column (`{c}`) into one of the new."""
    if new.is_list:
        return "{c}" if old.is_list else _TO_LIST
    if old.is_list and new.kind == "text":
        return _TO_SINGLE
    try:
        return _CONVERSIONS[new.kind]
    except KeyError:
        raise SchemaError(f"A column can't become of kind {new.kind!r}.") from None


class SqliteSchema:
    """Implements `Schema` for SQLite."""

    def __init__(self, transaction: Transaction, query: Callable[..., list[Any]]) -> None:
        self._transaction = transaction
        self._query = query

    def create_table(self, table: str, columns: Sequence[Column]) -> None:
        """Make a table. Columns stand in the order of their names, as in the original."""
        parts = ", ".join(f"{quote(each.name)} {declaration(each)}" for each in sorted(columns, key=lambda c: c.name))
        self._run(f"CREATE TABLE {quote(table)} ({parts})")

    def drop_table(self, table: str) -> None:
        """Drop a table with its rows and indexes."""
        self._migrate("drop_table", table)

    def rename_table(self, old: str, new: str) -> None:
        """Rename a table; SQLite rewrites indexes, triggers and views that name it."""
        if old.lower() == new.lower() and old != new:
            self._migrate("rename_table", old, _TEMPORARY)
            old = _TEMPORARY
        self._migrate("rename_table", old, new)

    def add_column(self, table: str, column: Column) -> None:
        """Add a column; its default is constant, so this does not touch the rows."""
        self._run(f"ALTER TABLE {quote(table)} ADD COLUMN {quote(column.name)} {declaration(column)}")

    def rename_column(self, table: str, old: str, new: str) -> None:
        """Rename a column; SQLite rewrites indexes, triggers and views that name it."""
        if old.lower() == new.lower() and old != new:
            self._migrate("rename_column", table, old, _TEMPORARY)
            old = _TEMPORARY
        self._migrate("rename_column", table, old, new)

    def retype_column(self, table: str, old: Column, new: Column) -> None:
        """Put a column of the new kind in the place of the old one. It becomes the table's last, as in the original."""
        convert = conversion(old, new).format(c=quote(_TEMPORARY))
        with self._without_indexes_and_views(table):
            self._migrate("rename_column", table, old.name, _TEMPORARY)
            self.add_column(table, new)
            self._run(f"UPDATE {quote(table)} SET {quote(new.name)} = {convert}")  # noqa: S608 - quoted names
            self._migrate("drop_column", table, _TEMPORARY)

    def drop_column(self, table: str, column: str) -> None:
        """Drop a column. Raises SchemaError while an index, a trigger or a view uses it."""
        try:
            self._migrate("drop_column", table, column)
        except SchemaError as error:
            raise SchemaError(f"failed to drop column {column} - {error.message}") from error

    def create_index(self, statement: str) -> None:
        """Run one CREATE INDEX. Raises SchemaError, or ConstraintError when rows are not unique."""
        self._run(statement)

    def drop_index(self, name: str) -> None:
        """Drop an index if it is there."""
        self._run(f"DROP INDEX IF EXISTS {quote(name)}")

    def create_view(self, view: str, select: str) -> list[tuple[str, str]]:
        """Make a view of one read-only SELECT and answer its (column, declared type) pairs."""
        wrapped = f"SELECT * FROM ({select.strip().rstrip(';')}\n)"  # noqa: S608 - checked by the authorizer
        self._run(f"CREATE VIEW {quote(view)} AS {wrapped}")
        try:
            self._require_read_only(f"SELECT * FROM {quote(view)}")  # noqa: S608 - a quoted name
            return [(str(name), str(kind)) for name, kind in self._query(_COLUMNS, (view,))]
        except StorageError as error:  # only now does SQLite look at tables, columns and functions
            self.drop_view(view)
            raise SchemaError(error.message) from error

    def drop_view(self, view: str) -> None:
        """Drop a view if it is there."""
        self._run(f"DROP VIEW IF EXISTS {quote(view)}")

    def tables(self) -> list[str]:
        """Names of all tables and views, SQLite's own left out."""
        return [str(name) for (name,) in self._query(_TABLES)]

    def columns(self, table: str) -> list[str]:
        """Column names of a table or view, in order."""
        return [str(name) for name, _ in self._query(_COLUMNS, (table,))]

    def _run(self, sql: str) -> None:
        try:
            driver_connection(self._transaction.database).execute(sql)
        except DriverError as error:
            raise schema_error(error) from error

    def _migrate(self, operation: str, *arguments: str) -> None:
        """Run one operation of playhouse.migrate."""
        migrator = load_playhouse("migrate").SqliteMigrator(self._transaction.database)
        try:
            getattr(migrator, operation)(*arguments).run()
        except peewee.PeeweeException as error:
            raise schema_error(error) from error

    def _require_read_only(self, select: str) -> None:
        """Have SQLite compile the statement, not run it, and refuse whatever is more than reading."""
        connection = driver_connection(self._transaction.database)
        connection.set_authorizer(_allow_reading)
        try:
            connection.execute(f"EXPLAIN {select}").fetchall()
        except DriverError as error:
            raise schema_error(error) from error
        finally:
            connection.set_authorizer(None)

    @contextmanager
    def _without_indexes_and_views(self, table: str) -> Iterator[None]:
        """SQLite would rewrite or refuse what names a column that goes: take it away and put it back as it was."""
        indexes = self._query(_INDEXES, (table,))
        views = self._query(_VIEWS)
        for name, _ in indexes:
            self.drop_index(name)
        for name, _ in views:
            self.drop_view(name)
        yield
        for _, statement in (*views, *indexes):
            self._run(statement)


_TABLES = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
_COLUMNS = "SELECT name, type FROM pragma_table_info(?)"
_INDEXES = (
    "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? COLLATE NOCASE AND sql IS NOT NULL"
)
_VIEWS = "SELECT name, sql FROM sqlite_master WHERE type = 'view' ORDER BY rowid"


def _allow_reading(action: int, *_: Any) -> int:
    """SQLite asks this for everything that a statement would do."""
    return int(sqlite_driver.SQLITE_OK if action in _READ_ONLY_ACTIONS else sqlite_driver.SQLITE_DENY)
