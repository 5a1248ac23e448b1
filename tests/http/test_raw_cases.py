"""The table of raw_cases.toml against the whole server: at once, byte by byte, in random pieces and in turn; with the
express lane, without it, and through TLS; and against stock waitress, which must fail a good part of it."""

from __future__ import annotations

import itertools
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from waitress.server import create_server

from appliance.auth.superusers import create_superuser
from appliance.core.app import App
from appliance.core.collections.save import create_collection
from appliance.core.record import Record
from appliance.core.records.save import create_record
from appliance.http.certificates import Certificate
from appliance.http.flask_app import build_flask_app
from appliance.http.server import Server
from tests.boxes import open_box
from tests.http.raw_cases import (
    RECORD,
    Address,
    Case,
    Outcome,
    Sender,
    at_once,
    byte_by_byte,
    converse,
    converse_in_turn,
    expand,
    in_pieces,
    piece_by_piece,
    read_table,
)
from tests.http.servers import serve
from tests.http.test_tls import make_pair

NOTES = {
    "name": "notes",
    "type": "base",
    "viewRule": "",
    "createRule": "",
    "fields": [{"name": "title", "type": "text"}],
}
CASES = read_table()
EVERY_CASE = pytest.mark.parametrize("case", [pytest.param(each, id=each.name) for each in CASES])
CUT_EVERYWHERE = (
    "bodies, one chunk stays",
    "transfer-encoding, CL.TE closes",
    "chunks, a bare LF behind the data closes",
)
titles = (f"{number:020}" for number in itertools.count())


@dataclass
class Door:
    """Where the table is played: an app, and who listens in front of it."""

    app: App
    address: Address
    tls: ssl.SSLContext | None = None

    def play(self, case: Case, send: Sender = at_once, seconds: float = 10) -> Outcome:
        """Send the case. Raises TimeoutError when it is left hanging."""
        title = next(titles)
        ends = case.fate == "silent"
        received = converse(self.address, case.bytes_with(title), send, ends=ends, seconds=seconds, tls=self.tls)
        return Outcome(received, self.created(title))

    def created(self, title: str) -> int:
        """How many notes of this title there are."""
        return len(self.app.database.query("SELECT id FROM notes WHERE title = ?", (title,)))


@contextmanager
def box_with_notes(folder: Path) -> Iterator[App]:
    with open_box(folder) as app:
        create_superuser(app, "root@example.com", "root-password")
        create_collection(app, NOTES)
        create_record(app, Record(app.collections.get("notes"), {"id": RECORD, "title": "the one to view"}))
        yield app


@pytest.fixture(scope="module", params=["express", "flask", "tls"])
def lane(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """The server with its express lane, with none, and behind TLS."""
    folder, tls, certificate = tmp_path_factory.mktemp("lane"), None, None
    if request.param == "tls":
        files = make_pair(folder)
        certificate, tls = Certificate(*files), ssl.create_default_context(cafile=str(files[0]))
    with box_with_notes(folder) as app, serve(app, certificate=certificate) as server:
        if request.param == "flask":
            server.listener.lane.take = lambda _channel, _parsed: False  # type: ignore[method-assign]
        yield Door(app, server.address, tls)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with box_with_notes(tmp_path_factory.mktemp("express")) as app, serve(app) as server:
        yield server


@pytest.fixture(scope="module")
def door(server: Server) -> Door:
    return Door(server.listener.app, server.address)


def test_the_table_is_large_enough() -> None:
    assert len(CASES) >= 150
    assert len({case.name for case in CASES}) == len(CASES)


@EVERY_CASE
def test_sent_at_once(lane: Door, case: Case) -> None:
    outcome = lane.play(case)
    assert outcome.fits(case), outcome


@EVERY_CASE
def test_sent_byte_by_byte(door: Door, case: Case) -> None:
    outcome = door.play(case, byte_by_byte)
    assert outcome.fits(case), outcome


@pytest.mark.parametrize("case", [pytest.param(each, id=each.name) for each in CASES if each.fate == "stays"])
def test_sent_in_turn(server: Server, door: Door, case: Case) -> None:
    counts, title = server.listener.lane.counts, next(titles)
    before = sum(astuple(counts))
    outcome = Outcome(converse_in_turn(door.address, case.messages_with(title)), door.created(title))
    assert outcome.fits(case), outcome
    taken = sum(astuple(counts)) - before
    assert taken == len(case.statuses) - 1 if case.express else taken >= 1  # the create behind it, in any case


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(CASES), st.lists(st.integers(1, 2000), max_size=20))
def test_sent_in_any_pieces(door: Door, case: Case, cuts: list[int]) -> None:
    outcome = door.play(case, partial(in_pieces, cuts=sorted(set(cuts))))
    assert outcome.fits(case), outcome


@pytest.mark.parametrize("case", [pytest.param(each, id=each.name) for each in CASES if each.name in CUT_EVERYWHERE])
def test_cut_at_every_place(door: Door, case: Case) -> None:
    for cut in range(1, len(expand(case.send, "")) + 1):
        outcome = door.play(case, partial(piece_by_piece, cut=cut))
        assert outcome.fits(case), (cut, outcome)


@contextmanager
def stock_waitress(app: App) -> Iterator[Address]:
    """waitress as it comes, around the same application."""
    channels: dict[int, object] = {}
    server = create_server(build_flask_app(app), map=channels, host="127.0.0.1", port=0, threads=2)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server.effective_host, server.effective_port
    finally:
        server.task_dispatcher.shutdown()
        server.close()
        for channel in list(channels.values()):
            channel.handle_close()  # type: ignore[attr-defined]
        thread.join(5)


def test_stock_waitress_fails_a_good_part_of_the_table(door: Door) -> None:
    smuggled, failed = set(), set()
    with stock_waitress(door.app) as address:
        for case in CASES:
            try:
                outcome = Door(door.app, address).play(case, seconds=0.3)
            except TimeoutError:
                failed.add(case.name)
                continue
            if outcome.creates > case.creates:
                smuggled.add(case.name)
            if not outcome.fits(case):
                failed.add(case.name)
    assert len(failed) > len(CASES) // 4
    assert "transfer-encoding, CL.TE closes" in smuggled
