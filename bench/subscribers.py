"""Subscribers of server-sent events, each a user of its own. Started by bench.generators.

{"url", "tokens", "topics", "events"}: opens one stream a token and subscribes it to its topic, at most 256 at a time
on the way; then, at the word "publish", creates `events` records one after another. The next one waits until the last
has reached everybody and 50 ms have passed. An event's latency runs from before its create request is sent until the
event is read here, so this program's own reading time (some 4 us an event) is in it.
"""

from __future__ import annotations

import json
import re
import select
import socket
import time
from collections import deque
from dataclasses import dataclass, field

from bench.calls import Call, message
from bench.figures import percentile
from bench.lines import Answers, address_of, connect, cpu_now, options, say, was_told

ON_THE_WAY = 256
LANES = 8
PAUSE_SECONDS = 0.05
LATEST_SECONDS = 20.0
CLIENT_ID = re.compile(rb'"clientId":"([^"]+)"')
SENT = b'"sent":"'


@dataclass(slots=True)
class Stream:
    """One subscriber's open stream. `held` has the start of an event whose end has not come."""

    sock: socket.socket
    token: str
    topic: str
    is_connected: bool = False
    held: bytes = b""


@dataclass(slots=True)
class Lane:
    """A keep-alive connection for requests, one at a time."""

    sock: socket.socket
    answers: Answers = field(default_factory=Answers)
    is_busy: bool = False


@dataclass
class Subscribers:
    """All streams, the lanes that subscribe them, and what has arrived.

    All come from one address: PocketBase lets only the address that opened a stream subscribe it.
    """

    url: str
    epoll: select.epoll = field(default_factory=select.epoll)
    streams: dict[int, Stream] = field(default_factory=dict)
    lanes: dict[int, Lane] = field(default_factory=dict)
    waiting: deque[Call] = field(default_factory=deque)
    answered: int = 0
    refused: int = 0
    latencies: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._address = address_of(self.url)
        self._host = f"{self._address[0]}:{self._address[1]}"
        for _ in range(LANES):
            sock = connect(self._address)
            self._register(sock)
            self.lanes[sock.fileno()] = Lane(sock)

    def open(self, token: str, topic: str) -> None:
        """Ask for one more stream."""
        sock = connect(self._address)
        sock.sendall(f"GET /api/realtime HTTP/1.1\r\nHost: {self._host}\r\nAccept: text/event-stream\r\n\r\n".encode())
        self.streams[sock.fileno()] = Stream(sock, token, topic)
        self._register(sock)

    def _register(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.epoll.register(sock.fileno(), select.EPOLLIN)

    def ask(self, call: Call) -> None:
        """Send a request on the next free lane."""
        self.waiting.append(call)
        for lane in self.lanes.values():
            if not lane.is_busy:
                self._send_next(lane)

    def _send_next(self, lane: Lane) -> None:
        if self.waiting:
            lane.is_busy = True
            lane.sock.sendall(self.waiting.popleft().encode(self._host))

    def look(self, seconds: float) -> None:
        """Read everything that has come."""
        for descriptor, _ in self.epoll.poll(seconds, 4096):
            stream = self.streams.get(descriptor)
            if stream is None:
                self._read_answer(self.lanes[descriptor])
            else:
                self._read_stream(stream)

    def _read_answer(self, lane: Lane) -> None:
        received = lane.sock.recv(65536)
        if not received:
            raise SystemExit("the server closed a connection")
        for status in lane.answers.feed(received):
            self.answered += 1
            self.refused += status >= 300
            lane.is_busy = False
            self._send_next(lane)

    def _read_stream(self, stream: Stream) -> None:
        received = stream.sock.recv(65536)
        if not received:
            raise SystemExit("the server closed a stream")
        if not stream.is_connected:
            self._subscribe(stream, received)
            return
        text = stream.held + received
        at = text.find(SENT)
        end = text.find(b'"', at + len(SENT)) if at >= 0 else -1
        if end < 0:
            stream.held = text
            return
        stream.held = b""
        self.latencies.append(time.perf_counter() - int(text[at + len(SENT) : end]) / 1e9)

    def _subscribe(self, stream: Stream, received: bytes) -> None:
        stream.held += received
        found = CLIENT_ID.search(stream.held)
        if found is None:
            return
        stream.is_connected, stream.held = True, b""
        form = {"clientId": found[1].decode(), "subscriptions": [stream.topic]}
        self.ask(Call("POST", "/api/realtime", json.dumps(form).encode(), stream.token))


def connect_all(subscribers: Subscribers, tokens: list[str], topics: list[str]) -> None:
    """Open and subscribe one stream a token; topics take turns."""
    for number, token in enumerate(tokens):
        subscribers.open(token, topics[number % len(topics)])
        while len(subscribers.streams) - subscribers.answered >= ON_THE_WAY:
            subscribers.look(1)
        subscribers.look(0)
    while subscribers.answered < len(tokens):
        subscribers.look(1)


def publish(subscribers: Subscribers, events: int) -> int:
    """Create the records one after another; how many events did not arrive."""
    expected = 0
    for _ in range(events):
        expected += len(subscribers.streams)
        subscribers.ask(message(str(time.perf_counter_ns())))
        latest = time.monotonic() + LATEST_SECONDS
        while len(subscribers.latencies) < expected and time.monotonic() < latest:
            subscribers.look(1)
        pause = time.monotonic() + PAUSE_SECONDS
        while (left := pause - time.monotonic()) > 0:
            subscribers.look(left)
    return expected - len(subscribers.latencies)


def main() -> None:
    """Connect all, say so, publish when told, hold until the end."""
    given = options()
    subscribers = Subscribers(given["url"])
    begin = time.monotonic()
    connect_all(subscribers, given["tokens"], given["topics"])
    say(seconds=time.monotonic() - begin, refused=subscribers.refused, cpu=cpu_now())
    while (word := was_told()) != "":
        subscribers.look(0.2)
        if word == "publish":
            begin, cpu = time.monotonic(), cpu_now()
            lost = publish(subscribers, given["events"])
            latencies = subscribers.latencies
            if not latencies:
                raise SystemExit("no event arrived: look at the server's log")
            say(
                delivered=len(latencies),
                lost=lost,
                refused=subscribers.refused,
                p50=percentile(latencies, 50) * 1e3,
                p99=percentile(latencies, 99) * 1e3,
                cpu_share=(cpu_now() - cpu) / (time.monotonic() - begin),
            )


if __name__ == "__main__":
    main()
