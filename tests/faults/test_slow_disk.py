"""A disk whose every flush takes 200 ms: reads don't wait for it, writes share it, and too many are sent away."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.faults.killed import Box
from tests.faults.program import changed
from tests.faults.served import NOTES, Served, require_json_error, served
from tests.faults.shim import Shim

SLOW_US = 200_000
CLIENTS, REQUESTS = 8, 4


def box_on(shim: Shim, change: str = "nothing") -> Box:
    return Box(shim.folder, changed(change), environ=shim.environ)


def reads_inside_one_flush(here: Served, shim: Shim, until: int) -> int:
    """Read until so many flushes have begun; how many reads began and ended while one and the same was running."""
    inside = 0
    while (number := shim.plan.syncs) < until:
        was_running = shim.plan.syncs_running
        question = {"filter": f"text !~ 'never {here.next_place()}'"}
        assert here.http.get(NOTES, params=question).status_code == 200
        inside += bool(was_running and shim.plan.syncs_running and shim.plan.syncs == number)
    return inside


@pytest.mark.slow
def test_reads_do_not_wait_and_writes_share_a_flush(shim: Shim) -> None:
    with served(box_on(shim)) as here:
        here.write("before", 10)
        shim.plan.sync_delay_us = SLOW_US
        before = shim.plan.syncs
        with here.writing(CLIENTS, REQUESTS) as writers:
            inside = reads_inside_one_flush(here, shim, before + REQUESTS)
        statuses = Counter(status for writer in writers for status in writer.statuses)
        assert statuses[200] + statuses[204] == CLIENTS * REQUESTS, statuses
        assert inside >= REQUESTS
        assert shim.plan.syncs - before <= CLIENTS * REQUESTS / 2, "no two writes shared a flush"
        assert here.problems() == []


@pytest.mark.slow
def test_control_reads_that_wait_for_writes_are_noticed(shim: Shim) -> None:
    with served(box_on(shim, "reads wait")) as here:
        shim.plan.sync_delay_us = SLOW_US
        with here.writing(CLIENTS, REQUESTS):
            assert reads_inside_one_flush(here, shim, shim.plan.syncs + REQUESTS) == 0


@pytest.mark.slow
def test_control_one_client_alone_shares_no_flush(shim: Shim) -> None:
    with served(box_on(shim)) as here:
        before = shim.plan.syncs
        with here.writing(1, 10):
            pass
        assert shim.plan.syncs - before >= 10


@pytest.mark.slow
def test_a_full_queue_sends_writes_away_until_later(shim: Shim) -> None:
    with served(box_on(shim, "a short queue")) as here:
        shim.plan.sync_delay_us = SLOW_US
        with here.writing(12, 3) as writers:
            pass
        statuses = Counter(status for writer in writers for status in writer.statuses)
        assert set(statuses) <= {200, 204, 503}
        assert statuses[503]
        refusals = [answer for writer in writers for answer in writer.refusals]
        for answer in refusals:
            require_json_error(answer, 503)
            assert int(answer.headers["Retry-After"]) >= 1
        shim.plan.sync_delay_us = 0
        assert set(here.write("later", 10)) <= {200, 204}
        assert here.problems() == []
