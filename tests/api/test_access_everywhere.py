"""Random rules x callers x records x every path to a record, against an evaluator that is slow and plain.

The evaluator knows each rule as a Python function beside its text and looks at all records. Whatever path a client
takes - list, view, filter, sort, through a relation, expand, back-relation, file, realtime - it must see the same.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from appliance.api.files import serve_file
from appliance.api.records import list_records, update_record, view_record
from appliance.api.request import Response
from appliance.auth.tokens import new_file_token
from appliance.core.collections.save import update_collection
from appliance.core.record import Record
from appliance.core.records import access as record_access
from appliance.core.records.query import find_record
from tests.api.asking import ask, upload
from tests.core.bare_app import add_collection
from tests.core.records_world import World, file, open_world, relation, text

ROUNDS = 40
CALLERS = ("", "ann", "bob", "cyd", "root")
BOXES = 6
ITEMS = 8

Judge = Callable[[Any, Mapping[str, Any]], bool]  # (who asks or None, values of the record) -> passes


@dataclass(frozen=True)
class Rule:
    """A rule as text, and what it means."""

    text: str | None
    judge: Judge

    def passes(self, who: Record | None, values: Mapping[str, Any]) -> bool:
        """Whether `who` passes; superusers always do."""
        return (who is not None and who.is_superuser) or (self.text is not None and self.judge(who, values))

    def is_closed_to(self, who: Record | None) -> bool:
        """Whether only superusers may ask at all."""
        return self.text is None and not (who is not None and who.is_superuser)


def name_of(who: Record | None) -> str:
    return who.id if who is not None else ""


ATOMS = (
    Rule("@request.auth.id != ''", lambda who, _: who is not None),
    Rule("@request.auth.role = 'manager'", lambda who, _: who is not None and who.get("role") == "manager"),
    Rule("owner = @request.auth.id", lambda who, values: values["owner"] == name_of(who)),
    Rule("owner != @request.auth.id", lambda who, values: values["owner"] != name_of(who)),
    Rule("helpers.id ?= @request.auth.id", lambda who, values: name_of(who) in (values["helpers"] or [""])),
    Rule("open = true", lambda _, values: bool(values["open"])),
    Rule("level > 2", lambda _, values: values["level"] > 2),
    Rule("secret = 's1'", lambda _, values: values["secret"] == "s1"),
    Rule("id ~ '3' || id ~ '4'", lambda _, values: "3" in values["id"] or "4" in values["id"]),
)

# A rule that reaches the box joins the same table as a client's filter that does: the filter gains nothing by it.
THROUGH_THE_BOX = (
    Rule("box.open = true", lambda _, values: bool(values["box_open"])),
    Rule("box.open != true", lambda _, values: not values["box_open"]),
)


def draw_rule(chance: random.Random, atoms: Sequence[Rule]) -> Rule:
    """None, "", one atom or two joined ones."""
    kind = chance.choice(("closed", "open", "one", "one", "and", "or", "or"))
    if kind == "closed":
        return Rule(None, lambda *_: False)
    if kind == "open":
        return Rule("", lambda *_: True)
    one, two = chance.sample(atoms, 2)
    if kind == "one":
        return one
    if kind == "and":
        return Rule(
            f"({one.text}) && ({two.text})", lambda who, values: one.judge(who, values) and two.judge(who, values)
        )
    return Rule(f"({one.text}) || ({two.text})", lambda who, values: one.judge(who, values) or two.judge(who, values))


@dataclass
class Round:
    """One set of rules, and who may what by it."""

    world: World
    boxes: dict[str, dict[str, Any]]
    items: dict[str, dict[str, Any]]
    rules: dict[str, dict[str, Rule]]

    def allowed(self, collection: str, action: str, who: Record | None) -> set[str]:
        """The ids that pass."""
        rows = self.boxes if collection == "boxes" else self.items
        return {row for row, values in rows.items() if self.rules[collection][action].passes(who, values)}

    def draw(self, chance: random.Random) -> None:
        """Give both collections new rules."""
        for name, atoms in (("boxes", ATOMS), ("items", (*ATOMS, *THROUGH_THE_BOX * 2))):
            self.rules[name] = {action: draw_rule(chance, atoms) for action in ("list", "view")}
            texts = {f"{action}Rule": rule.text for action, rule in self.rules[name].items()}
            update_collection(self.world.app, name, texts)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Round]:
    folder: Path = tmp_path_factory.mktemp("everywhere")
    with open_world(folder) as world:
        _add_collections(world)
        chance = random.Random(7)
        boxes = _add_boxes(world, chance)
        items = _add_items(world, chance, boxes)
        yield Round(world, boxes, items, {})


def _add_collections(world: World) -> None:
    shared = (
        relation("owner", "people000000001"),
        relation("helpers", "people000000001", 3),
        {"type": "bool", "name": "open"},
        {"type": "number", "name": "level"},
        text("secret", hidden=True),
    )
    add_collection(world.app, "boxes", *shared, file("doc", protected=True, maxSelect=1), id="boxes0000000001")
    add_collection(world.app, "items", *shared, relation("box", "boxes0000000001"), id="items0000000001")


def _values(world: World, chance: random.Random) -> dict[str, Any]:
    people = [world.people[name].id for name in ("ann", "bob", "cyd")]
    return {
        "owner": chance.choice([*people, ""]),
        "helpers": chance.sample(people, chance.randint(0, 2)),
        "open": chance.random() < 0.5,
        "level": chance.randint(0, 5),
        "secret": chance.choice(("s1", "s2")),
    }


def _add_boxes(world: World, chance: random.Random) -> dict[str, dict[str, Any]]:
    boxes = {}
    for place in range(BOXES):
        key = f"box{place:0>12}"
        made = {"id": key, **_values(world, chance)}
        world.record("boxes", **made)
        files = {"doc": [upload(f"{key}.txt")]}
        answer = ask(world, update_record, "root", files=files, form={}, collection="boxes", id=key)
        boxes[key] = {**made, "doc": answer.body["doc"]}
    return boxes


def _add_items(world: World, chance: random.Random, boxes: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    items = {}
    for place in range(ITEMS):
        key = f"item{place:0>11}"
        box = chance.choice([*boxes, ""])
        made = {"id": key, "box": box, **_values(world, chance)}
        world.record("items", **made)
        items[key] = {**made, "box_open": boxes[box]["open"] if box else False}
    return items


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_every_path_shows_the_same_records(played: Round, seed: int) -> None:
    played.draw(random.Random(seed))
    for caller in CALLERS:
        who = played.world.people.get(caller)
        for collection in ("boxes", "items"):
            check_list(played, collection, caller, who)
            check_view(played, collection, caller, who)
            check_watch(played, collection, caller, who)
            check_secret(played, collection, caller, who)
        check_filter_through_relation(played, caller, who)
        check_expand(played, caller, who)
        check_back_relation(played, caller, who)
        check_files(played, caller, who)


def ids(answer: Response) -> set[str]:
    assert answer.status == 200, answer.body
    return {each["id"] for each in answer.body["items"]}


def check_list(played: Round, collection: str, caller: str, who: Record | None) -> None:
    rule = played.rules[collection]["list"]
    for query in ({}, {"filter": "level >= 0"}, {"sort": "-level,id"}, {"skipTotal": "1"}):
        answer = ask(played.world, list_records, caller, collection=collection, query=query)
        if rule.is_closed_to(who):
            assert answer.status == 403
        else:
            assert ids(answer) == played.allowed(collection, "list", who)


def check_view(played: Round, collection: str, caller: str, who: Record | None) -> None:
    rows = played.boxes if collection == "boxes" else played.items
    refusal = 403 if played.rules[collection]["view"].is_closed_to(who) else 404
    allowed = played.allowed(collection, "view", who)
    for key in rows:
        answer = ask(played.world, view_record, caller, collection=collection, id=key)
        assert answer.status == (200 if key in allowed else refusal)


def check_watch(played: Round, collection: str, caller: str, who: Record | None) -> None:
    app = played.world.app
    asking = played.world.asking(caller)
    for key in played.boxes if collection == "boxes" else played.items:
        record = find_record(app, app.collections.get(collection), key)
        assert record is not None
        for action in ("list", "view"):
            expected = key in played.allowed(collection, action, who)
            assert record_access.can(app, record, action, asking) is expected
            assert record_access.can_watch(app, record, action, asking) is expected
            assert record_access.can_watch(app, record, action, asking, "level < 0") is False


def check_secret(played: Round, collection: str, caller: str, who: Record | None) -> None:
    """A hidden field is not in answers, and can't be guessed by filter or sort."""
    if played.rules[collection]["list"].is_closed_to(who):
        return
    is_root = who is not None and who.is_superuser
    listed = ask(played.world, list_records, caller, collection=collection).body["items"]
    assert all(("secret" in each) is is_root for each in listed)
    for query in ({"filter": "secret = 's1'"}, {"filter": "secret:lower = 's1'"}, {"sort": "secret"}):
        answer = ask(played.world, list_records, caller, collection=collection, query=query)
        assert answer.status == (200 if is_root else 400)
        assert is_root or "secret" not in str(answer.body)


