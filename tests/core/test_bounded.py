"""The mapping that forgets."""

from __future__ import annotations

import random
import threading

from appliance.core.bounded import Bounded


def test_it_holds_no_more_than_its_limit() -> None:
    held: Bounded[int, str] = Bounded(100)
    for number in range(1000):
        held.put(number, "x", weight=number % 7 + 1)
        assert held.weight <= 100
    assert held.get(999) == "x"
    assert held.get(0) is None


def test_what_was_read_outlives_what_was_not() -> None:
    held: Bounded[int, int] = Bounded(10)
    for number in range(10):
        held.put(number, number)
    assert held.get(3) == 3
    for number in range(10, 19):
        held.put(number, number)
    assert held.get(3) == 3
    assert [number for number in range(10) if held.get(number) is not None] == [3]


def test_what_is_read_once_does_not_stay_for_ever() -> None:
    held: Bounded[int, int] = Bounded(10)
    held.put(0, 0)
    held.get(0)
    for number in range(1, 50):
        held.put(number, number)
    assert held.get(0) is None


def test_a_new_value_takes_the_place_and_the_weight_of_the_old() -> None:
    held: Bounded[str, int] = Bounded(10)
    held.put("a", 1, weight=9)
    held.put("a", 2, weight=3)
    assert (held.get("a"), held.weight, len(held)) == (2, 3, 1)


def test_what_is_heavier_than_all_is_not_kept_and_drops_what_it_would_replace() -> None:
    held: Bounded[str, int] = Bounded(10)
    held.put("a", 1)
    held.put("a", 2, weight=11)
    assert (held.get("a"), held.weight) == (None, 0)


def test_dropping_and_clearing_give_the_weight_back() -> None:
    held: Bounded[str, int] = Bounded(10)
    held.put("a", 1, weight=4)
    held.put("b", 2, weight=5)
    held.drop("a")
    held.drop("never there")
    assert held.weight == 5
    held.clear()
    assert (held.weight, len(held), held.get("b")) == (0, 0, None)


def test_many_threads_lose_no_weight() -> None:
    held: Bounded[int, int] = Bounded(50)

    def work(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(3000):
            key = chance.randrange(100)
            chance.choice((held.get, held.drop, lambda each: held.put(each, each, each % 5 + 1)))(key)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held_now = sum(key % 5 + 1 for key in range(100) if held.get(key) is not None)
    assert held.weight == held_now <= 50
