"""Every filter of filters.toml, and every sort below, asked of the real PocketBase and of our compiler."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from appliance.core.app import App
from appliance.core.records.page import ListQuery, list_records
from appliance.core.records.query import values_match
from appliance.errors import ApiError
from tests.rules.conftest import EVERYBODY, SUPERUSER, Original, request_of

TABLE = Path(__file__).with_name("filters.toml")

SORTS = (
    "title", "-title", "+title", "-title,+budget", " title , -budget ", "title,title", "id", "-id", "@rowid", "-@rowid",
    "created", "-created,title", "title:lower", "-title:lower", "labels:length", "labels:each", "labels,title", "owner",
    "owner.name", "-owner.name", "owner.company.name,-id", "members.name", "-members.tags:each", "owner.email",
    "owner.pin", "secret", "-secret", "meta,id", "meta.a", "-meta.b.c", "place.lon", "starts", "papers",
    "active,-budget", "tasks_via_project.title", "tasks_via_project.due,-title", "vault_via_project.code",
    "owner.notes_via_person.message", "parent.parent.title,id",
    "owner.totals_via_owner.title", "totals_via_owner.title", "@collection.tasks.title",
    "title,budget,active,starts,status,homepage,contact,created",
    "title,budget,active,starts,status,homepage,contact,created,updated",
    "@request.auth.id", "@request.auth.name", "@now", "@request.method", "nosuch", "-nosuch", "--title", "+-title", ",",
    "title,,budget", "title,", "-", "title asc", "title desc", "TITLE", "title.x", "'title'", "`title`", '"title"',
    "title;", "1", "null", "true", "RANDOM()", "(title)", "title'", "geoDistance(place.lon,place.lat,1,2)",
    "strftime('%Y',starts)", "title:foo", "title:", "a,b", "secret,nosuch", "title COLLATE NOCASE", "1,2", "_rowid_",
)  # fmt: skip


def cases() -> list[Any]:
    """The filters of the table, each with its group's sentence as id."""
    groups = tomllib.loads(TABLE.read_text())["group"]
    return [
        pytest.param(group.get("collection", "projects"), text, id=f"{group['sentence']}: {text}")
        for group in groups
        for text in group["filters"]
    ]


@pytest.mark.parametrize(("collection", "text"), cases())
def test_a_filter_finds_what_the_original_finds(original: Original, app: App, collection: str, text: str) -> None:
    for who in EVERYBODY:
        expected, found = answers_of(original, app, collection, who, filter=text)
        assert as_set(found) == as_set(expected), who


@pytest.mark.parametrize(("collection", "text"), [each for each in cases() if each.values[0] != "totals"])
def test_a_record_in_memory_is_found_like_its_row(app: App, collection: str, text: str) -> None:
    """But for views: nothing writes to them."""
    request = request_of(app, "ann")
    everything = list_records(app, app.collections.get(collection), ListQuery(), request_of(app, SUPERUSER)).records
    try:
        listed = list_records(app, app.collections.get(collection), ListQuery(filter=text), request)
    except ApiError:
        return
    rule = app.collections.get(collection).rules["listRule"]
    matching = {each.id for each in everything if values_match(app, each, rule, text, request)}
    assert matching == {each.id for each in listed.records}


@pytest.mark.parametrize("sort", SORTS)
def test_a_sort_orders_as_the_original_orders(original: Original, app: App, sort: str) -> None:
    """But a hidden address sorts like an empty one: tests/core/records/test_query.py."""
    for who in EVERYBODY if sort != "owner.email" else [SUPERUSER]:
        expected, found = answers_of(original, app, "projects", who, sort=sort)
        assert found == expected, who


def test_a_random_sort_finds_all(original: Original, app: App) -> None:
    for sort in ("@random", "-@random,title"):
        expected, found = answers_of(original, app, "projects", "guest", sort=sort, filter="owner.name!=''")
        assert as_set(found) == as_set(expected)


@pytest.mark.parametrize("page", [-1, 0, 1, 2, 3, 4, 9])
@pytest.mark.parametrize("per_page", [-5, 0, 1, 2, 1000, 5000])
@pytest.mark.parametrize("skip_total", [False, True])
def test_pages_are_cut_as_the_original_cuts_them(
    original: Original, app: App, page: int, per_page: int, skip_total: bool
) -> None:
    query = {"page": page, "perPage": per_page, "sort": "-title", "skipTotal": skip_total}
    answer = original.list("projects", "guest", **query).json()
    mine = list_records(
        app,
        app.collections.get("projects"),
        ListQuery(sort="-title", page=page, per_page=per_page, skip_total=skip_total),
        request_of(app, "guest"),
    )
    assert [each.id for each in mine.records] == [each["id"] for each in answer["items"]]
    assert (mine.page, mine.per_page, mine.total, mine.total_pages) == (
        answer["page"], answer["perPage"], answer["totalItems"], answer["totalPages"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        pytest.param(f"title='{'a' * 3492}'", False, id="3,500 bytes are enough"),
        pytest.param(f"title='{'a' * 3493}'", True, id="3,501 bytes are too many"),
        pytest.param(f"title='{'é' * 1746}'", False, id="letters of two bytes count twice, up to the limit"),
        pytest.param(f"title='{'é' * 1747}'", True, id="letters of two bytes count twice, above the limit"),
        pytest.param("||".join(["id='a'"] * 200), False, id="200 comparisons are enough"),
        pytest.param("||".join(["id='a'"] * 201), True, id="201 comparisons are too many"),
        pytest.param("||".join(["(id='a'&&1=1)"] * 101), True, id="comparisons in groups count"),
        pytest.param("(" * 100 + "id='a'" + ")" * 100, False, id="a hundred brackets deep"),
    ],
)
def test_limits_are_the_originals(original: Original, app: App, text: str, refused: bool) -> None:
    for who in EVERYBODY:
        expected, found = answers_of(original, app, "projects", who, filter=text)
        assert found == expected, who
        assert (found == 400) is refused


def answers_of(original: Original, app: App, collection: str, who: str, **query: str) -> tuple[Any, Any]:
    """What the original and what ours finds: (ids, total), or the status of a refusal with its sentence."""
    answer = original.list(collection, who, **query)
    expected: Any = answer.status_code
    if answer.status_code == 200:
        expected = ([each["id"] for each in answer.json()["items"]], answer.json()["totalItems"])
    try:
        request = request_of(app, who, query=query, headers={"user_agent": "a test"})
        page = list_records(app, app.collections.get(collection), ListQuery(**query), request)
    except ApiError as error:
        assert error.message == answer.json()["message"]
        return expected, error.status
    return expected, ([each.id for each in page.records], page.total)


def as_set(found: Any) -> Any:
    return (sorted(found[0]), found[1]) if isinstance(found, tuple) else found


def test_all_macros_of_a_statement_mean_one_moment(app: App) -> None:
    """The original reads its clock for each macro, so there this filter fails now and then."""
    for _ in range(50):
        assert list_records(
            app, app.collections.get("projects"), ListQuery(filter="@now=@now"), request_of(app, SUPERUSER)
        ).total
