"""The hub: one thread that holds every open stream, with gevent's loop and without monkey-patching.

A connection is a socket, a watcher that tells when the client has gone, and nothing else while it keeps up: no
greenlet, no thread, no buffer. What its socket does not take waits as references to the frames, which all clients
share. Everything here runs in the hub's thread, in callbacks that must not block. Other threads hand over work with
`call`: a deque and the one thing of gevent's that is safe from outside, an async watcher's `send()`.

    read-ready      the client has gone (it has nothing to say): close
    write-ready     send what waits; this watcher exists only meanwhile
    every second    idle streams and those of expired tokens end (clients reconnect), stalled ones are dropped

Memory has three bounds: what the system keeps for a socket (SEND_BUFFER), how far one client may be behind
(MAX_BEHIND), and what waits for all together (MAX_HELD): there whoever is furthest behind goes first.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from appliance import clock
from appliance.realtime.clients import Client
from appliance.realtime.frames import Frame, ending, retry_hint

log = logging.getLogger("homeport.realtime")

IDLE_SECONDS: Final = 300.0  # as the wire's original
STALL_SECONDS: Final = 30.0
MAX_BEHIND: Final = 1024 * 1024  # bytes that a slow client may be behind, the frame at hand not counted
MAX_HELD: Final = 64 * 1024 * 1024  # bytes of frames that wait for anybody
SEND_BUFFER: Final = 64 * 1024  # the system would let it grow to megabytes for each client that does not read
AT_ONCE: Final = 256 * 1024  # bytes of waiting frames joined for one send
CHECK_SECONDS: Final = 1.0
LEAST_RETRY: Final = 500  # milliseconds: when the server stops, its clients are told to come back spread over time
MOST_RETRY: Final = 5000
READ: Final = 1  # libev's EV_READ
WRITE: Final = 2


class Delivery(NamedTuple):
    """One event and who gets it."""

    frame: Frame
    clients: Sequence[Client]


class Backlog:
    """What a socket did not take: frames in order, how much of the first is sent, since when nothing moves."""

    __slots__ = ("behind", "frames", "moved_at", "sent", "watcher")

    def __init__(self, watcher: Any, moment: float) -> None:
        self.frames: deque[Frame] = deque()
        self.sent = 0
        self.behind = 0
        self.watcher = watcher
        self.moved_at = moment


class Connection:
    """One stream's socket."""

    __slots__ = ("_hub", "_is_chunked", "_reader", "_socket", "backlog", "client", "spoken_at")

    def __init__(self, hub: Hub, client: Client, sock: socket.socket, is_chunked: bool, moment: float) -> None:
        self._hub = hub
        self._socket = sock
        self._is_chunked = is_chunked
        self.client = client
        self.backlog: Backlog | None = None
        self.spoken_at = moment
        self._reader = hub.watch(sock, READ)
        self._reader.start(self._read)

    @property
    def is_closed(self) -> bool:
        """Whether the socket is gone."""
        return self._reader is None

    def send(self, frames: Sequence[Frame], moment: float) -> None:
        """Send events, or drop the client when it is too far behind."""
        self.spoken_at = moment
        if self.backlog is not None:
            self._wait(self.backlog, frames, 0)
            return
        data = self._join(frames)
        sent = self._write(data)
        if 0 <= sent < len(data):
            self.backlog = Backlog(self._hub.watch(self._socket, WRITE), moment)
            self.backlog.watcher.start(self._flush, self.backlog)
            self._wait(self.backlog, frames, sent)

    def end(self, last_words: bytes = b"") -> None:
        """Say that the stream ends, if the client keeps up, and close."""
        if self.backlog is None and not self.is_closed:
            self._write(ending(last_words, self._is_chunked))
        self.close()

    def close(self) -> None:
        """Close at once."""
        if self.is_closed:
            return
        self._stop(self._reader)
        self._reader = None
        self._release()
        self._socket.close()
        self.client.connection = None
        self._hub.forget(self)

    def is_stalled(self, moment: float) -> bool:
        """Whether it waits for a client that takes nothing."""
        return self.backlog is not None and moment - self.backlog.moved_at > STALL_SECONDS

    def _join(self, frames: Iterable[Frame]) -> bytes:
        return b"".join([each.bytes_for(self.client.id, self._is_chunked) for each in frames])

    def _write(self, data: bytes) -> int:
        """How many bytes the socket took; -1 when it is broken, and closed by now."""
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            self.close()
            return -1

    def _wait(self, backlog: Backlog, frames: Sequence[Frame], sent: int) -> None:
        """Keep what was not sent. A frame of any size may wait for who was not too far behind before it."""
        if backlog.behind > self._hub.max_behind:
            log.info("a realtime client reads too slowly and is dropped")
            self.close()
            return
        for frame in frames:
            backlog.frames.append(frame)
            backlog.behind += frame.size
            self._hub.hold(frame)
        self._advance(backlog, sent)

    def _advance(self, backlog: Backlog, sent: int) -> None:
        """`sent` more bytes are out."""
        backlog.sent += sent
        while backlog.frames:
            frame = backlog.frames[0]
            size = frame.size if self._is_chunked else len(frame.bytes_for(self.client.id, False))
            if backlog.sent < size:
                break
            backlog.sent -= size
            backlog.behind -= frame.size
            self._hub.release(backlog.frames.popleft())

    def _read(self) -> None:
        try:
            has_gone = not self._socket.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            has_gone = True
        if has_gone:
            self.close()

    def _flush(self, backlog: Backlog) -> None:
        data = self._join(_first(backlog.frames, AT_ONCE + backlog.sent))[backlog.sent :]
        sent = self._write(data)
        if sent > 0:
            backlog.moved_at = clock.monotonic()
            self._advance(backlog, sent)
        if not backlog.frames:
            self._release()

    def _release(self) -> None:
        backlog, self.backlog = self.backlog, None
        if backlog is not None:
            self._stop(backlog.watcher)
            for frame in backlog.frames:
                self._hub.release(frame)
            backlog.frames.clear()

    def _stop(self, watcher: Any) -> None:
        watcher.stop()
        watcher.close()


