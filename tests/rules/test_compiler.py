"""The compiler alone: nothing of the text gets into the SQL, every parameter has its place, errors point."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pysqlite3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.core.records.statement import EXISTS, PAGE, Plan, Spec, build_plan
from appliance.core.request_info import RequestInfo
from appliance.core.resolvers.values import Asking
from appliance.errors import RuleError
from appliance.sql import bind
from tests.rules.schema import world_schema

MARK = "zqx"
SQL_WORDS = re.compile(r"[A-Za-z0-9_.$\"'(),*=!<>|%\-+/ \\\[\]?]*")


def plan_of(text: str, by_superuser: bool = True, request: RequestInfo | None = None, sort: str = "") -> Plan:
    """The plan of a filter on projects."""
    schema = world_schema()
    spec = Spec(PAGE, "", text, sort, by_superuser)
    return build_plan(schema, schema.get("projects"), spec, request or RequestInfo())


@pytest.mark.parametrize(
    "text",
    [
        "title='zqx'", 'title~"zqx%"', "meta.zqx=1", "meta.a.zqx:b='zqx'", "title='zqx\\'; DROP TABLE projects; --'",
        "@collection.tasks:zqx.title?='zqx'", "@request.query.zqx='zqx'", "@request.headers.zqx!=''",
        "@request.body.zqx.a~'zqx'", "@request.auth.zqx='zqx'", "@request.body.zqx:isset=true",
        "strftime('%Yzqx',starts,'zqx')='zqx'", "place.zqx=1", "labels:each?='zqx'", "members.name='zqx'",
        "owner.email!~'zqx'", "'zqx'=title", "'zqx'~'zqx' // zqx",
    ],
)  # fmt: skip
def test_no_text_of_the_filter_is_in_the_sql(text: str) -> None:
    request = RequestInfo(body={"zqx": {"a": "zqx"}}, query={"zqx": "zqx"}, headers={"zqx": "zqx"})
    plan = plan_of(text, request=request)
    assert plan.count is not None
    assert MARK not in plan.select.text.lower()
    assert MARK not in plan.count.text.lower()


NAMES = st.sampled_from(
    ["title", "budget", "meta.a", "labels:each", "members.name", "owner.company.name", "tasks_via_project.title",
     "@now", "null", "true", "labels:length", "title:lower", "@request.query.q", "@request.body.labels:each",
     "@request.auth.name", "@request.body.owner.name", "@collection.tasks.title", "place.lon", "1", "-2.5",
     "strftime('%Y',starts)", "geoDistance(place.lon,place.lat,1,2)", "@request.body.title:changed"]
)  # fmt: skip
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12).map(
    lambda text: "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
)
SIDES = st.one_of(NAMES, TEXTS)
SIGNS = st.sampled_from(["=", "!=", "~", "!~", ">", "<=", "?=", "?!=", "?~", "?>"])
COMPARISONS = st.tuples(SIDES, SIGNS, SIDES).map("".join)
FILTERS = st.recursive(
    COMPARISONS, lambda inner: st.tuples(inner, st.sampled_from([" && ", "||"]), inner).map(lambda x: f"({''.join(x)})")
)


@pytest.fixture(scope="module")
def empty_database() -> Any:
    """The world's tables without rows."""
    connection = pysqlite3.connect(":memory:")
    for collection in world_schema().collections:
        columns = ", ".join(f'"{each.name}"' for each in collection.fields)
        if columns:
            connection.execute(f'CREATE TABLE "{collection.name}" ({columns})')
    return connection


@given(FILTERS)
@settings(max_examples=150, deadline=None)
def test_any_readable_filter_runs_with_as_many_parameters_as_places(empty_database: Any, text: str) -> None:
    request = RequestInfo(body={"labels": ["a"], "owner": "x", "title": "t"}, query={"q": "1"})
    plan = plan_of(text, request=request)
    asking = Asking(request, datetime(2026, 11, 23, tzinfo=UTC), {"limit": 1, "offset": 0})
    for statement in (plan.select, plan.count):
        assert statement is not None
        assert SQL_WORDS.fullmatch(statement.text), "only the schema's names and SQL's own characters"
        assert statement.text.count("?") == len(statement.parameters)
        empty_database.execute(statement.text, bind(statement.parameters, asking))


@given(st.text(max_size=40))
@settings(deadline=None)
def test_any_text_compiles_or_is_refused(text: str) -> None:
    for place in (text, f"title={text}", f"{text}='x'", f"meta.{text}=1", f"@request.body.{text}=1"):
        try:
            plan_of(place, by_superuser=False)
        except RuleError as error:
            assert error.message


@given(st.text(alphabet="abt,-+@.:_ ", max_size=30))
@settings(deadline=None)
def test_any_sort_is_compiled_or_refused(sort: str) -> None:
    try:
        plan_of("", sort=sort)
    except RuleError as error:
        assert error.message


