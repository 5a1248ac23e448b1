"""More requests than the workers take: those beyond the queue's bound are told at once to come again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from appliance.api.request import Request, Response
from appliance.auth.superusers import create_superuser
from appliance.http import server as servers
from appliance.http.routes import Route
from appliance.http.server import Server
from tests.boxes import open_box
from tests.http.servers import Reader, connect, serve

HOST = b"Host: localhost\r\n"
MOST = 5


class Gate:
    """A handler that waits until it is let go, and counts."""

    def __init__(self) -> None:
        self.is_open = threading.Event()
        self.runs = 0

    def __call__(self, _request: Request) -> Response:
        self.runs += 1
        self.is_open.wait(10)
        return Response({"fine": True})


@contextmanager
def full(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Server, Gate, list[Reader]]]:
    """A server all of whose workers are busy and whose queue is full, and who waits for it."""
    monkeypatch.setattr(servers, "MOST_WAITING", MOST)
    gate = Gate()
    with open_box(folder) as app:
        create_superuser(app, "root@example.com", "root-password")
        with serve(app, (Route("GET", "/test/gate", gate),)) as server:
            waiting = fill(server, gate, app.config.workers + MOST)
            try:
                yield server, gate, waiting
            finally:
                gate.is_open.set()


def fill(server: Server, gate: Gate, most: int) -> list[Reader]:
    """Send requests one by one until all workers and places are taken."""
    waiting: list[Reader] = []
    while len(waiting) < most:
        waiting.append(Reader(connect(server)))
        waiting[-1].sock.sendall(b"GET /test/gate HTTP/1.1\r\n" + HOST + b"\r\n")
        wait_until(lambda: gate.runs + len(server.workers.queue) == len(waiting))
    return waiting


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not holds() and time.monotonic() < end:
        time.sleep(0.005)
    assert holds()


def test_a_request_too_many_is_refused_at_once_and_the_others_are_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with full(tmp_path, monkeypatch) as (server, gate, waiting), connect(server) as sock:
        sock.sendall(b"GET /test/gate HTTP/1.1\r\n" + HOST + b"\r\n")
        reader = Reader(sock)
        answer = reader.answer()
        assert (answer.status, orjson.loads(answer.body)["status"], reader.is_at_end()) == (503, 503, True)
        assert answer.headers["retry-after"] == "1"
        assert answer.headers["access-control-allow-origin"] == "*"
        gate.is_open.set()
        assert [each.answer().status for each in waiting] == [200] * len(waiting)
        with connect(server) as again:
            again.sendall(b"GET /test/gate HTTP/1.1\r\n" + HOST + b"\r\n")
            assert Reader(again).answer().status == 200


def test_the_loop_still_answers_what_it_answers_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with full(tmp_path, monkeypatch) as (server, _, _), connect(server) as sock:
        sock.sendall(b"GET /api/health HTTP/1.1\r\n" + HOST + b"\r\n")
        assert Reader(sock).answer().status == 200


def test_what_was_sent_behind_a_refused_request_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with full(tmp_path, monkeypatch) as (server, gate, waiting), connect(server) as sock:
        runs = gate.runs + MOST
        sock.sendall(3 * (b"GET /test/gate HTTP/1.1\r\n" + HOST + b"\r\n"))
        reader = Reader(sock)
        assert (reader.answer().status, reader.is_at_end()) == (503, True)
        gate.is_open.set()
        assert [each.answer().status for each in waiting] == [200] * len(waiting)
        assert gate.runs == runs
