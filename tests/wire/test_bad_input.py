"""Wrong input is the client's error: a 4xx with a JSON body in the wire's shape, never a 500.

The cases are a table, bad_input.toml. The status must be PocketBase's, unless the case says why we are stricter.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.oracle import Server
from tests.oracle import oracle as oracle
from tests.oracle import ours as ours
from tests.wire.compare import Arena
from tests.wire.exchange import Answer
from tests.wire.scenarios import Case, load_file

pytestmark = pytest.mark.xdist_group("wire")

CASES = tuple(load_file(Path(__file__).with_name("bad_input.toml")))


@pytest.fixture(scope="module")
def arena(oracle: Server, ours: Server) -> Iterator[Arena]:
    """Both servers, seeded alike."""
    with Arena(oracle, ours) as both:
        yield both


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id.removeprefix("bad_input: ")) for case in CASES])
def test_bad_input_is_refused(arena: Arena, case: Case) -> None:
    outcome = arena.play(case)
    (expected,), (got,) = outcome.expected, outcome.got
    assert shape_of(got) == "a client error in the wire's shape", f"{got.request[:500]}\n{got.raw[:2000]}"
    if not case.steps[0].get("stricter"):
        assert got.normal["status"] == expected.normal["status"], f"{expected.raw[:1000]}\n\n{got.raw[:1000]}"


def test_there_are_at_least_100_cases_with_ids_of_their_own() -> None:
    assert len({case.id for case in CASES}) == len(CASES) >= 100


def shape_of(answer: Answer) -> str:
    """What an answer is: the wanted sentence, or what is wrong with it."""
    status = answer.normal["status"]
    if not 400 <= status < 500:
        return f"status {status}"
    if answer.normal["headers"]["Content-Type"] != "application/json":
        return f"content type {answer.normal['headers']['Content-Type']}"
    return shape_of_body(answer.normal["body"], status)


def shape_of_body(body: Any, status: int) -> str:
    """The wire's error: {"status": number, "message": sentence, "data": object of field errors}."""
    if not isinstance(body, dict) or set(body) != {"status", "message", "data"} or body["status"] != status:
        return f"body {json.dumps(body)}"
    if not isinstance(body["message"], str) or not body["message"].endswith("."):
        return f"message {body['message']}"
    return "a client error in the wire's shape" if isinstance(body["data"], dict) else f"data {body['data']}"
