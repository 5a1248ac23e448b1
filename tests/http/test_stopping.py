"""A graceful stop: what has come is answered, what comes later is told so, nothing acknowledged is lost."""

from __future__ import annotations

import http.client
import signal
import socket
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from appliance import clock
from appliance.api import readiness
from appliance.api.request import Request, Response
from appliance.auth.superusers import create_superuser
from appliance.core.app import App
from appliance.http.routes import Route
from appliance.http.server import Server
from tests.boxes import open_box
from tests.http.servers import Reader, connect, send, serve
from tests.oracle import EMAIL, PASSWORD, start_ours

HOST = b"Host: localhost\r\n"
POSTS = "/api/collections/posts/records"


# ---- real processes


class Load:
    """Clients that create records until the server is gone, and what each request ended as."""

    def __init__(self, host: str, port: int) -> None:
        self.address = (host, port)
        self.ended = Counter[str]()
        self.stored: list[str] = []
        self.is_over = threading.Event()
        self._lock = threading.Lock()

    def run(self, keeps_alive: bool) -> None:
        connection = http.client.HTTPConnection(*self.address, timeout=15)
        while not self.is_over.is_set():
            is_new = connection.sock is None
            how = self._create(connection)
            if how == "broken" and is_new:  # taken by the system, never by the server: it was refused at connect
                how = "refused"
            with self._lock:
                self.ended[how] += 1
            if how != "answered":
                return
            if not keeps_alive:
                connection.close()

    def _create(self, connection: http.client.HTTPConnection) -> str:
        record_id = clock.random_id()
        try:
            connection.connect() if connection.sock is None else None
        except OSError:
            return "refused"
        try:
            body = orjson.dumps({"id": record_id, "title": "x" * 200})
            connection.request("POST", POSTS, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            return "broken"
        if answer.status != 200 or orjson.loads(content)["id"] != record_id:
            return f"status {answer.status}"
        with self._lock:
            self.stored.append(record_id)
        return "answered"


def make_posts(url: str) -> None:
    with httpx.Client(base_url=url) as client:
        form = {"identity": EMAIL, "password": PASSWORD}
        token = client.post("/api/collections/_superusers/auth-with-password", json=form).json()["token"]
        fields = [{"name": "title", "type": "text"}]
        posts = {"name": "posts", "type": "base", "createRule": "", "fields": fields}
        assert client.post("/api/collections", json=posts, headers={"Authorization": token}).status_code == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_stop_under_load_breaks_no_request_and_loses_no_write(tmp_path: Path, number: signal.Signals) -> None:
    server = start_ours(tmp_path)
    assert server.started is not None
    make_posts(server.url)
    url = httpx.URL(server.url)
    load = Load(url.host, url.port or 0)
    clients = [threading.Thread(target=load.run, args=(place % 2 == 0,)) for place in range(8)]
    for client in clients:
        client.start()
    time.sleep(1)
    server.started.send_signal(number)
    code = server.started.wait(timeout=10)
    load.is_over.set()
    for client in clients:
        client.join()
    assert code == (0 if number == signal.SIGTERM else 130), server.last_words()
    assert set(load.ended) <= {"answered", "refused"}, load.ended
    assert load.ended["answered"] > 50
    with sqlite3.connect(tmp_path / "data" / "data.db") as database:
        kept = {row[0] for row in database.execute("SELECT id FROM posts")}
    assert set(load.stored) <= kept


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    server = start_ours(tmp_path)
    assert server.started is not None
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port or 0)) as half:
        half.sendall(b"GET /api/health HTTP/1.1\r\n")  # holds the stop up
        time.sleep(0.2)
        server.started.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert server.started.poll() is None
        server.started.send_signal(signal.SIGTERM)
        assert server.started.wait(timeout=2) == 130


# ---- one process


class Gate:
    """A handler that waits until it is let go."""

    def __init__(self) -> None:
        self.is_reached = threading.Event()
        self.is_open = threading.Event()

    def __call__(self, _request: Request) -> Response:
        self.is_reached.set()
        self.is_open.wait(5)
        return Response({"fine": True})


