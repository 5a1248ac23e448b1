"""Patterns of `~`, as the original makes them."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.rules.like import like_pattern


@pytest.mark.parametrize(
    ("value", "pattern"),
    [
        pytest.param("", "%%", id="nothing matches all"),
        pytest.param("a", "%a%", id="a text is looked for anywhere"),
        pytest.param("a%", "a%", id="a percent sign makes a pattern"),
        pytest.param("%a", "%a", id="a pattern for the end"),
        pytest.param("a_b", r"%a\_b%", id="an underscore is a letter"),
        pytest.param("%_", "%_", id="an underscore in a pattern is any letter"),
        pytest.param(r"100\%", r"%100\%%", id="an escaped percent sign is a letter"),
        pytest.param(r"a\_b", r"%a\_b%", id="an escaped underscore stays escaped"),
        pytest.param("a\\b", r"%a\\b%", id="a backslash is a letter"),
        pytest.param("\\\\%", "\\\\%", id="a percent sign behind an escaped backslash is free"),
        pytest.param("__", r"%_\_%", id="the original's way with neighbours"),
        pytest.param("___", r"%\__\_%", id="the original's way with three neighbours"),
        pytest.param("_\\a", r"%_\\a%", id="the original's way with a backslash behind"),
        pytest.param(1.0, "%1%", id="a whole number"),
        pytest.param(100.5, "%100.5%", id="a number"),
        pytest.param(True, "%true%", id="a truth value"),
    ],
)
def test_a_value_becomes_a_pattern(value: Any, pattern: str) -> None:
    assert like_pattern(value) == pattern
