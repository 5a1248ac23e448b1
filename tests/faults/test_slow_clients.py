"""Clients that send a byte now and then, or take nothing: they are dropped, and everybody else is served meanwhile.

Each limit is shortened, and lifted for the control: then the same crowd stays.
"""

from __future__ import annotations

import os
import socket
import time

import psutil
import pytest

from appliance.http import channel as channels
from appliance.http import server as servers
from appliance.http.server import Server
from tests.faults.crowd import HOST, SETTINGS, Crowd, answered, becomes_true, needs_many_addresses
from tests.http.servers import Reader

NEVER = 1e9
HEAD = b"GET /api/health HTTP/1.1\r\n" + HOST + b"X: "
UPLOAD = b"POST /test/echo HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: 8192\r\n\r\n"
PER_ADDRESS = servers.MAX_UNFINISHED_PER_ADDRESS
DROPPED_SECONDS = 2.0  # after so long, whoever may be dropped has been


@needs_many_addresses
@pytest.mark.parametrize(("limit", "remain"), [(1.0, 0), (NEVER, 240)], ids=["with the limit", "without it"])
def test_headers_that_drip(door: Server, monkeypatch: pytest.MonkeyPatch, limit: float, remain: int) -> None:
    monkeypatch.setattr(channels, "HEAD_SECONDS", limit)
    with Crowd(door.address, 240, sources=4) as crowd:
        crowd.say(HEAD)
        with crowd.saying(b"a", pause=0.1):
            assert answered(door.address, 200) == 200
            assert answered(door.address, 20, SETTINGS, 401) == 20
            time.sleep(DROPPED_SECONDS)
            assert crowd.still_open() == remain


@pytest.mark.parametrize(
    ("limit", "remain"), [(PER_ADDRESS, PER_ADDRESS), (10**9, 150)], ids=["with the limit", "without it"]
)
def test_unfinished_requests_of_one_address(
    door: Server, monkeypatch: pytest.MonkeyPatch, limit: int, remain: int
) -> None:
    monkeypatch.setattr(servers, "MAX_UNFINISHED_PER_ADDRESS", limit)
    with Crowd(door.address, 150) as crowd:
        crowd.say(HEAD)
        time.sleep(DROPPED_SECONDS)
        assert crowd.still_open() == remain
        assert answered(door.address, 50) == 50


@needs_many_addresses
@pytest.mark.parametrize(("rate", "remain"), [(channels.BODY_RATE, 0), (0, 120)], ids=["with the limit", "without it"])
def test_bodies_that_drip(door: Server, monkeypatch: pytest.MonkeyPatch, rate: int, remain: int) -> None:
    monkeypatch.setattr(channels, "BODY_SECONDS", 0.5)
    monkeypatch.setattr(channels, "BODY_RATE", rate)
    with Crowd(door.address, 120, sources=4) as crowd:
        crowd.say(UPLOAD)
        with crowd.saying(b" " * 10, pause=0.1):
            assert answered(door.address, 100) == 100
            time.sleep(DROPPED_SECONDS)
            assert crowd.still_open() == remain


def test_a_body_that_keeps_the_pace_is_taken(door: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "BODY_SECONDS", 0.5)
    with socket.create_connection(door.address, timeout=10) as sock:
        sock.sendall(UPLOAD + b"{}")
        for _ in range(18):
            time.sleep(0.1)
            sock.sendall(b" " * 455)  # 4.5 KiB a second
        assert Reader(sock).answer().status == 200


@pytest.mark.parametrize(("limit", "remain"), [(0.5, 0), (NEVER, 30)], ids=["with the limit", "without it"])
def test_clients_that_take_no_answer(door: Server, monkeypatch: pytest.MonkeyPatch, limit: float, remain: int) -> None:
    monkeypatch.setattr(channels, "WRITE_SECONDS", limit)
    with Crowd(door.address, 30) as crowd:
        crowd.say(b"GET /test/large?size=10000000 HTTP/1.1\r\n" + HOST + b"\r\n")
        assert answered(door.address, 100) == 100
        assert answered(door.address, 20, SETTINGS, 401) == 20
        time.sleep(DROPPED_SECONDS)
        assert len(crowd.ports() & door_ports(door)) == remain


@pytest.mark.parametrize("is_spooled", [True, False], ids=["on the disk", "in memory"])
def test_answers_that_nobody_takes_wait(door: Server, monkeypatch: pytest.MonkeyPatch, is_spooled: bool) -> None:
    monkeypatch.setattr(channels, "WRITE_SECONDS", NEVER)
    if not is_spooled:
        monkeypatch.setattr(door.listener.adj, "outbuf_overflow", 1 << 40)
    process = psutil.Process(os.getpid())
    before = process.memory_info().rss
    with Crowd(door.address, 40) as crowd:
        crowd.say(b"GET /test/large?size=10000000 HTTP/1.1\r\n" + HOST + b"\r\n")
        assert becomes_true(lambda: sum(each.total_outbufs_len > 0 for each in channels_of(door)) == crowd.count)
        grown = process.memory_info().rss - before
    assert (grown < 200_000_000) is is_spooled, grown


def channels_of(door: Server) -> list[channels.Channel]:
    """The server's connections at this moment."""
    return list(door.listener.active_channels.values())


def door_ports(door: Server) -> set[int]:
    """The clients' ports of these."""
    return {channel.addr[1] for channel in channels_of(door)}
