"""JSON bodies: a name that stands twice in one object is refused, wherever it stands, and nothing else is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.http.bodies import UnreadableError, read_json

NAMES = st.sampled_from(["a", "b", "", "é", 'q"q', "back\\slash", "\u2028"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | NAMES,
    lambda inner: st.lists(inner, max_size=4) | st.lists(st.tuples(NAMES, inner), max_size=4).map(tuple),
)
OBJECTS = st.lists(st.tuples(NAMES, VALUES), max_size=5).map(tuple)


def as_text(value: Any, ascii_only: bool) -> str:
    """JSON text of a value in which objects are tuples of pairs, repeated names and all."""
    if isinstance(value, tuple):
        pairs = (f"{json.dumps(name, ensure_ascii=ascii_only)}: {as_text(each, ascii_only)}" for name, each in value)
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(as_text(each, ascii_only) for each in value) + "]"
    return json.dumps(value, ensure_ascii=ascii_only)


def has_doubles(value: Any) -> bool:
    """Whether a name stands twice in one object."""
    if isinstance(value, tuple):
        return len(dict(value)) != len(value) or any(has_doubles(each) for _, each in value)
    return isinstance(value, list) and any(map(has_doubles, value))


@given(OBJECTS, st.booleans())
def test_doubles_are_refused_and_nothing_else(value: Any, ascii_only: bool) -> None:
    text = as_text(value, ascii_only)
    if has_doubles(value):
        with pytest.raises(UnreadableError):
            read_json(text.encode())
    else:
        assert read_json(text.encode()) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"a": 1, "a": 1}', id="twice the same"),
        pytest.param('{"a": "x", "a": "y"}', id="two texts"),
        pytest.param('{"a": 1, "\\u0061": 2}', id="once spelled as an escape"),
        pytest.param('{"b": [{"a": 1, "a": 2}]}', id="deep inside"),
        pytest.param('{"a": "\\"", "a": 1}', id="beside an escaped quote"),
        pytest.param('{"a": 1, "a": "b", "c": "d"} trailing', id="before what is ignored"),
    ],
)
def test_a_name_that_stands_twice_is_refused(text: str) -> None:
    with pytest.raises(UnreadableError, match="twice"):
        read_json(text.encode())


@pytest.mark.parametrize("deep", ['{"a":' * 65 + "1" + "}" * 65, '{"a":' + "[" * 64 + "]" * 64 + "}"])
def test_what_is_nested_too_deeply_is_refused(deep: str) -> None:
    with pytest.raises(UnreadableError, match="64 levels"):
        read_json(deep.encode())