def check_filter_through_relation(played: Round, caller: str, who: Record | None) -> None:
    """A filter reaches only related records that the caller could list."""
    if played.rules["items"]["list"].is_closed_to(who):
        return
    query = {"filter": "box.level >= 0"}
    answer = ask(played.world, list_records, caller, collection="items", query=query)
    if played.rules["boxes"]["list"].is_closed_to(who):
        assert answer.status == 400
        return
    listed = played.allowed("boxes", "list", who)
    mine = played.allowed("items", "list", who)
    assert ids(answer) == {key for key in mine if played.items[key]["box"] in listed}


def check_expand(played: Round, caller: str, who: Record | None) -> None:
    boxes = played.allowed("boxes", "view", who)
    for key in played.allowed("items", "view", who):
        query = {"expand": "box"}
        body = ask(played.world, view_record, caller, collection="items", id=key, query=query).body
        box = played.items[key]["box"]
        shown = body.get("expand", {}).get("box", {})
        assert shown.get("id", "") == (box if box in boxes else "")
        assert ("secret" in shown) is (bool(shown) and caller == "root")
        assert ("expand" in body) is not played.rules["boxes"]["view"].is_closed_to(who)


def check_back_relation(played: Round, caller: str, who: Record | None) -> None:
    items = played.allowed("items", "view", who)
    for key in played.allowed("boxes", "view", who):
        query = {"expand": "items_via_box"}
        body = ask(played.world, view_record, caller, collection="boxes", id=key, query=query).body
        shown = body.get("expand", {}).get("items_via_box", [])
        assert {each["id"] for each in shown} == {item for item in items if played.items[item]["box"] == key}


def check_files(played: Round, caller: str, who: Record | None) -> None:
    """A protected file goes to whoever views its record; the auth header alone opens nothing more than a guest has."""
    for token, whose in ((new_file_token(who) if who else "", who), ("", None)):
        allowed = played.allowed("boxes", "view", whose)
        for key, values in played.boxes.items():
            parts = {"collection": "boxes", "record": key, "name": values["doc"]}
            answer = ask(played.world, serve_file, caller, query={"token": token}, **parts)
            assert answer.status == (200 if key in allowed else 404)
