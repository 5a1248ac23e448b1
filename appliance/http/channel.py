"""One connection: waitress's channel with our parser in front, our refusals behind, and a way out for streams.

A stream (realtime) leaves the loop: the worker that answers it notes the head of the answer on the channel, and when
it has ended, the loop takes the socket out of its map and gives it away, together with every byte not yet sent.
"""

from __future__ import annotations

import logging
from socket import SHUT_WR
from typing import Any, Final

from waitress.channel import HTTPChannel
from waitress.task import ErrorTask, WSGITask

from appliance import clock
from appliance.api.request import Stream
from appliance.http.answers import BUSY
from appliance.http.gate import StrictParser
from appliance.http.refusal import Refusal

log = logging.getLogger("homeport.http")

FAILED: Final = "Something went wrong while processing your request."
HEAD_SECONDS: Final = 10.0  # the header block must be complete by then
BODY_SECONDS: Final = 10.0  # from then on a body must come at BODY_RATE or faster
BODY_RATE: Final = 1024  # bytes a second
WRITE_SECONDS: Final = 30.0  # a client that takes nothing for so long is dropped
IDLE_SECONDS: Final = 120.0  # a kept-alive connection without a request
LINGER_SECONDS: Final = 2.0  # how long a refused client is read on
RECEIVED_BYTES: Final = 65536  # at a time
LINGER_BYTES: Final = 65536  # at a time
STREAM_KEY: Final = "homeport.give_away"  # environ: where the application leaves a Stream


class StreamTask(WSGITask):  # type: ignore[misc]
    """One request. When the application leaves a stream, its head is kept for whoever takes the socket."""

    def get_environment(self) -> dict[str, Any]:
        """The WSGI environment, with a place for a stream."""
        environ: dict[str, Any] = super().get_environment()
        environ[STREAM_KEY] = self._keep
        return environ

    stream: Stream | None = None
    wrote_header: bool
    may_stay_open = False

    def execute(self) -> None:
        """Run the application, or what the express lane has left for this request."""
        if self.request.left is None:
            super().execute()
        else:
            answer = self.request.left()
            self.wrote_header = True
            self.channel.write_soon(answer)

    def _keep(self, stream: Stream) -> None:
        self.stream = stream

    def build_response_header(self) -> bytes:
        """The head. waitress announces a close after an answer without a length; one without a body (204, 304) has
        no need for it, and a stream's connection is no longer its business."""
        if self.channel.ends_with_this_answer:
            super().set_close_on_finish()
        has_no_end = not self.has_body or self.stream is not None
        self.may_stay_open = has_no_end and self.version == "1.1" and not self.request.connection_close
        head: bytes = super().build_response_header()
        self.may_stay_open = False
        return head

    def set_close_on_finish(self) -> None:
        """Close after this answer, unless its head has just been found to need no length."""
        if not self.may_stay_open:
            super().set_close_on_finish()

    def finish(self) -> None:
        """End the answer, or note that the socket is to be given away."""
        if self.stream is None or self.wrote_header:
            super().finish()
            return
        head = self.build_response_header()
        self.wrote_header = True
        self.close_on_finish = False
        self.channel.give_away(self.stream, head, self.chunked_response)


class RefusalTask(ErrorTask):  # type: ignore[misc]
    """The answer to a request that the gate has refused, or that failed outside the application: JSON, then close."""

    def execute(self) -> None:
        """Write it. A page of a foreign origin may read it, where it may read anything."""
        if not isinstance(self.request.error, Refusal):
            self.request.error = Refusal(FAILED, 500)
        self.response_headers.extend(self.channel.adj.refusal_headers)
        super().execute()


