"""Plays raw_cases.toml: bytes on a real socket, the answers that come back, and what was executed."""

from __future__ import annotations

import re
import socket
import ssl
import time
import tomllib
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_suffix(".toml")
RECORD = "aaaaaaaaaaaaaaa"
LINE_LENGTH = 200
PAUSE_SECONDS = 0.001
STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3}) ")
WORD = re.compile(rb"<([A-Za-z]+)(?:\*([0-9]+))?>")
LAST = b"GET /api/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

Address = tuple[str, int]
Sender = Callable[[socket.socket, bytes], None]


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    name: str
    fate: str
    send: str
    answers: tuple[int, ...] = ()
    creates: int = 0
    says: str = ""
    express: bool = False

    def bytes_with(self, title: str) -> bytes:
        """Everything that is sent; the notes that it may create have this title of 20 characters."""
        return expand(self.send, title) + (expand("<CREATE>", title) + LAST if self.fate != "silent" else b"")

    def messages_with(self, title: str) -> list[tuple[bytes, int]]:
        """The same in pieces, each with how many answers it gets."""
        behind = (expand("<CREATE>", title), 1), (LAST, 1)
        return [(expand(self.send, title), len(self.answers)), *(behind if self.fate == "stays" else ())]

    @property
    def statuses(self) -> tuple[int, ...]:
        """The statuses of all answers: the case's own, and those behind it."""
        return (*self.answers, 200, 200) if self.fate == "stays" else self.answers


@dataclass(frozen=True)
class Outcome:
    """What came back, and how many notes the case has created."""

    received: bytes
    creates: int

    def fits(self, case: Case) -> bool:
        """Whether this is what the table says."""
        statuses = statuses_in(self.received)
        is_said = case.says.encode() in self.received
        return (statuses, self.creates, is_said) == (case.statuses, case.creates, True)


def read_table() -> list[Case]:
    """All cases, in the table's order."""
    rooms = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return [
        _case(fate, f"{room}, {name}", dict(row))
        for fate, groups in rooms.items()
        for room, rows in groups.items()
        for name, row in rows.items()
    ]


def _case(fate: str, name: str, row: dict[str, object]) -> Case:
    row["answers"] = tuple(row.get("answers", ()))  # type: ignore[arg-type]
    row.setdefault("creates", int(fate == "stays"))
    return Case(name=f"{name} {fate}", fate=fate, **row)  # type: ignore[arg-type]


def expand(text: str, title: str) -> bytes:
    """The bytes of a case's text. Raises KeyError for a word that is not in the legend."""
    note = f'{{"title":"{title}"}}'.encode()
    host = b"Host: localhost\r\n"
    get = b"GET /api/collections/notes/records/" + RECORD.encode() + b" HTTP/1.1\r\n" + host
    post = b"POST /api/collections/notes/records HTTP/1.1\r\n" + host + b"Content-Type: application/json\r\n"
    create = post + b"Content-Length: %d\r\n\r\n" % len(note) + note
    words = {
        b"HOST": host,
        b"GET": get,
        b"VIEW": get + b"\r\n",
        b"POST": post,
        b"NOTE": note,
        b"CHUNKED": post + b"Transfer-Encoding: chunked\r\n\r\n",
        b"CREATE": create,
        b"LENGTH": b"%d" % len(create),
        b"HEX": b"%x" % len(create),
        b"LINE": b"X: a\r\n",
        b"LONGLINE": b"X: " + b"a" * (LINE_LENGTH - 5) + b"\r\n",
        b"a": b"a",
    }
    return WORD.sub(lambda found: words[found[1]] * int(found[2] or 1), text.encode("latin-1"))


def at_once(sock: socket.socket, data: bytes) -> None:
    """All bytes in one call."""
    sock.sendall(data)


def byte_by_byte(sock: socket.socket, data: bytes) -> None:
    """One byte a segment; what is long, in steps of 64."""
    in_pieces(sock, data, range(1, len(data), 1 if len(data) < 3000 else 64))


def in_pieces(sock: socket.socket, data: bytes, cuts: Iterable[int]) -> None:
    """Cut at these places."""
    start = 0
    for cut in (*cuts, len(data)):
        sock.sendall(data[start:cut])
        start = cut


def piece_by_piece(sock: socket.socket, data: bytes, cut: int) -> None:
    """In two pieces, with time for the server to read the first."""
    sock.sendall(data[:cut])
    time.sleep(PAUSE_SECONDS)
    sock.sendall(data[cut:])


def converse(
    address: Address,
    data: bytes,
    send: Sender = at_once,
    *,
    ends: bool = False,
    seconds: float = 10,
    tls: ssl.SSLContext | None = None,
) -> bytes:
    """Send, and read until the server closes. `ends` closes our half. Raises TimeoutError when nothing more comes."""
    with connected(address, seconds, tls) as sock:
        with suppress(ConnectionError, ssl.SSLError):  # a refused client may find the door closed while it talks
            send(sock, data)
            if ends:
                sock.shutdown(socket.SHUT_WR)
        received = b""
        while more := _receive(sock):
            received += more
        return received


def converse_in_turn(address: Address, messages: Iterable[tuple[bytes, int]]) -> bytes:
    """Send each message when all answers to the one before it have begun to come, of which the number is given."""
    with connected(address, 10) as sock:
        received, answers = b"", 0
        for message, count in messages:
            sock.sendall(message)
            answers += count
            while len(statuses_in(received)) < answers and (more := _receive(sock)):
                received += more
        while more := _receive(sock):
            received += more
        return received


def connected(address: Address, seconds: float, tls: ssl.SSLContext | None = None) -> socket.socket:
    """A connection without delays of its own."""
    sock = socket.create_connection(address, timeout=seconds)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock if tls is None else tls.wrap_socket(sock, server_hostname="localhost")


def statuses_in(received: bytes) -> tuple[int, ...]:
    """The statuses of all answers. A 100 may come or not: it depends on how much of the body is there."""
    return tuple(int(found) for found in STATUS.findall(received) if found != b"100")


def _receive(sock: socket.socket) -> bytes:
    try:
        return sock.recv(65536)
    except (ConnectionError, ssl.SSLError):
        return b""
