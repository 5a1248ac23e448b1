"""Somebody sets the machine's clock while the server runs, an hour or a day, forth and back.

Timers follow the monotonic clock, so nobody is dropped; dates and tokens follow the clock on the wall.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection

import httpx
import pytest

from tests.faults.killed import Box
from tests.faults.program import changed
from tests.faults.served import NOTES, Served, served
from tests.faults.shim import Shim

HOUR, DAY = 3600, 86400
CHECKS_SECONDS = 2.5  # every timer of the server has looked at its clock by then
PATIENCE_SECONDS = 20

Events = queue.SimpleQueue[str]


def read_events(url: str, events: Events) -> None:
    """Every line of a stream; "" is its end."""
    try:
        with httpx.stream("GET", f"{url}/api/realtime", timeout=None) as stream:
            for line in stream.iter_lines():
                events.put(line or "-")
    except httpx.HTTPError:
        pass
    events.put("")


def wait_for(events: Events, part: str) -> str:
    """The first line with `part` in it; "" when the stream has ended instead."""
    while (line := events.get(timeout=PATIENCE_SECONDS)) and part not in line:
        continue
    return line


@contextmanager
def subscribed(here: Served) -> Iterator[Events]:
    """The lines of a stream that listens to every note."""
    events: Events = queue.SimpleQueue()
    threading.Thread(target=read_events, args=(here.box.url, events), daemon=True).start()
    client = wait_for(events, "id:").removeprefix("id:")
    answer = here.http.post("/api/realtime", json={"clientId": client, "subscriptions": ["notes/*"]})
    assert answer.status_code == 204
    yield events


def set_clock(shim: Shim, seconds: int) -> datetime:
    """Set it off by so much; what it says now."""
    shim.plan.clock_offset_ns = seconds * 1_000_000_000
    return datetime.now(UTC) + timedelta(seconds=seconds)


@contextmanager
def silent_connection(url: str) -> Iterator[HTTPConnection]:
    """A connection that has asked once and is kept open. To ask again on it fails when it was closed meanwhile."""
    with closing(HTTPConnection(url.removeprefix("http://"), timeout=PATIENCE_SECONDS)) as connection:
        assert is_healthy(connection)
        yield connection


def is_healthy(connection: HTTPConnection) -> bool:
    connection.request("GET", "/api/health")
    answer = connection.getresponse()
    answer.read()
    return answer.status == 200


@pytest.mark.slow
def test_a_clock_that_jumps_drops_nobody(shim: Shim) -> None:
    with served(Box(shim.folder, environ=shim.environ)) as here, subscribed(here) as events:
        ids = set()
        for jump in (HOUR, DAY + HOUR, -HOUR, -DAY, 0):
            with silent_connection(here.box.url) as connection:
                wall = set_clock(shim, jump)
                time.sleep(CHECKS_SECONDS)
                assert is_healthy(connection)
            title = f"jump of {jump} s"
            note = here.http.post(NOTES, json={"title": title}).json()
            assert title in wait_for(events, title), "the stream was dropped"
            made = datetime.fromisoformat(note["made"])
            assert abs(made - wall) < timedelta(seconds=PATIENCE_SECONDS)
            ids.add(note["id"])
            assert here.http.patch(f"{NOTES}/{note['id']}", json={"version": 2}).status_code == 200
        assert len(ids) == 5


@pytest.mark.slow
def test_a_token_ends_when_the_clock_says_so(shim: Shim) -> None:
    with served(Box(shim.folder, environ=shim.environ)) as here:
        administrator = here.administrator.http
        for jump, status in ((HOUR, 200), (30 * DAY, 401), (0, 200)):
            set_clock(shim, jump)
            assert administrator.get("/api/settings").status_code == status
        set_clock(shim, 30 * DAY)
        here.administrator.sign_in()
        assert administrator.get("/api/settings").status_code == 200


@pytest.mark.slow
def test_control_timers_by_the_wall_clock_drop_streams(shim: Shim) -> None:
    box = Box(shim.folder, changed("timers by the wall clock"), environ=shim.environ)
    with served(box) as here, subscribed(here) as events:
        set_clock(shim, DAY)
        assert wait_for(events, "never said") == ""  # the stream's end
