"""Many watchers judged at once get the verdicts that each would get alone, and equal questions are asked once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from appliance.core.record import Record
from appliance.core.records import access, watching
from appliance.core.records.query import find_record
from appliance.core.records.watching import Watcher
from appliance.core.request_info import CONTEXT_REALTIME, RequestInfo
from appliance.errors import ApiError, OverBudgetError, RuleError
from tests.core.records_world import World

ROUNDS = 150
SECONDS = 10.0
FIELDS = (
    "title", "author", "author.name", "author.role", "editors", "editors.name", "editors.id", "score", "published",
    "id", "meta.a.b", "secret", "comments_via_post.message", "comments_via_post.author.name", "@request.auth.id",
    "@request.auth.role", "@request.auth.email", "@request.auth.verified", "@request.auth.collectionName",
    "@request.query.q", "@request.query.n", "@request.headers.x_key", "@request.context", "@request.method",
    "@collection.notes.person", "@collection.profiles:mine.motto", "title:lower", "editors:length", "editors:each",
    "@request.query.q:lower", "@request.query.q:isset", "@request.body.title", "@now", "@year", "nowhere",
)  # fmt: skip
OPERATORS = ("=", "!=", ">", "<=", "~", "!~", "?=", "?!=", "?~")
VALUES = (
    "''",
    "'Post 1'",
    "'bob'",
    "'Bob'",
    "1",
    "1.0",
    "'1'",
    "0",
    "true",
    "null",
    "'%o%'",
    "'member'",
    "'k'",
    "'realtime'",
)
QUERIES: tuple[dict[str, str], ...] = ({}, {"q": "1"}, {"q": ""}, {"q": "Bob", "n": "1"}, {"q": "1", "unread": "x"})
HEADERS: tuple[dict[str, str], ...] = ({}, {"x_key": "k"}, {"x_key": "%o%"}, {"accept": "y"})


def expression(random: Random, depth: int = 1) -> str:
    terms = [term(random, depth) for _ in range(random.choice((1, 1, 2, 3)))]
    return random.choice((" && ", " || ")).join(terms)


def term(random: Random, depth: int) -> str:
    if depth and random.random() < 0.25:
        return f"({expression(random, depth - 1)})"
    right = random.choice(FIELDS if random.random() < 0.4 else VALUES)
    return f"{random.choice(FIELDS)} {random.choice(OPERATORS)} {right}"


def rule(random: Random) -> str | None:
    return random.choice((None, "", expression(random), expression(random), expression(random)))


def watchers(world: World, random: Random) -> list[Watcher]:
    filters = ["", "", expression(random, 0), "bad!!"]
    found = []
    for who in ("", "root", "ann", "bob", "cyd"):
        for _ in range(6):
            query, headers = random.choice(QUERIES), random.choice(HEADERS)
            asking = world.asking(who, context=CONTEXT_REALTIME, query=query, headers=headers)
            found.append(Watcher(random.choice((access.LIST, access.VIEW)), asking, random.choice(filters)))
    return found


def changed_post(world: World, random: Random) -> Record:
    """A stored post with other values than its row's, under random rules."""
    posts = world.app.collections.get("posts")
    stored = find_record(world.app, posts, f"post{random.randint(1, 3):0>11}")
    assert stored is not None
    ids = [world.people[who].id for who in ("ann", "bob", "cyd")]
    values = {**stored.values, "title": random.choice(("Post 1", "Bob", "1", "")), "score": random.choice((0, 1, 1.5))}
    values.update(author=random.choice((*ids, "")), editors=random.sample(ids, random.randint(0, 3)))
    rules = {**posts.rules, "listRule": rule(random), "viewRule": rule(random)}
    return Record(replace(posts, rules=rules), values, is_new=False)


def alone(world: World, record: Record, watcher: Watcher) -> bool:
    """The verdict of the one function."""
    try:
        return access.can_watch(world.app, record, watcher.action, watcher.request, watcher.filter)
    except (ApiError, RuleError):
        return False


def disagreements(world: World, seed: int) -> list[str]:
    random = Random(seed)
    asking = watchers(world, random)
    found = []
    for _ in range(3):
        record = changed_post(world, random)
        together = access.watchers_allowed(world.app, record, asking, SECONDS)
        for watcher, verdict in zip(asking, together, strict=True):
            if verdict is not alone(world, record, watcher):
                found.append(f"{record.collection.rules} {watcher.action} {watcher.filter!r} {watcher.request}")
    return found


