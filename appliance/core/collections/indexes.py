"""CREATE INDEX statements as collections keep them: read, checked for their parts, and written again.

    CREATE [UNIQUE] INDEX [IF NOT EXISTS] [schema.]name ON table (column [COLLATE x] [ASC|DESC], ...) [WHERE ...]

A collection keeps the text its author wrote; what runs is always the text written here, one statement with quoted
names. Only the expressions inside the parentheses and after WHERE pass through, and SQLite refuses subqueries and
functions of chance there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

_STATEMENT: Final = re.compile(
    r"create\s+(?P<unique>unique\s+)?index\s+(?P<optional>if\s+not\s+exists\s+)?(?P<name>\S+?)\s+on\s+"
    r"(?P<table>[^\s(]+)\s*\((?P<columns>.*?)\)(?:\s+where\s+(?P<where>\S.*))?\s*\Z",
    re.IGNORECASE | re.DOTALL,
)
_COLUMN: Final = re.compile(
    r"(?P<name>.+?)(?:\s+collate\s+(?P<collation>\w+))?(?:\s+(?P<order>asc|desc))?\Z", re.IGNORECASE | re.DOTALL
)
_QUOTES: Final = "`\"'[]"


@dataclass(frozen=True, slots=True)
class IndexColumn:
    """One column or expression of an index; `order` is "", "ASC" or "DESC"."""

    name: str
    collation: str = ""
    order: str = ""

    def as_sql(self) -> str:
        """The column as it stands between the parentheses; an expression stays as written."""
        name = self.name if any(mark in self.name for mark in "( ") else f"`{self.name}`"
        collation = f" COLLATE {self.collation}" if self.collation else ""
        return f"{name}{collation}{' ' + self.order if self.order else ''}"


@dataclass(frozen=True, slots=True)
class Index:
    """One parsed CREATE INDEX. `where` is the expression of a partial index, "" for none."""

    name: str
    table: str
    columns: tuple[IndexColumn, ...]
    unique: bool = False
    schema: str = ""
    optional: bool = False
    where: str = ""

    @property
    def is_valid(self) -> bool:
        """Whether every needed part is there."""
        return bool(self.name and self.table and self.columns)

    def on_table(self, table: str) -> Index:
        """The same index on another table."""
        return replace(self, table=table)

    def is_unique_on(self, field: str) -> bool:
        """Whether it makes the values of exactly this one field unique."""
        return self.unique and len(self.columns) == 1 and self.columns[0].name.lower() == field.lower()

    def is_same_definition(self, other: Index) -> bool:
        """Whether both index the same, whatever they are called."""
        return replace(self, name="", optional=False) == replace(other, name="", optional=False)

    def as_sql(self) -> str:
        """The statement in its one written form."""
        columns = [each.as_sql() for each in self.columns]
        listed = columns[0] if len(columns) == 1 else "\n  " + ",\n  ".join(columns) + "\n"
        return (
            f"CREATE {'UNIQUE ' if self.unique else ''}INDEX {'IF NOT EXISTS ' if self.optional else ''}"
            f"{f'`{self.schema}`.' if self.schema else ''}`{self.name}` ON `{self.table}` ({listed})"
            f"{f' WHERE {self.where}' if self.where else ''}"
        )

    def as_statement(self) -> str:
        """What is run: without schema and IF NOT EXISTS, so that a name already taken is an error."""
        return replace(self, schema="", optional=False).as_sql()


@lru_cache(maxsize=4096)
def parse_index(text: str) -> Index | None:
    """Read one CREATE INDEX statement, or None when it isn't one."""
    found = _STATEMENT.search(text)
    if found is None:
        return None
    schema, _, name = found["name"].rpartition(".")
    index = Index(
        name=_unquoted(name),
        table=_unquoted(found["table"]),
        columns=tuple(_columns(found["columns"])),
        unique=bool(found["unique"]),
        schema=_unquoted(schema),
        optional=bool(found["optional"]),
        where=(found["where"] or "").strip(),
    )
    return index if index.is_valid else None


def _columns(listed: str) -> Iterator[IndexColumn]:
    for part in _split_outside_parentheses(listed):
        found = _COLUMN.match(part)
        if found is not None:
            yield IndexColumn(_column_name(found["name"]), found["collation"] or "", (found["order"] or "").upper())


def _column_name(name: str) -> str:
    return name.strip() if any(mark in name for mark in "( ") else _unquoted(name)


def _split_outside_parentheses(listed: str) -> Iterator[str]:
    depth, start = 0, 0
    for place, letter in enumerate(listed):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth <= 0:
            yield listed[start:place].strip()
            start = place + 1
    yield listed[start:].strip()


def _unquoted(name: str) -> str:
    return name.strip().strip(_QUOTES)


def default_auth_indexes(table: str, suffix: str) -> tuple[str, str]:
    """The two unique indexes that every auth collection has; `suffix` is the collection's id."""
    return (
        f"CREATE UNIQUE INDEX `idx_tokenKey_{suffix}` ON `{table}` (`tokenKey`)",
        f"CREATE UNIQUE INDEX `idx_email_{suffix}` ON `{table}` (`email`) WHERE `email` != ''",
    )


def has_unique_index(indexes: Iterable[str], field: str) -> bool:
    """Whether one of the statements makes this field's values unique."""
    return any(index is not None and index.is_unique_on(field) for index in map(parse_index, indexes))
