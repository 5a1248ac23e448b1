"""What expand puts into records, for whom, and at what price."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from appliance.core.record import Record
from appliance.core.records.expand import MAX_LEVELS, expand_records
from appliance.core.records.query import MAX_BACK_RECORDS, find_records
from tests.core.bare_app import add_collection
from tests.core.records_world import OPEN, World, open_world, relation, text

COMMENTS = [f"comment{place:0>8}" for place in range(1, 6)]


def load(world: World, collection: str, *ids: str) -> list[Record]:
    return find_records(world.app, world.app.collections.get(collection), ids)


def outline(record: Record | list[Record]) -> Any:
    """A record as the end of its id, with what was expanded in it."""
    if isinstance(record, list):
        return [outline(each) for each in record]
    short = record.id[-3:]
    return {short: {name: outline(each) for name, each in record.expand.items()}} if record.is_expanded else short


def expanded(world: World, who: str, collection: str, record_id: str, paths: str) -> Any:
    records = load(world, collection, record_id)
    expand_records(world.app, records, paths, world.asking(who))
    return outline(records[0])


@pytest.mark.parametrize(
    ("who", "paths", "seen"),
    [
        pytest.param("", "post", {"001": {"post": "002"}}, id="a relation of one is an object"),
        pytest.param("", "thread", {"001": {"thread": ["002"]}}, id="a relation of many is a list"),
        pytest.param("", "post.author", {"001": {"post": {"002": {"author": "bob"}}}}, id="a path goes on"),
        pytest.param(
            "", "post.author,post.editors", {"001": {"post": {"002": {"author": "bob", "editors": ["bob", "cyd"]}}}},
            id="paths share what they have in common",
        ),
        pytest.param("", " post . author ", {"001": {"post": {"002": {"author": "bob"}}}}, id="spaces don't count"),
        pytest.param("", ".post.", {"001": {"post": "002"}}, id="dots around a path don't count"),
        pytest.param("", "post..author", "001", id="a gap in a path drops it"),
        pytest.param("", "nowhere", "001", id="an unknown name is left out"),
        pytest.param("", "message", "001", id="a field that is no relation is left out"),
        pytest.param("", "post.nowhere", "001", id="a path with an unknown end is left out whole"),
        pytest.param("", "nowhere,post", {"001": {"post": "002"}}, id="a wrong path doesn't hurt the next"),
        pytest.param("", "post,post.nowhere", "001", id="a path that a wrong one goes on from falls with it"),
        pytest.param("", "post,post", {"001": {"post": "002"}}, id="a path sent twice counts once"),
        pytest.param("", "post.vault_via_post", "001", id="a collection without view rule drops the path"),
        pytest.param("", "post.reviewer", "001", id="a hidden relation is not there for a guest"),
        pytest.param("root", "post.reviewer", {"001": {"post": {"002": {"reviewer": "cyd"}}}}, id="it is for root"),
        pytest.param("", "author.posts_via_reviewer", "001", id="nor is the way back through a hidden relation"),
        pytest.param(
            "bob", "author.notes_via_person", {"001": {"author": {"bob": {"notes_via_person": ["bob"]}}}},
            id="the way back shows what its view rule shows",
        ),
        pytest.param(
            "cyd", "author.notes_via_person", {"001": {"author": {"bob": {}}}}, id="and nothing of what it doesn't"
        ),
        pytest.param(
            "", "author.profiles_via_person", {"001": {"author": {"bob": {"profiles_via_person": "ob1"}}}},
            id="a unique index makes the way back an object",
        ),
        pytest.param("", "author.posts_via_author", {"001": {"author": {"bob": {"posts_via_author": ["002"]}}}},
                     id="a draft of another stays out"),
        pytest.param("", "post.comments_via_thread",
                     {"001": {"post": {"002": {"comments_via_thread": ["001", "004"]}}}},
                     id="the way back through a relation of many"),
    ],
)  # fmt: skip
def test_expand(world: World, who: str, paths: str, seen: Any) -> None:
    assert expanded(world, who, "comments", COMMENTS[0], paths) == seen


def test_an_expand_of_nothing_is_told_from_an_expand_of_nonsense(world: World) -> None:
    assert expanded(world, "", "vault", "vault0000000rec", "post") == {"rec": {"post": "001"}}
    assert expanded(world, "", "notes", "note00000000bob", "nowhere") == "bob"
    assert expanded(world, "", "posts", "post00000000001", "notes_via_post") == {"001": {}}


def test_a_path_ends_after_six_levels(world: World) -> None:
    path = ".".join(["author", "posts_via_author"] * MAX_LEVELS)
    (record,) = load(world, "posts", "post00000000001")
    expand_records(world.app, [record], path, world.asking("root"))
    levels, here = 0, record
    while here.is_expanded:
        found = next(iter(here.expand.values()))
        here, levels = found[0] if isinstance(found, list) else found, levels + 1
    assert levels == MAX_LEVELS


def test_shared_records_carry_what_their_own_path_asked_for(world: World) -> None:
    """The same post is reached twice; only one way asked for its author."""
    (comment,) = load(world, "comments", COMMENTS[0])
    expand_records(world.app, [comment], "post.author,thread", world.asking(""))
    assert outline(comment) == {"001": {"post": {"002": {"author": "bob"}}, "thread": ["002"]}}


def test_every_level_costs_one_select(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    records = load(world, "comments", *COMMENTS)
    world.app.cache.forget()
    with counted_selects(world, monkeypatch) as statements:
        expand_records(world.app, records, "post.author,post.editors,author.notes_via_person", world.asking("bob"))
    assert len(statements) == 5  # post, its author, its editors, author, notes


@contextmanager
def counted_selects(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    statements: list[str] = []
    query = world.app.database.query

    def counting(sql: str, parameters: Any = (), seconds: float = 0) -> Any:
        statements.append(sql)
        return query(sql, parameters, seconds)

    with monkeypatch.context() as patched:
        patched.setattr(world.app.database, "query", counting)
        yield statements


def test_the_way_back_brings_a_thousand_of_each_the_oldest_first(tmp_path: Any) -> None:
    with open_world(tmp_path) as world:
        add_collection(
            world.app,
            "marks",
            text("n"),
            relation("post", "posts0000000001"),
            relation("posts", "posts0000000001", 9),
            **OPEN,
        )
        first, second = "post00000000001", "post00000000002"

        def fill() -> None:
            for place in range(MAX_BACK_RECORDS + 5):
                world.record("marks", id=f"mark{9999 - place:0>11}", n=str(place), post=first, posts=[first, second])

        world.app.database.write(fill)
        records = load(world, "posts", first, second)
        expand_records(world.app, records, "marks_via_post,marks_via_posts", world.asking(""))
        one, two = records
        assert [each["n"] for each in one.expand["marks_via_post"]] == [str(n) for n in range(MAX_BACK_RECORDS)]
        assert "marks_via_post" not in two.expand
        assert [len(each.expand["marks_via_posts"]) for each in records] == [MAX_BACK_RECORDS] * 2


def test_thousands_of_paths_cost_little(world: World) -> None:
    """16 KiB of `expand` fit into a request."""
    (comment,) = load(world, "comments", COMMENTS[0])
    paths = ",".join(f"n{place}.m" for place in range(3000)) + ",post" + "._via_" * 2000 + ",post" * 2000
    expand_records(world.app, [comment], paths, world.asking(""))
    assert outline(comment) == "001"  # the long path fails, and post with it
