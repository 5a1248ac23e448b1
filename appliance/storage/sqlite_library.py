"""Which SQLite library is linked, and whether it may be trusted with a WAL database."""

from __future__ import annotations

from appliance.errors import OldSqliteError
from appliance.storage.lean_peewee import sqlite_driver

SAFE_VERSION = (3, 51, 3)


def sqlite_version() -> str:
    """The linked SQLite library's version, such as "3.53.4"."""
    return str(sqlite_driver.sqlite_version)


def require_safe_sqlite(version: str = "") -> None:
    """Raise OldSqliteError for a library with the WAL-reset bug: 3.7.0 to 3.51.2 can lose or corrupt
    committed rows when a checkpoint meets a writer (sqlite.org/wal.html)."""
    version = version or sqlite_version()
    if tuple(int(part) for part in version.split(".")[:3]) >= SAFE_VERSION:
        return
    needed = ".".join(map(str, SAFE_VERSION))
    raise OldSqliteError(
        f"The SQLite library is {version}, which has the WAL-reset bug; {needed} or newer is needed.",
        "Install the pysqlite3 package (0.6.1 carries SQLite 3.53.4): pip install pysqlite3==0.6.1",
    )
