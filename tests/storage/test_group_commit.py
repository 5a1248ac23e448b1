"""Group commit: many writes, one COMMIT, and what happens when it fails."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import BusyError, DiskFullError, StorageError
from appliance.storage import group_commit
from appliance.storage.lean_peewee import sqlite_driver
from appliance.storage.sqlite import SqliteDatabase
from tests.contracts.notes import add, make_notes, titles


@pytest.fixture(autouse=True)
def patient_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a group would end by its time limit, at another place each run."""
    monkeypatch.setattr(group_commit, "GROUP_SECONDS", 30)


def held_back(database: SqliteDatabase) -> tuple[threading.Event, threading.Thread]:
    """Keep the writer busy until the event is set, so that later writes wait together."""
    entered, go_on = threading.Event(), threading.Event()

    def work() -> None:
        entered.set()
        go_on.wait()

    def hold() -> None:
        with suppress(StorageError):  # it is in the group, and fails with it
            database.write(work)

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait()
    return go_on, thread


def write_together(database: SqliteDatabase, works: list[Any]) -> list[Any]:
    """Run closures in one group, in this order; what each answered or raised."""
    go_on, holder = held_back(database)
    answers: list[Any] = [None] * len(works)

    def run(number: int) -> None:
        try:
            answers[number] = database.write(works[number])
        except Exception as error:
            answers[number] = error

    threads = []
    for number in range(len(works)):
        threads.append(threading.Thread(target=run, args=(number,)))
        threads[-1].start()
        while database._writer._waiting.qsize() < number + 1:
            pass
    go_on.set()
    for thread in (holder, *threads):
        thread.join()
    return answers


def test_writes_that_wait_together_commit_together(database: SqliteDatabase) -> None:
    commits: list[str] = []
    database.write(lambda: database._transaction._connection.set_trace_callback(commits.append))
    answers = write_together(database, [lambda t=t: add(database, t) for t in "abcdefgh"])
    assert answers == [None] * 8
    assert titles(database) == list("abcdefgh")
    assert commits.count("COMMIT") == 2  # the one that set the trace, and the group


def test_a_full_disk_fails_its_write_and_those_before_it_and_nothing_after(database: SqliteDatabase) -> None:
    def limit(pages: int) -> None:
        database.query(f"PRAGMA max_page_count = {pages}")

    ((pages,),) = database.query("PRAGMA page_count")
    database.write(lambda: limit(pages + 1))
    works = [
        lambda: add(database, "before"),
        lambda: add(database, "x" * 100_000),
        lambda: add(database, "after"),
    ]
    before, full, after = write_together(database, works)
    assert isinstance(before, DiskFullError)
    assert isinstance(full, DiskFullError)
    assert after is None
    assert titles(database) == ["after"]
    database.write(lambda: limit(0xFFFFFFFE))
    add(database, "space again " + "x" * 100_000)
    assert len(titles(database)) == 2


def test_a_work_that_hides_a_lost_transaction_is_refused(database: SqliteDatabase) -> None:
    def work() -> None:
        with pytest.raises(DiskFullError):
            database.execute("INSERT INTO notes (title) VALUES (?)", ("x" * 100_000,))
        with pytest.raises(StorageError, match="rolled back"):
            database.execute("INSERT INTO notes (title) VALUES ('alone')")

    ((pages,),) = database.query("PRAGMA page_count")
    database.write(lambda: database.query(f"PRAGMA max_page_count = {pages + 1}"))
    with pytest.raises(StorageError, match="rolled back"):
        database.write(work)
    assert titles(database) == []


def test_a_commit_that_fails_fails_the_whole_group(database: SqliteDatabase) -> None:
    def prepare() -> None:
        database.execute("CREATE TABLE parents (id INTEGER PRIMARY KEY)")
        database.execute("CREATE TABLE children (p REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)")

    database.write(prepare)
    ran: list[str] = []

    def innocent() -> None:
        add(database, "innocent")
        database.after_commit(lambda: ran.append("commit"), lambda: ran.append("rollback"))
        database.on_commit(lambda: ran.append("published"))

    answers = write_together(database, [innocent, lambda: database.execute("INSERT INTO children VALUES (1)")])
    assert all(isinstance(answer, StorageError) for answer in answers)
    assert (titles(database), ran) == ([], ["rollback"])
    add(database, "next")
    assert titles(database) == ["next"]


def test_too_many_waiting_writes_are_refused(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "data.db", waiting_limit=2)
    make_notes(database)
    go_on, holder = held_back(database)
    threads = [threading.Thread(target=add, args=(database, str(number))) for number in range(2)]
    for thread in threads:
        thread.start()
    while database._writer._waiting.qsize() < 2:
        pass
    with pytest.raises(BusyError):
        add(database, "one too many")
    go_on.set()
    for thread in (holder, *threads):
        thread.join()
    assert sorted(titles(database)) == ["0", "1"]
    database.close()


def test_closing_finishes_what_waits(database: SqliteDatabase) -> None:
    go_on, holder = held_back(database)
    waiting = threading.Thread(target=add, args=(database, "waited"))
    waiting.start()
    while database._writer._waiting.empty():
        pass
    closing = threading.Thread(target=database.close)
    closing.start()
    go_on.set()
    for thread in (holder, waiting, closing):
        thread.join()
    again = SqliteDatabase(database.path)
    assert titles(again) == ["waited"]
    again.close()


def test_another_programs_write_lock_makes_writes_busy(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.write(lambda: database.query("PRAGMA busy_timeout = 50"))
    other = sqlite_driver.connect(str(database.path), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(BusyError):
        add(database, "blocked")
    other.execute("COMMIT")
    other.close()
    add(database, "free")
    assert titles(database) == ["free"]
