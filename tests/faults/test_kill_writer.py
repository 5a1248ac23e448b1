"""kill -9 on the database alone, and the control: a writer that answers before COMMIT must be caught."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from appliance.storage.lean_peewee import sqlite_driver
from tests.oracle import own_environment

ROUNDS = 10

pytestmark = pytest.mark.skipif(os.name == "nt", reason="SIGKILL is a POSIX signal")

# Four threads write one row after the other and print its number once `write` has returned.
CHILD = """
import os, sys, threading, time
from pathlib import Path
from appliance.storage import group_commit
from appliance.storage.sqlite import SqliteDatabase

if sys.argv[3] == "answer early":
    commit = group_commit.Writer._commit
    def too_early(self, group):
        group_commit._release(group)
        time.sleep(0.005)
        self._control("COMMIT")
    group_commit.Writer._commit = too_early

database = SqliteDatabase(Path(sys.argv[1]))

def write(worker):
    for number in range(1_000_000):
        name = f"{sys.argv[2]}-{worker}-{number}"
        database.write(lambda: database.execute("INSERT INTO notes (name, text) VALUES (?, ?)", (name, name * 50)))
        os.write(1, name.encode() + b"\\n")

for worker in range(4):
    threading.Thread(target=write, args=(worker,)).start()
"""


def kill_while_writing(file: Path, label: str, mode: str) -> set[str]:
    """One round; the names that were acknowledged."""
    command = [sys.executable, "-c", CHILD, str(file), label, mode]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, env=own_environment())
    assert child.stdout is not None
    first = child.stdout.readline()
    time.sleep(random.uniform(0.01, 0.15))
    child.send_signal(signal.SIGKILL)
    rest = child.stdout.read()
    child.wait()
    child.stdout.close()
    lines = (first + rest).splitlines(keepends=True)
    return {line.decode().strip() for line in lines if line.endswith(b"\n")}


def lost_in(file: Path, acknowledged: set[str]) -> set[str]:
    """What is missing; fails on a damaged file."""
    with closing(sqlite_driver.connect(str(file))) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return acknowledged - {name for (name,) in database.execute("SELECT name FROM notes")}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    with closing(sqlite_driver.connect(str(tmp_path / "data.db"))) as database:
        database.execute("CREATE TABLE notes (name TEXT PRIMARY KEY, text TEXT)")
    return tmp_path / "data.db"


def test_a_killed_writer_loses_nothing_that_it_acknowledged(file: Path) -> None:
    acknowledged: set[str] = set()
    for number in range(ROUNDS):
        acknowledged |= kill_while_writing(file, f"round{number}", "as it is")
        assert lost_in(file, acknowledged) == set()
    assert len(acknowledged) > ROUNDS


def test_control_a_writer_that_answers_before_commit_is_caught(file: Path) -> None:
    for number in range(ROUNDS * 3):
        acknowledged = kill_while_writing(file, f"round{number}", "answer early")
        if lost_in(file, acknowledged):
            return
    pytest.fail("the harness did not notice acknowledged rows that were never committed")
