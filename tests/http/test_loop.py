"""The loop by itself: its watchdog, and waking it."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from appliance.http.loop import Loop
from appliance.http.stalls import QUIET_SECONDS, STALL_SECONDS, Stalls


def test_counts_turns_that_keep_everybody_waiting() -> None:
    loop = Loop()
    loop.call(lambda: time.sleep(STALL_SECONDS))
    loop.turn()
    assert loop.stalls.count == 1
    assert loop.stalls.longest >= STALL_SECONDS
    loop.call(lambda: None)
    loop.turn()
    assert loop.stalls.count == 1


def test_tells_of_stalls_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    stalls = Stalls()
    for moment in (0.0, 1.0, 2.0, QUIET_SECONDS):
        stalls.note(0.3, moment)
    assert stalls.count == 4
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [text.partition("number ")[2][:1] for text in told] == ["1", "4"]


def test_many_who_ask_pull_the_trigger_once() -> None:
    loop = Loop()
    pulled: list[int] = []
    done: list[int] = []
    loop.pull_trigger = lambda: pulled.append(1)
    for number in range(5):
        loop.call(lambda number=number: done.append(number))  # type: ignore[misc]
    loop.turn()
    loop.call(lambda: done.append(5))
    loop.turn()
    assert (len(pulled), done) == (2, [0, 1, 2, 3, 4, 5])


def test_no_call_is_lost_while_the_loop_turns() -> None:
    loop = Loop()
    done: list[int] = []
    wanted = 4 * 2000

    def ask() -> None:
        for number in range(2000):
            loop.call(lambda number=number: done.append(number))  # type: ignore[misc]

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 20
    while len(done) < wanted and time.monotonic() < end:
        if loop._calls:  # a loop without a trigger would sleep a second
            loop.turn()
    assert len(done) == wanted