@pytest.fixture
def queries(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The statements that the batch runs."""
    asked: list[str] = []
    run = watching.run_select

    def counted(app: Any, statement: Any, parameters: Sequence[Any], seconds: float) -> Any:
        asked.append(statement.text)
        return run(app, statement, parameters, seconds)

    monkeypatch.setattr(watching, "run_select", counted)
    yield asked


def post_with(world: World, list_rule: str | None, **values: Any) -> Record:
    posts = world.app.collections.get("posts")
    stored = find_record(world.app, posts, "post00000000001")
    assert stored is not None
    rules = {**posts.rules, "listRule": list_rule}
    return Record(replace(posts, rules=rules), {**stored.values, **values}, is_new=False)


def crowd(world: World, **facts: Any) -> list[Watcher]:
    people = [world.asking(who, context=CONTEXT_REALTIME, **facts) for who in ("", "ann", "bob", "cyd", "root")]
    return [Watcher(access.LIST, each) for each in people for _ in range(20)]


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_together_as_alone(world: World, seed: int) -> None:
    assert disagreements(world, seed) == []


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(lambda form, values: form, id="whoever asks by the same statement"),
        pytest.param(lambda form, values: (form, values[:1]), id="whoever shares the first value"),
    ],
)
def test_a_crooked_grouping_would_be_found(world: World, monkeypatch: pytest.MonkeyPatch, key: Any) -> None:
    """The control: verdicts shared too widely must be seen."""

    def make(self: watching.Question, form: watching.Form, values: tuple[Any, ...]) -> None:
        self.form, self.values, self.key = form, values, key(form, values)

    monkeypatch.setattr(watching.Question, "__init__", make)
    assert any(disagreements(world, seed) for seed in range(ROUNDS))


@pytest.mark.parametrize(
    ("list_rule", "distinct"),
    [
        pytest.param(None, 0, id="for superusers only"),
        pytest.param("", 0, id="for everybody"),
        pytest.param("published = true", 1, id="about the record alone"),
        pytest.param("@request.auth.id = author", 4, id="about the account, guests apart"),
        pytest.param("@request.auth.collectionName = 'people'", 2, id="about what accounts share"),
        pytest.param("@request.query.q = title", 1, id="about a parameter that all send alike"),
        pytest.param("@now > created || title = 'x'", 0, id="about a field that is not there"),
        pytest.param("@now > title", 1, id="about the moment, one for all"),
    ],
)
def test_each_distinct_question_is_asked_once(
    world: World, queries: list[str], list_rule: str | None, distinct: int
) -> None:
    record = post_with(world, list_rule)
    access.watchers_allowed(world.app, record, crowd(world, query={"q": "x"}), SECONDS)
    assert len(queries) == distinct


def test_other_headers_and_parameters_make_no_other_question(world: World, queries: list[str]) -> None:
    record = post_with(world, "@request.query.q = title")
    asking = [RequestInfo(query={"q": "x", "n": str(place)}, headers={"x": str(place)}) for place in range(50)]
    access.watchers_allowed(world.app, record, [Watcher(access.LIST, each) for each in asking], SECONDS)
    assert len(queries) == 1


def test_filters_of_one_form_are_prepared_once(world: World, queries: list[str]) -> None:
    record = post_with(world, "", title="t7")
    asking = [Watcher(access.LIST, RequestInfo(), f"title = 't{place}'") for place in range(50)]
    verdicts = access.watchers_allowed(world.app, record, asking, SECONDS)
    assert [place for place, verdict in enumerate(verdicts) if verdict] == [7]
    assert (len(queries), len(set(queries))) == (50, 1)


def test_a_watcher_is_asked_anew_when_its_account_changes(world: World) -> None:
    record = post_with(world, "@request.auth.verified = true")
    bob = world.people["bob"]
    watcher = Watcher(access.LIST, RequestInfo(auth=bob))
    assert access.watchers_allowed(world.app, record, [watcher], SECONDS) == [False]
    watcher.request = RequestInfo(auth=Record(bob.collection, {**bob.values, "verified": True}, is_new=False))
    assert access.watchers_allowed(world.app, record, [watcher], SECONDS) == [True]


def test_a_watcher_is_asked_anew_when_the_rule_changes(world: World) -> None:
    watcher = Watcher(access.LIST, RequestInfo())
    verdicts = [
        access.watchers_allowed(world.app, post_with(world, rule), [watcher], SECONDS) for rule in ("", None, "")
    ]
    assert verdicts == [[True], [False], [True]]


def test_a_question_that_takes_too_long_shows_nothing_and_keeps_nobody_else(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = watching.run_select

    def slow(app: Any, statement: Any, parameters: Sequence[Any], seconds: float) -> Any:
        if "slow" in parameters:
            raise OverBudgetError("The statement used up its thread's budget of CPU time.")
        return run(app, statement, parameters, seconds)

    monkeypatch.setattr(watching, "run_select", slow)
    asking = [Watcher(access.LIST, RequestInfo(), f"title != '{word}'") for word in ("slow", "x")]
    assert access.watchers_allowed(world.app, post_with(world, ""), asking, SECONDS) == [False, True]
    assert "shows nothing" in caplog.text


def test_all_questions_share_one_time_limit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[float] = []
    moments = iter(float(second) for second in range(100))
    monkeypatch.setattr(watching, "monotonic", lambda: next(moments))
    monkeypatch.setattr(watching, "run_select", lambda app, statement, parameters, seconds: limits.append(seconds))
    access.watchers_allowed(world.app, post_with(world, "@request.auth.id = author"), crowd(world), 2.0)
    assert limits == [1.0, watching.LEAST_SECONDS, watching.LEAST_SECONDS, watching.LEAST_SECONDS]


def test_the_random_rules_say_yes_and_no(world: World) -> None:
    said = []
    for seed in range(30):
        random = Random(seed)
        asking = watchers(world, random)
        said += access.watchers_allowed(world.app, changed_post(world, random), asking, SECONDS)
    assert 0.1 < sum(said) / len(said) < 0.9
