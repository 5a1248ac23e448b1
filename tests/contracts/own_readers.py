"""What every database must do for a thread that reads on a connection of its own."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.errors import OverBudgetError, StatementError, StorageError
from appliance.storage.database import Database
from tests.contracts.notes import INSERT, add, in_threads, titles
from tests.contracts.statements import ENDLESS


def on_own_reader(database: Database, work: Any, budget_seconds: float = 0.01) -> Any:
    """What `work` returns on a thread that has a reader of its own."""
    answers: list[Any] = []

    def run(_: int) -> None:
        reader = database.own_reader(budget_seconds)
        try:
            answers.append(work())
        finally:
            reader.close()

    in_threads(1, run)
    return answers[0]


def refusal(database: Database, seconds: float = 0) -> type[BaseException]:
    """How an endless statement ends."""
    with pytest.raises(StorageError) as caught:
        database.query(ENDLESS, seconds=seconds)
    return caught.type


class OwnReaderContract:
    """A thread's own reader reads what others read, and stops a statement that uses up its budget."""

    def test_it_sees_the_last_commit(self, database: Database) -> None:
        add(database, "first")

        def work() -> list[list[str]]:
            before = titles(database)
            in_threads(1, lambda _: add(database, "second"))
            return [before, titles(database)]

        assert on_own_reader(database, work) == [["first"], ["first", "second"]]

    def test_a_statement_over_its_budget_is_stopped_and_the_next_one_runs(self, database: Database) -> None:
        def work() -> list[Any]:
            return [refusal(database), database.query("SELECT 1"), refusal(database), database.query("SELECT 2")]

        assert on_own_reader(database, work) == [OverBudgetError, [(1,)], OverBudgetError, [(2,)]]

    def test_the_budget_counts_each_statement_by_itself(self, database: Database) -> None:
        counting = f"{ENDLESS.partition(') SELECT')[0]} LIMIT 20000) SELECT count(*) FROM n"
        answers = on_own_reader(database, lambda: [database.query(counting) for _ in range(20)], 0.05)
        assert answers == [[(20000,)]] * 20

    def test_a_tighter_limit_of_the_statement_holds(self, database: Database) -> None:
        assert on_own_reader(database, lambda: refusal(database, 0.01), 60) is StatementError

    def test_a_wider_limit_of_the_statement_does_not(self, database: Database) -> None:
        assert on_own_reader(database, lambda: refusal(database, 60)) is OverBudgetError

    def test_other_threads_have_no_budget(self, database: Database) -> None:
        def work() -> None:
            in_threads(1, lambda _: answers.append(refusal(database, 0.05)))

        answers: list[Any] = []
        on_own_reader(database, work)
        assert answers == [StatementError]

    def test_it_can_not_write(self, database: Database) -> None:
        def work() -> None:
            with pytest.raises(StorageError):
                database.query(INSERT, ("x",))

        on_own_reader(database, work)
        assert titles(database) == []

    def test_once_closed_the_thread_shares_readers_again(self, database: Database) -> None:
        reader = database.own_reader(0.01)
        reader.close()
        assert refusal(database, 0.05) is StatementError
        database.own_reader(0.01).close()

    def test_while_it_rests_it_refuses_everything(self, database: Database) -> None:
        reader = database.own_reader(0.01)
        reader.is_resting = True
        with pytest.raises(OverBudgetError):
            database.query("SELECT 1")
        reader.is_resting = False
        assert database.query("SELECT 1") == [(1,)]
        reader.close()

    def test_one_is_enough_for_a_thread(self, database: Database) -> None:
        reader = database.own_reader(0.01)
        with pytest.raises(StorageError):
            database.own_reader(0.01)
        reader.close()

    def test_it_closes_with_the_database(self, database: Database) -> None:
        reader = database.own_reader(0.01)
        database.close()
        with pytest.raises(StorageError):
            titles(database)
        reader.close()
