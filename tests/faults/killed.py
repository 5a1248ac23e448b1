"""A server that is killed with SIGKILL while clients write to it, and what its data folder holds afterwards."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from appliance.storage.lean_peewee import sqlite_driver
from tests.oracle import EMAIL, PASSWORD, ROOT, own_environment

COLLECTION = {
    "name": "notes",
    "type": "base",
    "createRule": "",
    "fields": [
        {"name": "title", "type": "text", "required": True},
        {"name": "page", "type": "file"},
    ],
    "indexes": ["CREATE UNIQUE INDEX one_title ON notes (title)"],
}
PAGE = b"a page of an uploaded file\n" * 300


@dataclass
class Box:
    """Our server on one data folder, started and killed again and again."""

    folder: Path
    program: Sequence[str] = (sys.executable, str(ROOT / "run.py"))
    options: Sequence[str] = ()
    environ: dict[str, str] = field(default_factory=own_environment)
    log: Path = Path()
    url: str = ""
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        if self.log == Path():
            self.log = self.folder / "server.log"

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    def make_superuser(self) -> None:
        """The first account."""
        command = [*self.program, "superuser", "upsert", EMAIL, PASSWORD, "--dir", str(self.data)]
        subprocess.run(command, env=self.environ, cwd=ROOT, check=True, capture_output=True, timeout=60)

    def start(self) -> float:
        """Start the server; seconds until it answered /api/health."""
        address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{address}"
        place = ["--http", address, "--dir", str(self.data), "--headless"]
        command = [*self.program, "serve", *place, *self.options]
        began = time.monotonic()
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output, env=self.environ, cwd=ROOT)
        while not self._is_ready():
            assert self.process.poll() is None, self.log.read_text(errors="replace")[-3000:]
            assert time.monotonic() - began < 60, f"not up: {self.log.read_text(errors='replace')[-3000:]}"
            time.sleep(0.01)
        return time.monotonic() - began

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/api/health", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        """SIGKILL: no handler runs, nothing is flushed."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def stop(self) -> None:
        """The clean way down, as Ctrl+C."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(20)

    def make_collection(self) -> None:
        """The collection that everybody may write to."""
        with httpx.Client(base_url=self.url, timeout=20) as client:
            credentials = {"identity": EMAIL, "password": PASSWORD}
            token = client.post("/api/collections/_superusers/auth-with-password", json=credentials).json()["token"]
            answer = client.post("/api/collections", json=COLLECTION, headers={"Authorization": token})
            assert answer.status_code == 200, answer.text


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Writers:
    """Clients that create records until the server is gone. `acknowledged` maps each title that the server
    answered with 200 to the name of its file, "" when it has none."""

    def __init__(self, url: str, label: str, count: int = 4) -> None:
        self.acknowledged: dict[str, tuple[str, str, str]] = {}
        self.refused: list[str] = []
        self._threads = [threading.Thread(target=self._write, args=(url, f"{label}-{n}")) for n in range(count)]
        for thread in self._threads:
            thread.start()

    def wait_for_some(self) -> None:
        """Until the first records are acknowledged, or all clients have given up."""
        while len(self.acknowledged) < len(self._threads) and any(thread.is_alive() for thread in self._threads):
            time.sleep(0.005)

    def wait(self) -> None:
        """Until every client has noticed that the server is gone."""
        for thread in self._threads:
            thread.join()

    def _write(self, url: str, label: str) -> None:
        with httpx.Client(base_url=f"{url}/api/collections/notes", timeout=20) as client:
            for title in (f"{label}-{number}" for number in range(1_000_000)):
                try:
                    answer = client.post("/records", **_request(title))
                except httpx.HTTPError:
                    return
                if answer.status_code != 200:
                    self.refused.append(answer.text)
                    return
                note = answer.json()
                self.acknowledged[title] = (note["collectionId"], note["id"], note["page"])


def _request(title: str) -> dict[str, Any]:
    """Every fifth record comes with a file."""
    if title.endswith(("0", "5")):
        return {"data": {"title": title}, "files": {"page": ("page.txt", PAGE)}}
    return {"json": {"title": title}}


def problems_in(data: Path, acknowledged: dict[str, tuple[str, str, str]]) -> Iterator[str]:
    """What is damaged or missing of what was acknowledged."""
    with closing(sqlite_driver.connect(str(data / "data.db"))) as database:
        ((integrity,),) = database.execute("PRAGMA integrity_check(1)").fetchall()
        if integrity != "ok":
            yield f"damaged: {integrity}"
        stored = dict(database.execute("SELECT title, page FROM notes").fetchall())
    for title, (collection, record, page) in acknowledged.items():
        if title not in stored:
            yield f"lost: {title}"
        elif page and (data / "storage" / collection / record / page).read_bytes() != PAGE:
            yield f"a broken file: {title}"
