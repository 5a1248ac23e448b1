"""TLS handshakes, away from the loop: each costs a millisecond of a core, and a client may take its time with it.

Two threads, so that one long computation does not hold up the next. Neither ever waits for one client: each has a
selector with all its unfinished handshakes, so a thousand slow ones keep nobody else from theirs.

Threat: clients that connect and say nothing. A handshake has ten seconds; beyond MOST_UNFINISHED in one thread the
one that has waited longest goes.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

import orjson

from appliance import clock
from appliance.http.certificates import Certificate
from appliance.http.tls import TlsSocket, wrap

log = logging.getLogger("homeport.http")

THREADS: Final = 2
SECONDS: Final = 10.0
MOST_UNFINISHED: Final = 1024  # a thread
CHECK_SECONDS: Final = 1.0
PLAIN_HTTP: Final = "HTTP_REQUEST"  # OpenSSL's name for what it has read instead of a handshake
ANSWER: Final = orjson.dumps(
    {"status": 400, "message": "This port speaks HTTPS. Use https:// in the address.", "data": {}}
)
PLAIN_ANSWER: Final = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"
    % (len(ANSWER), ANSWER)
)

Done = Callable[[TlsSocket], None]


class HandshakeThread:
    """One thread and its unfinished handshakes, oldest first."""

    def __init__(self, number: int) -> None:
        self._selector = selectors.DefaultSelector()
        self._ours, self._theirs = socket.socketpair()
        self._new: deque[tuple[TlsSocket, Done]] = deque()
        self._unfinished: dict[TlsSocket, tuple[float, Done]] = {}  # until when
        self._is_stopped = False
        self._ours.setblocking(False)
        self._selector.register(self._ours, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name=f"homeport-tls-{number}", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        return len(self._unfinished) + len(self._new)

    def add(self, sock: TlsSocket, done: Done) -> None:
        """From any thread: make this handshake, then call `done` here."""
        self._new.append((sock, done))
        self._theirs.send(b".")

    def stop(self) -> None:
        """Drop what is unfinished and end the thread."""
        self._is_stopped = True
        self._theirs.send(b".")
        self._thread.join(1)

    def _run(self) -> None:
        while not self._is_stopped:
            for key, _ in self._selector.select(CHECK_SECONDS):
                if isinstance(key.fileobj, TlsSocket):
                    self._advance(key.fileobj)
                else:
                    self._take_new()
            self._drop_late(clock.monotonic())
        for sock in list(self._unfinished):
            self._drop(sock)

    def _take_new(self) -> None:
        self._ours.recv(4096)
        while self._new:
            sock, done = self._new.popleft()
            self._unfinished[sock] = (clock.monotonic() + SECONDS, done)
            self._selector.register(sock, selectors.EVENT_READ)
            self._advance(sock)

    def _advance(self, sock: TlsSocket) -> None:
        try:
            sock.do_handshake()
        except ssl.SSLWantReadError:
            self._selector.modify(sock, selectors.EVENT_READ)
        except ssl.SSLWantWriteError:
            self._selector.modify(sock, selectors.EVENT_WRITE)
        except (OSError, ValueError) as error:
            log.debug("a TLS handshake failed: %s", error)
            self._drop(sock, was_plain=getattr(error, "reason", "") == PLAIN_HTTP)
        else:
            self._selector.unregister(sock)
            self._unfinished.pop(sock)[1](sock)

    def _drop_late(self, moment: float) -> None:
        while self._unfinished:
            oldest, (until, _) = next(iter(self._unfinished.items()))
            if moment < until and len(self._unfinished) <= MOST_UNFINISHED:
                return
            self._drop(oldest)

    def _drop(self, sock: TlsSocket, was_plain: bool = False) -> None:
        self._selector.unregister(sock)
        del self._unfinished[sock]
        with contextlib.closing(socket.socket(fileno=sock.detach())) as plain, contextlib.suppress(OSError):
            if was_plain:
                plain.send(PLAIN_ANSWER)
                plain.shutdown(socket.SHUT_WR)
                plain.recv(65536)  # unread bytes would make the close a reset, which takes the answer away


class Handshakes:
    """What the listener hands new connections to."""

    def __init__(self, certificate: Certificate) -> None:
        self.certificate = certificate
        self._threads = [HandshakeThread(number) for number in range(THREADS)]

    def __len__(self) -> int:
        """How many are unfinished."""
        return sum(map(len, self._threads))

    def begin(self, sock: socket.socket, done: Done) -> None:
        """Make the handshake of a new connection; `done` gets it on a thread of ours. One that fails is closed."""
        min(self._threads, key=len).add(wrap(sock, self.certificate.context), done)

    def stop(self) -> None:
        """End the threads."""
        for thread in self._threads:
            thread.stop()
