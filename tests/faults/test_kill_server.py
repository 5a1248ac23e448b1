"""kill -9 under writers: nothing acknowledged is lost, nothing is damaged, and the server is back at once.

HOMEPORT_TEST_KILLS=300 makes a long run of it.
"""

from __future__ import annotations

import os
import random
import statistics
import time
from pathlib import Path

import pytest

from tests.faults.killed import Box, Writers, problems_in

KILLS = int(os.environ.get("HOMEPORT_TEST_KILLS", "30"))
READY_SECONDS = 2.0

pytestmark = pytest.mark.skipif(os.name == "nt", reason="SIGKILL is a POSIX signal")


@pytest.mark.slow
def test_a_killed_server_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.make_superuser()
    acknowledged: dict[str, tuple[str, str, str]] = {}
    ready: list[float] = []
    try:
        clean = [box.start()]
        box.make_collection()
        for number in range(KILLS):
            writers = Writers(box.url, f"round{number}")
            writers.wait_for_some()
            time.sleep(random.uniform(0, 0.3))
            box.kill()
            writers.wait()
            assert writers.refused == []
            acknowledged |= writers.acknowledged
            ready.append(box.start())
            assert list(problems_in(box.data, acknowledged)) == []
            if number % 10 == 0:
                box.stop()
                clean.append(box.start())
    finally:
        box.kill()
    assert len(acknowledged) > KILLS  # the writers did write
    # On a machine that is busy with other things, what a start takes after a clean stop is the measure.
    limit = max(READY_SECONDS, statistics.median(clean) * 1.5)
    assert statistics.median(ready) <= limit, f"ready again after {sorted(ready)} s, after a clean stop {clean} s"
