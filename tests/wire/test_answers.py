"""Our server answers every scenario as the real PocketBase does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.oracle import ROOT, Server
from tests.oracle import oracle as oracle
from tests.oracle import ours as ours
from tests.wire.compare import Arena
from tests.wire.differences import PAGE, find_difference, load_differences, page
from tests.wire.random_cases import MAKERS, make_cases
from tests.wire.scenarios import Case, load_cases

pytestmark = pytest.mark.xdist_group("wire")


@pytest.fixture(scope="module")
def arena(oracle: Server, ours: Server) -> Iterator[Arena]:
    """Both servers, seeded alike."""
    with Arena(oracle, ours) as both:
        yield both


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in load_cases()])
def test_our_answer_equals_the_oracles(arena: Arena, case: Case) -> None:
    outcome = arena.play(case)
    difference = find_difference(case.id)
    if difference is None:
        assert outcome.is_same, f"\n{outcome.report()}"
    else:
        assert not outcome.is_same, f"no longer differs, take it out of differences.toml: {difference}"


@pytest.mark.parametrize("kind", MAKERS)
def test_our_answers_to_random_requests_equal_the_oracles(arena: Arena, kind: str) -> None:
    outcomes = map(arena.play, make_cases(kind, seed=2026, count=150))
    reports = [outcome.report() for outcome in outcomes if not outcome.is_same]
    assert not reports, "\n\n".join(reports[:5])


def test_at_least_400_answers_are_compared() -> None:
    assert sum(case.requests for case in load_cases()) >= 400


def test_every_case_has_its_own_id() -> None:
    ids = [case.id for case in load_cases()]
    assert sorted(set(ids)) == sorted(ids)


def test_every_deliberate_difference_is_shown_by_a_case_or_a_test() -> None:
    for row in load_differences():
        shown = any(find_difference(case.id) == row for case in load_cases())
        assert shown or (ROOT / row.test).is_file(), row.title


def test_the_page_of_differences_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run: python -m tests.wire differences"
