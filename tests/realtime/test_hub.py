"""The hub with real sockets: whole frames for who reads, bounded memory for who does not, a quick end."""

from __future__ import annotations

import re
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from appliance.realtime.clients import Client
from appliance.realtime.frames import Frame, Opening
from appliance.realtime.hub import LEAST_RETRY, MOST_RETRY, Delivery, Hub

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"
KIB = 1024
Eventually = Callable[[Callable[[], object]], None]


class Lines:
    """A hub and sockets that it holds; the other ends are the tests'."""

    def __init__(self) -> None:
        self.gone: list[Client] = []
        self.hub = Hub(self.gone.append)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.ends: list[socket.socket] = []

    def open(self, is_chunked: bool = True, receive_buffer: int = 0) -> tuple[Client, socket.socket]:
        """A client, and its own end, which has read nothing yet."""
        end = socket.socket()
        if receive_buffer:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        end.settimeout(5)
        end.connect(self._listener.getsockname())
        self.ends.append(end)
        held, _ = self._listener.accept()
        held.setblocking(False)
        client = Client(f"{len(self.ends):040d}")
        self.run(lambda: self.hub.adopt(client, held, is_chunked, Opening(HEAD, client.id)))
        return client, end

    def run(self, function: Callable[[], None]) -> None:
        """Run it in the hub's thread, and wait."""
        done = threading.Event()
        self.hub.call(lambda: (function(), done.set()))  # type: ignore[func-returns-value]
        assert done.wait(10)

    def send(self, frame: Frame, *clients: Client) -> None:
        self.run(lambda: self.hub.send([Delivery(frame, clients)]))

    def close(self) -> None:
        self.hub.stop()
        for end in self.ends:
            end.close()
        self._listener.close()


@pytest.fixture
def lines() -> Iterator[Lines]:
    opened = Lines()
    yield opened
    opened.close()


def read(end: socket.socket, size: int) -> bytes:
    got = bytearray()
    while len(got) < size:
        more = end.recv(min(4096, size - len(got)))
        assert more, "the stream has ended"
        got += more
    return bytes(got)


def opening(client: Client, is_chunked: bool = True) -> bytes:
    return Opening(HEAD, client.id).bytes_for(client.id, is_chunked)


@pytest.mark.parametrize("is_chunked", [pytest.param(True, id="in chunks"), pytest.param(False, id="as they are")])
def test_who_reads_slowly_gets_every_byte_in_order(lines: Lines, is_chunked: bool) -> None:
    client, end = lines.open(is_chunked, receive_buffer=4096)
    frames = [Frame("t", bytes([65 + place]) * size) for place, size in enumerate((10, 300_000, 1, 70_000, 200_000))]
    for frame in frames:
        lines.send(frame, client)
    expected = opening(client, is_chunked) + b"".join(each.bytes_for(client.id, is_chunked) for each in frames)
    assert read(end, len(expected)) == expected
    lines.run(lambda: None)
    assert (lines.hub.held, [each.holders for each in frames]) == (0, [0] * 5)


def test_frames_differ_in_the_clients_id_alone(lines: Lines) -> None:
    frame = Frame("posts/*", b'{"a":1}')
    for _ in range(2):
        client, end = lines.open()
        lines.send(frame, client)
        body = b'id:%b\nevent:posts/*\ndata:{"a":1}\n\n' % client.id.encode()
        expected = opening(client) + b"%x\r\n%b\r\n" % (len(body), body)
        assert read(end, len(expected)) == expected


def test_what_is_told_at_once_goes_out_at_once(lines: Lines) -> None:
    client, end = lines.open()
    read(end, len(opening(client)))
    frames = [Frame("t", b"%d" % place) for place in range(20)]
    lines.run(lambda: lines.hub.send([Delivery(frame, [client]) for frame in frames]))
    expected = b"".join(each.bytes_for(client.id, True) for each in frames)
    assert end.recv(65536) == expected


def test_a_frame_longer_than_the_bound_reaches_who_keeps_up(lines: Lines) -> None:
    client, end = lines.open()
    lines.hub.max_behind = 100 * KIB
    frame = Frame("t", b"x" * 3000 * KIB)
    lines.send(frame, client)
    expected = opening(client) + frame.bytes_for(client.id, True)
    assert read(end, len(expected)) == expected


def test_many_that_never_read_cost_no_memory_and_are_dropped(lines: Lines, eventually: Eventually) -> None:
    """Each may be a mebibyte behind; what all wait for is the same bytes."""
    silent = [lines.open()[0] for _ in range(200)]
    reading, end = lines.open()
    read(end, len(opening(reading)))
    tracemalloc.start()
    try:
        for number in range(30):
            frame = Frame("t", b"%02d" % number + b"x" * 100 * KIB)
            lines.send(frame, *silent, reading)
            read(end, frame.size)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6 * 1024 * KIB
    eventually(lambda: len(lines.gone) == len(silent))
    assert (reading in lines.gone, lines.hub.held) == (False, 0)


@pytest.mark.parametrize(
    ("max_held", "dropped"), [pytest.param(600 * KIB, True, id="bounded"), pytest.param(2**40, False, id="the control")]
)
def test_what_waits_for_all_together_is_bounded(lines: Lines, max_held: int, dropped: bool) -> None:
    """Frames that nobody shares: who is furthest behind goes first, and who reads stays."""
    lines.hub.max_held = max_held
    little, far = (lines.open(receive_buffer=4096)[0] for _ in range(2))
    reading, end = lines.open()
    read(end, len(opening(reading)))
    lines.send(Frame("t", b"x" * 250 * KIB), little)
    for _ in range(3):
        lines.send(Frame("t", b"y" * 250 * KIB), far)
    assert ([each is far for each in lines.gone] == [True]) is dropped
    assert (lines.hub.held <= max_held, little in lines.gone) == (True, False)
    last = Frame("t", b"end")
    lines.send(last, reading)
    assert read(end, last.size) == last.bytes_for(reading.id, True)


def test_a_stalled_client_is_dropped(lines: Lines, monkeypatch: pytest.MonkeyPatch, eventually: Eventually) -> None:
    monkeypatch.setattr("appliance.realtime.hub.STALL_SECONDS", 0.1)
    client, _ = lines.open(receive_buffer=4096)
    lines.send(Frame("t", b"x" * 800 * KIB), client)
    eventually(lambda: lines.gone == [client])


def test_two_thousand_streams_end_quickly(lines: Lines) -> None:
    opened = [lines.open() for _ in range(2000)]
    began = time.thread_time(), time.monotonic()
    lines.hub.stop()
    assert time.monotonic() - began[1] < 2, "the stop of a server has ten seconds for everything"
    assert len(lines.gone) == len(opened)
    hints = {re.search(rb"\nretry:(\d+)\n\n\r\n0\r\n\r\n\Z", to_the_end(end))[1] for _, end in opened[::100]}  # type: ignore[index]
    assert len(hints) > 10, "they would all come back at the same moment"
    assert all(LEAST_RETRY <= int(hint) <= MOST_RETRY for hint in hints)


def to_the_end(end: socket.socket) -> bytes:
    said = b""
    while more := end.recv(4096):
        said += more
    return said