def _first(frames: Iterable[Frame], size: int) -> list[Frame]:
    """As many frames as make `size` bytes, one at least."""
    taken: list[Frame] = []
    for frame in frames:
        taken.append(frame)
        size -= frame.size
        if size <= 0:
            break
    return taken


class Hub:
    """The thread and its connections. Starts with the first connection: a box without realtime clients pays nothing.
    `on_close` gets each client whose connection has closed, in the hub's thread."""

    def __init__(
        self,
        on_close: Callable[[Client], None],
        idle_seconds: float = IDLE_SECONDS,
        max_behind: int = MAX_BEHIND,
        max_held: int = MAX_HELD,
    ) -> None:
        self.idle_seconds = idle_seconds
        self.max_behind = max_behind
        self.max_held = max_held
        self.held = 0  # bytes of frames that wait, shared ones counted once
        self._on_close = on_close
        self._connections: set[Connection] = set()
        self._calls: deque[Callable[[], None]] = deque()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loop: Any = None
        self._over: Any = None
        self._waker: Any = None  # while the loop runs

    def call(self, function: Callable[[], None]) -> None:
        """From any thread: run `function` in the hub's, soon and in order. Never waits, not even for the start."""
        self._calls.append(function)
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="homeport-hub", daemon=True)
                self._thread.start()
            if self._waker is not None:
                self._waker.send()

    def after(self, seconds: float, function: Callable[[], None]) -> None:
        """From any thread: call `function` in the hub's, in so many seconds."""
        self.call(lambda: self._start_timer(seconds, function))

    def adopt(self, client: Client, sock: socket.socket, is_chunked: bool, opening: Frame) -> None:
        """In the hub's thread: hold a client's socket from here on, and send its first bytes."""
        moment = clock.monotonic()
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        client.connection = Connection(self, client, sock, is_chunked, moment)
        self._connections.add(client.connection)
        client.connection.send((opening,), moment)

    def send(self, deliveries: Iterable[Delivery]) -> None:
        """In the hub's thread: send events, all that one client gets at once."""
        frames: dict[Connection, list[Frame]] = {}
        for frame, clients in deliveries:
            for client in clients:
                connection = client.connection
                if connection is not None:
                    frames.setdefault(connection, []).append(frame)
        moment = clock.monotonic()
        for connection, each in frames.items():
            connection.send(each, moment)
        self._shed()

    def watch(self, sock: socket.socket, events: int) -> Any:
        """In the hub's thread: a watcher of one socket, to be started."""
        return self._loop.io(sock.fileno(), events)

    def hold(self, frame: Frame) -> None:
        """A frame waits for one more client."""
        frame.holders += 1
        if frame.holders == 1:
            self.held += frame.size

    def release(self, frame: Frame) -> None:
        """A frame waits for one client less."""
        frame.holders -= 1
        if not frame.holders:
            self.held -= frame.size

    def forget(self, connection: Connection) -> None:
        """A connection has closed."""
        self._connections.discard(connection)
        self._on_close(connection.client)

    def stop(self) -> None:
        """End every stream and the thread."""
        if self._thread is None:
            return
        done = threading.Event()
        self.call(lambda: self._end_all(done))
        done.wait(2)
        self._thread.join(2)

    def _shed(self) -> None:
        """Drop who is furthest behind until what waits fits."""
        if self.held <= self.max_held:
            return
        slow = [(each.backlog.behind, each) for each in self._connections if each.backlog is not None]
        for _, connection in sorted(slow, key=lambda pair: pair[0], reverse=True):
            if self.held <= self.max_held // 2:
                break
            log.info("realtime clients read too slowly: the one furthest behind is dropped")
            connection.close()

    def _run(self) -> None:
        import gevent.event  # 5 MB and 60 ms that only a box with realtime clients pays

        self._loop = gevent.get_hub().loop
        self._over = gevent.event.Event()
        waker = self._loop.async_()
        waker.start(self._run_calls)
        checker = self._loop.timer(CHECK_SECONDS, CHECK_SECONDS)
        checker.start(self._check)
        with self._lock:
            self._waker = waker
            waker.send()
        self._over.wait()
        with self._lock:
            self._waker = None
        waker.stop()
        checker.stop()

    def _start_timer(self, seconds: float, function: Callable[[], None]) -> None:
        timer = self._loop.timer(seconds)

        def ring() -> None:
            timer.close()
            function()

        timer.start(ring)

    def _run_calls(self) -> None:
        while self._calls:
            function = self._calls.popleft()
            try:
                function()
            except Exception:
                log.exception("a realtime task failed")

    def _check(self) -> None:
        moment, seconds = clock.monotonic(), clock.unix_seconds()
        for connection in list(self._connections):
            if connection.is_stalled(moment):
                connection.close()
            elif moment - connection.spoken_at > self.idle_seconds or 0 < connection.client.ends_at <= seconds:
                connection.end()

    def _end_all(self, done: threading.Event) -> None:
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.end(retry_hint(clock.random_between(LEAST_RETRY, MOST_RETRY)))
        self._over.set()
        done.set()
