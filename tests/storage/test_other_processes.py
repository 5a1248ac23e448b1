"""Another process writes the same file: followers hear of it, and only of it."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from appliance.storage import group_commit
from appliance.storage.database import Touched
from appliance.storage.sqlite import SqliteDatabase
from tests.contracts.notes import add, titles

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 20  # seconds

WRITE_ONE = """
import sys
from appliance.storage.lean_peewee import sqlite_driver
connection = sqlite_driver.connect(sys.argv[1], isolation_level=None)
connection.execute("INSERT INTO notes (id, title) VALUES (?, ?)", (sys.argv[2], sys.argv[2]))
connection.close()
"""


class Following:
    """Counts commits of others and of our own."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.heard_everything = threading.Event()

    def committing(self, touched: Touched) -> None:
        self.told.append("everything" if touched.everything else "rows")

    def settled(self, touched: Touched) -> None:
        if touched.everything:
            self.heard_everything.set()


@pytest.fixture
def following(database: SqliteDatabase) -> Following:
    made = Following()
    database.follow(made)
    return made


def write_elsewhere(database: SqliteDatabase, title: str) -> None:
    """One note from a process of its own."""
    subprocess.run([sys.executable, "-c", WRITE_ONE, str(database.path), title], check=True, cwd=ROOT)


def add_known(database: SqliteDatabase, title: str) -> None:
    insert = "INSERT INTO notes (id, title) VALUES (?, ?)"
    database.write(lambda: database.execute(insert, (title, title), touches=("notes", title)))


def test_a_commit_of_another_process_is_noticed_while_nothing_is_written(
    database: SqliteDatabase, following: Following
) -> None:
    write_elsewhere(database, "theirs")
    assert following.heard_everything.wait(PATIENCE)
    assert titles(database) == ["theirs"]
    assert following.told == ["everything"]


def test_it_is_noticed_before_the_next_write_is_answered(
    database: SqliteDatabase, following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "LOOK_SECONDS", 3600)
    add_known(database, "wakes the writer up, which then sleeps an hour")
    write_elsewhere(database, "theirs")
    add_known(database, "ours")
    assert following.told == ["rows", "everything", "rows"]


def test_commits_of_our_own_are_never_taken_for_theirs(database: SqliteDatabase, following: Following) -> None:
    for number in range(20):
        add_known(database, str(number))
        assert titles(database)[-1] == str(number)
    assert following.told == ["rows"] * 20


def test_nobody_looks_where_nobody_follows(database: SqliteDatabase) -> None:
    write_elsewhere(database, "theirs")
    add(database, "ours")
    assert titles(database) == ["theirs", "ours"]
