"""run.py with one thing changed on purpose: `python -m tests.faults.program CHANGE serve ...`.

Most changes break what the harness must then notice (the controls); one only makes a rare thing frequent.
"""

from __future__ import annotations

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


def nothing() -> None:
    """The program as it is."""


CHANGES: dict[str, Callable[[], None]] = {
    "nothing": nothing,
    "synchronous off": partial(set_on_writer, "synchronous = OFF"),
    "many checkpoints": partial(set_on_writer, "wal_autocheckpoint = 40"),
}

if __name__ == "__main__":
    CHANGES[sys.argv[1]]()
    from appliance import cli

    sys.exit(cli.main(sys.argv[2:]))
