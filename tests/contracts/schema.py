"""What every database must do when the schema changes."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.errors import ConstraintError, SchemaError
from appliance.storage.database import Column, Database
from tests.contracts.notes import NOTES, add, titles


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
