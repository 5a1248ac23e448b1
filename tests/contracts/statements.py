"""What every database must do with single statements."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.clock import monotonic
from appliance.errors import ConstraintError, StatementError, StorageError
from appliance.storage.database import Database
from tests.contracts.notes import INSERT, add, in_threads, titles

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=50)


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


class StatementContract:
    """Single statements: bound values come back as they went in, constraints say what they refused."""

    def test_a_query_ends_at_its_time_limit_and_the_next_one_runs(self, database: Database) -> None:
        start = monotonic()
        with pytest.raises(StatementError):
            database.query(ENDLESS, seconds=0.1)
        with pytest.raises(StatementError):
            database.write(lambda: database.query(ENDLESS, seconds=0.1))
        assert monotonic() - start < 5
        assert database.query("SELECT 1", seconds=5) == [(1,)]
        assert database.write(lambda: database.query("SELECT 1")) == [(1,)]

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        title=TEXTS,
        stars=st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False)),
        done=st.booleans(),
        extra=st.one_of(st.none(), st.recursive(TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner))),
    )
    def test_values_come_back_as_they_were(
        self, database: Database, title: str, stars: float, done: bool, extra: Any
    ) -> None:
        document = None if extra is None else json.dumps(extra, ensure_ascii=False)

        def work() -> list[Any]:
            database.execute("DELETE FROM notes")
            values = (title, stars, done, document)
            database.execute("INSERT INTO notes (title, stars, done, extra) VALUES (?, ?, ?, ?)", values)
            return database.query("SELECT title, stars, done, extra FROM notes")

        assert database.write(work) == [(title, stars, done, document)]

    @pytest.mark.parametrize("number", ["0", "-7", "3.25", "1e3"])
    def test_a_json_number_comes_back_as_its_text_or_as_the_number(self, database: Database, number: str) -> None:
        database.write(lambda: database.execute("INSERT INTO notes (extra) VALUES (?)", (number,)))
        ((stored,),) = database.query("SELECT extra FROM notes")
        assert float(stored) == float(number)

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
