"""Every rule of rules.toml, stored in the real PocketBase and judged there, and judged by us."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from appliance.clock import now
from appliance.core.app import App
from appliance.core.collection import Collection
from appliance.core.record import Record
from appliance.core.records.query import find_record, matches_rule
from appliance.core.records.statement import BY_IDS, Spec, build_plan
from appliance.core.request_info import RequestInfo
from appliance.core.resolvers.values import Asking, BodyOfRules
from appliance.errors import RuleError
from appliance.sql import bind
from tests.rules.conftest import Original, request_of

TABLE = Path(__file__).with_name("rules.toml")
QUERY = {"q": "one", "n": "5", "empty": ""}
HEADERS = {"X-Token": "secret"}
UPDATED = "project00000one"
ALL = ["project00000one", "project00000two", "project0000tree", "project0000four"]


def cases(kind: str) -> list[Any]:
    """The rules of one kind with what they are judged on."""
    return [
        pytest.param(rule, group.get("body", {}), id=f"{group['sentence']}: {rule}")
        for group in tomllib.loads(TABLE.read_text())["group"]
        for rule in group.get(kind, ())
    ]


@pytest.mark.parametrize(("rule", "body"), cases("list"))
def test_a_list_rule_shows_what_it_shows_in_the_original(
    original: Original, app: App, rule: str, body: Mapping[str, Any]
) -> None:
    stored = original.set_rule("projects", "listRule", rule)
    assert stored.status_code == 200 or ":foo" in rule, stored.text
    try:
        for who in ("guest", "ann"):
            answer = original.client.get(
                "/api/collections/projects/records", params=QUERY, headers={**original.headers(who), **HEADERS}
            )
            expected = sorted(each["id"] for each in answer.json()["items"]) if answer.status_code == 200 else None
            assert _listed(app, rule, who) == expected, who
    finally:
        original.set_rule("projects", "listRule", "")


def _listed(app: App, rule: str, who: str) -> list[str] | None:
    """The ids that the rule shows, None when it can't be compiled for this request."""
    request = request_of(app, who, query=QUERY, headers={"x_token": "secret"})
    collection = app.collections.get("projects")
    try:
        plan = build_plan(app.collections, collection, Spec(BY_IDS, rule), request)
    except RuleError:
        return None
    asking = Asking(request, now(), {"ids": str(ALL).replace("'", '"')})
    return sorted(row[_place_of_id(collection)] for row in _run(app, plan.select, asking))


def _place_of_id(collection: Collection) -> int:
    return [each.name for each in collection.fields].index("id")


def _run(app: App, statement: Any, asking: Asking) -> list[Any]:
    return app.database.query(statement.text, bind(statement.parameters, asking))


@pytest.mark.parametrize(("rule", "body"), cases("create"))
def test_a_create_rule_judges_as_in_the_original(
    original: Original, app: App, rule: str, body: Mapping[str, Any]
) -> None:
    stored = original.set_rule("projects", "createRule", rule)
    assert stored.status_code in (200, 400), stored.text
    if stored.status_code == 400:
        with pytest.raises(RuleError):
            _may(app, Record(app.collections.get("projects")), rule, body, "POST")
        return
    try:
        answer = original.client.post("/api/collections/projects/records", json=dict(body))
    finally:
        original.set_rule("projects", "createRule", "")
    if answer.status_code == 200:
        url = f"/api/collections/projects/records/{answer.json()['id']}"
        original.client.delete(url, headers=original.headers("superuser"))
    record = Record(app.collections.get("projects"))
    try:
        allowed = _may(app, record, rule, body, "POST")
    except RuleError:
        allowed = False
    assert allowed is (answer.status_code == 200), answer.text


@pytest.mark.parametrize(("rule", "body"), cases("update"))
def test_an_update_rule_judges_as_in_the_original(
    original: Original, app: App, rule: str, body: Mapping[str, Any]
) -> None:
    assert original.set_rule("projects", "updateRule", rule).status_code == 200
    url = f"/api/collections/projects/records/{UPDATED}"
    before = original.client.get(url, headers=original.headers("superuser")).json()
    try:
        answer = original.client.patch(url, json=dict(body))
    finally:
        original.set_rule("projects", "updateRule", "")
        original.client.patch(url, json=_restorable(before), headers=original.headers("superuser"))
    record = find_record(app, app.collections.get("projects"), UPDATED)
    assert record is not None
    assert _may(app, record, rule, body, "PATCH") is (answer.status_code == 200), answer.text


def _restorable(before: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in before.items() if name not in ("papers", "cover", "id")}


def _may(app: App, record: Record, rule: str, body: Mapping[str, Any], method: str) -> bool:
    """What the record's collection lets a guest do with this body."""
    wanted = {name: raw for name, raw in body.items() if name != "secret"}
    record.assign(wanted)
    seen = dict(BodyOfRules(record, body, is_superuser=False))
    return matches_rule(app, record, rule, RequestInfo(method=method, body=seen))
