"""Clients that come and go: in the middle of a request, of an answer, or without a word. The server forgets them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from appliance.http import channel as channels
from appliance.http.server import Server
from tests.faults.crowd import HEALTH, HOST, SETTINGS, Crowd, answered, becomes_true, needs_many_addresses
from tests.http.raw_cases import byte_by_byte, converse, expand
from tests.http.servers import Reader, connect

CROWD = 60
TITLE = "0" * 20
CREATE = expand("<CREATE>", TITLE)
BEGUN = [
    pytest.param(b"", id="before a word"),
    pytest.param(b"GET /api/hea", id="in the start line"),
    pytest.param(CREATE[:-10], id="in a body"),
    pytest.param(expand("<CHUNKED>20\r\n{", TITLE), id="in a chunk"),
    pytest.param(HEALTH, id="at an answer of the loop"),
    pytest.param(SETTINGS, id="at an answer of a worker"),
    pytest.param(CREATE, id="at a create"),
    pytest.param(HEALTH * 20, id="at many answers"),
    pytest.param(b"GET /test/slow?seconds=0.01 HTTP/1.1\r\n" + HOST + b"\r\n", id="while a worker works"),
    pytest.param(b"GET /test/large?size=5000000 HTTP/1.1\r\n" + HOST + b"\r\n", id="in a large answer"),
    pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="at a refusal"),
]


def remembered(door: Server, ports: set[int]) -> int:
    """How many of these clients the server still knows."""
    return len(ports & {channel.addr[1] for channel in list(door.listener.active_channels.values())})


@pytest.mark.parametrize("by_reset", [False, True], ids=["kindly", "by reset"])
@pytest.mark.parametrize("begun", BEGUN)
def test_who_leaves_is_forgotten(door: Server, begun: bytes, by_reset: bool) -> None:
    with Crowd(door.address, CROWD) as crowd:
        crowd.say(begun)
        ports = crowd.ports()
        crowd.leave(by_reset=by_reset)
        assert becomes_true(lambda: not remembered(door, ports), seconds=10)
        assert becomes_true(lambda: not door.loop.running, seconds=5)
    assert answered(door.address, 10) == 10
    assert answered(door.address, 10, SETTINGS, 401) == 10


def test_who_stays_is_remembered(door: Server) -> None:
    with Crowd(door.address, CROWD) as crowd:
        assert crowd.ask() == CROWD
        assert not becomes_true(lambda: remembered(door, crowd.ports()) < CROWD, seconds=1)


@pytest.mark.parametrize("request_bytes", [HEALTH, SETTINGS.replace(b"settings", b"health"), CREATE])
def test_who_closes_one_half_is_answered(door: Server, request_bytes: bytes) -> None:
    assert converse(door.address, request_bytes, ends=True).startswith(b"HTTP/1.1 200 ")
    assert converse(door.address, request_bytes, byte_by_byte, ends=True).startswith(b"HTTP/1.1 200 ")


def test_who_closes_one_half_while_a_worker_works_is_answered(door: Server) -> None:
    with connect(door) as sock:
        sock.sendall(b"GET /test/slow?seconds=0.3 HTTP/1.1\r\n" + HOST + b"\r\n")
        sock.shutdown(socket.SHUT_WR)
        reader = Reader(sock)
        assert reader.answer().status == 200
        assert reader.is_at_end()


@contextmanager
def storm(door: Server) -> Iterator[list[int]]:
    """A thread that connects and leaves without a word, as fast as it can; counts how often."""
    is_over, count = threading.Event(), [0]

    def rage() -> None:
        while not is_over.is_set():
            with Crowd(door.address, 50) as crowd:
                crowd.leave(by_reset=bool(count[0] % 2))
            count[0] += 1

    thread = threading.Thread(target=rage)
    thread.start()
    try:
        yield count
    finally:
        is_over.set()
        thread.join()


def test_a_storm_of_connections_keeps_nobody_from_answers(door: Server) -> None:
    with storm(door) as count:
        for _ in range(40):
            assert answered(door.address, 10) == 10
        assert becomes_true(lambda: count[0] >= 10)
    assert becomes_true(lambda: len(door.listener.active_channels) == 0, seconds=10)


@needs_many_addresses
@pytest.mark.parametrize(("limit", "remain"), [(0.5, 0), (1e9, 1000)], ids=["with the limit", "without it"])
def test_a_thousand_that_connect_and_say_nothing(
    door: Server, monkeypatch: pytest.MonkeyPatch, limit: float, remain: int
) -> None:
    monkeypatch.setattr(channels, "HEAD_SECONDS", limit)
    with Crowd(door.address, 1000, sources=10) as crowd:
        assert answered(door.address, 50) == 50
        becomes_true(lambda: crowd.still_open() == 0, seconds=2)
        assert crowd.still_open() == remain
