"""SQLite's spelling of what rules need, run on SQLite."""

from __future__ import annotations

from typing import Any

import pysqlite3
import pytest

from appliance.rules.dialect import SqlDialect
from appliance.sql import Sql, parameter
from appliance.storage.dialects.sqlite import SqliteDialect

DIALECT: SqlDialect = SqliteDialect()


def run(expression: Sql, source: str = "") -> list[Any]:
    """The first column of SELECT expression FROM source."""
    statement = f"SELECT {expression.text} {'FROM ' + source if source else ''}"
    assert statement.count("?") == len(expression.parameters)
    return [row[0] for row in pysqlite3.connect(":memory:").execute(statement, expression.parameters)]


def held(value: Any) -> tuple[Sql, str]:
    """A column that holds the value, and where to select it from."""
    literal = "NULL" if value is None else repr(value) if isinstance(value, int | float) else f"'{value}'"
    return Sql('t."c"'), f'(SELECT {literal} AS "c") AS t'


@pytest.mark.parametrize(
    ("value", "elements"),
    [
        pytest.param('["a","b"]', ["a", "b"], id="a list"),
        pytest.param("[]", [], id="an empty list"),
        pytest.param("a", ["a"], id="a single value"),
        pytest.param("", [""], id="an empty text"),
        pytest.param(None, [None], id="null"),
        pytest.param('{"a":1}', ['{"a":1}'], id="an object is one value"),
        pytest.param("[1", ["[1"], id="broken JSON is one value"),
        pytest.param("5", ["5"], id="a number in a text is one value"),
    ],
)
def test_a_column_has_its_elements(value: Any, elements: list[Any]) -> None:
    column, source = held(value)
    assert run(Sql("e.value"), f"{source} JOIN {DIALECT.each(column).text} AS e ON 1 = 1") == elements


@pytest.mark.parametrize(
    ("value", "length"),
    [('["a","b"]', 2), ("[]", 0), ("a", 1), ("", 0), (None, 0), ('{"a":1}', 1), ("[1", 1)],
)
def test_a_column_has_its_length(value: Any, length: int) -> None:
    column, source = held(value)
    assert run(DIALECT.length(column), source) == [length]


@pytest.mark.parametrize(
    ("stored", "path", "value"),
    [
        pytest.param('{"a":{"b":[1,{"c":"x"}]}}', ("a", "b", "1", "c"), "x", id="keys and places"),
        pytest.param('{"a":1}', ("a",), 1, id="a number"),
        pytest.param('{"a":true}', ("a",), 1, id="true is 1"),
        pytest.param('{"a":null}', ("a",), None, id="null"),
        pytest.param('{"a":1}', ("b",), None, id="nothing there"),
        pytest.param('{"a":[1,2]}', ("a",), "[1,2]", id="a list as JSON text"),
        pytest.param("[7,8]", ("1",), 8, id="a list at the top"),
        pytest.param('"text"', (), "text", id="a JSON text"),
        pytest.param("no json", (), "no json", id="a text that is no JSON"),
        pytest.param("no json", ("a",), None, id="a path into a text that is no JSON"),
        pytest.param(None, (), None, id="a NULL column"),
    ],
)
def test_a_json_column_has_its_value(stored: Any, path: tuple[str, ...], value: Any) -> None:
    column, source = held(stored)
    expression = DIALECT.json_value(column, path)
    assert run(expression, source) == [value]
    assert all(part not in expression.text for part in path if len(part) > 1)


@pytest.mark.parametrize(
    ("text", "pattern", "matches"),
    [("Rocket", "%ock%", 1), ("Rocket", "%OCK%", 1), ("100%", r"100\%", 1), ("100x", r"100\%", 0), ("É", "é", 0)],
)
def test_like_ignores_the_case_of_ascii_letters(text: str, pattern: str, matches: int) -> None:
    for negated in (False, True):
        found = run(DIALECT.like(parameter(text), parameter(pattern), negated))
        assert found == [1 - matches if negated else matches]


def test_null_is_the_same_as_null() -> None:
    null = Sql("NULL")
    assert run(DIALECT.is_same(null, null, negated=False)) == [1]
    assert run(DIALECT.is_same(null, parameter(""), negated=False)) == [0]
    assert run(DIALECT.is_same(null, parameter(""), negated=True)) == [1]


@pytest.mark.parametrize(
    ("points", "kilometres"),
    [
        pytest.param((23.32, 42.69, 23.32, 42.69), 0, id="the same point"),
        pytest.param((23.3219, 42.6977, 24.7453, 42.1354), 132.5, id="Sofia to Plovdiv"),
        pytest.param((0, 0, 180, 0), 20015.1, id="half the equator"),
        pytest.param((0, 90, 0, -90), 20015.1, id="pole to pole"),
    ],
)
def test_the_distance_of_two_points(points: tuple[float, ...], kilometres: float) -> None:
    lon_a, lat_a, lon_b, lat_b = (parameter(each) for each in points)
    (found,) = run(DIALECT.geo_distance(lon_a, lat_a, lon_b, lat_b))
    assert found == pytest.approx(kilometres, abs=0.1)


def test_strftime_takes_its_arguments_as_parameters() -> None:
    arguments = [parameter(each) for each in ("%Y-%m", "2020-01-31 10:00:00.000Z", "+1 day")]
    assert run(DIALECT.strftime(arguments)) == ["2020-02"]


@pytest.mark.parametrize("name", ["a", 'a"b', "new.record", "value", "select"])
def test_a_quoted_name_is_one_name(name: str) -> None:
    assert run(Sql(f"{DIALECT.quote(name)}"), f"(SELECT 7 AS {DIALECT.quote(name)})") == [7]


@pytest.mark.parametrize(
    ("value", "kind", "other", "equal"),
    [
        pytest.param(7, "number", "7", 1, id="a number equals its text"),
        pytest.param(7, "json", "7", 0, id="a bare value does not"),
        pytest.param("7", "text", 7, 1, id="a text equals its whole number"),
        pytest.param(True, "boolean", "1", 1, id="true equals the text 1"),
        pytest.param('{"a":1}', "json", '{"a":1}', 1, id="JSON stays as it is"),
    ],
)
def test_a_typed_value_compares_as_a_column(value: Any, kind: str, other: Any, equal: int) -> None:
    typed = DIALECT.typed(parameter(value), kind)
    connection = pysqlite3.connect(":memory:")
    statement = f'WITH row AS (SELECT {typed.text} AS "c") SELECT "c" = ? FROM row'
    assert connection.execute(statement, (*typed.parameters, other)).fetchone() == (equal,)
