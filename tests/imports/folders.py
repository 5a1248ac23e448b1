"""Looks into data folders from outside, with nothing of ours between."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from pathlib import Path
from typing import Any

from appliance.storage.lean_peewee import sqlite_driver

KEY = "0123456789abcdef0123456789abcdef"


def connect(path: Path) -> Any:
    return closing(sqlite_driver.connect(str(path), isolation_level=None))


def rows_of(path: Path) -> dict[str, list[Any]]:
    """Every row with its rowid, by table; our own table and SQLite's statistics left out."""
    with connect(path) as database:
        statement = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        names = [name for (name,) in database.execute(statement) if name != "_homeport_migrations"]
        return {name: database.execute(f"SELECT rowid, * FROM `{name}` ORDER BY rowid").fetchall() for name in names}


def statements_of(path: Path) -> set[str]:
    with connect(path) as database:
        statement = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name <> '_homeport_migrations'"
        return {sql for (sql,) in database.execute(statement)}


def tree_of(folder: Path) -> dict[str, tuple[int, str]]:
    """Each file's time and content, by its name inside the folder."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in folder.rglob("*")
        if path.is_file()
    }


def change(folder: Path, statement: str, *parameters: Any) -> None:
    with connect(folder / "data.db") as database:
        database.execute(statement, parameters)


def settings_of(folder: Path) -> Any:
    with connect(folder / "data.db") as database:
        ((value,),) = database.execute("SELECT value FROM _params WHERE id = 'settings'").fetchall()
        return json.loads(value)
