"""Random requests that both servers must answer alike: filters, lists and record bodies made of a table of words.

A seed makes the same cases everywhere; a failing case prints its request, which then becomes a case of a scenario.
`python -m tests.wire random --seed 7 --count 1000` looks further than the test run does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from tests.wire.scenarios import Case, read_tables

PEOPLE = ("guest", "ada", "bob", "carol", "eve", "root")


def make_cases(kind: str, seed: int, count: int) -> Iterator[Case]:
    """`count` cases of one kind: filters, lists or bodies."""
    random = Random(seed)
    for number in range(count):
        step = {"who": random.choice(PEOPLE), **MAKERS[kind](random)}
        yield Case(f"random {kind}: {seed}/{number}", f"random {kind}", (step,))


@cache
def _words(kind: str) -> dict[str, list[Any]]:
    table: dict[str, list[Any]] = read_tables(Path(__file__).with_name("random_words.toml"))[kind]
    return table


def _filter_request(random: Random) -> dict[str, Any]:
    query = {"filter": _expression(random, 1), "sort": random.choice(["id", "-id"]), "fields": "id", "probe": "1"}
    path = f"/api/collections/{random.choice(_words('filters')['collections'])}/records"
    return {"path": path, "query": query, "headers": {"X-Probe": "a"}}


def _expression(random: Random, depth: int) -> str:
    terms = [_term(random, depth) for _ in range(random.choice([1, 1, 1, 2, 2, 3]))]
    return random.choice([" && ", " || "]).join(terms)


def _term(random: Random, depth: int) -> str:
    if depth and random.random() < 0.25:
        return f"({_expression(random, depth - 1)})"
    right = _field(random) if random.random() < 0.5 else random.choice(_words("filters")["operands"])
    return f"{_field(random)} {random.choice(_words('filters')['operators'])} {right}"


def _field(random: Random) -> str:
    words = _words("filters")
    return f"{random.choice(words['fields'])}{random.choice(words['modifiers'])}"


def _list_request(random: Random) -> dict[str, Any]:
    words = _words("lists")
    choices: dict[str, Callable[[], str]] = {
        "expand": lambda: _joined(random, words["expands"], ".", 3),
        "fields": lambda: _joined(random, words["fields"], ",", 3),
        "perPage": lambda: random.choice(words["numbers"]),
        "page": lambda: random.choice(words["numbers"]),
        "skipTotal": lambda: random.choice(words["flags"]),
    }
    query = {name: choose() for name, choose in choices.items() if random.random() < 0.4}
    sort = f"{random.choice(words['sorts'])},id" if random.random() < 0.5 else "id"
    return {"path": f"/api/collections/{random.choice(words['collections'])}/records", "query": {**query, "sort": sort}}


def _joined(random: Random, words: list[str], separator: str, most: int) -> str:
    return separator.join(random.choice(words) for _ in range(random.randint(1, most)))


def _body_request(random: Random) -> dict[str, Any]:
    words = _words("bodies")
    names = [
        random.choice(words["modifiers"]).format(random.choice(words["fields"])) for _ in range(random.randint(1, 4))
    ]
    body = {name: random.choice(words["values"]) for name in names}
    path = "/api/collections/kinds/records"
    if random.random() < 0.6:
        return {"method": "POST", "path": path, "body": body}
    return {"method": "PATCH", "path": f"{path}/kind00000000001", "body": body}


def _key(random: Random) -> str:
    words = _words("bodies")
    return str(random.choice(words["modifiers"]).format(random.choice(words["fields"])))


MAKERS: dict[str, Callable[[Random], dict[str, Any]]] = {
    "filters": _filter_request,
    "lists": _list_request,
    "bodies": _body_request,
}
