"""What the scenarios send is answered by both servers: a load of refusals would measure refusing."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from urllib.parse import urlsplit

import pytest

from bench import calls
from bench.calls import Call, Maker
from bench.generators import generating
from bench.lines import Answers
from bench.measures import audience
from bench.seed import open_world
from bench.servers import Side, add_logins, both_sides
from tests.oracle import require_oracle

ROWS = 200
MAKERS = [
    pytest.param(calls.view, id="view"),
    pytest.param(calls.view_own, id="view by its owner"),
    pytest.param(calls.list_page(30, with_total=True), id="list with total"),
    pytest.param(calls.list_page(30, with_total=False), id="list without total"),
    pytest.param(calls.list_page(500, with_total=True), id="list 500"),
    pytest.param(calls.filtered(50_000_000), id="filter with values that differ"),
    pytest.param(calls.filtered(8), id="filter with few values"),
    pytest.param(calls.create, id="create"),
    pytest.param(calls.update, id="update"),
    pytest.param(calls.login, id="login"),
    pytest.param(calls.download, id="download"),
    pytest.param(calls.upload, id="upload"),
    pytest.param(calls.mixed, id="mixed"),
]


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Side, Side]]:
    require_oracle()
    with both_sides(open_world(ROWS, tmp_path_factory.mktemp("cache"))) as pair:
        for side in pair:
            side.start()
            add_logins(side)
        yield pair


@pytest.mark.parametrize("maker", MAKERS)
def test_both_answer_what_a_scenario_sends(sides: tuple[Side, Side], maker: Maker) -> None:
    for side in sides:
        answers = [ask(side, call) for call in calls.calls(maker, side.world, "test", 3)]
        assert [status for status, _ in answers] == [200] * 3, (side.name, answers)


def test_both_find_the_same_rows(sides: tuple[Side, Side]) -> None:
    for number in range(3):
        call = calls.filtered(8)(sides[0].world, Random(number))
        oracle, ours = (json.loads(ask(side, call)[1]) for side in sides)
        assert [post["id"] for post in oracle["items"]] == [post["id"] for post in ours["items"]]
        assert oracle["totalItems"] == ours["totalItems"] > 0


def test_a_seed_makes_the_same_calls_again(sides: tuple[Side, Side]) -> None:
    first, again, other = (list(calls.calls(calls.mixed, sides[0].world, seed, 20)) for seed in ("a", "a", "b"))
    assert first == again != other


def test_both_deliver_every_event_to_every_subscriber(sides: tuple[Side, Side]) -> None:
    for side in sides:
        for own_filters in (False, True):
            with generating("subscribers", **audience(side, 5, events=2, own_filters=own_filters)) as crowd:
                seen = crowd.tell("publish")
            assert (seen["delivered"], seen["lost"], seen["refused"]) == (10, 0, 0), side.name


def test_idle_and_slow_connections_are_held(sides: tuple[Side, Side]) -> None:
    for side in sides:
        for is_slow in (False, True):
            with generating("crowd", url=side.url, count=5, is_slow=is_slow) as crowd:
                assert crowd.tell("count") == {"held": 5, "closed": 0}, side.name


def test_updates_go_on_beside_a_load(sides: tuple[Side, Side]) -> None:
    for side in sides:
        before = side.usage()
        with generating("writer", url=side.url, rows=ROWS, per_second=200):
            assert ask(side, calls.view(side.world, Random(1)))[0] == 200
        assert side.usage().cpu_seconds >= before.cpu_seconds


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        pytest.param([b"HTTP/1.1 204 No Content\r\n\r\n"], [204], id="an answer without a body"),
        pytest.param([b"HTTP/1.1 200 OK\r\nContent-", b"Length: 2\r\n\r\n{", b"}"], [200], id="one in pieces"),
        pytest.param(
            [b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nxHTTP/1.1 400 B\r\n\r\n"], [200, 400], id="two at once"
        ),
        pytest.param([b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"], [], id="one that has not all come"),
    ],
)
def test_answers_are_cut_where_they_end(pieces: list[bytes], expected: list[int]) -> None:
    answers = Answers()
    assert [status for piece in pieces for status in answers.feed(piece)] == expected


def ask(side: Side, call: Call) -> tuple[int, bytes]:
    with connected(side) as connection:
        headers = {"Authorization": call.token} if call.token else {}
        if call.body:
            headers["Content-Type"] = call.content_type
        connection.request(call.method, call.path, call.body or None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


@contextmanager
def connected(side: Side) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(urlsplit(side.url).netloc, timeout=30)
    try:
        yield connection
    finally:
        connection.close()
