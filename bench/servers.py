"""Both servers as processes, each on its own copy of one world, started as users start them.

The original with its own defaults (SQLite at synchronous=NORMAL); ours with its own (FULL, each commit on the disk).
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil

from bench.calls import LOGIN_PASSWORD, LOGINS, login_email
from bench.world import World
from tests.oracle import ROOT, find_oracle, own_environment, run_ours

ORACLE = "PocketBase"
OURS = "Homeport"
START_SECONDS = 60.0
STOP_SECONDS = 15.0


class ServerFailed(RuntimeError):
    """A server did not come up; the message carries its last words."""


@dataclass(frozen=True)
class Usage:
    """What a server and its children have used so far: CPU seconds; and hold now: resident bytes."""

    cpu_seconds: float
    resident: int


@dataclass
class Side:
    """One of the two servers: how it is started, on which data, and its process while it runs."""

    name: str
    command: Sequence[str]
    data: Path
    world: World
    own_options: Sequence[str] = ()
    url: str = ""
    has_logins: bool = False
    started: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def is_ours(self) -> bool:
        """Whether this is our server."""
        return self.name == OURS

    def start(self, options: Sequence[str] = ()) -> float:
        """Start the server; seconds until its first answer to GET /api/health, asked every 2 ms."""
        address = f"127.0.0.1:{free_port()}"
        scheme = "https" if any(option.startswith("--tls") for option in options) else "http"
        self.url = f"{scheme}://{address}"
        begin = time.perf_counter()
        with self._log.open("wb") as log:
            command = [*self.command, "serve", "--http", address, "--dir", str(self.data)]
            command += [*self.own_options, *options]
            self.started = subprocess.Popen(command, stdout=log, stderr=log, env=environment(), cwd=self.data.parent)
        self._wait_for_health()
        return time.perf_counter() - begin

    def stop(self) -> None:
        """End the server, kindly first."""
        if self.started is None:
            return
        self.started.send_signal(signal.SIGTERM)
        try:
            self.started.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.started.kill()
            self.started.wait()
        self.started = None

    def restart(self, options: Sequence[str] = ()) -> float:
        """Stop and start: nothing that came before is in its caches or its memory."""
        self.stop()
        return self.start(options)

    def usage(self) -> Usage:
        """What the process tree has used and holds."""
        assert self.started is not None
        root = psutil.Process(self.started.pid)
        times = root.cpu_times()
        seconds = times.user + times.system + times.children_user + times.children_system
        resident = root.memory_info().rss
        for child in root.children(recursive=True):
            spent = child.cpu_times()
            seconds += spent.user + spent.system
            resident += child.memory_info().rss
        return Usage(seconds, resident)

    def change_settings(self, changes: Mapping[str, object]) -> None:
        """PATCH /api/settings as the superuser."""
        headers = {"Authorization": self.world.superuser_token}
        httpx.patch(f"{self.url}/api/settings", json=dict(changes), headers=headers, timeout=30).raise_for_status()

    @property
    def _log(self) -> Path:
        return self.data.parent / f"{self.name}.log"

    def _wait_for_health(self) -> None:
        assert self.started is not None
        end = time.monotonic() + START_SECONDS
        while not self._is_healthy():
            if self.started.poll() is not None or time.monotonic() > end:
                self.stop()
                raise ServerFailed(f"{self.name} did not start:\n{self._log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.002)

    def _is_healthy(self) -> bool:
        if self.url.startswith("https"):
            try:
                return httpx.get(f"{self.url}/api/health", verify=False).status_code == 200
            except httpx.HTTPError:
                return False
        return _answers_health(urlsplit(self.url).netloc)


def _answers_health(address: str) -> bool:
    host, _, port = address.partition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=2) as sock:
            sock.sendall(f"GET /api/health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
            return sock.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment() -> dict[str, str]:
    """A user's environment: compiled modules may be kept, or each start would compile again."""
    return {name: value for name, value in own_environment().items() if name != "PYTHONDONTWRITEBYTECODE"}


@contextmanager
def both_sides(world: World) -> Iterator[tuple[Side, Side]]:
    """PocketBase and ours, not yet started, each on its own copy of the world; stopped and removed afterwards."""
    program = find_oracle()
    if program is None:
        raise ServerFailed("PocketBase is missing: pip install the `test` extra of setup.cfg.")
    with tempfile.TemporaryDirectory(prefix="homeport-bench-") as name:
        folder = Path(name)
        shutil.copytree(world.data, folder / "pb_data")
        run_ours("import-pocketbase", str(world.data), "--dir", str(folder / "data"))
        run = [sys.executable, str(ROOT / "run.py")]
        sides = (
            Side(ORACLE, [program], folder / "pb_data", world),
            Side(OURS, run, folder / "data", world, own_options=("--headless",)),
        )
        try:
            yield sides
        finally:
            for side in sides:
                side.stop()


def add_logins(side: Side) -> None:
    """The accounts that sign in, each with the hash that this server makes of a new password; once."""
    if side.has_logins:
        return
    with httpx.Client(base_url=side.url, headers={"Authorization": side.world.superuser_token}, timeout=60) as client:
        for number in range(LOGINS):
            form = {"email": login_email(number), "password": LOGIN_PASSWORD, "passwordConfirm": LOGIN_PASSWORD}
            client.post("/api/collections/users/records", json=form).raise_for_status()
    side.has_logins = True