@contextmanager
def stopping(app: App, gate: Gate) -> Iterator[tuple[Server, socket.socket]]:
    """A server whose stop waits for one request, and a kept-alive connection from before."""
    with serve(app, (Route("GET", "/test/gate", gate),)) as server, connect(server) as kept, connect(server) as held:
        kept.sendall(b"GET /api/health HTTP/1.1\r\n" + HOST + b"\r\n")
        Reader(kept).answer()
        held.sendall(b"GET /test/gate HTTP/1.1\r\n" + HOST + b"\r\n")
        assert gate.is_reached.wait(5)
        server.listener.quiet_seconds = 5
        thread = threading.Thread(target=server.stop)
        thread.start()
        while server.listener.socket is not None:
            time.sleep(0.01)
        yield server, kept
        gate.is_open.set()
        answer = Reader(held).answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        thread.join()


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with open_box(tmp_path) as box:
        create_superuser(box, "root@example.com", "root-password")
        yield box


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/readyz", 503, id="it says that it is not ready"),
        pytest.param("/api/health", 200, id="it still answers"),
        pytest.param("/api/nope", 404, id="errors too"),
    ],
)
def test_a_kept_connection_gets_its_last_answer(app: App, path: str, status: int) -> None:
    with stopping(app, Gate()) as (_, kept):
        kept.sendall(f"GET {path} HTTP/1.1\r\n".encode() + HOST + b"\r\n")
        reader = Reader(kept)
        answer = reader.answer()
        assert (answer.status, answer.headers["connection"]) == (status, "close")
        assert reader.is_at_end()


def test_nobody_new_is_let_in(app: App) -> None:
    with stopping(app, Gate()) as (server, _), pytest.raises(ConnectionRefusedError):
        connect(server)


def test_pipelined_requests_are_all_answered(app: App) -> None:
    with stopping(app, Gate()) as (_, kept):
        kept.sendall(b"".join(b"GET /api/nope/%d HTTP/1.1\r\n" % place + HOST + b"\r\n" for place in range(3)))
        reader = Reader(kept)
        ends = [reader.answer().headers.get("connection") for _ in range(3)]
        assert ends == [None, None, "close"]


def test_a_large_answer_is_sent_whole(app: App) -> None:
    large = Route("GET", "/test/large", lambda _request: Response(b"x" * 12_000_000))
    with serve(app, (large,)) as server, connect(server) as sock:
        sock.sendall(b"GET /test/large HTTP/1.1\r\n" + HOST + b"\r\n")
        reader = Reader(sock)
        head = reader.head()
        thread = threading.Thread(target=server.stop)
        thread.start()
        time.sleep(0.2)
        assert len(reader.exactly(int(head.headers["content-length"]))) == 12_000_000
        thread.join()


# ---- readiness


def test_a_server_is_ready_before_anybody_has_set_it_up(tmp_path: Path) -> None:
    with open_box(tmp_path) as box, serve(box) as server:
        answer = send(server, "GET", "/readyz")
        assert (answer.status_code, answer.json()) == (200, {"ready": True, "reasons": []})
        assert answer.headers["cache-control"] == "no-store"


def ask(app: App) -> tuple[int, Any]:
    answer = readiness.ready(Request(app, "GET", "/readyz"))
    return answer.status, answer.body["reasons"]


def test_a_writer_that_is_stuck_is_not_ready(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "STUCK_SECONDS", 0.05)
    go_on = threading.Event()
    writer = threading.Thread(target=lambda: app.database.write(go_on.wait))
    writer.start()
    time.sleep(0.05)
    assert ask(app) == (503, ["Writes are waiting."])
    go_on.set()
    writer.join()
    assert ask(app) == (200, [])


def test_a_closed_database_is_not_ready(tmp_path: Path) -> None:
    with open_box(tmp_path) as box:
        box.database.close()
        assert ask(box) == (503, ["The database does not take writes."])


def test_a_full_disk_is_not_ready(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "LEAST_FREE_BYTES", 1 << 62)
    assert ask(app) == (503, ["The disk is full."])
