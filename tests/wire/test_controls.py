"""The comparison itself: silent between two equal servers, loud when an answer is wrong in any way that matters."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.oracle import Server, start_oracle
from tests.oracle import oracle as oracle
from tests.wire.compare import Arena
from tests.wire.crooked import CrookedProxy, Reply, Spoil
from tests.wire.normalise import Normaliser
from tests.wire.scenarios import Case, find_cases

pytestmark = pytest.mark.xdist_group("wire")

LIST = "records_list: paging: first page of two"
SEEN = "records_view: a published post, as guest"
PROFILE = "records_view: ada's profile, as ada"
REFUSED = "records_create: text: too short"
MISSING = "records_view: unknown collection, as guest"
SIGN_IN = "auth_with_password: good sign-in: by mail address"


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CrookedProxy]:
    """A second PocketBase behind a proxy that may spoil its answers."""
    second = start_oracle(tmp_path_factory.mktemp("second"))
    with CrookedProxy(second).running() as crooked:
        yield crooked
    second.stop()


@pytest.fixture(scope="module")
def arena(oracle: Server, proxy: CrookedProxy) -> Iterator[Arena]:
    """One PocketBase against another."""
    with Arena(oracle, proxy.server) as both:
        yield both


def json_change(change: Callable[[Any], Any]) -> Spoil:
    return lambda reply: reply.with_json(change)


def status(number: int) -> Spoil:
    return lambda reply: replace(reply, status=number)


def the_case(case_id: str) -> Case:
    return next(case for case in find_cases(None) if case.id == case_id)


UNSPOILT: Spoil = lambda reply: reply  # noqa: E731
SPOILT = [
    pytest.param(MISSING, status(400), id="another status"),
    pytest.param(
        MISSING,
        json_change(lambda body: {**body, "message": body["message"].rstrip(".")}),
        id="a message without its stop",
    ),
    pytest.param(MISSING, json_change(lambda body: {**body, "data": None}), id="null instead of an empty object"),
    pytest.param(SEEN, lambda reply: replace(reply, content_type="text/plain"), id="another content type"),
    pytest.param(SEEN, lambda reply: replace(reply, body=b"{}"), id="an empty body"),
    pytest.param(LIST, json_change(lambda body: {**body, "totalItems": body["totalItems"] + 1}), id="a wrong total"),
    pytest.param(LIST, json_change(lambda body: {**body, "items": body["items"][::-1]}), id="another order"),
    pytest.param(LIST, json_change(lambda body: {**body, "items": body["items"][:-1]}), id="a row missing"),
    pytest.param(SEEN, json_change(lambda body: {k: v for k, v in body.items() if k != "meta"}), id="a key missing"),
    pytest.param(SEEN, json_change(lambda body: {**body, "secret": "s-one"}), id="a hidden field shown"),
    pytest.param(SEEN, json_change(lambda body: {**body, "views": str(body["views"])}), id="a number as text"),
    pytest.param(SEEN, json_change(lambda body: {**body, "published": 1}), id="1 instead of true"),
    pytest.param(
        SEEN,
        json_change(lambda body: {**body, "created": body["created"].replace(" ", "T")}),
        id="a date in another form",
    ),
    pytest.param(SEEN, json_change(lambda body: {**body, "created": body["created"][:-1]}), id="a date without zone"),
    pytest.param(PROFILE, json_change(lambda body: {**body, "id": "a" * 15}), id="another id"),
    pytest.param(REFUSED, json_change(lambda body: {**body, "data": {}}), id="field errors missing"),
    pytest.param(REFUSED, status(200), id="success instead of a refusal"),
    pytest.param(SIGN_IN, json_change(lambda body: {**body, "token": "abc"}), id="a token that is none"),
    pytest.param(
        SIGN_IN,
        json_change(lambda body: {**body, "token": body["token"][: body["token"].index(".")] + ".e30.x"}),
        id="a token without claims",
    ),
]


@pytest.mark.parametrize(("case_id", "spoil"), SPOILT)
def test_a_wrong_answer_is_seen(arena: Arena, proxy: CrookedProxy, case_id: str, spoil: Spoil) -> None:
    case = the_case(case_id)
    proxy.spoil = UNSPOILT
    arena.prepare(case)
    proxy.spoil = spoil
    outcome = arena.play(case)
    proxy.spoil = UNSPOILT
    assert not outcome.is_same
    assert case.id in outcome.report()


@pytest.mark.parametrize("file", ["collections_import", "records_update"])
def test_two_real_pocketbases_never_differ(arena: Arena, proxy: CrookedProxy, file: str) -> None:
    proxy.spoil = UNSPOILT
    reports = [outcome.report() for outcome in map(arena.play, find_cases(f"{file}: *")) if not outcome.is_same]
    assert not reports, "\n".join(reports)


def test_generated_ids_keep_their_identity() -> None:
    first, second = "abc1def2ghi3jkl", "zzz1zzz2zzz3zzz"
    assert Normaliser().normalise([first, second, first]) == ["<id1>", "<id2>", "<id1>"]


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param("abc1def2ghi3jk", id="an id of 14 letters"),
        pytest.param("ABC1DEF2GHI3JKL", id="an id in capitals"),
        pytest.param("2024-01-01 10:00:00.000Z", id="a date of another year"),
        pytest.param("name_0123456789", id="a stored name without extension"),
    ],
)
def test_a_wrong_shape_gets_no_placeholder(wrong: str) -> None:
    assert Normaliser().normalise(wrong) == wrong


def test_dates_before_and_after_the_case_began_differ() -> None:
    normaliser = Normaliser()
    now = datetime.fromtimestamp(time.time(), UTC)
    wire = [f"{moment:%Y-%m-%d %H:%M:%S}.000Z" for moment in (now - timedelta(seconds=30), now + timedelta(seconds=2))]
    assert normaliser.normalise(wire) == ["<earlier>", "<now>"]


def test_reply_json_change_leaves_other_bodies_alone() -> None:
    reply = Reply(200, "text/plain", b"words")
    assert reply.with_json(lambda body: {}) is reply