@pytest.mark.parametrize(
    ("text", "column", "hint"),
    [
        pytest.param("budget > 1 && statuss = 'open'", 15, "Did you mean status?", id="a misspelled field"),
        pytest.param("owner.nmae = 'Ann'", 1, "people has no field nmae. Did you mean name?", id="behind a relation"),
        pytest.param("title = owner.pni", 9, "people has no field pni. Did you mean pin?", id="on the right side"),
        pytest.param("title.x = 1", 1, "projects.title is a text field", id="a path through a text"),
        pytest.param("title:upper = 'X'", 1, "There is no modifier :upper", id="an unknown modifier"),
        pytest.param("(a=1)", 2, "projects has no field a.", id="inside a group"),
        pytest.param("@foo = 1", 1, "@foo is no field, no macro", id="an unknown macro"),
        pytest.param("distance(1,2) < 3", 1, "there are geoDistance, strftime", id="an unknown function"),
        pytest.param("@collection.task.id = ''", 1, "There is no collection task.", id="an unknown collection"),
        pytest.param("tasks_via_owner.id = ''", 1, "tasks has no field owner", id="an unknown back-relation"),
        pytest.param("comments_via_author.id = ''", 1, "does not point to projects", id="another's back-relation"),
        pytest.param("@request.body.title:length = 1", 1, "title is a text field", id="the length of a text"),
        pytest.param(".".join(["parent"] * 7) + ".title = ''", 1, "A path may cross 6 relations.", id="too far"),
    ],
)
def test_an_error_tells_the_operator_where_and_what_to_do(text: str, column: int, hint: str) -> None:
    with pytest.raises(RuleError) as caught:
        plan_of(text)
    assert caught.value.column == column
    assert caught.value.hint.startswith(f"Column {column}: ")
    assert hint in caught.value.hint


def test_a_hidden_field_is_unknown_to_a_client_and_not_guessed_at() -> None:
    for text in ("secret = 'x'", "owner.pin = 'x'", "secre = 'x'"):
        with pytest.raises(RuleError) as caught:
            plan_of(text, by_superuser=False)
        assert "secret?" not in caught.value.hint


def test_more_joins_than_a_database_can_do_are_refused() -> None:
    text = " && ".join(f"@collection.tasks:a{number}.title ?= 'x'" for number in range(61))
    with pytest.raises(RuleError, match="too many relations"):
        plan_of(text)


def test_equal_paths_share_their_joins() -> None:
    once, twice = plan_of("members.name ?= 'a'"), plan_of("members.name ?= 'a' && members.role ?= 'b'")
    assert once.select.text.count("JOIN") == twice.select.text.count("JOIN")


def test_a_statement_without_relations_has_no_join_and_no_distinct() -> None:
    plan = plan_of("title = 'x' && budget > 1 && meta.a = 2")
    assert "JOIN" not in plan.select.text
    assert "DISTINCT" not in plan.select.text


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param({"q": "a"}, {"q": "b"}, True, id="another value"),
        pytest.param({"q": "a"}, {"q": ""}, False, id="an empty value"),
        pytest.param({"q": "a"}, {}, False, id="no value"),
        pytest.param({}, {"r": "a"}, True, id="a value that the rule does not ask for"),
    ],
)
def test_a_plan_fits_requests_of_the_same_shape(one: dict[str, str], other: dict[str, str], same: bool) -> None:
    schema = world_schema()
    spec = Spec(EXISTS, "title = @request.query.q")
    plan = build_plan(schema, schema.get("projects"), spec, RequestInfo(query=one))
    assert plan.fits(RequestInfo(query=other)) is same


def test_a_function_on_the_right_of_contains_is_looked_for_by_its_value() -> None:
    connection = pysqlite3.connect(":memory:")
    plan = plan_of("'year 2024!' ~ strftime('%Y', '2024-05-06') && '314 km' ~ geoDistance(1, 2, 1, 2)")
    found = plan.select.text.partition(" WHERE ")[2].partition(" LIMIT ")[0]
    (value,) = connection.execute(f"SELECT {found}", bind(plan.select.parameters[:-2], None)).fetchone()
    assert value == 0
    plan = plan_of("'year 2024!' ~ strftime('%Y', '2024-05-06')")
    found = plan.select.text.partition(" WHERE ")[2].partition(" LIMIT ")[0]
    assert connection.execute(f"SELECT {found}", bind(plan.select.parameters[:-2], None)).fetchone() == (1,)


def test_a_lowered_value_of_the_request_is_looked_for_letter_by_letter() -> None:
    plan = plan_of("title ~ @request.query.q:lower", request=RequestInfo(query={"q": "A_B"}))
    asking = Asking(RequestInfo(query={"q": "A_B"}), datetime(2026, 1, 1, tzinfo=UTC), {"limit": 1, "offset": 0})
    assert bind(plan.select.parameters, asking)[0] == r"%A\_B%"
