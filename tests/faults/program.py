"""run.py with one thing changed on purpose: `python -m tests.faults.program CHANGE serve ...`.

Most changes break what the harness must then notice (the controls); the others make a rare thing frequent.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any


def set_on_writer(pragma: str) -> None:
    """One more pragma on every connection that writes."""
    from appliance.storage import sqlite_connection

    open_writer = sqlite_connection.open_writer

    def open_changed(*arguments: Any, **options: Any) -> Any:
        database = open_writer(*arguments, **options)
        database.execute_sql(f"PRAGMA {pragma}")
        return database

    sqlite_connection.open_writer = open_changed


def flush_no_uploads() -> None:
    """Uploads and their folders are written, and left to the system."""
    from appliance.files import local

    class Careless:
        """`os` without its fsync."""

        fsync = staticmethod(lambda _descriptor: None)

        def __getattr__(self, name: str) -> Any:
            return getattr(os, name)

    local.os = Careless()  # type: ignore[assignment]


def let_reads_wait() -> None:
    """Every read takes its turn among the writes, and so waits for the disk."""
    from appliance.storage.sqlite import SqliteDatabase

    query = SqliteDatabase.query

    def query_in_turn(self: SqliteDatabase, *question: Any) -> Any:
        return query(self, *question) if self.is_writing else self.write(lambda: query(self, *question))

    SqliteDatabase.query = query_in_turn  # type: ignore[method-assign]


def shorten_queue() -> None:
    """Few writes may wait for the disk."""
    from appliance.storage import group_commit

    group_commit.WAITING_LIMIT = 4  # before sqlite.py takes it as a default


def time_by_the_wall() -> None:
    """Timers and time-outs follow the clock on the wall."""
    from appliance import clock

    clock.monotonic = lambda: clock.now().timestamp()


def nothing() -> None:
    """The program as it is."""


CHANGES: dict[str, Callable[[], None]] = {
    "nothing": nothing,
    "synchronous off": partial(set_on_writer, "synchronous = OFF"),
    "uploads not flushed": flush_no_uploads,
    "reads wait": let_reads_wait,
    "a short queue": shorten_queue,
    "timers by the wall clock": time_by_the_wall,
    "many checkpoints": partial(set_on_writer, "wal_autocheckpoint = 40"),
}


def changed(change: str) -> list[str]:
    """The command line of that program."""
    return [sys.executable, "-m", "tests.faults.program", change]


if __name__ == "__main__":
    CHANGES[sys.argv[1]]()
    from appliance import cli

    sys.exit(cli.main(sys.argv[2:]))
