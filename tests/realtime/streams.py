"""A client of server-sent events that reads one event at a time from a plain socket."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import Any

import orjson

from appliance.http.server import Server
from tests.http.servers import Reader, client, connect, url_of


@dataclass
class Event:
    id: str
    name: str
    data: Any


@dataclass
class Stream:
    """An open stream: its client id and what has come over it."""

    server: Server
    sock: socket.socket
    reader: Reader
    headers: dict[str, str]
    id: str = ""
    held: bytearray = field(default_factory=bytearray)

    @classmethod
    def open(cls, server: Server) -> Stream:
        sock = connect(server)
        sock.sendall(b"GET /api/realtime HTTP/1.1\r\nHost: localhost\r\n\r\n")
        reader = Reader(sock)
        head = reader.head()
        assert head.status == 200
        stream = cls(server, sock, reader, head.headers)
        first = stream.next()
        assert first is not None
        assert first.name == "PB_CONNECT"
        stream.id = first.data["clientId"]
        return stream

    def subscribe(self, *topics: str, token: str = "", status: int = 204) -> Any:
        headers = {"Authorization": token} if token else {}
        form = {"clientId": self.id, "subscriptions": list(topics)}
        answer = client.post(f"{url_of(self.server)}/api/realtime", json=form, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def next(self, seconds: float = 5) -> Event | None:
        """The next event; None when the stream has ended. Raises TimeoutError."""
        self.sock.settimeout(seconds)
        while (end := self.held.find(b"\n\n")) < 0:
            size = int(self.reader.until(b"\r\n"), 16)
            self.held += self.reader.exactly(size)
            assert self.reader.exactly(2) == b"\r\n"
            if not size:
                return None
        text = bytes(self.held[:end]).decode()
        del self.held[: end + 2]
        is_hint = text.startswith("retry:")  # when to come back; no event
        return self.next(seconds) if is_hint else read_event(text)

    def is_silent(self, seconds: float = 0.3) -> bool:
        """Whether nothing comes for a while."""
        try:
            self.next(seconds)
        except TimeoutError:
            return True
        return False

    def close(self) -> None:
        self.sock.close()


def read_event(text: str) -> Event:
    values = dict(line.split(":", 1) for line in text.split("\n"))
    assert list(values) == ["id", "event", "data"]
    return Event(values["id"], values["event"], orjson.loads(values["data"]))