class Channel(HTTPChannel):  # type: ignore[misc]
    """One connection in the loop. `server.loop` drives it."""

    request: StrictParser | None
    requests: list[StrictParser]
    sent_continue: bool
    parser_class = StrictParser
    task_class = StreamTask
    error_task_class = RefusalTask
    socket: Any

    def __init__(self, server: Any, sock: Any, addr: Any, adj: Any, map: Any = None) -> None:  # noqa: A002
        self.is_output_locked = False
        self._request_since = 0.0  # when the first byte of the unfinished request came
        self._sent_at = clock.monotonic()
        self._gift: tuple[Stream, bytes, bool] | None = None
        self.must_linger = False
        self._is_holding = False
        self._lingers_since = 0.0
        super().__init__(server, sock, addr, adj, map)

    def readable(self) -> bool:
        """Whether more may be read: requests, or what a refused client still sends. A held connection stays with the
        selector (see `hold`), whoever asks meanwhile: a worker that has just ended may."""
        if self._lingers_since or self._is_holding:
            return True
        return self._gift is None and bool(super().readable())

    def handle_read(self) -> None:
        """Read requests, or throw away what follows a refusal."""
        if self._lingers_since:
            self.recv(LINGER_BYTES)
        elif self._is_holding:
            self._is_holding = False
            self.server.loop.touch(self)
        elif data := self.recv(RECEIVED_BYTES):
            self.received(data)

    @property
    def is_quiet(self) -> bool:
        """Whether the selector may go on waiting for what it waited for when this connection was read from."""
        if self.requests and not self._is_holding:
            return False
        return not (self.total_outbufs_len or self.will_close or self.close_when_flushed)

    @property
    def needs_worker(self) -> bool:
        """Whether workers still have something to do here. What a client that has left still wanted, runs no more."""
        return bool(self.requests) and self.connected and not self._is_holding

    def handle_close(self) -> None:
        """Close. After a refusal first say that nothing more comes and read on for a moment: closing at once, with
        bytes unread, would reset the connection and take the answer away from the client."""
        if self.must_linger and not self._lingers_since and self.connected:
            self._lingers_since = clock.monotonic()
            try:
                self.socket.shutdown(SHUT_WR)
            except OSError:
                super().handle_close()
        else:
            super().handle_close()

    def writable(self) -> bool:
        """Whether the loop should send. Not while a worker holds the output: it sends by itself (see loop.py)."""
        self.is_output_locked = False
        if self._gift is not None or self._lingers_since or not super().writable():
            return False
        if not self.requests:
            return True
        if self.outbuf_lock.acquire(False):
            self.outbuf_lock.release()
            return True
        self.is_output_locked = True
        return False

    def received(self, data: bytes) -> bool:
        """Take bytes: make requests of them and see to it that they are answered."""
        with self.requests_lock:
            if self.will_close or self.close_when_flushed:
                return False
            while data:
                data = data[self._take(data) :]
        return True

    def _take(self, data: bytes) -> int:
        """One request's part of what has come; how many bytes that was."""
        if self.request is None:
            self.request = StrictParser(self.adj)
            self._request_since = clock.monotonic()
        request = self.request
        taken = request.received(data)
        if request.expect_continue and request.headers_finished and not self.requests and not self.sent_continue:
            self.send_continue()
        if request.completed:
            self.request = None
            self.sent_continue = False
            self._request_since = clock.monotonic()
            self._dispatch(request, is_alone=taken == len(data) and not self.requests)
        return taken

    def _dispatch(self, request: StrictParser, is_alone: bool) -> None:
        """A request is complete. One that is alone on its connection may go the express lane."""
        if self.close_when_flushed:  # the one before it was turned away
            request.close()
            return
        if is_alone and not self.total_outbufs_len and self.server.lane.take(self, request):
            return
        self.requests.append(request)
        if len(self.requests) == 1:
            self.server.add_task(self)

    def answer(self, data: bytes) -> None:
        """In the loop: send an answer, with those of the others who asked in this turn."""
        self.server.loop.post(self, data)

    def send_posted(self, data: bytes) -> None:
        """In the loop: send an answer now. What the socket does not take waits in the buffer."""
        if not self.connected:
            return
        sent: int = self.send(data)
        self._sent_at = clock.monotonic()
        if sent < len(data) and self.connected:
            with self.outbuf_lock:
                self.outbufs[-1].append(data[sent:])
                self.current_outbuf_count += len(data) - sent
                self.total_outbufs_len += len(data) - sent
            self.server.loop.touch(self)

    def hold(self, request: StrictParser) -> None:
        """In the loop: this request will be answered by `answer_held`, soon; nothing more is read until then. The
        selector is told only when something comes meanwhile: nearly always nothing does."""
        self.requests.append(request)
        self._is_holding = True

    def give_back(self) -> None:
        """In the loop: somebody else must answer it after all."""
        self._is_holding = False
        with self.requests_lock:
            self.server.add_task(self)

    def answer_held(self, data: bytes) -> None:
        """In the loop: answer it."""
        is_as_before, self._is_holding = self._is_holding, False
        with self.requests_lock:
            for request in self.requests[:1]:
                request.close()
            del self.requests[:1]
        if self.connected:
            self.answer(data)
        if not is_as_before:
            self.server.loop.running.discard(self)  # a worker that ended late may have found a request here
            self.server.loop.touch(self)

    def turn_away(self) -> None:
        """Too many requests wait for workers: answer 503 here and now, and close. `requests_lock` is held."""
        waiting, self.requests = self.requests, []
        waiting[0].error = Refusal(BUSY, 503)
        self.error_task_class(self, waiting[0]).service()
        self.close_when_flushed = True
        for request in waiting:
            request.close()
        self.server.loop.touch(self)

    def service(self) -> None:
        """Run one request on a worker's thread."""
        self.must_linger = self.requests[0].error is not None
        try:
            super().service()
        finally:
            self.server.loop.wake(self)

    def _flush_some(self, do_close: bool = True) -> bool:
        sent = bool(super()._flush_some(do_close=do_close))
        if sent or not self.total_outbufs_len:
            self._sent_at = clock.monotonic()
        return sent

    def write_soon(self, data: Any) -> int:
        """Queue output. The clock of a stalled write starts when there is something to send."""
        if not self.total_outbufs_len:
            self._sent_at = clock.monotonic()
        return int(super().write_soon(data))

    @property
    def ends_with_this_answer(self) -> bool:
        """Whether the server is stopping and no other request waits here."""
        return bool(self.server.app.is_stopping) and len(self.requests) <= 1

    def is_silent(self, since: float) -> bool:
        """Whether nothing has happened here since that moment and nothing is about to."""
        if self.requests or self.request is not None or self.total_outbufs_len or self._gift is not None:
            return False
        return max(self._sent_at, self._request_since) <= since

    def is_overdue(self, moment: float) -> bool:
        """Whether this client is too slow, or has been silent for too long. `moment` is monotonic seconds."""
        if self._lingers_since:
            return moment - self._lingers_since > LINGER_SECONDS
        if self.total_outbufs_len:
            return moment - self._sent_at > WRITE_SECONDS
        if self.requests:
            return False
        request = self.request
        age = moment - max(self._sent_at, self._request_since)  # what stood behind another was not read on meanwhile
        if request is None:
            return age > (IDLE_SECONDS if self._request_since else HEAD_SECONDS)
        if not request.headers_finished:
            return age > HEAD_SECONDS
        return age > BODY_SECONDS and request.body_bytes_received < BODY_RATE * age

    def give_away(self, stream: Stream, head: bytes, is_chunked: bool) -> None:
        """From the worker: this connection ends here. Requests sent after it are dropped with it."""
        with self.requests_lock:
            for request in self.requests[1:]:
                request.close()
            del self.requests[1:]
            self._gift = (stream, head, is_chunked)

    def hand_over(self, stream: Stream, head: bytes) -> None:
        """In the loop: answer with a stream, which takes the connection over at once."""
        self._gift = (stream, head, True)
        self.request_ended()

    def request_ended(self) -> None:
        """In the loop, after a worker has ended: give the socket away if that was agreed."""
        if self._gift is None or self.requests or self.socket is None:
            return
        stream, head, is_chunked = self._gift
        with self.outbuf_lock:
            unsent = b"".join(buffer.get(buffer.__len__()) for buffer in self.outbufs)
            for buffer in self.outbufs:
                buffer.close()
            self.total_outbufs_len = 0
            self.connected = False
        self.del_channel()
        given, self.socket = self.socket, None
        stream.take(given, unsent + head, is_chunked)
