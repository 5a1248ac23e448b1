"""What every database must do with writes that nobody waits for."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from appliance.errors import BusyError, StorageError
from appliance.storage.database import Database, Outcome
from tests.contracts.notes import INSERT, in_threads, titles


def submitted(database: Database, work: Any) -> Outcome[Any]:
    """Submit one write and wait until it is decided."""
    decided = threading.Event()
    outcomes: list[Outcome[Any]] = []

    def done(outcome: Outcome[Any]) -> None:
        outcomes.append(outcome)
        decided.set()

    database.submit(work, done)
    assert decided.wait(10)
    return outcomes[0]


class SubmitContract:
    """A submitted write is a write: whole or not at all, its callbacks where its outcome is taken up."""

    def test_the_outcome_has_what_the_work_returns_and_comes_after_the_commit(self, database: Database) -> None:
        seen: list[list[str]] = []
        done = threading.Event()

        def look(outcome: Outcome[int]) -> None:
            in_threads(1, lambda _: seen.append(titles(database)))
            done.set()

        database.submit(lambda: database.execute(INSERT, ("new",)), look)
        assert done.wait(10)
        assert seen == [["new"]]
        assert submitted(database, lambda: 42).result() == 42

    def test_the_outcome_raises_what_the_work_raised_and_nothing_is_stored(self, database: Database) -> None:
        def work() -> None:
            database.execute(INSERT, ("gone",))
            raise LookupError("gone")

        outcome = submitted(database, work)
        with pytest.raises(LookupError):
            outcome.result()
        assert titles(database) == []

    def test_callbacks_run_on_the_thread_that_takes_the_outcome_up(self, database: Database) -> None:
        ran: list[tuple[str, bool]] = []
        here = threading.get_ident()

        def callback(name: str) -> Any:
            return lambda: ran.append((name, threading.get_ident() == here))

        def work(fails: bool) -> None:
            database.after_commit(callback("commit"), callback("rollback"))
            if fails:
                raise LookupError

        for fails in (False, True):
            outcome = submitted(database, lambda fails=fails: work(fails))
            assert len(ran) == int(fails)
            try:
                outcome.result()
            except LookupError:
                assert fails
        assert ran == [("commit", True), ("rollback", True)]

    def test_writes_submitted_by_one_thread_run_in_its_order(self, database: Database) -> None:
        left = threading.Semaphore(0)
        for number in range(50):
            database.submit(lambda n=number: database.execute(INSERT, (str(n),)), lambda _: left.release())
        for _ in range(50):
            assert left.acquire(timeout=10)
        assert titles(database) == [str(number) for number in range(50)]

    def test_an_outcome_that_can_not_be_taken_up_harms_nobody(self, database: Database) -> None:
        database.submit(lambda: database.execute(INSERT, ("kept",)), lambda _: [][0])
        assert submitted(database, lambda: 1).result() == 1
        assert titles(database) == ["kept"]

    def test_every_write_that_is_taken_around_the_closing_is_decided(self, database: Database) -> None:
        taken, decided, refused = [], threading.Semaphore(0), threading.Event()

        def submit(_: int) -> None:
            while not refused.is_set():
                try:
                    database.submit(lambda: 1, lambda _: decided.release())
                except BusyError:
                    continue
                except StorageError:
                    refused.set()
                else:
                    taken.append(1)

        threads = [threading.Thread(target=submit, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        database.close()
        for thread in threads:
            thread.join()
        assert all(decided.acquire(timeout=10) for _ in taken)

    def test_a_closed_database_takes_no_more(self, database: Database) -> None:
        database.close()
        with pytest.raises(StorageError):
            database.submit(lambda: 1, print)
