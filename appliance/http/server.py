"""The server: one loop thread, worker threads, a listener. The caller's thread stays free for signals or a window."""

from __future__ import annotations

import errno
import gc
import logging
import socket
import sys
import threading
from functools import partial
from typing import Final

import flask
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from appliance import clock
from appliance.core.app import App
from appliance.core.events import Start, Stop
from appliance.http.certificates import Certificate
from appliance.http.channel import Channel
from appliance.http.edge import EDGE, Edge
from appliance.http.express import BUDGET_SECONDS, ExpressLane
from appliance.http.handshakes import Handshakes
from appliance.http.loop import Loop
from appliance.http.middleware.security_headers import HEADERS
from appliance.http.password_lane import PasswordLane, may_hash
from appliance.http.tls import TlsChannel, TlsSocket

log = logging.getLogger("homeport.http")

STOP_SECONDS: Final = 5.0  # requests in flight may take so long when the server stops; the whole stop has 10
SWITCH_SECONDS: Final = 1e-4  # at Python's 5 ms one busy worker keeps the loop waiting 50 times longer than its work
RENEWAL_SECONDS: Final = 60.0  # how often the certificate's files are looked at
CHECK_SECONDS: Final = 1.0  # how often slow and silent clients are looked for
MOST_WAITING: Final = 512  # requests that have come and found no worker; beyond that 503, at once
RESERVED_DESCRIPTORS: Final = 128  # for the database, uploads and outgoing calls
PAUSE_SECONDS: Final = 0.2  # no accepting for so long after the system has run out of descriptors
MAX_UNFINISHED_PER_ADDRESS: Final = 64
OUT_OF_DESCRIPTORS: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Listener(TcpWSGIServer):  # type: ignore[misc]
    """Accepts connections. Running out of descriptors pauses it and ends nothing."""

    channel_class = Channel
    quiet_seconds = 1.0  # when stopping: who is about to send the next request over a slow network has sent it by then

    def __init__(self, app: App, loop: Loop, application: flask.Flask, adj: Adjustments, sock: socket.socket) -> None:
        self.app = app
        self.handshakes: Handshakes | None = None
        self.loop = loop
        self.lane = ExpressLane(application.extensions[EDGE], loop)
        self.password_lane = PasswordLane()
        self._paused_until = 0.0
        address = (sock.family, sock.type, sock.proto, sock.getsockname())
        dispatcher = ThreadedTaskDispatcher()
        super().__init__(
            application, loop.map, True, sock, dispatcher=dispatcher, adj=adj, sockinfo=address, bind_socket=False
        )

    def add_task(self, task: Channel) -> None:
        """Queue a channel's next request for the workers, or for those of their own that hash passwords."""
        request = task.requests[0]
        workers = self.password_lane if may_hash(self.app, request.command, request.path) else self.task_dispatcher
        if len(workers.queue) >= MOST_WAITING:
            task.turn_away()
            return
        self.loop.running.add(task)
        workers.add_task(task)

    def readable(self) -> bool:
        """Whether to accept: not when stopping, paused or full."""
        is_open = self.accepting and clock.monotonic() >= self._paused_until
        return is_open and len(self.loop.map) + len(self.handshakes or ()) < self.adj.connection_limit

    def close_quiet(self) -> None:
        """When stopping: close connections on which nothing happens. The others end with their next answer."""
        for channel in list(self.active_channels.values()):
            if channel.is_silent(clock.monotonic() - self.quiet_seconds):
                channel.handle_close()

    def handle_accept(self) -> None:
        """Accept one connection."""
        self.accept_one()

    def accept_one(self) -> bool:
        """Accept one connection; whether there was one."""
        try:
            accepted = self.accept()
            if accepted is None:
                return False
            connection, address = accepted
            self.set_socket_options(connection)
        except OSError as error:
            if error.errno in OUT_OF_DESCRIPTORS:
                log.warning("no descriptor left for a new connection: accepting pauses (%s)", error)
                self._paused_until = clock.monotonic() + PAUSE_SECONDS
            return False
        if self.handshakes is None:
            self._open(connection, address)
        else:
            self.handshakes.begin(connection, partial(self._shaken, address))
        return True

    def _shaken(self, address: tuple[str, int], sock: TlsSocket) -> None:
        """From a handshake's thread."""
        self.loop.call(partial(self._open, sock, address))

    def _open(self, connection: socket.socket, address: tuple[str, int]) -> None:
        make_channel = self.channel_class if self.handshakes is None else TlsChannel
        make_channel(self, connection, address, self.adj, map=self._map)

    def check_clients(self, moment: float) -> None:
        """Close what is too slow or too long silent, and whoever holds too many unfinished requests. And look again
        whether to accept: nothing else would tell the loop that a pause is over."""
        self.loop.touch(self)
        unfinished: dict[str, int] = {}
        for channel in list(self.active_channels.values()):
            if channel.request is not None:
                unfinished[channel.addr[0]] = unfinished.get(channel.addr[0], 0) + 1
            too_many = channel.request is not None and unfinished[channel.addr[0]] > MAX_UNFINISHED_PER_ADDRESS
            if too_many or channel.is_overdue(moment):
                channel.handle_close()

    def pull_trigger(self) -> None:
        """waitress asks for another turn after each request, and so do we: the loop makes one of both."""
        self.loop.wake_up()

    def ring(self) -> None:
        """Wake the loop, unless it is closed: its descriptor may be somebody else's by then."""
        if not self.trigger._closed:
            super().pull_trigger()

    def stop_accepting(self) -> None:
        """Close the listening socket. Connections go on, those too that the system has already taken in for us."""
        while self.readable() and self.accept_one():
            continue
        self.accepting = False
        wasyncore.dispatcher.close(self)


