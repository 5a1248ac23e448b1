"""The table of raw_cases.toml against the whole server: every case at once, byte by byte and in random pieces, and
against stock waitress, which must fail a good part of it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from waitress.server import create_server

from appliance.auth.superusers import create_superuser
from appliance.core.app import App
from appliance.core.collections.save import create_collection
from appliance.core.record import Record
from appliance.core.records.save import create_record
from appliance.http.flask_app import build_flask_app
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
    expand,
    in_pieces,
    piece_by_piece,
    read_table,
)
from tests.http.servers import serve

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


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with open_box(tmp_path_factory.mktemp("notes")) as app:
        create_superuser(app, "root@example.com", "root-password")
        create_collection(app, NOTES)
        create_record(app, Record(app.collections.get("notes"), {"id": RECORD, "title": "the one to view"}))
        yield app


@pytest.fixture(scope="module")
def address(notes: App) -> Iterator[Address]:
    with serve(notes) as server:
        yield server.address


def play(app: App, address: Address, case: Case, send: Sender = at_once, seconds: float = 10) -> Outcome:
    """Send the case to whoever listens there, in front of `app`. Raises TimeoutError when it is left hanging."""
    title = next(titles)
    received = converse(address, case.bytes_with(title), send, ends=case.fate == "silent", seconds=seconds)
    created = app.database.query("SELECT id FROM notes WHERE title = ?", (title,))
    return Outcome(received, len(created))


def test_the_table_is_large_enough() -> None:
    assert len(CASES) >= 150
    assert len({case.name for case in CASES}) == len(CASES)


@EVERY_CASE
def test_sent_at_once(notes: App, address: Address, case: Case) -> None:
    outcome = play(notes, address, case)
    assert outcome.fits(case), outcome


@EVERY_CASE
def test_sent_byte_by_byte(notes: App, address: Address, case: Case) -> None:
    outcome = play(notes, address, case, byte_by_byte)
    assert outcome.fits(case), outcome


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(CASES), st.lists(st.integers(1, 2000), max_size=20))
def test_sent_in_any_pieces(notes: App, address: Address, case: Case, cuts: list[int]) -> None:
    outcome = play(notes, address, case, partial(in_pieces, cuts=sorted(set(cuts))))
    assert outcome.fits(case), outcome


@pytest.mark.parametrize("case", [pytest.param(each, id=each.name) for each in CASES if each.name in CUT_EVERYWHERE])
def test_cut_at_every_place(notes: App, address: Address, case: Case) -> None:
    for cut in range(1, len(expand(case.send, "")) + 1):
        outcome = play(notes, address, case, partial(piece_by_piece, cut=cut))
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


def test_stock_waitress_fails_a_good_part_of_the_table(notes: App) -> None:
    smuggled, failed = set(), set()
    with stock_waitress(notes) as address:
        for case in CASES:
            try:
                outcome = play(notes, address, case, seconds=0.3)
            except TimeoutError:
                failed.add(case.name)
                continue
            if outcome.creates > case.creates:
                smuggled.add(case.name)
            if not outcome.fits(case):
                failed.add(case.name)
    assert len(failed) > len(CASES) // 4
    assert "transfer-encoding, CL.TE closes" in smuggled
