"""What differs between databases, as the rule compiler needs it. storage/dialects implements it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from appliance.sql import Sql


class SqlDialect(Protocol):
    """Builds the few SQL expressions that are not the same everywhere. Every argument is trusted SQL."""

    def quote(self, name: str) -> str:
        """A table, column or alias name, quoted."""

    def each(self, column: Sql) -> Sql:
        """A table expression with one row and a column `value` per element of a JSON array; a value that is no
        array (the column of a single select, file or relation) counts as an array of one."""

    def each_of_json(self, array: Sql) -> Sql:
        """The same for a parameter that holds a JSON array."""

    def length(self, column: Sql) -> Sql:
        """The number of elements of such a column: '' and NULL have 0, any other single value has 1."""

    def json_value(self, column: Sql, path: Sequence[str]) -> Sql:
        """The value at `path` of a JSON column, NULL when there is none; a stored text that is no JSON counts as a
        JSON text. Parts that are digits only index an array. The path travels as a parameter."""

    def like(self, left: Sql, pattern: Sql, negated: bool) -> Sql:
        """Whether `left` matches (`%` any text, `_` any character, `\\` escapes), without regard to ASCII case."""

    def contains(self, part: Sql) -> Sql:
        """A pattern that finds the value of an expression anywhere."""

    def is_same(self, left: Sql, right: Sql, negated: bool) -> Sql:
        """Equality in which NULL equals NULL."""

    def lower(self, value: Sql) -> Sql:
        """The value in lower case."""

    def geo_distance(self, lon_a: Sql, lat_a: Sql, lon_b: Sql, lat_b: Sql) -> Sql:
        """Kilometres between two points on a sphere of radius 6371 km."""

    def strftime(self, arguments: Sequence[Sql]) -> Sql:
        """SQLite's strftime(format, time, modifier...)."""

    def typed(self, value: Sql, kind: str) -> Sql:
        """A parameter that compares as a column of this kind (text, number, boolean; others stay as they are) does."""

    def random(self) -> Sql:
        """A random sort key."""

    def row_order(self, alias: str) -> Sql:
        """The order in which the rows of a table were inserted."""