class Server:
    """A running server. `stop()` ends it within ten seconds and may be called from any thread, once or more."""

    def __init__(
        self, app: App, application: flask.Flask, listener: socket.socket, certificate: Certificate | None = None
    ) -> None:
        _tame_waitress()
        self._app = app
        self.loop = Loop()
        adj = _adjustments(app.config.workers)
        adj.refusal_headers = _refusal_headers(app.config.origins)
        edge: Edge = application.extensions[EDGE]
        adj.body_limit_for = edge.body_limits.limit_for
        adj.least_body_limit = edge.body_limits.least
        adj.url_scheme = "https" if certificate else "http"
        self.listener = Listener(app, self.loop, application, adj, listener)
        self._certificate = certificate
        self.loop.pull_trigger = self.listener.ring
        self.address: tuple[str, int] = (str(self.listener.effective_host), int(self.listener.effective_port))
        self.workers: ThreadedTaskDispatcher = self.listener.task_dispatcher
        self._thread = threading.Thread(target=self._run, name="homeport-loop", daemon=True)
        self._stop_lock = threading.Lock()
        self._has_stopped = False

    def start(self) -> None:
        """Start workers and loop; returns at once."""
        sys.setswitchinterval(SWITCH_SECONDS)
        gc.freeze()  # what is loaded by now stays: looking through it for garbage would stop the loop for 30 ms
        self._announce(Start(app=self._app))
        if self._certificate is not None:
            self.listener.handshakes = Handshakes(self._certificate)
            self.loop.every(RENEWAL_SECONDS, self._certificate.refresh)
        self.workers.set_thread_count(self.listener.adj.threads)
        self._thread.start()

    def stop(self) -> None:
        """Accept nothing more, let requests in flight finish, let the rooms stop, close. Idempotent."""
        with self._stop_lock:
            if self._has_stopped:
                return
            self._has_stopped = True
        self._app.is_stopping = True
        self.loop.call(self.listener.stop_accepting)
        self._drain()
        self._announce(Stop(app=self._app))
        self.workers.shutdown(timeout=1)
        self.listener.password_lane.shutdown(timeout=1)
        if self.listener.handshakes is not None:
            self.listener.handshakes.stop()
        self.loop.call(self._close_everything)
        self._thread.join(timeout=1)
        self._app.close()

    def _announce(self, event: Start | Stop) -> None:
        """Let every room start or stop; one that fails does not keep the others from it."""
        try:
            self._app.hooks.after(self._app.hooks.before(event))
        except Exception:
            log.exception("a hook of %s failed", event.name)

    def _run(self) -> None:
        self.listener.lane.reader = self._app.database.own_reader(BUDGET_SECONDS)
        self.loop.every(CHECK_SECONDS, self.listener.check_clients)
        self.loop.run()

    def _drain(self) -> None:
        """Until every request that has come is answered and its answer sent, or the time is over."""
        began = clock.monotonic()
        pause = threading.Event()
        while self._has_work(began) and clock.monotonic() < began + STOP_SECONDS:
            self.loop.call(self.listener.close_quiet)
            pause.wait(0.02)

    def _has_work(self, began: float) -> bool:
        listener = self.listener
        is_shaking = listener.handshakes is not None and clock.monotonic() < began + listener.quiet_seconds
        unfinished = listener.handshakes if is_shaking else ()
        return bool(self.loop.running or listener.lane.waiting or listener.active_channels or unfinished)

    def _close_everything(self) -> None:
        self.loop.stop()
        wasyncore.close_all(self.loop.map)


def _refusal_headers(origins: tuple[str, ...]) -> list[tuple[str, str]]:
    """What every refusal carries; only with `*` is it known which origin may read it, before a request is read."""
    allowed = [("Access-Control-Allow-Origin", "*")] if "*" in origins else []
    return [*HEADERS.items(), ("Vary", "Origin"), *allowed]


def _tame_waitress() -> None:
    logging.getLogger("waitress").addFilter(ESCAPED)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # it warns whenever all workers are busy


class EscapedFilter(logging.Filter):
    """Threat: a path or header in waitress's log lines could forge lines or steer a terminal. Everything is escaped."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the line; keep it."""
        record.msg, record.args = ascii(record.getMessage()), ()
        return True


ESCAPED: Final = EscapedFilter()  # one: a logger adds the same filter only once


def _adjustments(threads: int) -> Adjustments:
    """waitress's options. The gate has its own limits; clearing of proxy headers would wrap the application."""
    return Adjustments(
        threads=threads,
        ident=None,
        connection_limit=_raise_descriptor_limit() - RESERVED_DESCRIPTORS,
        clear_untrusted_proxy_headers=False,
        log_socket_errors=False,
        sockets=[],
    )


def _raise_descriptor_limit() -> int:
    """Raise the soft limit of open descriptors to the hard one; the number this process may have."""
    try:
        import resource
    except ImportError:  # Windows has no such limit on sockets; select() there takes 512
        return 512
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 65536) if hard != resource.RLIM_INFINITY else 65536
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    except (OSError, ValueError):
        log.warning("the limit of open files stays at %d", soft)
    return int(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
