"""May they? Every path to a record, for guests, members, managers and superusers."""

from __future__ import annotations

import pytest

from appliance.core.record import Record
from appliance.core.records import access
from appliance.core.records.page import ListQuery
from appliance.core.records.query import find_record
from appliance.errors import BadRequest, Forbidden, NotFound
from tests.core.records_world import World

POSTS = ("post00000000001", "post00000000002", "post00000000003")


def stored(world: World, collection: str, record_id: str) -> Record:
    found = find_record(world.app, world.app.collections.get(collection), record_id)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("who", "collection", "record_id", "allowed"),
    [
        pytest.param("", "posts", POSTS[0], True, id="a guest views a published post"),
        pytest.param("", "posts", POSTS[2], False, id="a guest doesn't view a draft"),
        pytest.param("bob", "posts", POSTS[2], True, id="its author views a draft"),
        pytest.param("ann", "posts", POSTS[2], False, id="another member doesn't view a draft"),
        pytest.param("root", "posts", POSTS[2], True, id="a superuser views a draft"),
        pytest.param("bob", "notes", "note00000000bob", True, id="the owner views a note"),
        pytest.param("bob", "notes", "note00000000ann", False, id="nobody else views a note"),
        pytest.param("", "notes", "note00000000ann", False, id="a guest views no note"),
        pytest.param("bob", "vault", "vault0000000rec", False, id="a null rule lets no member"),
        pytest.param("root", "vault", "vault0000000rec", True, id="a null rule lets superusers"),
    ],
)
def test_the_view_rule_decides_alike_on_every_path(
    world: World, who: str, collection: str, record_id: str, allowed: bool
) -> None:
    asking = world.asking(who)
    record = stored(world, collection, record_id)
    assert access.can(world.app, record, access.VIEW, asking) is allowed
    assert (record_id in access.find_allowed(world.app, record.collection, [record_id], asking)) is allowed
    assert access.can_watch(world.app, record, access.VIEW, asking) is allowed


def test_a_refused_record_is_answered_like_a_missing_one(world: World) -> None:
    notes = world.app.collections.get("notes")
    answers = []
    for record_id in ("note00000000ann", "nowhere00000000"):
        with pytest.raises(NotFound) as refused:
            access.get_allowed(world.app, notes, record_id, world.asking("bob"))
        answers.append(refused.value.as_json())
    assert answers[0] == answers[1]


@pytest.mark.parametrize("action", ["list", "view", "create", "update", "delete"])
def test_a_null_rule_is_forbidden_for_everybody_but_superusers(world: World, action: str) -> None:
    vault = world.app.collections.get("vault")
    with pytest.raises(Forbidden, match="Only superusers"):
        access.get_rule(vault, action, world.asking("bob"))
    assert access.get_rule(vault, action, world.asking("root")) == ""


def test_a_draft_that_breaks_the_create_rule_is_refused_without_detail(world: World) -> None:
    notes = world.app.collections.get("notes")
    draft = Record(notes, {"message": "hi", "person": world.people["ann"].id})
    with pytest.raises(BadRequest) as refused:
        access.require_draft(world.app, draft, world.asking("bob"))
    assert refused.value.as_json() == {"status": 400, "message": "Failed to create record.", "data": {}}
    access.require_draft(world.app, draft, world.asking("ann"))


@pytest.mark.parametrize(
    ("who", "shown"),
    [
        pytest.param("", {"ann"}, id="a guest sees the emails that are shown"),
        pytest.param("bob", {"ann", "bob"}, id="a member sees his own too"),
        pytest.param("ann", {"ann", "bob", "cyd"}, id="a manager sees all"),
        pytest.param("root", {"ann", "bob", "cyd"}, id="a superuser sees all"),
    ],
)
def test_emails_are_seen_by(world: World, who: str, shown: set[str]) -> None:
    people = world.app.collections.get("people")
    records = [world.people[name] for name in ("ann", "bob", "cyd")]
    seen = access.readable_emails(world.app, people, records, world.asking(who))
    assert seen == {world.people[name].id for name in shown}


@pytest.mark.parametrize(
    ("who", "hidden"),
    [
        pytest.param("bob", {"secret", "reviewer", "draft"}, id="a member"),
        pytest.param("root", set(), id="a superuser"),
    ],
)
def test_hidden_fields_are_read_by_superusers_only(world: World, who: str, hidden: set[str]) -> None:
    posts = world.app.collections.get("posts")
    readable = {each.name for each in access.readable_fields(posts, world.asking(who).is_superuser)}
    assert set(posts.fields_by_name) - readable == hidden


@pytest.mark.parametrize("who", ["", "bob", "root"])
def test_nobody_reads_password_and_token_key(world: World, who: str) -> None:
    people = world.app.collections.get("people")
    assert {"password", "tokenKey"}.isdisjoint(
        each.name for each in access.readable_fields(people, world.asking(who).is_superuser)
    )


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(ListQuery(filter="secret = 's1'"), id="filter"),
        pytest.param(ListQuery(sort="secret"), id="sort"),
        pytest.param(ListQuery(filter="reviewer.name = 'Cyd'"), id="filter through a hidden relation"),
        pytest.param(ListQuery(filter="author.pin = '1'"), id="filter by a hidden field of another collection"),
        pytest.param(ListQuery(sort="author.pin"), id="sort by a hidden field of another collection"),
    ],
)
def test_a_hidden_field_is_answered_like_a_missing_one_in_a(world: World, query: ListQuery) -> None:
    posts = world.app.collections.get("posts")
    with pytest.raises(BadRequest) as hidden:
        access.list_allowed(world.app, posts, query, world.asking("bob"))
    with pytest.raises(BadRequest) as missing:
        access.list_allowed(world.app, posts, ListQuery(filter="nowhere = 1"), world.asking("bob"))
    assert hidden.value.as_json() == missing.value.as_json()
    assert access.list_allowed(world.app, posts, query, world.asking("root")).total >= 0


def test_only_who_is_signed_in_manages(world: World) -> None:
    bob = world.people["bob"]
    assert access.can_manage(world.app, bob, world.asking("ann"))
    assert access.can_manage(world.app, bob, world.asking("root"))
    assert not access.can_manage(world.app, bob, world.asking("cyd"))
    assert not access.can_manage(world.app, bob, world.asking("bob"))
    assert not access.can_manage(world.app, bob, world.asking(""))
