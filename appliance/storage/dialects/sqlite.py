"""SQLite's spelling of what rules need. It has the methods of `appliance.rules.dialect.SqlDialect`: storage/ and
rules/ don't see each other, core/ brings them together."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.sql import Sql

_CASTS = {"text": "TEXT", "number": "NUMERIC", "boolean": "NUMERIC"}


class SqliteDialect:
    """The rule expressions of SQLite (3.51.3 or newer, with math functions and JSON)."""

    def quote(self, name: str) -> str:
        """A name between double quotes."""
        return '"' + name.replace('"', '""') + '"'

    def each(self, column: Sql) -> Sql:
        """Rows of a JSON array column; any other value is one row."""
        text = column.text
        array = f"CASE WHEN {_is_array(text)} THEN {text} ELSE json_array({text}) END"
        return _like(column, f"json_each({array})", array.count(text))

    def each_of_json(self, array: Sql) -> Sql:
        """Rows of a bound JSON array."""
        return _like(array, f"json_each({array.text})", 1)

    def length(self, column: Sql) -> Sql:
        """Elements of a JSON array column."""
        text = column.text
        single = f"CASE WHEN {text} = '' OR {text} IS NULL THEN json_array() ELSE json_array({text}) END"
        array = f"json_array_length(CASE WHEN {_is_array(text)} THEN {text} ELSE ({single}) END)"
        return _like(column, array, array.count(text))

    def json_value(self, column: Sql, path: Sequence[str]) -> Sql:
        """JSON_EXTRACT that also reads a stored text that is no JSON."""
        steps = "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in path)
        text = column.text
        valid = f"json_extract({text}, ?)"
        bare = f"json_extract(json_object('text', {text}), ?)"
        extract = f"(CASE WHEN json_valid({text}) THEN {valid} ELSE {bare} END)"
        return Sql(extract, (f"${steps}", f"$.text{steps}"))

    def like(self, left: Sql, pattern: Sql, negated: bool) -> Sql:
        """LIKE, which in SQLite ignores the case of ASCII letters."""
        operator = "NOT LIKE" if negated else "LIKE"
        return Sql(f"{left.text} {operator} {pattern.text} ESCAPE '\\'", (*left.parameters, *pattern.parameters))

    def contains(self, part: Sql) -> Sql:
        """`%value%` of an expression."""
        return _like(part, f"('%' || {part.text} || '%')", 1)

    def is_same(self, left: Sql, right: Sql, negated: bool) -> Sql:
        """IS, IS NOT."""
        operator = "IS NOT" if negated else "IS"
        return Sql(f"{left.text} {operator} {right.text}", (*left.parameters, *right.parameters))

    def lower(self, value: Sql) -> Sql:
        """LOWER, which in SQLite knows ASCII letters only."""
        return _like(value, f"LOWER({value.text})", 1)

    def geo_distance(self, lon_a: Sql, lat_a: Sql, lon_b: Sql, lat_b: Sql) -> Sql:
        """The spherical law of cosines."""
        a, b = f"radians({lat_a.text})", f"radians({lat_b.text})"
        lon = f"cos(radians({lon_b.text}) - radians({lon_a.text}))"
        text = f"(6371 * acos(min(1, max(-1, cos({a}) * cos({b}) * {lon} + sin({a}) * sin({b})))))"
        order = (lat_a, lat_b, lon_b, lon_a, lat_a, lat_b)
        return Sql(text, tuple(value for part in order for value in part.parameters))

    def strftime(self, arguments: Sequence[Sql]) -> Sql:
        """strftime is SQLite's own."""
        text = f"strftime({', '.join(part.text for part in arguments)})"
        return Sql(text, tuple(value for part in arguments for value in part.parameters))

    def typed(self, value: Sql, kind: str) -> Sql:
        """A CAST, which has the affinity of a column: beside it the text "7" is compared as the number 7."""
        name = _CASTS.get(kind)
        return _like(value, f"CAST({value.text} AS {name})", 1) if name else value

    def random(self) -> Sql:
        """RANDOM()."""
        return Sql("RANDOM()")

    def row_order(self, alias: str) -> Sql:
        """The rowid."""
        return Sql(f"{self.quote(alias)}._rowid_")


def _is_array(text: str) -> str:
    return f"iif(json_valid({text}), json_type({text}) = 'array', FALSE)"


def _like(column: Sql, text: str, times: int) -> Sql:
    """A piece that repeats `column`, and so its parameters, `times` times."""
    return Sql(text, column.parameters * times)
