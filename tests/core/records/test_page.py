"""A page and its total in one pass say what two statements say."""

from __future__ import annotations

import itertools
from dataclasses import replace

import orjson
import pytest

from appliance.core.records import page as record_page
from appliance.core.records.json import pick_fields, records_as_json
from appliance.core.records.page import ListQuery, RowPage, list_records, read_page
from appliance.core.records.query import find_records_by, plan_for
from appliance.core.records.save import update_record
from appliance.core.records.statement import PAGE, Plan, Spec
from appliance.core.records.text import page_text
from appliance.core.request_info import RequestInfo
from tests.core.records_world import World

FILTERS = ("score > 0", "score >= 0 || title = ''", "title ~ 'o'", "score = 99999", "published = true && score < 9")
SORTS = ("-score", "title,-score", "@rowid", "-@rowid", "-published,score,id")
PAGES = ((1, 1), (2, 1), (1, 2), (2, 2), (1, 500), (9, 30))


def in_two_statements(plan: Plan) -> Plan:
    return replace(plan, at_once=None)


@pytest.mark.parametrize("filter_text", FILTERS)
def test_one_pass_brings_the_same_page_and_total(
    world: World, filter_text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts = world.app.collections.get("posts")
    for sort, (page, per_page) in itertools.product(SORTS, PAGES):
        query = ListQuery(filter_text, sort, page, per_page)
        asking = world.asking("root")
        assert plan_for(world.app, posts, Spec(PAGE, "", filter_text, sort, True), asking).at_once is not None
        world.app.cache.forget()
        at_once = read_page(world.app, posts, query, asking)
        world.app.cache.forget()
        with monkeypatch.context() as patched:
            patched.setattr(record_page, "plan_for", lambda *spec: in_two_statements(plan_for(*spec)))
            apart = read_page(world.app, posts, query, asking)
        assert at_once == apart, (sort, page, per_page)


@pytest.mark.parametrize(
    ("filter_text", "sort"),
    [
        pytest.param("score > 0", "", id="a page without an order may end early"),
        pytest.param("", "-score", id="a count without a condition is cheap"),
        pytest.param("score > 0", "@random", id="a random order is another each time"),
        pytest.param("author.name ~ 'a'", "-score", id="joins repeat rows"),
    ],
)
def test_two_statements_where_one_pass_gains_nothing(world: World, filter_text: str, sort: str) -> None:
    posts = world.app.collections.get("posts")
    asking = world.asking("root")
    assert plan_for(world.app, posts, Spec(PAGE, "", filter_text, sort, True), asking).at_once is None


def test_a_total_is_kept_for_the_next_page(world: World) -> None:
    posts = world.app.collections.get("posts")

    def page(number: int) -> RowPage:
        return read_page(world.app, posts, ListQuery("score >= 0", "-score", number, 1), RequestInfo())

    first = page(1)
    asked = []
    query = world.app.database.query
    world.app.database.query = lambda *rest: asked.append(rest[0]) or query(*rest)  # type: ignore[method-assign, func-returns-value]
    second = page(2)
    assert (first.total, first.rows) != (second.total, second.rows)
    assert first.total == second.total
    assert not any("COUNT" in statement for statement in asked)


def test_a_page_shows_a_changed_row_anew_and_the_others_as_they_are_known(world: World) -> None:
    posts = world.app.collections.get("posts")

    def titles() -> list[str]:
        text = page_text(world.app, posts, ListQuery(sort="@rowid"), world.asking("root"))
        return [each["title"] for each in orjson.loads(text)["items"]]

    before = titles()
    known = [world.app.cache.find_row(posts, each.id) for each in find_records_by(world.app, posts, {})]
    assert None not in known
    changed = find_records_by(world.app, posts, {})[1]
    changed["title"] = "changed"
    world.app.database.write(lambda: update_record(world.app, changed))
    assert titles() == [before[0], "changed", *before[2:]]
    assert world.app.cache.find_row(posts, known[0].row[posts.id_place]) is known[0]  # type: ignore[union-attr]


@pytest.mark.parametrize("fields", ["", "id", "title,score", "*,body:excerpt(3,true)"])
@pytest.mark.parametrize("who", ["", "bob", "root"])
def test_a_page_s_text_is_that_of_its_records(world: World, who: str, fields: str) -> None:
    posts, asking = world.app.collections.get("posts"), world.asking(who)
    page = list_records(world.app, posts, ListQuery(), asking)
    long_way = {
        "page": page.page,
        "perPage": page.per_page,
        "totalItems": page.total,
        "totalPages": page.total_pages,
        "items": pick_fields(records_as_json(world.app, page.records, asking), fields),
    }
    for _ in ("made", "known"):
        assert page_text(world.app, posts, ListQuery(), asking, fields) == orjson.dumps(long_way)
