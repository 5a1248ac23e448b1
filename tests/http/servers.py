"""A running server on a free loopback port around a real app, and a client that speaks raw bytes."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from appliance.core.app import App
from appliance.http.certificates import Certificate
from appliance.http.flask_app import build_flask_app
from appliance.http.routes import ROUTES, Route
from appliance.http.server import Server

ADDRESS = "127.0.0.1"


@contextmanager
def serve(app: App, more: Iterable[Route] = (), certificate: Certificate | None = None) -> Iterator[Server]:
    """The whole edge around `app`, with the wire's routes and `more`. Stopping it closes the app."""
    listener = socket.create_server((ADDRESS, 0), backlog=1024)
    server = Server(app, build_flask_app(app, routes=(*ROUTES, *more)), listener, certificate)
    server.listener.quiet_seconds = 0.05
    server.start()
    try:
        yield server
    finally:
        server.stop()


def url_of(server: Server) -> str:
    return f"http://{server.address[0]}:{server.address[1]}"


client = httpx.Client(verify=False)  # one for all tests: making one loads certificates


def send(server: Server, method: str, path: str, **options: Any) -> httpx.Response:
    return client.request(method, url_of(server) + path, **options)


def connect(server: Server, timeout: float = 5) -> socket.socket:
    return socket.create_connection(server.address, timeout=timeout)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Reader:
    """Reads one answer after the other from a socket."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.held = bytearray()

    def until(self, mark: bytes) -> bytes:
        while (place := self.held.find(mark)) < 0:
            self._read_more()
        part = bytes(self.held[:place])
        del self.held[: place + len(mark)]
        return part

    def exactly(self, size: int) -> bytes:
        while len(self.held) < size:
            self._read_more()
        part = bytes(self.held[:size])
        del self.held[:size]
        return part

    def _read_more(self) -> None:
        more = self.sock.recv(65536)
        if not more:
            raise EOFError(bytes(self.held))
        self.held += more

    def head(self) -> Answer:
        first, *lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return Answer(int(first.split()[1]), headers, b"")

    def answer(self) -> Answer:
        answer = self.head()
        answer.body = self.exactly(int(answer.headers.get("content-length", 0)))
        return answer

    def is_at_end(self) -> bool:
        """Whether the server has closed the connection and nothing more came."""
        try:
            return not self.held and self.sock.recv(1) == b""
        except ConnectionResetError:
            return True


def ask(server: Server, request: bytes) -> tuple[Answer, bool]:
    """Send bytes on a new connection; the first answer, and whether the server closed afterwards."""
    with connect(server) as sock:
        sock.sendall(request)
        reader = Reader(sock)
        answer = reader.answer()
        sock.settimeout(0.3)
        try:
            return answer, reader.is_at_end()
        except TimeoutError:
            return answer, False
