"""Counting within windows of time, in bounded memory."""

from __future__ import annotations

import threading

import pytest

from appliance import clock
from appliance.core.windows import Windows


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    return now


def test_a_window_ends_its_seconds_after_its_first_event(moment: list[float]) -> None:
    windows = Windows()
    for at, expected in ((0.0, 1), (1.9, 2), (2.0, 1), (3.9, 2), (4.0, 1)):
        moment[0] = 1000.0 + at
        assert windows.count("a", 2) == expected


def test_looking_counts_nothing(moment: list[float]) -> None:
    windows = Windows()
    windows.count("a", 2)
    assert [windows.seen("a"), windows.seen("a"), windows.seen("b")] == [1, 1, 0]
    moment[0] += 2
    assert windows.seen("a") == 0


def test_what_is_over_makes_room_for_what_comes(moment: list[float]) -> None:
    windows = Windows()
    for key in range(1000):
        windows.count(key, 2)
    moment[0] += 3
    for key in range(1000, 1600):
        windows.count(key, 2)
    assert len(windows) == 600


def test_memory_is_bounded_and_the_oldest_goes_first() -> None:
    windows = Windows(most_keys=100)
    for key in range(1000):
        windows.count(key, 1000)
    assert len(windows) == 100
    assert [windows.seen(899), windows.seen(900), windows.seen(999)] == [0, 1, 1]


def test_no_event_is_lost_between_threads() -> None:
    windows = Windows()
    threads = [threading.Thread(target=lambda: [windows.count("a", 1000) for _ in range(2000)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert windows.seen("a") == 16_000
