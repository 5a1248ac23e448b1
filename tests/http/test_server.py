"""Connections: keep-alive, pipelining, refusals, large answers, slow and silent clients, stopping."""

from __future__ import annotations

import logging
import socket
import threading
import time
from pathlib import Path

import orjson
import pytest

from appliance.api.request import Request, Response
from appliance.auth.superusers import create_superuser
from appliance.http import channel as channels
from appliance.http.routes import Route
from appliance.http.server import Server
from tests.boxes import open_box
from tests.http.servers import Reader, ask, connect, send, serve

HOST = b"Host: localhost\r\n"
HEALTH = b"GET /api/health HTTP/1.1\r\n" + HOST + b"\r\n"
ECHO = b"POST /test/echo HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"


def test_one_connection_takes_many_requests(server: Server) -> None:
    with connect(server) as sock:
        reader = Reader(sock)
        for _ in range(50):
            sock.sendall(HEALTH)
            assert reader.answer().status == 200


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    with connect(server) as sock:
        sock.sendall(b"".join(b"GET /test/echo/%d HTTP/1.1\r\n" % i + HOST + b"\r\n" for i in range(30)))
        reader = Reader(sock)
        for i in range(30):
            assert orjson.loads(reader.answer().body)["path"] == {"name": str(i)}


def test_an_answer_without_a_body_keeps_the_connection(server: Server) -> None:
    with connect(server) as sock:
        reader = Reader(sock)
        for _ in range(3):
            sock.sendall(b"DELETE /test/nothing HTTP/1.1\r\n" + HOST + b"\r\n")
            answer = reader.answer()
            assert (answer.status, answer.headers.get("connection")) == (204, None)


