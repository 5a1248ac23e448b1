"""The express lane: who goes on it, what is too slow for it, and what it does when something goes wrong.

That it answers as Flask does, byte for byte, is tests/wire/test_lanes.py.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import astuple
from typing import Any

import orjson
import pytest

from appliance.api import records
from appliance.api.request import Json, Request, Response
from appliance.auth.superusers import create_superuser
from appliance.core.app import App
from appliance.core.collections.save import create_collection
from appliance.core.record import Record
from appliance.core.records.query import find_record
from appliance.core.records.save import create_record
from appliance.core.settings.store import update_settings
from appliance.errors import BusyError, DiskFullError, OverBudgetError, SchemaMovedError
from appliance.http import slow_shapes
from appliance.http.routes import Express, Route
from appliance.http.server import Server
from appliance.plugins import load_plugin
from tests.boxes import open_box
from tests.http.servers import Reader, ask, connect, serve

HOST = b"Host: localhost\r\n"
NOTES = {
    "name": "notes",
    "type": "base",
    "listRule": "",
    "viewRule": "",
    "createRule": "title != 'forbidden'",
    "updateRule": "",
    "fields": [{"name": "title", "type": "text"}],
}
RECORD = b"/api/collections/notes/records/note00000000001"
RECORDS = b"/api/collections/notes/records"
SEEN: list[str] = []  # the threads on which /test/slow ran


def slow(request: Request) -> Response:
    """Too much for the loop, whoever asks."""
    thread = threading.current_thread().name
    request.app.database.query("SELECT 1")
    SEEN.append(thread)
    if thread == "homeport-loop":
        raise OverBudgetError("a statement took long")
    return Response({"name": request.path["name"]})


def broken(_request: Request) -> Response:
    raise ZeroDivisionError("secret detail")


def unspeakable(_request: Request) -> Response:
    return Response({"value": object()})


def large(_request: Request) -> Response:
    return Response(Json(b'"' + b"x" * 20_000_000 + b'"'))


MORE = (
    Route("GET", "/test/slow/{name}", slow, tag="view", express=Express()),
    Route("GET", "/test/broken", broken, express=Express()),
    Route("GET", "/test/unspeakable", unspeakable, express=Express()),
    Route("GET", "/test/large", large, express=Express()),
)


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with open_box(tmp_path_factory.mktemp("express")) as app:
        create_superuser(app, "root@example.com", "root-password")
        collection = create_collection(app, NOTES)
        create_record(app, Record(collection, {"id": "note00000000001", "title": "first"}))
        yield app


@pytest.fixture(scope="module")
def running(notes: App) -> Iterator[Server]:
    with serve(notes, MORE) as server:
        yield server


def get(path: bytes, headers: bytes = HOST, method: bytes = b"GET") -> bytes:
    return method + b" " + path + b" HTTP/1.1\r\n" + headers + b"\r\n"


def post(body: bytes, path: bytes = RECORDS, kind: bytes = b"application/json", more: bytes = b"") -> bytes:
    head = HOST + more + b"Content-Type: %b\r\nContent-Length: %d\r\n" % (kind, len(body))
    return get(path, head, b"POST") + body


def patch(body: bytes, path: bytes = RECORD) -> bytes:
    return post(body, path).replace(b"POST", b"PATCH", 1)


FORM = b'--x\r\nContent-Disposition: form-data; name="title"\r\n\r\nhello\r\n--x--\r\n'
LOOP, WORKER, WRITER, FLASK = (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 0)

WAYS = [
    pytest.param(get(b"/api/health"), LOOP, 200, id="health"),
    pytest.param(get(RECORD), LOOP, 200, id="a view"),
    pytest.param(get(RECORD + b"?fields=id&x=%20"), LOOP, 200, id="a view with a query"),
    pytest.param(get(RECORDS + b"?page=2&sort=-title"), LOOP, 200, id="a list"),
    pytest.param(get(RECORDS + b"/nothing"), LOOP, 404, id="an error of the wire"),
    pytest.param(get(RECORD, b"Host: evil.example\r\n"), LOOP, 421, id="a foreign host"),
    pytest.param(get(RECORD, HOST + b"Connection: keep-alive\r\nOrigin: http://a.b\r\n"), LOOP, 200, id="a browser"),
    pytest.param(post(b'{"title":"a"}'), WRITER, 200, id="a create"),
    pytest.param(post(b'{"title":"forbidden"}'), WRITER, 400, id="a create that its rule refuses"),
    pytest.param(patch(b'{"title":"first"}'), WRITER, 200, id="an update"),
    pytest.param(patch(b'{"title+":"first"}', RECORDS + b"/nothing"), WRITER, 404, id="an update of nothing"),
    pytest.param(patch(b"{}", RECORD + b"?expand=x"), WORKER, 200, id="an update that expands"),
    pytest.param(post(b'{"title":'), WORKER, 400, id="a body that can't be read"),
    pytest.param(post(b'{"title":"a"}', RECORDS + b"?expand=x"), WORKER, 200, id="a create that expands"),
    pytest.param(post(b"{}", b"/api/collections/users/records"), WORKER, 400, id="an account, with a password to hash"),
    pytest.param(post(b'{"title":"%b"}' % (b"a" * 70_000)), FLASK, 400, id="a large body"),
    pytest.param(post(FORM, kind=b"multipart/form-data; boundary=x"), FLASK, 200, id="a form"),
    pytest.param(post(b"title=a", kind=b"application/x-www-form-urlencoded"), FLASK, 200, id="an urlencoded form"),
    pytest.param(post(b"{}", b"/api/collections/notes/truncate"), FLASK, 404, id="a row without express"),
    pytest.param(get(RECORD, method=b"HEAD"), FLASK, 200, id="HEAD"),
    pytest.param(get(RECORD, method=b"OPTIONS"), FLASK, 204, id="a preflight"),
    pytest.param(post(b"{}", RECORD).replace(b"POST", b"GET"), FLASK, 200, id="a view with a body"),
    pytest.param(get(RECORD, HOST + b"Connection: close\r\n"), FLASK, 200, id="a last request"),
    pytest.param(get(RECORD, HOST + b"Connection: upgrade\r\n"), FLASK, 200, id="an unknown connection option"),
    pytest.param(get(RECORD, HOST + b"X-Token: a\r\n"), FLASK, 200, id="a header it does not know"),
    pytest.param(get(RECORD, HOST + b"Range: bytes=0-1\r\n"), FLASK, 200, id="a range"),
    pytest.param(get(RECORD).replace(b"HTTP/1.1", b"HTTP/1.0"), FLASK, 200, id="HTTP/1.0"),
    pytest.param(get(b"/api/collections/n%6ftes/records"), LOOP, 200, id="an escaped letter in the path"),
    pytest.param(get(RECORDS + b"/a%20b"), FLASK, 404, id="an escaped space in the path"),
    pytest.param(get(b"/api//health"), FLASK, 307, id="an empty segment"),
    pytest.param(get(b"/api/x/../health"), FLASK, 307, id="dots in the path"),
    pytest.param(get(b"/api/health/"), FLASK, 404, id="a slash too many"),
    pytest.param(get(b"http://localhost/api/health"), LOOP, 200, id="an absolute form"),
]


@pytest.mark.parametrize(("request_bytes", "way", "status"), WAYS)
def test_each_request_goes_its_way(
    running: Server, request_bytes: bytes, way: tuple[int, int, int], status: int
) -> None:
    before = astuple(running.listener.lane.counts)
    if b"HEAD" in request_bytes[:4]:
        with connect(running) as sock:
            sock.sendall(request_bytes)
            answer = Reader(sock).head()
    else:
        answer, _ = ask(running, request_bytes)
    after = astuple(running.listener.lane.counts)
    assert answer.status == status
    assert tuple(now - then for now, then in zip(after, before, strict=True)) == way


def test_requests_that_come_together_go_through_flask_in_order(running: Server) -> None:
    before = running.listener.lane.counts.by_loop
    with connect(running) as sock:
        sock.sendall(get(b"/test/slow/first") + get(b"/api/health") + get(RECORD))
        reader = Reader(sock)
        answers = [orjson.loads(reader.answer().body) for _ in range(3)]
    assert [answers[0]["name"], answers[1]["code"], answers[2]["title"]] == ["first", 200, "first"]
    assert running.listener.lane.counts.by_loop <= before + 1  # only the last may be alone by then


def test_a_create_in_pieces_is_stored_once(running: Server, notes: App) -> None:
    request = post(b'{"id":"piece0000000001","title":"in pieces"}')
    with connect(running) as sock:
        for start in range(0, len(request), 40):
            sock.sendall(request[start : start + 40])
            time.sleep(0.002)
        assert Reader(sock).answer().status == 200
    assert find_record(notes, notes.collections.get("notes"), "piece0000000001") is not None


def test_what_memory_knows_is_answered_by_the_loop_though_reading_it_was_slow(
    running: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = running.listener.lane
    known, unknown = get(RECORDS + b"?sort=title"), get(RECORDS + b"?sort=-title")
    first, _ = ask(running, known)
    lane._slow.add(("something", "", ""))
    monkeypatch.setattr(lane._slow, "has", lambda _shape: True)
    by_loop, by_worker = lane.counts.by_loop, lane.counts.by_worker
    again, _ = ask(running, known)
    assert (again.status, again.body) == (200, first.body)
    assert (lane.counts.by_loop, lane.counts.by_worker) == (by_loop + 1, by_worker)
    assert ask(running, unknown)[0].status == 200
    assert (lane.counts.by_loop, lane.counts.by_worker) == (by_loop + 1, by_worker + 1)


def test_what_is_over_the_budget_goes_to_a_worker_and_is_remembered(
    running: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slow_shapes, "LEAST_SECONDS", 30.0)
    counts = running.listener.lane.counts
    SEEN.clear()
    before = counts.by_worker
    for name in (b"one", b"two"):
        answer, _ = ask(running, get(b"/test/slow/" + name))
        assert (answer.status, answer.body) == (200, orjson.dumps({"name": name.decode()}))
    assert SEEN[0] == "homeport-loop"
    assert len(SEEN) == 3
    assert "homeport-loop" not in SEEN[1:]
    assert counts.by_worker == before + 2
    answer, _ = ask(running, get(b"/test/slow/one?filter=a"))
    assert SEEN[3] == "homeport-loop"  # another shape


def test_a_request_that_moves_to_a_worker_counts_once_for_its_rate_limit(running: Server, notes: App) -> None:
    rule = {"label": "/test/slow/", "audience": "", "duration": 1000, "maxRequests": 3}
    update_settings(notes, {"rateLimits": {"enabled": True, "rules": [rule], "excludedIPs": []}})
    try:
        statuses = [ask(running, get(b"/test/slow/limited?sort=%d" % i))[0].status for i in range(4)]
        assert statuses == [200, 200, 200, 429]
    finally:
        update_settings(notes, {"rateLimits": {"enabled": False}})


@pytest.mark.parametrize("path", [b"/test/broken", b"/test/unspeakable"])
@pytest.mark.parametrize("more", [b"", b"X-Not-Known: 1\r\n"], ids=["on the lane", "through Flask"])
def test_a_bug_in_a_handler_is_logged_and_not_told(
    running: Server, caplog: pytest.LogCaptureFixture, path: bytes, more: bytes
) -> None:
    answer, _ = ask(running, get(path, HOST + more))
    assert (answer.status, orjson.loads(answer.body)["status"]) == (500, 500)
    assert b"secret" not in answer.body
    assert caplog.text.count(answer.headers["x-request-id"]) == 1


def test_a_write_that_a_worker_runs_is_never_run_twice(
    running: Server, notes: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: Any, **_options: Any) -> None:
        raise ZeroDivisionError("after the commit")

    monkeypatch.setattr(records, "_answer_record", fail)
    before = count_notes(notes)
    assert ask(running, post(b'{"title":"once"}', RECORDS + b"?expand=x"))[0].status == 500
    assert count_notes(notes) == before + 1


def count_notes(app: App) -> int:
    return int(app.database.query("SELECT count(*) FROM notes")[0][0])


def test_a_stream_that_was_slow_to_begin_goes_through_flask(running: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    lane = running.listener.lane
    lane._slow.add(("something", "", ""))
    monkeypatch.setattr(lane._slow, "has", lambda _shape: True)
    before = astuple(lane.counts)
    with connect(running) as sock:
        sock.sendall(get(b"/api/realtime"))
        assert b"PB_CONNECT" in Reader(sock).until(b"\n\n")
    assert astuple(lane.counts) == before


def test_an_answer_that_the_socket_does_not_take_at_once_arrives_whole(running: Server) -> None:
    with connect(running) as sock:
        reader = Reader(sock)
        for _ in range(2):
            sock.sendall(get(b"/test/large"))
            time.sleep(0.1)
            assert len(reader.answer().body) == 20_000_002
        sock.sendall(get(b"/api/health"))
        assert reader.answer().status == 200


@pytest.mark.parametrize(
    ("error", "status", "retry"),
    [
        pytest.param(BusyError("many writes"), 503, "1", id="too many writes"),
        pytest.param(DiskFullError("the disk is full"), 507, None, id="a full disk"),
        pytest.param(ZeroDivisionError("a bug"), 500, None, id="a bug"),
    ],
)
def test_a_write_that_fails_is_answered(
    running: Server, notes: App, error: Exception, status: int, retry: str | None
) -> None:
    def veto(_event: Any) -> None:
        raise error

    with hooked(notes, veto):
        answer, _ = ask(running, post(b'{"title":"fails"}'))
    assert (answer.status, answer.headers.get("retry-after")) == (status, retry)
    assert answer.headers["x-request-id"]


def test_a_write_that_can_not_be_queued_is_answered_too(
    running: Server, notes: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    def submit(*_arguments: Any) -> None:
        raise BusyError("too many writes wait")

    monkeypatch.setattr(notes.database, "submit", submit)
    answer, _ = ask(running, post(b'{"title":"waits"}'))
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")


def test_a_write_begins_again_when_the_schema_moved(running: Server, notes: App) -> None:
    moved: list[bool] = []

    def move_once(_event: Any) -> None:
        if not moved:
            moved.append(True)
            raise SchemaMovedError("the schema changed")

    with hooked(notes, move_once):
        answer, _ = ask(running, post(b'{"title":"again"}'))
    assert (answer.status, orjson.loads(answer.body)["title"]) == (200, "again")


def test_a_client_that_leaves_before_its_write_is_stored_harms_nobody(running: Server, notes: App) -> None:
    stored = threading.Event()

    def hold(event: Any) -> None:
        time.sleep(0.1)
        event.on_commit(stored.set)

    with hooked(notes, hold):
        with connect(running) as sock:
            sock.sendall(post(b'{"id":"leaver000000001"}'))
            time.sleep(0.03)
        assert stored.wait(5)
    assert ask(running, get(RECORDS + b"/leaver000000001"))[0].status == 200
    assert running.listener.lane.waiting == 0


def test_plugins_keep_their_events_off_the_loop(running: Server, notes: App) -> None:
    threads: list[str] = []

    def register(app: Any) -> None:
        @app.on.record_view("notes")
        def look(_event: Any) -> None:
            threads.append(threading.current_thread().name)

    load_plugin(notes, "slow-one", register)
    try:
        assert ask(running, get(RECORD))[0].status == 200
        assert len(threads) == 1
        assert threads[0] != "homeport-loop"
    finally:
        notes.hooks.unbind_owner("slow-one")


class hooked:  # noqa: N801 - used as a statement
    """For a while, a hook of the house's own at record_create."""

    def __init__(self, app: App, function: Callable[[Any], None]) -> None:
        self.app, self.function = app, function

    def __enter__(self) -> None:
        self.app.on.record_create("notes")(self.function)

    def __exit__(self, *_error: object) -> None:
        listed = self.app.hooks._bindings["record_create"]
        listed[:] = [each for each in listed if each.function is not self.function]


def test_a_worker_that_ends_late_does_not_cut_off_a_connection_whose_write_is_on_its_way(
    notes: App, running: Server
) -> None:
    """The answer of a worker is out before the worker has ended; by then the same connection may be held again."""
    with connect(running) as sock:
        reader = Reader(sock)
        may_commit, is_held = threading.Event(), threading.Event()
        notes.database.submit(lambda: may_commit.wait(5), lambda _outcome: None)
        sock.sendall(post(b'{"title":"a"}'))
        _wait_until(lambda: running.listener.lane.waiting == 1)
        (channel,) = (each for each in running.listener.active_channels.values() if each.addr == sock.getsockname())
        running.loop.running.add(channel)
        running.loop.wake(channel)
        running.loop.call(is_held.set)
        assert is_held.wait(5)
        assert channel not in running.loop.running
        may_commit.set()
        assert reader.answer().status == 200
        sock.sendall(get(RECORD))
        assert reader.answer().status == 200


def _wait_until(holds: Callable[[], bool], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.01)
