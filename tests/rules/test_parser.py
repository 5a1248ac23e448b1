"""What the parser makes of a text, and what it says of one that it can't read (the original's own words)."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from appliance.errors import RuleError
from appliance.rules.limits import MAX_DEPTH
from appliance.rules.parser import parse_expression
from appliance.rules.scanner import SIGNS
from appliance.rules.tree import Call, Comparison, Group, Identifier, Number, Text


def the_comparison(text: str) -> Comparison:
    """The only comparison of a text."""
    (term,) = parse_expression(text).terms
    assert isinstance(term.expression, Comparison)
    return term.expression


@pytest.mark.parametrize("sign", sorted(SIGNS))
def test_every_sign_is_read_with_and_without_blanks(sign: str) -> None:
    for text in (f"a{sign}1", f"a {sign} 1", f"a\n{sign}\t1"):
        found = the_comparison(text)
        assert (found.operator, found.is_any) == (sign.removeprefix("?"), sign.startswith("?"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("'a'", "a", id="single quotes"),
        pytest.param('"a"', "a", id="double quotes"),
        pytest.param("'a\"b'", 'a"b', id="the other quote is a letter"),
        pytest.param(r"'a\'b'", "a'b", id="the quote escaped"),
        pytest.param(r"'a\\'", "a\\", id="the backslash escaped"),
        pytest.param(r"'a\nb'", r"a\nb", id="any other escape stays as written"),
        pytest.param("'a\nb'", "a\nb", id="a line break inside"),
        pytest.param("'// no comment'", "// no comment", id="slashes inside"),
        pytest.param("''", "", id="nothing inside"),
        pytest.param("'é😀\x01'", "é😀\x01", id="any character but a zero byte inside"),
    ],
)
def test_a_text_has_its_value(text: str, value: str) -> None:
    right = the_comparison(f"a={text}").right
    assert isinstance(right, Text)
    assert right.value == value


@pytest.mark.parametrize(("text", "value"), [("1", 1), ("-1", -1), ("1.50", 1.5), ("-.5", -0.5), ("007", 7)])
def test_a_number_has_its_value(text: str, value: float) -> None:
    right = the_comparison(f"a={text}").right
    assert isinstance(right, Number)
    assert right.value == value


def test_a_call_has_its_arguments() -> None:
    left = the_comparison("f(a.b, 'x', -1, g(), // why\n h(1),) = 1").left
    assert isinstance(left, Call)
    kinds = [type(each) for each in left.arguments]
    assert kinds == [Identifier, Text, Number, Call, Call]


def test_columns_point_into_the_whole_text_even_from_inside_groups() -> None:
    group = parse_expression("a=1 && (b=2 || (c=3))").terms[1].expression
    assert isinstance(group, Group)
    inner = group.terms[1].expression
    assert isinstance(inner, Group)
    comparison = inner.terms[0].expression
    assert isinstance(comparison, Comparison)
    assert isinstance(comparison.left, Identifier)
    assert comparison.left.column == 17


@pytest.mark.parametrize(
    ("text", "message", "column"),
    [
        pytest.param(" ", "empty filter expression", 2, id="nothing"),
        pytest.param("()", "empty filter expression", 2, id="an empty group"),
        pytest.param("title", "invalid or incomplete filter expression", 6, id="a lonely name"),
        pytest.param("title=", "invalid or incomplete filter expression", 7, id="no right side"),
        pytest.param("title=1 &&", "invalid or incomplete filter expression", 11, id="nothing behind a join"),
        pytest.param("title (a=1)", "invalid or incomplete filter expression", 7, id="a group after half a comparison"),
        pytest.param(
            "=1",
            'expected left operand (identifier, function, text or number), got "=" (sign)',
            1,
            id="no left side",
        ),
        pytest.param(
            "a = &&",
            'expected right operand (identifier, function text or number), got "&&" (join)',
            5,
            id="a join on the right",
        ),
        pytest.param("a b", 'expected a sign operator, got "b" (identifier)', 3, id="two names"),
        pytest.param("a=1 b", 'expected && or ||, got "b" (identifier)', 5, id="no join"),
        pytest.param("a=1 and b=1", 'expected && or ||, got "and" (identifier)', 5, id="a word as join"),
        pytest.param("a==1", 'invalid sign operator "=="', 2, id="a doubled sign"),
        pytest.param("a=1 & b=1", 'invalid join operator "&"', 5, id="half a join"),
        pytest.param("a='x", 'invalid quoted text "\'x"', 3, id="an open quote"),
        pytest.param("a='x\\", 'invalid quoted text "\'x"', 3, id="an open quote behind a backslash"),
        pytest.param("a='x\0y'", 'invalid quoted text "\'x"', 3, id="a zero byte in a text"),
        pytest.param("a=1 // b\0c", 'expected && or ||, got "c" (identifier)', 10, id="a zero byte in a comment"),
        pytest.param("a=1\0", "unexpected character '\\x00'", 4, id="a zero byte"),
        pytest.param("a=1.", 'invalid number "1."', 3, id="a number without end"),
        pytest.param("a=-", 'invalid number "-"', 3, id="a lonely minus"),
        pytest.param("a.=1", 'invalid identifier "a."', 1, id="a name that ends in a dot"),
        pytest.param("a:=1", 'invalid identifier "a:"', 1, id="a name without modifier"),
        pytest.param("a=`x`", "unexpected character '`'", 3, id="a strange quote"),
        pytest.param("a=1;", "unexpected character ';'", 4, id="a semicolon"),
        pytest.param("a=\u00a01", "unexpected character '\\u00a0'", 3, id="a blank that is none"),
        pytest.param("a=1\r", "unexpected character '\\r'", 4, id="a carriage return"),
        pytest.param("a=\x01", "unexpected character '\\x01'", 3, id="a control character"),
        pytest.param("a=1 /b", "invalid comment", 5, id="half a comment"),
        pytest.param("(a=1", "invalid formatted group - missing 1 closing bracket(s)", 1, id="an open bracket"),
        pytest.param("a=1)", "unexpected character ')'", 4, id="a bracket too many"),
        pytest.param("f(,1)=1", 'unexpected comma in function "f"', 3, id="a comma first"),
        pytest.param("f(1 2)=1", 'expected comma after the last argument in function "f"', 5, id="no comma"),
        pytest.param("f((1))=1", "unsupported argument character '(' in function \"f\"", 3, id="a group as argument"),
        pytest.param("f(1", "invalid or incomplete function \"f\" (expected ')')", 4, id="an open call"),
        pytest.param(
            "f(1.)=1", 'invalid number argument "1." in function "f": invalid number "1."', 3, id="a bad argument"
        ),
    ],
)
def test_an_unreadable_text_gets_the_originals_sentence_and_a_column(text: str, message: str, column: int) -> None:
    with pytest.raises(RuleError) as caught:
        parse_expression(text)
    assert (caught.value.message, caught.value.column) == (message, column)
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("(" * (MAX_DEPTH + 1) + "a=1" + ")" * (MAX_DEPTH + 1), id="brackets"),
        pytest.param("(" * 100_000, id="only opening brackets"),
        pytest.param("f(" * (MAX_DEPTH + 1) + ")" * (MAX_DEPTH + 1) + "=1", id="calls"),
        pytest.param("f(" * 100_000, id="only opening calls"),
        pytest.param("a=1||" * 200 + "a=1", id="comparisons"),
        pytest.param("a='" + "x" * 1_000_000 + "'", id="length"),
    ],
)
def test_what_is_too_deep_too_many_or_too_long_is_refused(text: str) -> None:
    with pytest.raises(RuleError):
        parse_expression(text)


PIECES = st.sampled_from(
    ["a", "a.b", "@now", "'x'", '"', "'", "\\", "1", "-", ".", "=", "!", "~", "?", ">", "&&", "|", "(", ")", ",", "/",
     "//", "\n", " ", "f(", "title:lower", "@request.body.x", "é", "\x00", "null", "_via_", ":", "#"]
)  # fmt: skip


@given(st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=25).map("".join)))
@settings(deadline=None)
@example("((((")
@example("f(f(f(")
@example("'\\")
def test_any_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    try:
        group = parse_expression(text)
    except RuleError as error:
        assert error.message
        assert 0 <= error.column <= len(text) + 1
    else:
        assert group.terms
