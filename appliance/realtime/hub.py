"""The hub: one thread that holds every open stream, with gevent's loop and without monkey-patching.

A connection is a socket, two watchers and a bounded buffer, no greenlet and no thread of its own (0.9 KiB instead of
9). Everything here runs in the hub's thread, in callbacks that must not block. Other threads hand over work with
`call`: a deque and the one thing of gevent's that is safe from outside, an async watcher's `send()`.

    read-ready      the client has gone (it has nothing to say): close
    write-ready     send what is buffered
    every second    idle streams end after five minutes (clients reconnect), stalled ones are dropped
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from appliance import clock
from appliance.realtime.frames import LAST_CHUNK, chunk

log = logging.getLogger("homeport.realtime")

IDLE_SECONDS: Final = 300.0  # as the wire's original
STALL_SECONDS: Final = 30.0
MAX_BUFFER: Final = 1024 * 1024  # bytes that a slow client may be behind
CHECK_SECONDS: Final = 1.0
READ: Final = 1  # libev's EV_READ
WRITE: Final = 2


class Connection:
    """One stream's socket. `on_close` is called once, in the hub's thread."""

    def __init__(self, hub: Hub, sock: socket.socket, is_chunked: bool, on_close: Callable[[], None]) -> None:
        self._hub = hub
        self._socket = sock
        self._is_chunked = is_chunked
        self._on_close = on_close
        self._buffer = bytearray()
        self._moved_at = clock.monotonic()  # when bytes last went out, or began to wait
        self._spoken_at = self._moved_at
        self._reader = hub.watch(sock, READ, self._read)
        self._writer = hub.watch(sock, WRITE, self._flush, start=False)
        self.is_closed = False

    def send(self, data: bytes) -> None:
        """Send one event, or drop the client when it is too far behind."""
        self._spoken_at = clock.monotonic()
        self.send_raw(chunk(data) if self._is_chunked else data)

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        if self.is_closed:
            return
        if not self._buffer:
            self._moved_at = clock.monotonic()
        self._buffer += data
        self._flush()
        if len(self._buffer) > self._hub.max_buffer:
            log.info("a realtime client reads too slowly and is dropped")
            self.close()

    def end(self) -> None:
        """Say that the stream ends, as far as the client takes it, and close."""
        if self._is_chunked:
            self.send_raw(LAST_CHUNK)
        self.close()

    def close(self) -> None:
        """Close at once."""
        if self.is_closed:
            return
        self.is_closed = True
        for watcher in (self._reader, self._writer):
            watcher.stop()
            watcher.close()
        self._socket.close()
        self._buffer.clear()
        self._hub.forget(self)
        self._on_close()

    def check(self, moment: float) -> None:
        """End what is idle, drop what is stalled."""
        if self._buffer and moment - self._moved_at > STALL_SECONDS:
            self.close()
        elif moment - self._spoken_at > self._hub.idle_seconds:
            self.end()

    def _read(self) -> None:
        try:
            has_gone = not self._socket.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            has_gone = True
        if has_gone:
            self.close()

    def _flush(self) -> None:
        try:
            while self._buffer:
                del self._buffer[: self._socket.send(self._buffer)]
                self._moved_at = clock.monotonic()
        except BlockingIOError:
            self._writer.start(self._flush)
            return
        except OSError:
            self.close()
            return
        self._writer.stop()


class Hub:
    """The thread and its connections. Starts with the first connection: a box without realtime clients pays nothing."""

    def __init__(self, idle_seconds: float = IDLE_SECONDS, max_buffer: int = MAX_BUFFER) -> None:
        self.idle_seconds = idle_seconds
        self.max_buffer = max_buffer
        self._connections: set[Connection] = set()
        self._calls: deque[Callable[[], None]] = deque()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._loop: Any = None
        self._waker: Any = None
        self._is_stopped = False

    def call(self, function: Callable[[], None]) -> None:
        """From any thread: run `function` in the hub's, soon and in order."""
        self._calls.append(function)
        self._start()
        with self._lock:
            if not self._is_stopped:
                self._waker.send()

    def adopt(self, sock: socket.socket, is_chunked: bool, on_close: Callable[[], None]) -> Connection:
        """In the hub's thread: hold a socket from here on."""
        connection = Connection(self, sock, is_chunked, on_close)
        self._connections.add(connection)
        return connection

    def watch(self, sock: socket.socket, events: int, callback: Callable[[], None], start: bool = True) -> Any:
        """In the hub's thread: a watcher of one socket."""
        watcher = self._loop.io(sock.fileno(), events)
        if start:
            watcher.start(callback)
        return watcher

    def forget(self, connection: Connection) -> None:
        """In the hub's thread: a connection has closed."""
        self._connections.discard(connection)

    def stop(self) -> None:
        """End every stream and the thread."""
        if self._thread is None:
            return
        done = threading.Event()
        self.call(lambda: self._end_all(done))
        done.wait(2)
        self._thread.join(2)

    def _start(self) -> None:
        if self._ready.is_set():
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="homeport-hub", daemon=True)
                self._thread.start()
        self._ready.wait()

    def _run(self) -> None:
        import gevent.event  # 5 MB and 60 ms that only a box with realtime clients pays

        own = gevent.get_hub()
        self._loop = own.loop
        self._waker = self._loop.async_()
        self._waker.start(self._run_calls)
        checker = self._loop.timer(CHECK_SECONDS, CHECK_SECONDS)
        checker.start(self._check)
        self._over = gevent.event.Event()
        self._ready.set()
        self._over.wait()
        with self._lock:
            self._is_stopped = True
            self._waker.stop()
        checker.stop()

    def _run_calls(self) -> None:
        while self._calls:
            function = self._calls.popleft()
            try:
                function()
            except Exception:
                log.exception("a realtime task failed")

    def _check(self) -> None:
        moment = clock.monotonic()
        for connection in list(self._connections):
            connection.check(moment)

    def _end_all(self, done: threading.Event) -> None:
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.end()
        self._over.set()
        done.set()
