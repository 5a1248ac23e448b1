"""No descriptor left: accepting pauses, open connections go on, and afterwards everything is as before.

The control does not pause: then the loop does nothing but fail to accept.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.faults.crowd import HEALTH, SETTINGS, Crowd, answered, becomes_true
from tests.faults.killed import free_port
from tests.http.servers import Reader
from tests.oracle import EMAIL, PASSWORD, own_environment, run_ours

ROOM = 20  # descriptors that the server may still open
WATCHED_SECONDS = 1.5
FEW = 20  # failures to accept in that time

SERVE = """
import sys
from appliance.cli import main
from appliance.http import server
server.PAUSE_SECONDS = float(sys.argv.pop(1))
main()
"""

pytestmark = pytest.mark.skipif(not hasattr(psutil.Process, "rlimit"), reason="this system can't limit another process")


@contextmanager
def server_that_pauses(folder: Path, seconds: float, log: Path) -> Iterator[tuple[tuple[str, int], psutil.Process]]:
    run_ours("superuser", "upsert", EMAIL, PASSWORD, "--dir", str(folder))
    address = ("127.0.0.1", free_port())
    options = ["serve", "--headless", "--dir", str(folder), "--http", f"{address[0]}:{address[1]}"]
    with log.open("wb") as output:
        command = [sys.executable, "-c", SERVE, str(seconds), *options]
        started = subprocess.Popen(command, stdout=output, stderr=output, env=own_environment())
    try:
        assert becomes_true(lambda: _is_up(address)), log.read_text(errors="replace")
        yield address, psutil.Process(started.pid)
    finally:
        started.kill()
        started.wait()


def _is_up(address: tuple[str, int]) -> bool:
    try:
        return answered(address, 1) == answered(address, 1, SETTINGS, 401) == 1
    except OSError:
        return False


@pytest.mark.parametrize(("pause", "is_calm"), [(0.2, True), (0.0, False)], ids=["with the pause", "without it"])
def test_running_out_of_descriptors(tmp_path: Path, pause: float, is_calm: bool) -> None:
    log = tmp_path / "server.log"
    with (
        server_that_pauses(tmp_path / "data", pause, log) as (address, process),
        socket.create_connection(address, 10) as early,
    ):
        reader = Reader(early)
        early.sendall(HEALTH)
        assert reader.answer().status == 200
        room = process.num_fds() + ROOM
        process.rlimit(psutil.RLIMIT_NOFILE, (room, room))
        with Crowd(address, 3 * ROOM):
            time.sleep(WATCHED_SECONDS)
            early.sendall(HEALTH)
            assert reader.answer().status == 200
        failures = log.read_text(errors="replace").count("no descriptor left")
        assert failures > 0
        assert (failures < FEW) is is_calm, failures
        assert becomes_true(lambda: _is_up(address))
