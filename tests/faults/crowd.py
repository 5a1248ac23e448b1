"""A crowd of connections to one server, from several addresses of this machine, and somebody honest among them."""

from __future__ import annotations

import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest

from tests.http.servers import Reader

Address = tuple[str, int]
HOST = b"Host: localhost\r\n"
HEALTH = b"GET /api/health HTTP/1.1\r\n" + HOST + b"\r\n"
SETTINGS = b"GET /api/settings HTTP/1.1\r\n" + HOST + b"\r\n"  # a worker answers this one: 401 to a guest
PATIENCE_SECONDS = 30.0

needs_many_addresses = pytest.mark.skipif(sys.platform != "linux", reason="only Linux answers to all of 127.0.0.0/8")


@dataclass
class Crowd:
    """Open connections. `sources`: from so many different addresses, which matters for limits per address."""

    address: Address
    count: int
    sources: int = 1
    socks: list[socket.socket] = field(default_factory=list)

    def __enter__(self) -> Crowd:
        for number in range(self.count):
            source = ("127.0.0.1" if self.sources == 1 else f"127.1.0.{1 + number % self.sources}", 0)
            sock = socket.create_connection(self.address, timeout=PATIENCE_SECONDS, source_address=source)
            sock.setblocking(False)
            self.socks.append(sock)
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def say(self, data: bytes) -> None:
        """Send the same on each connection; one that is closed already hears nothing."""
        for sock in self.socks:
            with suppress(OSError):
                sock.send(data)

    def ask(self, request: bytes = HEALTH) -> int:
        """Let each connection ask and take its answer; how many got 200."""
        self.say(request)
        for sock in self.socks:
            sock.settimeout(PATIENCE_SECONDS)
        statuses = [Reader(sock).answer().status for sock in self.socks]
        for sock in self.socks:
            sock.setblocking(False)
        return statuses.count(200)

    def leave(self, *, by_reset: bool = False) -> None:
        """Close all of them, kindly or not."""
        for sock in self.socks:
            if by_reset:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
        self.socks.clear()

    def still_open(self) -> int:
        """How many the server has not closed. Answers are not taken, only looked at."""
        return sum(map(_is_open, self.socks))

    def ports(self) -> set[int]:
        """The clients' ports."""
        return {sock.getsockname()[1] for sock in self.socks}

    @contextmanager
    def saying(self, data: bytes, pause: float) -> Iterator[None]:
        """Send it again and again, from a thread."""
        is_over = threading.Event()

        def repeat() -> None:
            while not is_over.wait(pause):
                self.say(data)

        thread = threading.Thread(target=repeat)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()


def _is_open(sock: socket.socket) -> bool:
    try:
        return sock.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def answered(address: Address, requests: int, request: bytes = HEALTH, status: int = 200) -> int:
    """How many of so many requests of one honest client are answered with that status."""
    with socket.create_connection(address, timeout=PATIENCE_SECONDS) as sock:
        reader, count = Reader(sock), 0
        for _ in range(requests):
            sock.sendall(request)
            count += reader.answer().status == status
        return count


def becomes_true(holds: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> bool:
    """Whether it comes true in time."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
