"""Names and what they mean: the checks of a rule before it is stored, with the original's sentences."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.core.resolvers.check import check_rule
from tests.core.records_world import World

GOOD = (
    None, "", "id = @request.auth.id", "author.name = 'x'", "editors.name ?= 'x'", "comments_via_post.author.id = 'x'",
    "comments0000001_via_post.message = 'x'", "COMMENTS_via_post.message = 'x'", "secret = 'x'", "author.pin = 'x'",
    "vault_via_post.code = 'x'", "@collection.vault.code ?= 'x'", "@collection.vault:a.code ?= @collection.vault:b.id",
    "@request.body.anything = 1", "@request.body.author.anything = 1", "@request.body.editors:each = 'x'",
    "@request.body.editors:length > 1", "@request.body.title:changed = false", "@request.body.nothing:isset = true",
    "@request.auth.anything.at.all = 1", "@request.query.a.b = 1", "@request.headers.a:lower = 'x'",
    "meta.any.thing.0.at_all = 1", "title:lower = 'x'", "docs:length = 0", "geoDistance(1,2,score,4) < 1",
    "strftime('%Y', title) = '2024'", "@now > title", "(1=1) || (null = '') // always",
)  # fmt: skip


@pytest.mark.parametrize("rule", GOOD)
def test_a_good_rule_passes(world: World, rule: str | None) -> None:
    assert check_rule(world.app, world.app.collections.get("posts"), rule) is None


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        pytest.param(" ", "empty filter expression", id="blank"),
        pytest.param("gone = 1", 'invalid left operand "gone" - unknown field "gone"', id="an unknown field"),
        pytest.param("1 = gone", 'invalid right operand "gone" - unknown field "gone"', id="on the right"),
        pytest.param("gone.x = 1", 'invalid left operand "gone.x" - failed to resolve field "gone"', id="a path"),
        pytest.param(
            "title.x = 1", 'invalid left operand "title.x" - field "title" is not a valid relation', id="text"
        ),
        pytest.param(
            "title:foo = 1", 'invalid left operand "title:foo" - unknown modifier in "title:foo"', id="modifier"
        ),
        pytest.param("@foo = 1", 'invalid left operand "@foo" - failed to resolve field "@foo"', id="no macro"),
        pytest.param("#x = 1", 'invalid left operand "#x" - failed to resolve field "#x"', id="a hash"),
        pytest.param(
            "@request.auth = ''",
            'invalid left operand "@request.auth" - failed to resolve field "@request.auth"',
            id="auth",
        ),
        pytest.param(
            "@collection.gone.id = ''",
            'invalid left operand "@collection.gone.id" - failed to load collection "gone" from field path '
            '"@collection.gone.id"',
            id="an unknown collection",
        ),
        pytest.param(
            "comments_via_gone.id = ''",
            'invalid left operand "comments_via_gone.id" - missing back relation field "gone"',
            id="an unknown back-relation",
        ),
        pytest.param(
            "comments_via_message.id = ''",
            'invalid left operand "comments_via_message.id" - invalid back relation field "message"',
            id="a back-relation through a text",
        ),
        pytest.param(
            "comments_via_author.id = ''",
            'invalid left operand "comments_via_author.id" - invalid collection reference of a back relation field '
            '"author"',
            id="another collection's back-relation",
        ),
        pytest.param(
            "gone_via_x.id = ''",
            'invalid left operand "gone_via_x.id" - failed to load back relation field "gone_via_x" collection',
            id="a back-relation from nowhere",
        ),
        pytest.param(
            "@request.body.title:each = ''",
            'invalid left operand "@request.body.title:each" - field "title" doesn\'t support multivalue operations',
            id="each of a text",
        ),
        pytest.param(
            "@request.query.a:length = 1",
            'invalid left operand "@request.query.a:length" - invalid modifier sequence a:length',
            id="the length of a query value",
        ),
        pytest.param("f(1) = 1", 'invalid left operand "f" - unknown function "f"', id="an unknown function"),
        pytest.param(
            "geoDistance(1) = 1",
            'invalid left operand "geoDistance" - [geoDistance] expected 4 arguments, got 1',
            id="too few arguments",
        ),
        pytest.param(
            "geoDistance(gone,1,1,1) = 1",
            'invalid left operand "geoDistance" - [geoDistance] failed to resolve argument 0: unknown field "gone"',
            id="an unknown field in a call",
        ),
        pytest.param(
            "meta..a = 1", 'invalid left operand "meta..a" - failed to resolve field ".a"', id="a gap in a path"
        ),
        pytest.param("||".join(["1=1"] * 201), "max filter expressions limit reached", id="201 comparisons"),
    ],
)
def test_a_bad_rule_is_refused_with_the_originals_sentence(world: World, rule: str, said: str) -> None:
    error = check_rule(world.app, world.app.collections.get("posts"), rule)
    assert error is not None
    assert error.code == "validation_invalid_rule"
    assert error.message == f"Invalid rule. Raw error: {said}."


def test_a_rule_is_checked_against_the_draft_of_its_collection(world: World) -> None:
    posts = world.app.collections.get("posts")
    draft = replace(posts, fields=tuple(each for each in posts.fields if each.name != "score"), name="articles")
    assert check_rule(world.app, draft, "score = 1") is not None
    assert check_rule(world.app, draft, "comments_via_post.post.score = 1") is not None
    assert check_rule(world.app, draft, "@collection.articles.title = 'x'") is None
    assert check_rule(world.app, posts, "score = 1") is None
