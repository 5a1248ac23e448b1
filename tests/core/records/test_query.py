"""Reading records: by id, by values, a page of a filtered list, and asking a rule about one record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from appliance.core.record import Record
from appliance.core.records import query as record_query
from appliance.core.records import statement as record_statement
from appliance.core.records.page import ListQuery, list_records
from appliance.core.records.query import (
    find_allowed_record,
    find_allowed_records,
    find_record,
    find_records,
    find_records_by,
    matches_rule,
    values_match,
)
from appliance.core.records.statement import MAX_VARIANTS, PAGE, PLAN_OVERHEAD, PlanCache, Spec
from appliance.core.request_info import RequestInfo
from appliance.errors import BadRequest, Forbidden, RuleError
from tests.core.records_world import World, open_world

ONE, TWO, THREE = (f"post{place:0>11}" for place in (1, 2, 3))


def posts(world: World) -> Any:
    return world.app.collections.get("posts")


def stored(world: World, record_id: str = ONE) -> Record:
    found = find_record(world.app, posts(world), record_id)
    assert found is not None
    return found


def listed(world: World, who: str = "", **query: Any) -> list[str]:
    page = list_records(world.app, posts(world), ListQuery(**query), world.asking(who))
    return [each.id for each in page.records]


def test_a_record_is_found_by_its_id_with_every_value(world: World) -> None:
    record = stored(world)
    assert (record.id, record["title"], record["score"], record["published"]) == (ONE, "Post 1", 1, True)
    assert record["meta"] == {"a": {"b": 1}, "z": "q"}
    assert not record.is_new
    assert find_record(world.app, posts(world), "nothing00000000") is None
    assert find_record(world.app, posts(world), "' OR 1=1 --") is None


def test_records_are_found_by_values_with_and_without_case(world: World) -> None:
    people = world.app.collections.get("people")
    assert [each.id for each in find_records_by(world.app, people, {"email": "ann@example.com"})] == ["000000000000ann"]
    assert find_records_by(world.app, people, {"email": "ANN@example.com"}) == []
    assert len(find_records_by(world.app, people, {"email": "ANN@example.com"}, ignore_case=True)) == 1
    assert len(find_records_by(world.app, people, {"role": "member"})) == 2
    assert len(find_records_by(world.app, people, {"role": "member", "name": "Bob"})) == 1


def test_a_value_can_only_be_asked_of_a_column_of_the_schema(world: World) -> None:
    with pytest.raises(KeyError):
        find_records_by(world.app, posts(world), {'title" = 1 OR "1': "x"})


def test_records_come_in_the_order_of_their_ids_and_once(world: World) -> None:
    found = find_records(world.app, posts(world), [THREE, "nothing00000000", ONE, THREE])
    assert [each.id for each in found] == [THREE, ONE]
    assert find_records(world.app, posts(world), []) == []


@pytest.mark.parametrize(
    ("who", "rule", "found"),
    [
        pytest.param("", "", [ONE, TWO, THREE], id="an empty rule lets everyone"),
        pytest.param("ann", None, [], id="no rule lets no member"),
        pytest.param("root", None, [ONE, TWO, THREE], id="no rule lets superusers"),
        pytest.param("root", "1 = 2", [ONE, TWO, THREE], id="no rule binds superusers"),
        pytest.param("", "published = true", [ONE, TWO], id="a rule about the record"),
        pytest.param("bob", "author = @request.auth.id", [TWO, THREE], id="a rule about the author"),
        pytest.param("", "author = @request.auth.id", [], id="a guest is nobody's author"),
        pytest.param("ann", "author.name = @request.auth.name", [ONE], id="a rule that joins"),
    ],
)
def test_a_rule_chooses_among_ids(world: World, who: str, rule: str | None, found: list[str]) -> None:
    asking = world.asking(who)
    ids = [ONE, TWO, THREE]
    assert [each.id for each in find_allowed_records(world.app, posts(world), ids, rule, asking)] == found
    for each in ids:
        one = find_allowed_record(world.app, posts(world), each, rule, asking)
        assert (one is not None) is (each in found)
        assert matches_rule(world.app, stored(world, each), rule, asking) is (each in found)


def test_a_new_record_is_judged_by_the_values_that_it_would_get(world: World) -> None:
    draft = Record(posts(world), {"title": "Draft", "author": world.people["bob"].id, "score": 7})
    asking = world.asking("bob", method="POST", body={"title": "Draft"})
    rule = "author = @request.auth.id && score = 7 && @request.body.title = title && secret = '' && id != ''"
    assert matches_rule(world.app, draft, rule, asking)
    assert not matches_rule(world.app, draft, rule, world.asking("ann", body={"title": "Draft"}))
    assert matches_rule(world.app, draft, "author.name = 'Bob' && editors.name = ''", asking)
    assert find_records_by(world.app, posts(world), {"title": "Draft"}) == []


@pytest.mark.parametrize(
    ("rule", "passing", "refused"),
    [
        pytest.param("author = @request.auth.id", {"author": "bob"}, {"author": "cyd"}, id="a value and who asks"),
        pytest.param("score = 1", {"score": 1}, {"score": 2}, id="a number"),
        pytest.param("score = 1", {"score": 1}, {"published": True}, id="what the rule doesn't speak of"),
        pytest.param("title != ''", {"title": "x"}, {}, id="a value or none"),
        pytest.param("meta.a = 'x'", {"meta": {"a": "x"}}, {"meta": {"a": "y"}}, id="inside a json value"),
        pytest.param("editors:length = 1", {"editors": ["bob"]}, {"editors": ["bob", "cyd"]}, id="how many"),
        pytest.param("author.name = 'Bob'", {"author": "bob"}, {"author": "cyd"}, id="another table's row"),
    ],
)
def test_a_verdict_about_a_draft_counts_for_its_values_only(
    world: World, rule: str, passing: dict[str, Any], refused: dict[str, Any]
) -> None:
    def verdict(values: dict[str, Any]) -> bool:
        draft = Record(posts(world))
        for name, value in values.items():
            people = [
                world.people[each].id if isinstance(each, str) and each in world.people else each
                for each in as_list(value)
            ]
            draft[name] = people if isinstance(value, list) else people[0]
        return matches_rule(world.app, draft, rule, world.asking("bob", method="POST"))

    assert [verdict(values) for values in (passing, refused, passing, refused)] == [True, False, True, False]


def as_list(value: Any) -> list[Any]:
    """One value or many, as a list."""
    return value if isinstance(value, list) else [value]


def test_a_rule_about_a_draft_sees_what_other_tables_hold_now(tmp_path: Path) -> None:
    with open_world(tmp_path) as fresh:
        draft = Record(posts(fresh), {"title": "Only once"})
        verdicts = []
        for title in ("Another", "Only once"):
            fresh.record("posts", title=title)
            verdicts.append(matches_rule(fresh.app, draft, "@collection.posts.title != title", fresh.asking("bob")))
    assert verdicts == [True, False]


def test_nothing_points_to_a_record_that_is_not_stored_yet(world: World) -> None:
    with pytest.raises(RuleError):
        matches_rule(world.app, Record(posts(world), {}), "comments_via_post.message = ''", RequestInfo())
    assert matches_rule(world.app, stored(world), "comments_via_post.message ~ 'm'", RequestInfo())


def test_a_stored_record_can_be_judged_by_values_that_its_row_has_no_more(world: World) -> None:
    record = stored(world)
    record["title"] = "Another"
    asking = world.asking("bob")
    assert values_match(world.app, record, "title = 'Another'", "comments_via_post.id != ''", asking)
    assert not values_match(world.app, record, "title = 'Post 1'", "", asking)
    assert not values_match(world.app, record, "", "title = 'Post 1'", asking)
    assert not values_match(world.app, record, None, "", asking)
    assert matches_rule(world.app, record, "title = 'Post 1'", asking)


def test_a_rule_that_names_what_is_gone_raises(world: World) -> None:
    with pytest.raises(RuleError, match='unknown field "gone"'):
        matches_rule(world.app, stored(world), "gone = 1", RequestInfo())


def test_a_page_has_its_numbers(world: World) -> None:
    page = list_records(world.app, posts(world), ListQuery(sort="-score", page=2, per_page=2), RequestInfo())
    assert [each.id for each in page.records] == [ONE]
    assert (page.page, page.per_page, page.total, page.total_pages) == (2, 2, 3, 2)
    page = list_records(world.app, posts(world), ListQuery(sort="score", per_page=2, skip_total=True), RequestInfo())
    assert [each.id for each in page.records] == [ONE, TWO]
    assert (page.total, page.total_pages) == (-1, -1)


@pytest.mark.parametrize(("page", "per_page"), [(0, 0), (-1, -1), (2**62, 1), (1, 2**62)])
def test_numbers_out_of_range_are_moved_into_it(world: World, page: int, per_page: int) -> None:
    found = list_records(world.app, posts(world), ListQuery(page=page, per_page=per_page), RequestInfo())
    assert found.page >= 1
    assert 1 <= found.per_page <= 1000
    assert found.total == 3


def test_rule_and_filter_must_both_hold(world: World) -> None:
    notes = world.app.collections.get("notes")
    for text, found in (("", ["bob"]), ("message = 'ann' || message = 'bob'", ["bob"]), ("message = 'ann'", [])):
        page = list_records(world.app, notes, ListQuery(filter=text), world.asking("bob"))
        assert [each["message"] for each in page.records] == found
        assert page.total == len(found)


def test_a_record_is_listed_once_however_many_joins_reach_it(world: World) -> None:
    page = list_records(
        world.app, posts(world), ListQuery(filter="comments_via_post.message ?~ 'm' && editors.name ?!= ''"),
        RequestInfo(),
    )  # fmt: skip
    assert len({each.id for each in page.records}) == len(page.records) == page.total == 3


def test_only_superusers_list_a_collection_without_rule(world: World) -> None:
    vault = world.app.collections.get("vault")
    for who in ("", "ann"):
        with pytest.raises(Forbidden, match="Only superusers can perform this action"):
            list_records(world.app, vault, ListQuery(), world.asking(who))
    assert list_records(world.app, vault, ListQuery(), world.asking("root")).total == 1


@pytest.mark.parametrize("room", ["@request.", "@collection."])
def test_only_superusers_filter_and_sort_by_the_request_and_other_collections(world: World, room: str) -> None:
    name = {"@request.": "@request.auth.id", "@collection.": "@collection.vault.code"}[room]
    for query in ({"filter": f"{name} != ''"}, {"sort": name}):
        with pytest.raises(Forbidden) as caught:
            listed(world, "ann", **query)
        assert caught.value.message == f"Only superusers can filter by {room}"
    assert listed(world, "root", filter=f"{name} ?!= ''")


@pytest.mark.parametrize(
    ("query", "hint"),
    [
        pytest.param({"filter": "titel = 'x'"}, "Column 1: posts has no field titel. Did you mean title?", id="filter"),
        pytest.param({"sort": "title,-scor"}, "Column 7: posts has no field scor. Did you mean score?", id="sort"),
        pytest.param({"filter": "title ="}, "Column 8: invalid or incomplete filter expression.", id="half a filter"),
        pytest.param({"filter": "x" * 3501}, "A filter may have 3500 bytes.", id="a long filter"),
        pytest.param({"sort": ",".join(["title"] * 9)}, "At most 8 sort keys can be used at once.", id="nine keys"),
    ],
)
def test_a_bad_query_says_nothing_to_the_client_and_all_to_the_operator(
    world: World, query: dict[str, str], hint: str
) -> None:
    with pytest.raises(BadRequest) as caught:
        listed(world, **query)
    assert caught.value.as_json() == {
        "status": 400,
        "message": "Something went wrong while processing your request.",
        "data": {},
    }
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    "query",
    [
        pytest.param({"filter": "secret = 's1'"}, id="filtered by"),
        pytest.param({"sort": "secret"}, id="sorted by"),
        pytest.param({"filter": "author.pin = '1'"}, id="filtered by behind a relation"),
        pytest.param({"filter": "reviewer.name = 'Cyd'"}, id="crossed as a relation"),
        pytest.param({"filter": "reviewer.id = 'x'"}, id="read as a relation's id"),
        pytest.param({"filter": "author.posts_via_reviewer.id != ''"}, id="crossed backwards"),
        pytest.param({"filter": "secret:lower ~ 's'"}, id="filtered by with a modifier"),
        pytest.param({"filter": "strftime('%Y', secret) = ''"}, id="given to a function"),
        pytest.param({"filter": "author.tokenKey != ''"}, id="a token key"),
        pytest.param({"filter": "vault_via_post.code ?= 'x'"}, id="of a closed collection"),
    ],
)
def test_what_is_hidden_can_not_be(world: World, query: dict[str, str]) -> None:
    for who in ("", "ann"):
        with pytest.raises(BadRequest):
            listed(world, who, **query)
    assert listed(world, "root", **query) is not None


def test_joined_records_count_only_when_their_list_rule_shows_them(world: World) -> None:
    text = "notes_via_post.message ?= 'bob'"
    assert listed(world, "bob", filter=text) == [ONE]
    assert listed(world, "cyd", filter=text) == []
    assert listed(world, "", filter=text) == []
    assert listed(world, "root", filter=text) == [ONE]


def test_a_hidden_address_is_found_by_nobody_but_superusers(world: World) -> None:
    text = "author.email = 'bob@example.com'"
    assert listed(world, "bob", filter=text) == []
    assert listed(world, "root", filter=text) == [TWO, THREE]
    assert listed(world, "", filter="author.email = 'ann@example.com'") == [ONE]


def test_a_statement_is_built_once_for_requests_of_one_shape(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    built = _count_builds(monkeypatch)
    rule = "author = @request.auth.id && score > @request.query.least"
    for who in ("ann", "bob", "cyd", "ann"):
        matches_rule(world.app, stored(world), rule, world.asking(who, query={"least": "0"}))
    assert built == ["built"]
    matches_rule(world.app, stored(world), rule, world.asking("", query={"least": "0"}))
    matches_rule(world.app, stored(world), rule, world.asking("bob"))
    assert len(built) == 3


def _count_builds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    built: list[str] = []
    original = record_statement.build_plan

    def counting(*arguments: Any) -> Any:
        built.append("built")
        return original(*arguments)

    monkeypatch.setattr(record_statement, "build_plan", counting)
    return built


def test_the_cache_of_plans_keeps_within_its_size(world: World) -> None:
    cache = PlanCache(characters=3 * (PLAN_OVERHEAD + 500))
    for number in range(10):
        cache.get(world.app.collections, posts(world), Spec(PAGE, filter=f"score = {number}"), RequestInfo())
    assert len(cache) == 3


def test_one_rule_keeps_a_limited_number_of_shapes(world: World) -> None:
    cache = PlanCache()
    names = [f"n{number}" for number in range(5)]
    spec = Spec(PAGE, rule=" || ".join(f"title = @request.query.{name}" for name in names))
    for bits in range(32):
        query = {name: "x" for place, name in enumerate(names) if bits >> place & 1}
        plan = cache.get(world.app.collections, posts(world), spec, RequestInfo(query=query))
        assert plan.fits(RequestInfo(query=query))
    assert cache.variants(posts(world), spec) == MAX_VARIANTS


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("\ud800", id="half a surrogate pair"),
        pytest.param("\x00", id="a zero byte"),
        pytest.param(10**30, id="a whole number over 64 bits"),
        pytest.param(-(10**400), id="a whole number over every float"),
        pytest.param(float("inf"), id="infinity"),
        pytest.param({"a": ["\ud800", {"b": None}]}, id="a nested value"),
        pytest.param(["x"] * 10_000, id="a long list"),
        pytest.param("%" * 100_000, id="a pattern over the database's limit"),
    ],
)
def test_no_value_of_a_request_breaks_a_rule(world: World, value: Any) -> None:
    asking = world.asking("bob", body={"any": value, "editors": value, "title": value}, query={"q": str(value)})
    for rule in (
        "title = @request.body.any", "title ~ @request.body.any", "@request.body.any ~ title",
        "title ~ @request.query.q",
        "@request.body.editors:each ?= 'x'", "@request.body.editors.name ?= 'x'", "@request.body.editors:length > 1",
        "@request.body.title:changed = true", "@request.body.any:lower = 'x'", "meta.a = @request.body.any",
        "geoDistance(@request.body.any, 1, 2, 3) > 1", "strftime('%Y', @request.body.any) = '2024'",
    ):  # fmt: skip
        try:
            assert matches_rule(world.app, stored(world), rule, asking) in (True, False)
        except RuleError as error:
            assert error.message == "the expression can't be evaluated"
    assert find_records_by(world.app, posts(world), {"title": value if isinstance(value, str) else str(value)}) == []


def test_a_view_has_no_row_order_to_sort_by(world: World) -> None:
    from dataclasses import replace

    view = replace(posts(world), type="view")
    with pytest.raises(BadRequest):
        list_records(world.app, view, ListQuery(sort="@rowid"), RequestInfo())


def test_hostile_filters_do_not_fill_the_memory(world: World) -> None:
    cache = PlanCache(characters=50_000)
    for number in range(40):
        text = " || ".join(f"editors.name = '{number}.{each}'" for each in range(20))
        cache.get(world.app.collections, posts(world), Spec(PAGE, filter=text), RequestInfo())
    assert 1 <= len(cache) < 10


def test_a_plan_in_use_stays(world: World) -> None:
    cache = PlanCache(characters=2 * (PLAN_OVERHEAD + 500))
    used = Spec(PAGE, filter="score = 0")
    first = cache.get(world.app.collections, posts(world), used, RequestInfo())
    for number in range(1, 5):
        cache.get(world.app.collections, posts(world), Spec(PAGE, filter=f"score = {number}"), RequestInfo())
        assert cache.get(world.app.collections, posts(world), used, RequestInfo()) is first


def test_sorting_tells_nothing_of_an_address_that_its_owner_hides(world: World) -> None:
    people = world.app.collections.get("people")

    def sorted_by(who: str, sort: str) -> list[str]:
        page = list_records(world.app, people, ListQuery(sort=sort), world.asking(who))
        return [each["name"] for each in page.records]

    assert sorted_by("root", "-email") == ["Cyd", "Bob", "Ann"]
    for who in ("", "bob"):
        assert sorted_by(who, "-email,name") == ["Ann", "Bob", "Cyd"]
        assert sorted_by(who, "-email:lower,-name") == ["Ann", "Cyd", "Bob"]


def test_a_filter_that_multiplies_without_end_is_stopped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_query, "MAX_SECONDS", 0.2)
    text = " && ".join(f"@collection.people:a{number}.name ?!= 'x'" for number in range(25))
    with pytest.raises(BadRequest) as caught:
        listed(world, "root", filter=text)
    assert "took too long" in caught.value.hint
    assert len(listed(world, "root")) == 3


@pytest.mark.parametrize(
    ("rule", "allowed"),
    [
        pytest.param("score > @request.query.least", True, id="a number beside a text"),
        pytest.param("score = '1'", True, id="a number beside a quoted number"),
        pytest.param("published = @request.query.least", False, id="a truth value beside a text"),
        pytest.param("title = 'Post 1' && meta.a.b = 1 && editors.name ?= 'Bob'", True, id="other kinds"),
    ],
)
def test_values_in_memory_compare_as_the_row_would(world: World, rule: str, allowed: bool) -> None:
    asking = world.asking("bob", query={"least": "0"})
    record = stored(world)
    assert matches_rule(world.app, record, rule, asking) is allowed
    assert values_match(world.app, record, rule, "", asking) is allowed
