"""Order, veto and the two halves of a hook."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.core.collection import Collection
from appliance.core.events import EVENTS, CollectionCreate
from appliance.core.hooks import Hooks
from appliance.errors import BadRequest

POSTS = Collection(id="c1", name="posts")
APP: Any = SimpleNamespace()


def fire(hooks: Hooks, collection: Collection = POSTS) -> Any:
    return hooks.before(CollectionCreate(app=APP, collection=collection))


def test_lower_priority_runs_first_and_equal_ones_in_order_of_binding() -> None:
    hooks, seen = Hooks(), []
    for name, priority in (("second", 0), ("third", 0), ("last", 9), ("first", -1)):
        hooks.on.collection_create(priority=priority)(lambda event, name=name: seen.append(name))
    fire(hooks)
    assert seen == ["first", "second", "third", "last"]


@pytest.mark.parametrize(
    ("wanted", "runs"),
    [
        pytest.param((), True, id="a hook that names no collection runs for all"),
        pytest.param(("posts",), True, id="a hook is found by the collection's name"),
        pytest.param(("c1",), True, id="a hook is found by the collection's id"),
        pytest.param(("users", "posts"), True, id="one of several names is enough"),
        pytest.param(("users",), False, id="a hook for another collection does not run"),
    ],
)
def test_a_hook_runs_for_the_collections_it_names(wanted: tuple[str, ...], runs: bool) -> None:
    hooks, seen = Hooks(), []
    hooks.on.collection_create(*wanted)(lambda event: seen.append(event.collection.name))
    fire(hooks)
    assert bool(seen) is runs


def test_a_generator_goes_on_only_after_the_commit() -> None:
    hooks, seen = Hooks(), []

    @hooks.on.collection_create()
    def around(event: CollectionCreate) -> Iterator[None]:
        seen.append("before")
        yield
        seen.append("after")

    waiting = fire(hooks)
    assert seen == ["before"]
    hooks.after(waiting)
    assert seen == ["before", "after"]


def test_a_veto_closes_the_hooks_that_have_begun() -> None:
    hooks, seen = Hooks(), []

    @hooks.on.collection_create()
    def around(event: CollectionCreate) -> Iterator[None]:
        try:
            yield
            seen.append("after")
        finally:
            seen.append("cleaned up")

    @hooks.on.collection_create()
    def veto(event: CollectionCreate) -> None:
        raise BadRequest("no")

    with pytest.raises(BadRequest):
        fire(hooks)
    assert seen == ["cleaned up"]


def test_a_failure_after_the_commit_is_logged_with_its_owner_and_the_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hooks, seen = Hooks(), []

    @hooks.on.collection_create()
    def good(event: CollectionCreate) -> Iterator[None]:
        yield
        seen.append("good")

    @hooks.on.for_owner("shaky").collection_create()
    def bad(event: CollectionCreate) -> Iterator[None]:
        yield
        raise RuntimeError("boom")

    with caplog.at_level(logging.ERROR):
        hooks.after(fire(hooks))
    assert seen == ["good"]
    assert "shaky failed after collection_create" in caplog.text


def test_a_second_yield_is_an_error_that_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    hooks = Hooks()

    @hooks.on.collection_create()
    def twice(event: CollectionCreate) -> Iterator[None]:
        yield
        yield

    hooks.after(fire(hooks))
    assert "a hook yields once" in caplog.text


def test_an_unknown_event_is_refused_with_the_list_of_events() -> None:
    with pytest.raises(AttributeError, match="record_create"):
        Hooks().on.record_created()


def test_a_plugins_bindings_go_with_it() -> None:
    hooks = Hooks()
    hooks.on.for_owner("a").collection_create()(print)
    hooks.on.for_owner("b").collection_create()(print)
    hooks.unbind_owner("a")
    assert [each.owner for each in hooks.bindings()] == ["b"]


def test_every_event_is_named_as_in_the_table() -> None:
    assert all(name == event.name for name, event in EVENTS.items())
