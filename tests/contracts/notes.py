"""The small table that the contract of databases works on."""

from __future__ import annotations

import threading
from typing import Any

import pytest

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