def test_close_is_honoured(server: Server) -> None:
    answer, is_closed = ask(server, b"GET /api/health HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
    assert (answer.status, answer.headers["connection"], is_closed) == (200, "close", True)


def test_a_body_may_come_in_pieces(server: Server) -> None:
    with connect(server) as sock:
        for part in (ECHO, b"Content-Length: 12\r\n\r\n", b'{"a":', b' "bcd"', b"}"):
            sock.sendall(part)
            time.sleep(0.02)
        assert orjson.loads(Reader(sock).answer().body)["body"] == {"a": "bcd"}


def test_a_client_that_asks_may_send_its_body(server: Server) -> None:
    with connect(server) as sock:
        sock.sendall(ECHO + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        reader = Reader(sock)
        assert reader.head().status == 100
        sock.sendall(b"{}")
        assert reader.answer().status == 200


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 400, id="no Host"),
        pytest.param(ECHO + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, id="two lengths"),
        pytest.param(ECHO + b"Content-Length: 99999999999\r\n\r\n", 413, id="a body over the limit, not yet sent"),
        pytest.param(b"GET / HTTP/3.0\r\n" + HOST + b"\r\n", 505, id="an unknown version"),
        pytest.param(b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 20000 + b"\r\n\r\n", 431, id="a large header"),
    ],
)
def test_a_refusal_is_json_and_closes(server: Server, request_bytes: bytes, status: int) -> None:
    answer, is_closed = ask(server, request_bytes)
    told = orjson.loads(answer.body)
    assert (answer.status, told["status"], told["data"], is_closed) == (status, status, {}, True)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "server" not in answer.headers


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(ECHO + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", id="CL.TE"),
        pytest.param(ECHO + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n1\r\na\r\n", id="TE.CL"),
        pytest.param(ECHO + b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n", id="CL.CL"),
        pytest.param(ECHO + b"Transfer-Encoding: xchunked\r\n\r\n", id="TE.0"),
        pytest.param(ECHO + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\n", id="a bare LF ends the chunks"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="no Host"),
    ],
)
def test_a_smuggled_request_is_never_answered(server: Server, first: bytes) -> None:
    with connect(server) as sock:
        sock.sendall(first + b"GET /test/echo/smuggled HTTP/1.1\r\n" + HOST + b"\r\n")
        received = b""
        while more := _receive(sock):
            received += more
    assert received.count(b"\r\n\r\n") == 1
    assert b"smuggled" not in received


def _receive(sock: socket.socket) -> bytes:
    try:
        return sock.recv(65536)
    except ConnectionResetError:
        return b""


def test_a_large_answer_reaches_a_slow_reader_whole(server: Server) -> None:
    with connect(server) as sock:
        sock.sendall(b"GET /test/large?size=30000000 HTTP/1.1\r\n" + HOST + b"\r\n" + HEALTH)
        reader = Reader(sock)
        time.sleep(0.2)
        assert len(reader.answer().body) == 30_000_000
        assert reader.answer().status == 200


def test_a_large_upload_arrives_whole(server: Server) -> None:
    content = b"0123456789" * 200_000
    answer = send(server, "POST", "/test/echo", files={"f": ("a.txt", content, "text/plain")})
    assert answer.json()["files"] == {"f": [["a.txt", len(content), "text/plain", "01234567890123456789"]]}


def test_a_client_that_leaves_harms_nobody(server: Server) -> None:
    for _ in range(20):
        sock = connect(server)
        sock.sendall(b"GET /test/large?size=3000000 HTTP/1.1\r\n" + HOST + b"\r\n")
        sock.close()
    assert send(server, "GET", "/api/health").status_code == 200


def test_forgets_closed_connections(server: Server) -> None:
    socks = [connect(server) for _ in range(30)]
    ports = {sock.getsockname()[1] for sock in socks}
    for sock in socks:
        sock.sendall(HEALTH)
        Reader(sock).answer()
    assert ports <= _open_ports(server)
    for sock in socks:
        sock.close()
    _wait_until(lambda: not ports & _open_ports(server))


def _open_ports(server: Server) -> set[int]:
    return {channel.addr[1] for channel in list(server.listener.active_channels.values())}


def test_a_client_that_sends_too_much_can_still_read_why(server: Server) -> None:
    with connect(server) as sock:
        sock.sendall(ECHO + b"Transfer-Encoding: chunked\r\n\r\n")
        chunk = b"%x\r\n" % 1_000_000 + b"x" * 1_000_000 + b"\r\n"
        for _ in range(40):
            sock.sendall(chunk)
        assert Reader(sock).answer().status == 413


def test_idle_connections_do_not_slow_the_others(server: Server) -> None:
    idle = [connect(server) for _ in range(300)]
    started = time.monotonic()
    with connect(server) as sock:
        reader = Reader(sock)
        for _ in range(100):
            sock.sendall(HEALTH)
            reader.answer()
    assert time.monotonic() - started < 5
    for sock in idle:
        sock.close()


@pytest.mark.parametrize(
    ("limit", "sent"),
    [
        pytest.param("HEAD_SECONDS", b"GET / HTTP/1.1\r\nHost: ", id="a header block that does not end"),
        pytest.param("BODY_SECONDS", ECHO + b"Content-Length: 100\r\n\r\n{", id="a body that does not come"),
        pytest.param("IDLE_SECONDS", HEALTH, id="a connection without another request"),
        pytest.param("HEAD_SECONDS", b"", id="a connection without any request"),
    ],
)
def test_drops_a_client_that_takes_too_long(
    server: Server, monkeypatch: pytest.MonkeyPatch, limit: str, sent: bytes
) -> None:
    monkeypatch.setattr(channels, limit, 0.2)
    with connect(server) as sock:
        sock.sendall(sent)
        reader = Reader(sock)
        if sent == HEALTH:
            reader.answer()
        assert reader.is_at_end()


def test_the_time_of_a_request_begins_when_the_one_before_it_is_answered(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "HEAD_SECONDS", 0.4)
    has_checked = threading.Event()
    with connect(server) as sock:
        sock.sendall(b"GET /test/slow?seconds=0.5 HTTP/1.1\r\n" + HOST + b"\r\nGET /api/health HTTP/1.1\r\n")
        reader = Reader(sock)
        assert reader.answer().status == 200
        server.loop.call(lambda: server.listener.check_clients(time.monotonic()))
        server.loop.call(has_checked.set)
        assert has_checked.wait(5)
        sock.sendall(HOST + b"\r\n")
        assert reader.answer().status == 200


def test_one_address_may_have_64_unfinished_requests(server: Server) -> None:
    crowd = [connect(server) for _ in range(80)]
    ports = {sock.getsockname()[1] for sock in crowd}
    for sock in crowd:
        sock.sendall(b"GET /api/health HTTP/1.1\r\n")
    _wait_until(lambda: len(ports & _open_ports(server)) == 64)
    crowd[0].sendall(HOST + b"\r\n")
    assert Reader(crowd[0]).answer().status == 200
    for sock in crowd:
        sock.close()


def test_drops_a_client_that_takes_no_answer(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "WRITE_SECONDS", 0.2)
    with connect(server) as sock:
        sock.sendall(b"GET /test/large?size=30000000 HTTP/1.1\r\n" + HOST + b"\r\n")
        port = sock.getsockname()[1]
        _wait_until(lambda: port in _open_ports(server))
        _wait_until(lambda: port not in _open_ports(server))


def _wait_until(holds: object, seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.02)


def test_log_lines_of_the_server_are_escaped(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("waitress").warning("serving %s", "/a\x1b[2J\nforged")
    assert "\x1b" not in caplog.text
    assert "\\x1b[2J\\nforged" in caplog.text


def test_stopping_lets_requests_in_flight_finish(tmp_path: Path) -> None:
    entered = threading.Event()

    def slow(_request: Request) -> Response:
        entered.set()
        time.sleep(0.5)
        return Response({"done": True})

    with open_box(tmp_path) as app:
        create_superuser(app, "root@example.com", "root-password")
        with serve(app, [Route("GET", "/test/slow", slow)]) as server, connect(server) as sock:
            sock.sendall(b"GET /test/slow HTTP/1.1\r\n" + HOST + b"\r\n")
            assert entered.wait(5)
            started = time.monotonic()
            server.stop()
            assert time.monotonic() - started < 3
            assert Reader(sock).answer().status == 200
            with pytest.raises(ConnectionRefusedError):
                connect(server)
