"""Sixteen people sign in at once, again and again, and reads go on beside them. The control lets the hashes have the
ordinary workers, which then have no time for anybody else."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from appliance.core.passwords import PLACES
from appliance.http import server as servers
from appliance.http.server import Server
from tests.faults.crowd import HOST, answered
from tests.http.servers import url_of

PEOPLE = 16
READ_BY_LOOP = b"GET /api/collections/notes/records/aaaaaaaaaaaaaaa HTTP/1.1\r\n" + HOST + b"\r\n"
READ_BY_WORKER = READ_BY_LOOP.replace(b"\r\n\r\n", b"\r\nX-Forwarded: no\r\n\r\n")


@contextmanager
def people_signing_in(door: Server) -> Iterator[list[int]]:
    """Their threads; what comes is the statuses of the sign-ins that have ended so far."""
    is_over, statuses = threading.Event(), list[int]()

    def sign_in() -> None:
        form = {"identity": "root@example.com", "password": "root-password"}
        with httpx.Client(base_url=url_of(door), timeout=60) as client:
            while not is_over.is_set():
                answer = client.post("/api/collections/_superusers/auth-with-password", json=form)
                statuses.append(answer.status_code)

    threads = [threading.Thread(target=sign_in) for _ in range(PEOPLE)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def sign_ins_for_a_read(door: Server, read: bytes, reads: int) -> float:
    """How many sign-ins ended while each of so many reads was made; all must have succeeded."""
    assert PEOPLE <= PLACES
    with people_signing_in(door) as statuses:
        while len(statuses) < PEOPLE:  # the queue has filled
            time.sleep(0.01)
        before = len(statuses)
        assert answered(door.address, reads, read) == reads
        during = len(statuses) - before
    assert set(statuses) == {200}
    return during / reads


@pytest.mark.parametrize("read", [READ_BY_LOOP, READ_BY_WORKER], ids=["by the loop", "by a worker"])
def test_reads_beside_sign_ins(door: Server, read: bytes) -> None:
    assert sign_ins_for_a_read(door, read, reads=150) < 1


def test_reads_wait_for_sign_ins_without_their_own_workers(door: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "may_hash", lambda *_: False)
    assert sign_ins_for_a_read(door, READ_BY_WORKER, reads=4) > 1
