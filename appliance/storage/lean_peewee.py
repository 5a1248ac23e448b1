"""The one place that imports peewee, without the drivers of databases that this box does not use.

`import peewee` also imports every client library it finds: psycopg alone costs 0.5 s of start-up and 20 MB.
They are hidden while peewee loads and can be imported by everyone else afterwards.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

UNUSED_DRIVERS = ("psycopg2cffi", "psycopg2", "psycopg", "pymysql", "MySQLdb")
UNUSED_PARTS = ("playhouse.cockroachdb",)  # playhouse.migrate imports it, and with it psycopg


@contextmanager
def _hidden(names: tuple[str, ...]) -> Iterator[None]:
    """Make `import name` fail for names that nobody has imported yet."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None is the import system's own "not there"
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


with _hidden(UNUSED_DRIVERS):
    import peewee

sqlite_driver: Any = peewee.sqlite3  # type: ignore[attr-defined]  # not in peewee's stubs
"""The DB-API module that peewee chose: pysqlite3 where it is installed, for its newer SQLite library."""


def load_playhouse(name: str) -> Any:
    """Import `playhouse.<name>`: "migrate" or "migrations". When it is needed, because it costs 20 ms."""
    full_name = f"playhouse.{name}"
    if full_name in sys.modules:
        return sys.modules[full_name]
    with _hidden(UNUSED_DRIVERS + UNUSED_PARTS):
        return importlib.import_module(full_name)


__all__ = ["UNUSED_DRIVERS", "load_playhouse", "peewee", "sqlite_driver"]
