"""Records as JSON: who sees which field; `fields` and `:excerpt`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from appliance.core.records.excerpt import excerpt, plain_text
from appliance.core.records.expand import expand_records
from appliance.core.records.json import pick_fields, record_as_json, records_as_json
from appliance.core.records.query import find_records
from appliance.errors import BadRequest
from tests.core.records_world import World

MEASURED: dict[str, Any] = json.loads((Path(__file__).parent / "picked_fields.json").read_text())


def shown(world: World, who: str, collection: str, record_id: str, expand: str = "") -> dict[str, Any]:
    records = find_records(world.app, world.app.collections.get(collection), [record_id])
    expand_records(world.app, records, expand, world.asking(who))
    return record_as_json(world.app, records[0], world.asking(who))


def test_a_record_has_its_fields_and_its_collection(world: World) -> None:
    answer = shown(world, "", "comments", "comment00000001")
    assert answer == {
        "collectionId": "comments0000001",
        "collectionName": "comments",
        "id": "comment00000001",
        "message": "m1",
        "post": "post00000000002",
        "author": "000000000000bob",
        "thread": ["post00000000002"],
    }


@pytest.mark.parametrize(
    ("who", "fields"),
    [
        pytest.param("bob", set(), id="not by a member"),
        pytest.param("root", {"secret", "reviewer", "draft"}, id="by root"),
    ],
)
def test_hidden_fields_are_seen(world: World, who: str, fields: set[str]) -> None:
    answer = shown(world, who, "posts", "post00000000001")
    assert {"secret", "reviewer", "draft"} & set(answer) == fields


@pytest.mark.parametrize(
    ("who", "has_email"),
    [
        pytest.param("", False, id="hidden from a guest"),
        pytest.param("cyd", False, id="hidden from another member"),
        pytest.param("bob", True, id="seen by oneself"),
        pytest.param("ann", True, id="seen by a manager"),
        pytest.param("root", True, id="seen by a superuser"),
    ],
)
def test_a_private_email_is(world: World, who: str, has_email: bool) -> None:
    assert ("email" in shown(world, who, "people", "000000000000bob")) is has_email
    comment = shown(world, who, "comments", "comment00000001", "author")
    assert ("email" in comment["expand"]["author"]) is has_email


@pytest.mark.parametrize("who", ["", "bob", "ann", "root"])
def test_no_answer_has_a_password_or_token_key(world: World, who: str) -> None:
    text = json.dumps(shown(world, who, "people", "000000000000bob"))
    assert "password" not in text
    assert "tokenKey" not in text


def test_expand_is_there_once_it_was_followed(world: World) -> None:
    assert "expand" not in shown(world, "", "comments", "comment00000001", "nowhere")
    assert shown(world, "", "posts", "post00000000001", "notes_via_post")["expand"] == {}


def test_many_private_emails_cost_one_select(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    people = find_records(world.app, world.app.collections.get("people"), [each.id for each in world.people.values()])
    statements = []
    query = world.app.database.query
    monkeypatch.setattr(world.app.database, "query", lambda *asked: statements.append(asked) or query(*asked))
    answers = records_as_json(world.app, people, world.asking("ann"))
    assert all("email" in each for each in answers)
    assert len(statements) == 1


@pytest.mark.parametrize(("fields", "picked"), [pytest.param(*each, id=repr(each[0])) for each in MEASURED["cases"]])
def test_fields_picks_what_the_original_picks(fields: str, picked: Any) -> None:
    """Measured against PocketBase 0.40.6."""
    assert pick_fields(MEASURED["record"], fields) == picked


@pytest.mark.parametrize("modifier", MEASURED["refused"])
def test_a_modifier_that_cannot_be_read_is_refused(modifier: str) -> None:
    with pytest.raises(BadRequest):
        pick_fields(MEASURED["record"], f"title,body{modifier}")


def test_each_object_of_a_list_is_picked_from() -> None:
    assert pick_fields([{"a": 1, "b": 2}, {"a": 3}], "a") == [{"a": 1}, {"a": 3}]
    assert pick_fields(["text", {"a": 1, "b": 2}], "a") == ["text", {"a": 1, "b": 2}]


@pytest.mark.parametrize(
    ("html", "plain"),
    [
        pytest.param("<p>a</p><p>b</p>", "a b", id="blocks part words"),
        pytest.param("a<b>b</b>c<br>d", "abcd", id="inline tags don't"),
        pytest.param("<table><tr><td>1</td><td>2</td></tr></table>", "1 2", id="cells part words"),
        pytest.param("<td>1</td>2", "12", id="outside a table a cell is no tag"),
        pytest.param("a<script>if (1 < 2) {}</script><style>p{}</style>b", "ab", id="scripts and styles are skipped"),
        pytest.param("<script>never closed", "", id="a script that isn't closed hides the rest"),
        pytest.param("a<!-- c -->b<!DOCTYPE x>c", "abc", id="comments and declarations are skipped"),
        pytest.param("a<svg><text>t</text></svg>b", "ab", id="drawings are skipped"),
        pytest.param("<title>t</title>x", "x", id="a title at the start belongs to the head"),
        pytest.param("&lt;b&gt; &amp;amp; &#65;", "<b> &amp; A", id="entities are resolved once"),
        pytest.param("a < b > c", "a < b > c", id="a lone sign is text"),
        pytest.param("a <b", "a", id="an open tag at the end is dropped"),
        pytest.param(" lead \n\t and  trail ", "lead and trail", id="spaces collapse"),
        pytest.param("a&nbsp;&nbsp;b", "a\u00a0\u00a0b", id="hard spaces stay"),
    ],
)
def test_the_text_of_html(html: str, plain: str) -> None:
    """Measured against PocketBase 0.40.6."""
    assert plain_text(html) == plain


@pytest.mark.parametrize(
    ("text", "limit", "dots", "cut"),
    [
        pytest.param("abc", 3, True, "abc", id="what fits stays"),
        pytest.param("abcd", 3, True, "abc...", id="what doesn't is cut"),
        pytest.param("abc def", 4, True, "abc...", id="no space before the dots"),
        pytest.param("<p>abc</p><p>d</p>", 3, False, "abc", id="tags don't count"),
        pytest.param("日本語テキスト", 3, True, "日本語...", id="characters count, not bytes"),
    ],
)
def test_an_excerpt(text: str, limit: int, dots: bool, cut: str) -> None:
    assert excerpt(text, limit, dots) == cut


@pytest.mark.parametrize(
    "piece", ["<", "<!--", "<a '", '<a "', "<a x", "<svg>", "<script>", "</svg>", "&", "<textarea><"]
)
def test_an_excerpt_of_hostile_html_takes_linear_time(piece: str) -> None:
    """A quadratic scan of this megabyte would take minutes."""
    excerpt(piece * (1_000_000 // len(piece)), 5)


def test_thousands_of_picks_cost_no_more_for_thousands_of_records() -> None:
    """16 KiB of `fields` fit into a request; each record must not pay for each of them."""
    fields = ",".join(f"a.b{place}" for place in range(2500)) + ",title" + ",(" * 2000
    records = [{"title": "x", "a": {"b1": 1, "c": 2}, **{f"k{place}": 0 for place in range(30)}} for _ in range(1000)]
    assert pick_fields(records, fields)[999] == {"title": "x", "a": {"b1": 1}}
    assert pick_fields({"a": 1}, "a" * 8000 + ".a" * 4000) == {}
