"""Regular expressions of collections: Go's words for what is wrong, and texts made from a pattern."""

from __future__ import annotations

import pytest

from appliance.core.fields.patterns import UnsupportedPattern, compiled, generate, matches, pattern_error


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        pytest.param("(", "missing closing ): `(`", id="an open group"),
        pytest.param("[", "missing closing ]: `[`", id="an open class"),
        pytest.param("a**", "invalid nested repetition operator: `**`", id="repeated twice"),
        pytest.param("*", "missing argument to repetition operator: `*`", id="nothing to repeat"),
        pytest.param("a{1001}", "invalid repeat count: `{1001}`", id="over 1000 times"),
        pytest.param("a(?=b)", "invalid or unsupported Perl syntax: `(?=`", id="look-ahead"),
        pytest.param("\\", "trailing backslash at end of expression: ``", id="a backslash at the end"),
        pytest.param("\\C", "invalid escape sequence: `\\C`", id="half a character"),
        pytest.param("[z-a]", "invalid character class range: `z-a`", id="a range backwards"),
    ],
)
def test_a_pattern_is_refused_in_gos_words(pattern: str, reason: str) -> None:
    assert pattern_error(pattern) == f"Error parsing regexp: {reason}."


@pytest.mark.parametrize(
    "pattern",
    [
        "[a-z0-9]{15}",
        "[A-Z]{3}-\\d{4}",
        "(foo|bar)[0-9]{2}",
        "(?:x|yz)+a*b?",
        "\\w{5}\\s\\D\\S",
        "[^a-z]{3}",
        "[[:upper:]]{2,4}",
        "[\\]\\-a]{5}",
        "[]a]+",
        "\\p{L}{3}\\pN",
        "\\x41\\x{42}",
        "(?i)ab",
        "(?P<name>a|b){3,}",
        "\\Q.*\\E\\.",
        "a{0}b",
        "",
    ],
)
def test_a_generated_text_matches_its_pattern(pattern: str) -> None:
    for _ in range(20):
        assert compiled(pattern).fullmatch(generate(pattern)), pattern


@pytest.mark.parametrize(
    ("pattern", "operator"),
    [pytest.param("^a", 9, id="start"), pytest.param("a$", 10, id="end"), pytest.param("\\bfoo", 11, id="word")],
)
def test_anchors_cannot_be_generated(pattern: str, operator: int) -> None:
    with pytest.raises(UnsupportedPattern, match=f"Unsupported pattern operator {operator}."):
        generate(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("(" * 60 + "a" + ")" * 60, id="nested deep"),
        pytest.param("(" * 8 + "a{5}" + "){5}" * 8, id="multiplied without end"),
    ],
)
def test_a_pattern_cannot_make_the_server_work_for_long(pattern: str) -> None:
    with pytest.raises(UnsupportedPattern):
        generate(pattern)


def test_a_nested_quantifier_cannot_hang_the_server() -> None:
    assert not matches("^(a+)+$", "a" * 5000 + "!")


def test_every_letter_is_drawn() -> None:
    assert set(generate("[a-c]{1000}")) == set("abc")
