"""Connections that do nothing, or far too slowly. Started by bench.generators.

{"url", "count", "is_slow"}: an idle one has asked once and keeps its connection alive. A slow one sends a request's
header one byte every five seconds and is opened again whenever the server has had enough of it.
"""

from __future__ import annotations

import itertools
import select
import socket
import time

from bench.lines import address_of, connect, cpu_now, options, say, source_of, was_told

BYTE_SECONDS = 5.0
ROUNDS_PER_SECOND = 20


class Crowd:
    """The connections, by descriptor."""

    def __init__(self, url: str, count: int, first_bytes: bytes) -> None:
        self._address = address_of(url)
        self._first_bytes = first_bytes
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._numbers = itertools.count()
        self.closed = 0
        for _ in range(count):
            self.open()
            self.look(0)

    def __len__(self) -> int:
        return len(self._sockets)

    def open(self) -> None:
        """One more connection, its first bytes sent."""
        sock = connect(self._address, source_of(next(self._numbers)))
        sock.sendall(self._first_bytes)
        sock.setblocking(False)
        self._sockets[sock.fileno()] = sock
        self._epoll.register(sock.fileno(), select.EPOLLIN)

    def look(self, seconds: float) -> None:
        """Read what has come; forget connections that the server closed."""
        for descriptor, _ in self._epoll.poll(seconds, 1000):
            try:
                if self._sockets[descriptor].recv(65536):
                    continue
            except OSError:
                pass
            self._forget(descriptor)

    def drip(self, descriptors: list[int]) -> None:
        """One more byte of the header on each of these."""
        for descriptor in descriptors:
            try:
                self._sockets[descriptor].send(b"x")
            except OSError:
                self._forget(descriptor)

    def descriptors(self) -> list[int]:
        """Of the open connections."""
        return list(self._sockets)

    def _forget(self, descriptor: int) -> None:
        sock = self._sockets.pop(descriptor)
        self._epoll.unregister(descriptor)
        sock.close()
        self.closed += 1


def hold(crowd: Crowd) -> None:
    """Keep the crowd until the program says to end."""
    while (word := was_told()) != "":
        crowd.look(0.2)
        if word:
            say(held=len(crowd), closed=crowd.closed)


def drip_slowly(crowd: Crowd, count: int) -> None:
    """Every connection gets a byte each BYTE_SECONDS, and a new one takes the place of each that was closed."""
    rounds = int(BYTE_SECONDS * ROUNDS_PER_SECOND)
    turn = 0
    while (word := was_told()) != "":
        if word:
            say(held=len(crowd), closed=crowd.closed)
        crowd.drip(crowd.descriptors()[turn % rounds :: rounds])
        crowd.look(0)
        for _ in range(min(count - len(crowd), 500)):
            crowd.open()
        turn += 1
        time.sleep(1 / ROUNDS_PER_SECOND)


def main() -> None:
    """Open the crowd, say so, hold it."""
    given = options()
    host, port = address_of(given["url"])
    head = f"GET /api/health HTTP/1.1\r\nHost: {host}:{port}\r\n"
    begin = time.monotonic()
    crowd = Crowd(
        given["url"], given["count"], f"{head}X-Slow: ".encode() if given["is_slow"] else f"{head}\r\n".encode()
    )
    say(opened=len(crowd), seconds=time.monotonic() - begin, cpu=cpu_now())
    if given["is_slow"]:
        drip_slowly(crowd, given["count"])
    else:
        hold(crowd)


if __name__ == "__main__":
    main()
