"""What field types make of any value, judged by answers measured on PocketBase 0.40.6 (casts.json, checks.json)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.core.app import App
from appliance.core.collection import Collection
from appliance.core.fields import FIELD_TYPES, Field, field_from_json
from appliance.core.record import Record
from appliance.errors import ValidationFailed, errors_as_json
from tests.core.bare_app import open_app

CASTS = json.loads((Path(__file__).parent / "casts.json").read_text())
CHECKS = json.loads((Path(__file__).parent / "checks.json").read_text())
FIELDS = {each["name"]: each for each in CASTS["fields"]}
EXAMPLE = re.compile(r'ex\.: ".*"')


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with open_app(tmp_path_factory.mktemp("box")) as box:
        yield box


def test_every_type_answers_the_options_it_was_read_from() -> None:
    assert {each["type"] for each in CASTS["fields"]} == set(FIELD_TYPES)
    for options in CASTS["fields"]:
        assert field_from_json(options).as_json() == options


@pytest.mark.parametrize("name", sorted({each[0] for each in CASTS["cases"]}))
def test_any_value_is_cast_as_the_original_casts_it(app: App, name: str) -> None:
    field = field_from_json(FIELDS[name])
    cases = [(raw, answer) for field_name, raw, answer in CASTS["cases"] if field_name == name]
    assert [(raw, _answer(app, field, raw)) for raw, _ in cases] == cases


def _answer(app: App, field: Field, raw: Any) -> dict[str, Any]:
    record = Record(Collection(id="c", name="users", fields=(field,)))
    record[field.name] = raw
    error = field.check_value(app, record, record[field.name])
    return {"error": error.as_json()} if error else {"value": field.value_as_json(record[field.name])}


@pytest.mark.parametrize("name", sorted({each[0] for each in CASTS["cases"]} - {"password"}))
def test_any_value_survives_its_column(name: str) -> None:
    field = field_from_json(FIELDS[name])
    values = [field.normalise(raw) for case, raw, answer in CASTS["cases"] if case == name and "value" in answer]
    assert [field.from_column(field.to_column(value)) for value in values] == values


@pytest.mark.parametrize(
    ("options", "raw", "expected"),
    [pytest.param(*case, id=f"{json.dumps(case[0])} {case[1]!r:.40}") for case in CHECKS["values"]],
)
def test_a_value_is_refused_as_the_original_refuses_it(
    app: App, options: dict[str, Any], raw: Any, expected: dict[str, Any] | None
) -> None:
    field = field_from_json({"name": "f", "id": "f1", **options})
    record = Record(Collection(id="c", name="users", fields=(field,)))
    record["f"] = raw
    error = field.check_value(app, record, record["f"])
    assert (error.as_json() if error else None) == expected


@pytest.mark.parametrize(
    ("options", "expected"), [pytest.param(*case, id=f"{json.dumps(case[0]):.90}") for case in CHECKS["options"]]
)
def test_options_are_refused_as_the_original_refuses_them(
    app: App, options: dict[str, Any], expected: dict[str, Any]
) -> None:
    field = field_from_json({"name": "f", "id": "f1", **options})
    found = errors_as_json(field.check_options(app, Collection(id="c", name="c", fields=(field,))))
    assert _without_examples(found) == _without_examples(expected)


def _without_examples(errors: dict[str, Any]) -> str:
    """Generated texts differ each time."""
    return EXAMPLE.sub("", json.dumps(errors, sort_keys=True).replace('\\"', '"'))


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"name": "x"}, id="no type"),
        pytest.param({"name": "x", "type": "nope"}, id="unknown type"),
        pytest.param({"name": "x", "type": ["text"]}, id="type that is no text"),
        pytest.param("x", id="no object"),
        pytest.param({"name": 5, "type": "text"}, id="name that is a number"),
        pytest.param({"name": "x", "type": "text", "max": "5"}, id="length that is a text"),
        pytest.param({"name": "x", "type": "text", "max": 1.5}, id="length with a fraction"),
        pytest.param({"name": "x", "type": "text", "required": "true"}, id="flag that is a text"),
        pytest.param({"name": "x", "type": "text", "max": 2**63}, id="length over 64 bits"),
        pytest.param({"name": "x", "type": "select", "values": "a"}, id="list that is a text"),
        pytest.param({"name": "x", "type": "select", "values": [1]}, id="list of numbers"),
        pytest.param({"name": "x", "type": "date", "max": 5}, id="date that is a number"),
        pytest.param({"name": "x", "type": "number", "max": float("inf")}, id="endless bound"),
    ],
)
def test_options_of_a_wrong_type_are_unreadable(options: Any) -> None:
    with pytest.raises(ValidationFailed, match="invalid formatting"):
        field_from_json(options)


def test_null_leaves_an_option_at_its_default() -> None:
    assert field_from_json({"name": "x", "type": "text", "max": None, "unknown": 1}).as_json()["max"] == 0
