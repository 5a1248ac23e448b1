"""What every database must tell those who keep what they have read."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.storage.database import Column, Database, Touched
from tests.contracts.notes import INSERT, in_threads, titles

BY_ID = "INSERT INTO notes (id, title) VALUES (?, ?)"


class Following:
    """Writes down what it is told."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.calls: list[tuple[str, Any]] = []
        self.stored: list[list[str]] = []

    def committing(self, touched: Touched) -> None:
        self._note("committing", touched)

    def settled(self, touched: Touched) -> None:
        self._note("settled", touched)

    def _note(self, call: str, touched: Touched) -> None:
        self.calls.append((call, "everything" if touched.everything else sorted(touched.rows)))
        in_threads(1, lambda _: self.stored.append(titles(self.database)))


def add_known(database: Database, record_id: str) -> None:
    """One note, saying which row it is."""
    database.execute(BY_ID, (record_id, record_id), touches=("notes", record_id))


def told(database: Database, work: Any) -> Following:
    """A follower of one write."""
    following = Following(database)
    database.follow(following)
    database.write(work)
    return following


def fail_inside(database: Database, work: Any) -> None:
    """An inner write that is rolled back."""

    def inner() -> None:
        work()
        raise LookupError

    with pytest.raises(LookupError):
        database.write(inner)


class FollowerContract:
    """Followers hear of at least what was touched: before the commit, and after it before anybody is answered."""

    def test_a_named_row_is_told_around_the_commit(self, database: Database) -> None:
        following = told(database, lambda: add_known(database, "a"))
        assert following.calls == [("committing", [("notes", "a")]), ("settled", [("notes", "a")])]
        assert following.stored == [[], ["a"]]

    @pytest.mark.parametrize(
        "work",
        [
            pytest.param(lambda database: database.execute(INSERT, ("x",)), id="a statement that names no row"),
            pytest.param(lambda database: database.execute_many(INSERT, [("x",)]), id="many statements"),
            pytest.param(lambda database: database.query("DELETE FROM notes RETURNING id"), id="delete returning"),
            pytest.param(
                lambda database: database.execute("DELETE FROM notes", touches=("notes", "a")),
                id="a statement that changes more than the row it names",
            ),
            pytest.param(
                lambda database: database.schema.add_column("notes", Column("more")), id="a change of the schema"
            ),
            pytest.param(
                lambda database: (add_known(database, "named"), database.execute(INSERT, ("x",))),
                id="one named row and one that is not",
            ),
        ],
    )
    def test_everything_is_told_of_what_names_no_row(self, database: Database, work: Any) -> None:
        database.write(lambda: [database.execute(BY_ID, (name, name)) for name in "abc"])
        assert told(database, lambda: work(database)).calls == [("committing", "everything"), ("settled", "everything")]

    def test_nothing_is_told_of_a_write_that_only_reads(self, database: Database) -> None:
        assert told(database, lambda: titles(database)).calls == []

    def test_rows_of_an_inner_write_that_was_rolled_back_may_be_told_the_others_must(self, database: Database) -> None:
        def work() -> None:
            add_known(database, "kept")
            fail_inside(database, lambda: add_known(database, "dropped"))

        following = told(database, work)
        assert [call for call, _ in following.calls] == ["committing", "settled"]
        assert all(("notes", "kept") in touched for _, touched in following.calls)

    def test_a_trigger_touches_everything(self, database: Database) -> None:
        trigger = "CREATE TRIGGER more AFTER INSERT ON notes WHEN NEW.id = 'a' BEGIN UPDATE notes SET stars = 1; END"
        database.write(lambda: add_known(database, "b"))
        database.write(lambda: database.execute(trigger))
        assert told(database, lambda: add_known(database, "a")).calls[0] == ("committing", "everything")

    def test_every_follower_is_told(self, database: Database) -> None:
        first, second = Following(database), Following(database)
        database.follow(first)
        database.follow(second)
        database.write(lambda: add_known(database, "a"))
        assert first.calls == second.calls != []
