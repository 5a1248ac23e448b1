"""What every database must do with transactions."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from appliance.errors import StorageError
from appliance.storage.database import Column, Database
from tests.contracts.notes import INSERT, add, fail, in_threads, titles


class TransactionContract:
    """Writes: whole or not at all, in the order of their commits, and announced only when they are stored."""

    def test_write_answers_what_the_work_returns(self, database: Database) -> None:
        assert database.write(lambda: 42) == 42

    def test_a_committed_row_is_seen_by_the_next_query(self, database: Database) -> None:
        add(database, "first")
        assert titles(database) == ["first"]

    def test_a_write_sees_its_own_rows_and_others_do_not(self, database: Database) -> None:
        inside: list[list[str]] = []
        outside: list[list[str]] = []

        def work() -> None:
            database.execute(INSERT, ("new",))
            inside.append(titles(database))
            in_threads(1, lambda _: outside.append(titles(database)))

        database.write(work)
        assert (inside, outside) == ([["new"]], [[]])

    def test_what_the_work_raises_rolls_back_and_is_raised(self, database: Database) -> None:
        fail(database, "gone")
        assert titles(database) == []

    def test_an_inner_write_that_fails_leaves_the_outer_ones_rows(self, database: Database) -> None:
        def work() -> None:
            database.execute(INSERT, ("outer",))
            fail(database, "inner")
            database.execute(INSERT, ("later",))

        database.write(work)
        assert titles(database) == ["outer", "later"]

    @pytest.mark.parametrize(
        ("before", "left"),
        [
            pytest.param(lambda database: None, [], id="nothing"),
            pytest.param(lambda database: database.execute(INSERT, ("own",)), ["own"], id="a row of its own"),
            pytest.param(lambda database: add(database, "inner"), ["inner"], id="an inner write"),
            pytest.param(lambda database: fail(database, "failed"), [], id="an inner write that failed"),
            pytest.param(lambda database: database.schema.add_column("notes", Column("more")), [], id="a new column"),
            pytest.param(
                lambda database: database.write(lambda: add(database, "innermost")), ["innermost"], id="deeper writes"
            ),
            pytest.param(
                lambda database: database.write(lambda: fail(database, "innermost")), [], id="a deeper one that failed"
            ),
        ],
    )
    def test_an_inner_write_that_fails_leaves_what_was_done_before_it(
        self, database: Database, before: Any, left: list[str]
    ) -> None:
        def inner() -> None:
            add(database, "gone with the inner write")
            database.execute(INSERT, ("gone",))
            raise LookupError

        def work() -> None:
            before(database)
            columns = database.schema.columns("notes")
            with pytest.raises(LookupError):
                database.write(inner)
            assert database.schema.columns("notes") == columns
            add(database, "later")

        database.write(work)
        assert titles(database) == [*left, "later"]

    def test_an_outer_write_that_fails_takes_the_inner_ones_rows_along(self, database: Database) -> None:
        def work() -> None:
            add(database, "inner")
            raise LookupError

        with pytest.raises(LookupError):
            database.write(work)
        assert titles(database) == []

    def test_no_update_is_lost_between_threads(self, database: Database) -> None:
        add(database, "counter")

        def increment() -> None:
            ((stars,),) = database.query("SELECT stars FROM notes")
            database.execute("UPDATE notes SET stars = ?", (stars + 1,))

        in_threads(8, lambda _: [database.write(increment) for _ in range(25)])
        assert database.query("SELECT stars FROM notes") == [(200,)]

    def test_a_write_that_fails_does_not_harm_those_beside_it(self, database: Database) -> None:
        def work(number: int) -> None:
            for round_number in range(10):
                (fail if number % 2 else add)(database, f"{number}-{round_number}")

        in_threads(8, work)
        assert sorted(titles(database)) == sorted(f"{n}-{r}" for n in range(0, 8, 2) for r in range(10))

    def test_after_commit_runs_on_the_callers_thread_once_the_rows_are_there(self, database: Database) -> None:
        seen: list[tuple[bool, list[str]]] = []
        here = threading.get_ident()

        def work() -> None:
            database.execute(INSERT, ("new",))
            database.after_commit(lambda: seen.append((threading.get_ident() == here, titles(database))))

        database.write(work)
        assert seen == [(True, ["new"])]

    def test_after_commit_may_write_again(self, database: Database) -> None:
        database.write(lambda: database.after_commit(lambda: add(database, "second")))
        assert titles(database) == ["second"]

    def test_on_rollback_runs_instead_when_the_write_fails(self, database: Database) -> None:
        ran: list[str] = []

        def work() -> None:
            database.after_commit(lambda: ran.append("commit"), lambda: ran.append("rollback"))
            raise LookupError

        with pytest.raises(LookupError):
            database.write(work)
        assert ran == ["rollback"]

    def test_effects_of_an_inner_write_that_failed_are_undone_though_the_outer_commits(
        self, database: Database
    ) -> None:
        ran: list[str] = []

        def inner() -> None:
            database.after_commit(lambda: ran.append("inner commit"), lambda: ran.append("inner rollback"))
            database.on_commit(lambda: ran.append("inner published"))
            raise LookupError

        def outer() -> None:
            database.after_commit(lambda: ran.append("outer commit"), lambda: ran.append("outer rollback"))
            with pytest.raises(LookupError):
                database.write(inner)

        database.write(outer)
        assert ran == ["outer commit", "inner rollback"]

    def test_on_commit_runs_in_the_order_of_the_commits(self, database: Database) -> None:
        published: list[str] = []

        def work(title: str) -> None:
            database.execute(INSERT, (title,))
            database.on_commit(lambda: published.append(title))

        in_threads(8, lambda n: [database.write(lambda r=r: work(f"{n}-{r}")) for r in range(10)])
        assert len(published) == 80
        assert published == titles(database)

    def test_an_effect_that_fails_fails_neither_the_write_nor_other_effects(self, database: Database) -> None:
        ran: list[str] = []

        def work() -> None:
            database.execute(INSERT, ("kept",))
            database.after_commit(lambda: [][0])
            database.on_commit(lambda: [][0])
            database.after_commit(lambda: ran.append("next"))

        database.write(work)
        assert (titles(database), ran) == (["kept"], ["next"])

    def test_on_commit_can_not_write(self, database: Database) -> None:
        errors: list[Exception] = []

        def late() -> None:
            try:
                add(database, "late")
            except StorageError as error:
                errors.append(error)

        database.write(lambda: database.on_commit(late))
        assert len(errors) == 1
        assert titles(database) == []

    def test_is_writing_inside_a_write_only(self, database: Database) -> None:
        assert (database.is_writing, database.write(lambda: database.is_writing), database.is_writing) == (
            False,
            True,
            False,
        )

    @pytest.mark.parametrize(
        "call",
        [
            pytest.param(lambda database: database.execute(INSERT, ("x",)), id="a statement"),
            pytest.param(lambda database: database.execute_many(INSERT, [("x",)]), id="many statements"),
            pytest.param(lambda database: database.after_commit(print), id="an effect on the caller's thread"),
            pytest.param(lambda database: database.on_commit(print), id="an effect on the writer's thread"),
            pytest.param(lambda database: database.schema.drop_table("notes"), id="a schema change"),
        ],
    )
    def test_outside_of_a_write_is_refused(self, database: Database, call: Any) -> None:
        with pytest.raises(StorageError):
            call(database)
        assert titles(database) == []

    def test_a_closed_database_refuses(self, database: Database) -> None:
        database.close()
        with pytest.raises(StorageError):
            add(database, "late")
        with pytest.raises(StorageError):
            titles(database)
