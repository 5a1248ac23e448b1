"""What counts as the same request to the memory of slow ones, how long it lasts and how large it grows."""

from __future__ import annotations

import pytest

from appliance import clock
from appliance.http.slow_shapes import LEAST_SECONDS, MOST_SECONDS, MOST_SHAPES, SlowShapes, shape_of

LIST = "/api/collections/{collection}/records"


def shape(query: str, collection: str = "posts") -> tuple[str, str, str]:
    return shape_of(LIST, {"collection": collection}, query)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("page=1", "page=27", id="another page"),
        pytest.param("filter=views%3E17", "filter=views%3E18.5", id="another number"),
        pytest.param("filter=title='a b'", "filter=title='c'", id="another text"),
        pytest.param("filter=title%3D%22a%22", 'filter=title="b"', id="another text in other quotes"),
    ],
)
def test_values_do_not_count(one: str, other: str) -> None:
    assert shape(one) == shape(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("sort=title", "sort=-title", id="another sort"),
        pytest.param("perPage=30", "perPage=1000", id="another size"),
        pytest.param("filter=views>1", "filter=views<1", id="another comparison"),
        pytest.param("filter=field1=2", "filter=field2=2", id="another field with a number in its name"),
        pytest.param("", "skipTotal=1", id="no query"),
    ],
)
def test_what_is_asked_counts(one: str, other: str) -> None:
    assert shape(one) != shape(other)


def test_collections_count_by_name_in_any_case() -> None:
    assert shape("", "Posts") == shape("", "posts") != shape("", "users")


def test_is_soon_tried_again_and_later_each_time_it_was_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    slow, one = SlowShapes(), shape("sort=a")
    waits = []
    for _ in range(12):
        slow.add(one)
        began = now[0]
        while slow.has(one):
            now[0] += LEAST_SECONDS
        waits.append(now[0] - began)
    assert waits[:4] == [LEAST_SECONDS, 2 * LEAST_SECONDS, 4 * LEAST_SECONDS, 8 * LEAST_SECONDS]
    assert waits[-1] == MOST_SECONDS
    assert not slow.has(shape("sort=b"))


def test_what_was_quick_for_long_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    slow, one = SlowShapes(), shape("sort=a")
    for _ in range(8):
        slow.add(one)
    now[0] += 3 * MOST_SECONDS
    slow.add(one)
    now[0] += LEAST_SECONDS
    assert not slow.has(one)


def test_forgets_the_oldest_when_full() -> None:
    slow = SlowShapes()
    for number in range(MOST_SHAPES + 1):
        slow.add(shape(f"sort=field{number}"))
    assert not slow.has(shape("sort=field0"))
    assert slow.has(shape("sort=field1"))
    assert slow.has(shape(f"sort=field{MOST_SHAPES}"))
