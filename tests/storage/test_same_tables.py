"""Our tables are declared as PocketBase declares its own, so that either's data folder holds the same."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import httpx
import pytest

from appliance.storage.database import Column
from appliance.storage.lean_peewee import sqlite_driver
from appliance.storage.sqlite import SqliteDatabase, open_auxiliary, open_database
from tests.oracle import EMAIL, PASSWORD, start_oracle

FIELDS = [
    {"name": "title", "type": "text"},
    {"name": "stars", "type": "number"},
    {"name": "done", "type": "bool"},
    {"name": "extra", "type": "json"},
    {"name": "place", "type": "geoPoint"},
    {"name": "tags", "type": "select", "values": ["a", "b"], "maxSelect": 2},
]
COLUMNS = [
    Column("id", primary_key=True),
    Column("title"),
    Column("stars", "number"),
    Column("done", "boolean"),
    Column("extra", "json"),
    Column("place", "point"),
    Column("tags", "json", is_list=True),
]

Statements = dict[str, str]


@pytest.fixture(scope="module")
def oracles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of the real PocketBase with one collection of every kind of column."""
    folder = tmp_path_factory.mktemp("oracle")
    server = start_oracle(folder)
    try:
        with httpx.Client(base_url=server.url, timeout=20) as client:
            credentials = {"identity": EMAIL, "password": PASSWORD}
            signed_in = client.post("/api/collections/_superusers/auth-with-password", json=credentials)
            client.headers["Authorization"] = signed_in.json()["token"]
            made = client.post("/api/collections", json={"name": "notes", "type": "base", "fields": FIELDS})
            assert made.status_code == 200, made.text
    finally:
        server.stop()
    return folder / "pb_data"


def statements(path: Path) -> Statements:
    """How each table and index is declared; blanks and SQLite's two kinds of quotes for texts are no difference."""
    with closing(sqlite_driver.connect(str(path))) as database:
        found = database.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {name: " ".join(sql.replace('"', "'").split()) for name, sql in found}


@pytest.mark.parametrize(
    ("file", "name"),
    [
        pytest.param("data.db", "_collections", id="collections"),
        pytest.param("data.db", "idx__collections_type", id="an index of collections"),
        pytest.param("data.db", "_params", id="settings"),
        pytest.param("auxiliary.db", "_logs", id="logs"),
        pytest.param("auxiliary.db", "idx_logs_level", id="logs by level"),
        pytest.param("auxiliary.db", "idx_logs_message", id="logs by message"),
        pytest.param("auxiliary.db", "idx_logs_created_hour", id="logs by hour"),
    ],
)
def test_our_own_tables_are_declared_as_the_originals(oracles: Path, tmp_path: Path, file: str, name: str) -> None:
    (open_database if file == "data.db" else open_auxiliary)(tmp_path).close()
    assert _levelled(statements(tmp_path / file)[name]) == _levelled(statements(oracles / file)[name])


def _levelled(statement: str) -> str:
    return statement.replace(" ", "").lower()


def test_a_collections_table_is_declared_as_the_originals(oracles: Path, tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "data.db")
    database.write(lambda: database.schema.create_table("notes", COLUMNS))
    database.close()
    assert statements(tmp_path / "data.db")["notes"] == statements(oracles / "data.db")["notes"]
