"""Creating in two steps, for a caller that must not wait, does what creating in one does."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from appliance.api.records import begin_create, create_record, creates_quickly
from appliance.api.request import BrokenBody, FormBody, Request, Response
from appliance.core.collections.save import update_collection
from appliance.errors import ApiError, BadRequest, SchemaMovedError
from appliance.storage.database import Outcome
from tests.core.records_world import World

CREATED_BY = {"title": "Queued", "author": "000000000000bob", "score": 2, "secret": "mine"}


def create_request(world: World, body: Any, who: str = "", collection: str = "posts", **parts: Any) -> Request:
    """A POST of records."""
    return Request(world.app, "POST", "", {"collection": collection}, body=body, auth=world.people.get(who), **parts)


def run_queued(request: Request) -> Response:
    """As the loop does it: begin, queue, take the outcome up on this thread, answer."""
    decided = threading.Event()
    outcomes: list[Outcome[Any]] = []

    def done(outcome: Outcome[Any]) -> None:
        outcomes.append(outcome)
        decided.set()

    begun = begin_create(request)
    request.app.database.submit(begun.work, done)
    assert decided.wait(10)
    try:
        return begun.answer(outcomes[0].result())
    except Exception as error:
        raise begun.explain(error) from error


def said(run: Any, request: Request) -> Any:
    """The answer's or the error's body, without what differs each time."""
    try:
        answer = run(request).body
    except ApiError as error:
        return error.as_json()
    return {name: value for name, value in answer.items() if name != "id"}


@pytest.mark.parametrize(
    ("who", "collection", "body"),
    [
        pytest.param("bob", "posts", CREATED_BY, id="a record"),
        pytest.param("root", "posts", CREATED_BY, id="a superuser's record"),
        pytest.param("bob", "posts", {"title": ""}, id="a blank title"),
        pytest.param("bob", "posts", {"title": "x" * 50, "author": "nobody", "reviewer": "nobody"}, id="many errors"),
        pytest.param("bob", "notes", {"message": "m", "person": "000000000000cyd"}, id="a refusal of the rule"),
        pytest.param("", "shelf", {}, id="a view"),
        pytest.param("", "nowhere", {}, id="no collection"),
        pytest.param("bob", "profiles", {"person": "000000000000bob"}, id="a value that is not unique"),
        pytest.param("bob", "posts", BrokenBody(BadRequest("unreadable")), id="a body that can not be read"),
    ],
)
def test_it_answers_alike(fresh: World, who: str, collection: str, body: Any) -> None:
    asked = create_request(fresh, body, who, collection)
    assert said(run_queued, asked) == said(create_record, asked)


@pytest.mark.parametrize(
    ("collection", "body", "query", "is_quick"),
    [
        pytest.param("posts", {"title": "x"}, {}, True, id="a JSON body"),
        pytest.param("posts", FormBody({"title": ["x"]}), {}, False, id="a form may have files"),
        pytest.param("posts", BrokenBody(BadRequest("unreadable")), {}, False, id="a body that can not be read"),
        pytest.param("posts", {"title": "x"}, {"expand": "author"}, False, id="expand reads more records"),
        pytest.param("people", {"email": "x@example.com"}, {}, False, id="an auth record has a password to hash"),
        pytest.param("shelf", {}, {}, False, id="a view"),
        pytest.param("nowhere", {}, {}, False, id="no collection"),
    ],
)
def test_what_is_quick(world: World, collection: str, body: Any, query: Any, is_quick: bool) -> None:
    assert creates_quickly(create_request(world, body, "bob", collection, query=query)) is is_quick


def test_a_schema_change_in_between_writes_nothing_and_says_so(fresh: World) -> None:
    asked = create_request(fresh, {"title": "late"}, "bob")
    begun = begin_create(asked)
    update_collection(fresh.app, "posts", {"createRule": None})
    with pytest.raises(SchemaMovedError) as caught:
        fresh.app.database.write(begun.work)
    assert begun.explain(caught.value) is caught.value
    assert fresh.app.database.query("SELECT 1 FROM posts WHERE title = 'late'") == []
