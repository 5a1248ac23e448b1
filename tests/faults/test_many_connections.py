"""Thousands of idle connections: what they cost, and that a request beside them costs what it costs without them.

Stock waitress is the control: its loop looks at every connection each turn. HOMEPORT_TEST_CONNECTIONS=10000 makes a
long run of it.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.faults.crowd import Address, Crowd, answered, becomes_true, needs_many_addresses
from tests.faults.killed import free_port
from tests.oracle import ROOT, own_environment, start_ours

CONNECTIONS = int(os.environ.get("HOMEPORT_TEST_CONNECTIONS", "2000"))
SOURCES = 20
REQUESTS = 600
MOST_BYTES = 12 * 1024  # of memory for each idle connection
MOST_TIMES_AS_MUCH = 3.0  # CPU of a request beside the crowd, against one without

pytestmark = needs_many_addresses


@dataclass
class Running:
    """A server in a process of its own."""

    address: Address
    process: psutil.Process

    def cpu_of_a_request(self, requests: int) -> float:
        """Seconds of CPU for each of so many requests."""
        before = self._cpu()
        assert answered(self.address, requests) == requests
        return (self._cpu() - before) / requests

    def _cpu(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)


@contextmanager
def ours(folder: Path) -> Iterator[Running]:
    server = start_ours(folder)
    assert server.started is not None
    host, _, port = server.url.removeprefix("http://").partition(":")
    try:
        yield Running((host, int(port)), psutil.Process(server.started.pid))
    finally:
        server.stop()


@contextmanager
def stock(folder: Path) -> Iterator[Running]:
    address = ("127.0.0.1", free_port())
    command = [sys.executable, "-m", "tests.faults.stock", str(folder), f"{address[0]}:{address[1]}"]
    with subprocess.Popen(command, cwd=ROOT, env=own_environment(), stderr=subprocess.DEVNULL) as started:
        try:
            assert becomes_true(lambda: _is_up(address))
            yield Running(address, psutil.Process(started.pid))
        finally:
            started.kill()


def _is_up(address: Address) -> bool:
    try:
        return answered(address, 1) == 1
    except OSError:
        return False


@pytest.fixture(autouse=True)
def many_descriptors() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < CONNECTIONS + 200:
        pytest.skip(f"a process may have {hard} descriptors here, too few for {CONNECTIONS} connections")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, CONNECTIONS + 200), hard))


def test_idle_connections_cost_a_little_memory_and_no_time(tmp_path: Path) -> None:
    with ours(tmp_path) as running:
        alone = running.cpu_of_a_request(REQUESTS)
        before = running.process.memory_info().rss
        with Crowd(running.address, CONNECTIONS, sources=SOURCES) as crowd:
            assert crowd.ask() == CONNECTIONS
            assert (running.process.memory_info().rss - before) / CONNECTIONS < MOST_BYTES
            beside = running.cpu_of_a_request(REQUESTS)
            assert crowd.still_open() == CONNECTIONS
            assert beside / alone < MOST_TIMES_AS_MUCH, (alone, beside)
            assert crowd.ask() == CONNECTIONS


def test_idle_connections_slow_stock_waitress(tmp_path: Path) -> None:
    with stock(tmp_path) as running:
        alone = running.cpu_of_a_request(REQUESTS // 6)
        with Crowd(running.address, 1000, sources=SOURCES) as crowd:
            assert crowd.ask() == len(crowd.socks)
            beside = running.cpu_of_a_request(REQUESTS // 6)
        assert beside / alone > MOST_TIMES_AS_MUCH, (alone, beside)
