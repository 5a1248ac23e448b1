"""What every database must do. An implementation's test class inherits these and gives a `database` fixture."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.errors import ConstraintError, SchemaError, StorageError
from appliance.storage.database import Column, Database

NOTES = (
    Column("id", primary_key=True),
    Column("title"),
    Column("stars", "number"),
    Column("done", "boolean"),
    Column("extra", "json"),
    Column("place", "point"),
    Column("tags", "json", is_list=True),
)
INSERT = "INSERT INTO notes (title) VALUES (?)"


def make_notes(database: Database) -> None:
    """The one table that these tests use."""
    database.write(lambda: database.schema.create_table("notes", NOTES))


def titles(database: Database) -> list[str]:
    """All titles, in order of their making."""
    return [title for (title,) in database.query("SELECT title FROM notes ORDER BY rowid")]


def add(database: Database, title: str) -> None:
    """One note in a write of its own."""
    database.write(lambda: database.execute(INSERT, (title,)))


def fail(database: Database, title: str) -> None:
    """A write that inserts and then raises."""

    def work() -> None:
        database.execute(INSERT, (title,))
        raise LookupError(title)

    with pytest.raises(LookupError):
        database.write(work)


def in_threads(count: int, work: Any) -> None:
    """Run `work(number)` on so many threads at once and wait for all."""
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


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


class StatementContract:
    """Single statements: bound values come back as they went in, constraints say what they refused."""

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        title=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200),
        stars=st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False)),
        done=st.booleans(),
        extra=st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))),
    )
    def test_values_come_back_as_they_were(
        self, database: Database, title: str, stars: float, done: bool, extra: str | None
    ) -> None:
        def work() -> list[Any]:
            database.execute("DELETE FROM notes")
            values = (title, stars, done, extra)
            database.execute("INSERT INTO notes (title, stars, done, extra) VALUES (?, ?, ?, ?)", values)
            return database.query("SELECT title, stars, done, extra FROM notes")

        assert database.write(work) == [(title, stars, done, extra)]

    def test_execute_counts_the_rows_touched(self, database: Database) -> None:
        database.write(lambda: database.execute_many(INSERT, [("a",), ("b",), ("c",)]))
        count = database.write(lambda: database.execute("UPDATE notes SET stars = 1 WHERE title <> ?", ("a",)))
        assert count == 2

    def test_delete_returning_answers_the_rows_once(self, database: Database) -> None:
        add(database, "code")
        consumed: list[Any] = []

        def consume(_: int) -> None:
            statement = "DELETE FROM notes WHERE title = ? RETURNING title"
            consumed.extend(database.write(lambda: database.query(statement, ("code",))))

        in_threads(20, consume)
        assert consumed == [("code",)]

    def test_a_unique_index_names_its_columns(self, database: Database) -> None:
        database.write(lambda: database.schema.create_index("CREATE UNIQUE INDEX one ON notes (title, stars)"))
        add(database, "same")
        with pytest.raises(ConstraintError) as caught:
            add(database, "same")
        assert caught.value.kind == "unique"
        assert caught.value.columns == (("notes", "title"), ("notes", "stars"))

    def test_a_missing_value_names_its_column(self, database: Database) -> None:
        with pytest.raises(ConstraintError) as caught:
            database.write(lambda: database.execute(INSERT, (None,)))
        assert (caught.value.kind, caught.value.columns) == ("not_null", (("notes", "title"),))

    def test_a_query_can_not_write(self, database: Database) -> None:
        with pytest.raises(StorageError):
            database.query("INSERT INTO notes (title) VALUES ('x')")
        assert titles(database) == []

    @pytest.mark.parametrize(
        ("sql", "parameters"),
        [
            pytest.param("SELECT * FROM nowhere", (), id="an unknown table"),
            pytest.param("SELEC 1", (), id="a typing error"),
            pytest.param("SELECT 1; SELECT 2", (), id="two statements"),
            pytest.param("SELECT ?", (), id="a parameter too few"),
            pytest.param("SELECT ?", (2**70,), id="a number too big"),
            pytest.param("SELECT ?", ("\ud800",), id="half a character"),
            pytest.param("SELECT ?", (object(),), id="a value of no SQL type"),
        ],
    )
    def test_a_statement_that_can_not_run_is_a_storage_error(
        self, database: Database, sql: str, parameters: Any
    ) -> None:
        for run in (database.query, lambda *a: database.write(lambda: database.execute(*a))):
            with pytest.raises(StorageError):
                run(sql, parameters)


class SchemaContract:
    """Schema changes keep the rows, and roll back whole."""

    def test_each_kind_of_column_has_its_default(self, database: Database) -> None:
        database.write(lambda: database.execute("INSERT INTO notes (stars) VALUES (1)"))
        ((record_id, *rest),) = database.query("SELECT id, title, stars, done, extra, place, tags FROM notes")
        assert len(record_id) == 15
        assert rest == ["", 1, 0, None, '{"lon":0,"lat":0}', "[]"]

    def test_columns_and_tables_are_listed(self, database: Database) -> None:
        assert sorted(database.schema.columns("notes")) == sorted(column.name for column in NOTES)
        assert database.schema.tables() == ["notes"]
        assert database.schema.columns("nowhere") == []

    def test_a_table_is_renamed_with_its_rows(self, database: Database) -> None:
        add(database, "kept")
        database.write(lambda: database.schema.rename_table("notes", "Notes"))
        database.write(lambda: database.schema.rename_table("Notes", "papers"))
        assert database.query("SELECT title FROM papers") == [("kept",)]

    def test_a_table_is_dropped(self, database: Database) -> None:
        database.write(lambda: database.schema.drop_table("notes"))
        assert database.schema.tables() == []

    @pytest.mark.parametrize(
        ("column", "default"),
        [
            pytest.param(Column("new"), "", id="text"),
            pytest.param(Column("new", "number"), 0, id="number"),
            pytest.param(Column("new", "boolean"), 0, id="boolean"),
            pytest.param(Column("new", "json"), None, id="json"),
            pytest.param(Column("new", "json", is_list=True), "[]", id="a list"),
            pytest.param(Column("new", "point"), '{"lon":0,"lat":0}', id="a point"),
        ],
    )
    def test_a_new_column_has_its_default_in_old_rows(self, database: Database, column: Column, default: Any) -> None:
        add(database, "old")
        database.write(lambda: database.schema.add_column("notes", column))
        assert database.query("SELECT title, new FROM notes") == [("old", default)]

    def test_a_column_is_renamed_with_its_values_and_indexes(self, database: Database) -> None:
        add(database, "kept")
        database.write(lambda: database.schema.create_index("CREATE UNIQUE INDEX one ON notes (title)"))
        database.write(lambda: database.schema.rename_column("notes", "title", "Title"))
        database.write(lambda: database.schema.rename_column("notes", "Title", "name"))
        assert database.query("SELECT name FROM notes") == [("kept",)]
        with pytest.raises(ConstraintError):
            database.write(lambda: database.execute("INSERT INTO notes (name) VALUES ('kept')"))

    def test_a_column_is_dropped_and_the_rows_stay(self, database: Database) -> None:
        add(database, "kept")
        database.write(lambda: database.schema.drop_column("notes", "stars"))
        assert "stars" not in database.schema.columns("notes")
        assert titles(database) == ["kept"]

    def test_a_column_in_use_by_an_index_is_not_dropped(self, database: Database) -> None:
        database.write(lambda: database.schema.create_index("CREATE INDEX one ON notes (stars)"))
        with pytest.raises(SchemaError):
            database.write(lambda: database.schema.drop_column("notes", "stars"))
        assert "stars" in database.schema.columns("notes")

    @pytest.mark.parametrize(
        ("single", "many"),
        [
            pytest.param("", "[]", id="nothing"),
            pytest.param("a", '["a"]', id="one value"),
            pytest.param('["a","c"]', '["a","c"]', id="a text that is a list already"),
            pytest.param('{"a":1}', '["{\\"a\\":1}"]', id="a text that is another JSON value"),
            pytest.param("12", '["12"]', id="digits stay text"),
            pytest.param("null", '["null"]', id="the word null"),
        ],
    )
    def test_single_becomes_many(self, database: Database, single: str, many: str) -> None:
        add(database, single)
        database.write(
            lambda: database.schema.retype_column("notes", Column("title"), Column("title", "json", is_list=True))
        )
        assert titles(database) == [many]

    @pytest.mark.parametrize(
        ("many", "single"),
        [
            pytest.param("[]", "", id="an empty list"),
            pytest.param('["a","b"]', "b", id="the last entry stays"),
            pytest.param('[null,"b",4.50]', "4.5", id="a number becomes text"),
            pytest.param('["a",null]', "", id="a last null is nothing"),
            pytest.param("abc", "abc", id="what is not JSON stays"),
            pytest.param('{"a":1}', '{"a":1}', id="what is no list stays"),
            pytest.param("", "", id="an empty text"),
        ],
    )
    def test_many_becomes_single(self, database: Database, many: str, single: str) -> None:
        database.write(lambda: database.execute("INSERT INTO notes (tags) VALUES (?)", (many,)))
        database.write(
            lambda: database.schema.retype_column("notes", Column("tags", "json", is_list=True), Column("tags"))
        )
        assert database.query("SELECT tags FROM notes") == [(single,)]

    @pytest.mark.parametrize(
        ("old", "new", "stored", "expected"),
        [
            pytest.param(Column("title"), Column("title", "number"), "3.5", 3.5, id="text to number"),
            pytest.param(Column("title"), Column("title", "number"), "three", 0, id="words to number"),
            pytest.param(Column("title"), Column("title", "boolean"), "true", 1, id="text to boolean"),
            pytest.param(Column("title"), Column("title", "json"), "x", '"x"', id="text to json"),
            pytest.param(Column("stars", "number"), Column("stars"), 3, "3", id="number to text"),
            pytest.param(Column("stars", "number"), Column("stars", "boolean"), 1, 1, id="number to boolean"),
            pytest.param(Column("extra", "json"), Column("extra"), None, "", id="null to text"),
        ],
    )
    def test_other_kinds_are_cast(
        self, database: Database, old: Column, new: Column, stored: Any, expected: Any
    ) -> None:
        database.write(lambda: database.execute(f"INSERT INTO notes ({old.name}) VALUES (?)", (stored,)))
        database.write(lambda: database.schema.retype_column("notes", old, new))
        assert database.query(f"SELECT {old.name} FROM notes") == [(expected,)]

    def test_a_retyped_column_keeps_the_tables_indexes_and_views(self, database: Database) -> None:
        add(database, "a")

        def change() -> None:
            database.schema.create_index("CREATE UNIQUE INDEX one ON notes (title)")
            database.schema.create_view("seen", "SELECT id, title FROM notes")
            database.schema.retype_column("notes", Column("title"), Column("title", "json", is_list=True))

        database.write(change)
        assert database.query("SELECT title FROM seen") == [('["a"]',)]
        with pytest.raises(ConstraintError):
            add(database, '["a"]')

    def test_a_failed_change_leaves_schema_and_rows_as_they_were(self, database: Database) -> None:
        add(database, "kept")
        before = database.schema.columns("notes")

        def change() -> None:
            database.schema.add_column("notes", Column("new"))
            database.schema.retype_column("notes", Column("title"), Column("title", "number"))
            database.schema.drop_column("notes", "stars")
            database.schema.rename_table("notes", "papers")
            database.schema.create_table("notes", [Column("id", primary_key=True)])
            database.schema.create_index("CREATE INDEX one ON notes (nowhere)")

        with pytest.raises(SchemaError):
            database.write(change)
        assert (database.schema.tables(), database.schema.columns("notes")) == (["notes"], before)
        assert titles(database) == ["kept"]

    def test_a_unique_index_over_equal_rows_is_refused(self, database: Database) -> None:
        add(database, "same")
        add(database, "same")
        with pytest.raises(ConstraintError):
            database.write(lambda: database.schema.create_index("CREATE UNIQUE INDEX one ON notes (title)"))

    def test_an_index_is_dropped_and_dropping_it_again_is_nothing(self, database: Database) -> None:
        add(database, "same")
        database.write(lambda: database.schema.create_index("CREATE UNIQUE INDEX one ON notes (title)"))
        database.write(lambda: database.schema.drop_index("one"))
        database.write(lambda: database.schema.drop_index("one"))
        add(database, "same")
        assert titles(database) == ["same", "same"]

    def test_a_view_answers_its_columns_and_is_dropped(self, database: Database) -> None:
        select = "SELECT id, stars * 2 AS twice FROM notes -- a comment"
        columns = database.write(lambda: database.schema.create_view("doubled", select))
        assert [name for name, _ in columns] == ["id", "twice"]
        assert database.schema.columns("doubled") == ["id", "twice"]
        database.write(lambda: database.schema.drop_view("doubled"))
        database.write(lambda: database.schema.drop_view("doubled"))
        assert database.schema.tables() == ["notes"]

    @pytest.mark.parametrize(
        "select",
        [
            pytest.param("DELETE FROM notes", id="a delete"),
            pytest.param("DELETE FROM notes RETURNING id", id="a delete that answers rows"),
            pytest.param("SELECT 1); DROP TABLE notes; SELECT (1", id="a second statement"),
            pytest.param("SELECT * FROM nowhere", id="an unknown table"),
            pytest.param(
                "WITH x AS (SELECT 1) INSERT INTO notes (title) SELECT 'x' FROM x", id="an insert behind WITH"
            ),
            pytest.param("SELECT ? AS id", id="a parameter"),
            pytest.param("", id="nothing"),
        ],
    )
    def test_a_view_is_one_reading_select(self, database: Database, select: str) -> None:
        add(database, "kept")
        with pytest.raises(SchemaError):
            database.write(lambda: database.schema.create_view("bad", select))
        assert (database.schema.tables(), titles(database)) == (["notes"], ["kept"])


class DatabaseContract(TransactionContract, StatementContract, SchemaContract):
    """All of it."""
