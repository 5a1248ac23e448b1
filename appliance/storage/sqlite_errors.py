"""From what the SQLite driver raises to the tree in errors.py."""

from __future__ import annotations

import re

from appliance.errors import (
    BusyError,
    ConstraintError,
    DiskFailedError,
    DiskFullError,
    SchemaError,
    StatementError,
    StorageError,
)
from appliance.storage.lean_peewee import peewee, sqlite_driver

DriverError: tuple[type[Exception], ...] = (sqlite_driver.Error, sqlite_driver.Warning)

_FAILED = re.compile(r"(?P<kind>[A-Z ]+) constraint failed(?:: (?P<what>.*))?", re.DOTALL)
_DISK_HINTS = {
    "SQLITE_READONLY": ("The database is read-only.", "Check the data folder's rights and the mount options."),
    "SQLITE_IOERR": ("The disk failed under the database.", "Look at the system's log for the disk."),
    "SQLITE_CANTOPEN": ("The database file can't be opened.", "Check that the data folder exists and may be written."),
    # SQLite says so, too, of a page that the disk can't read (EIO)
    "SQLITE_CORRUPT": (
        "The database file is damaged or can't be read.",
        "Look at the system's log for the disk. If it is sound, stop the server and restore the latest backup.",
    ),
}
_HINTS = {
    "SQLITE_NOTADB": ("The file is not an SQLite database.", "Stop the server and restore the latest backup."),
    "SQLITE_NOMEM": ("The machine has no memory left for the database.", "Close other programs or add memory."),
}
# What the wire's original prints before and after SQLite's own sentence, e.g. "SQL logic error: no such column: x (1)".
_TITLES = {
    "SQLITE_ERROR": ("SQL logic error", 1),
    "SQLITE_CONSTRAINT": ("constraint failed", 19),
    "SQLITE_AUTH": ("authorization denied", 23),
}
_EXTENDED = {"unique": 2067, "not null": 1299, "check": 275, "foreign key": 787}


REFUSED: tuple[type[Exception], ...] = (*DriverError, OverflowError, UnicodeEncodeError)
"""What the driver raises for a statement; the last two for a value that has no SQL form."""


def translate(error: Exception) -> StorageError:
    """The StorageError that says what `error`, raised by the driver or by peewee, means."""
    if isinstance(error, OverflowError | UnicodeEncodeError):
        return StorageError(f"A value can't be stored: {error}")
    error = _driver_error(error)
    name = getattr(error, "sqlite_errorname", "") or ""
    if name == "SQLITE_CONSTRAINT":
        return _constraint_error(str(error))
    if name == "SQLITE_FULL":
        return DiskFullError("The disk is full: nothing of this was stored.", "Make space on the data folder's disk.")
    if name in ("SQLITE_BUSY", "SQLITE_LOCKED"):
        return BusyError("Another program holds the database's write lock.", "End it, or wait until it is done.")
    if name == "SQLITE_INTERRUPT":
        return StatementError("The database was stopped: the statement took too long.")
    if name in _DISK_HINTS:
        message, hint = _DISK_HINTS[name]
        return DiskFailedError(message, f"{hint} (SQLite: {error})")
    if name in _HINTS:
        message, hint = _HINTS[name]
        return StorageError(message, f"{hint} (SQLite: {error})")
    return StatementError(f"The database refused a statement: {error}")


def schema_error(error: Exception) -> StorageError:
    """Like `translate`; a statement that can't be carried out becomes a SchemaError with the original's wording."""
    translated = translate(error)
    return (
        translated
        if translated.hint or isinstance(translated, ConstraintError)
        else SchemaError(as_raw_error(_driver_error(error)))
    )


def as_raw_error(error: Exception) -> str:
    """SQLite's sentence as the wire's original shows it after "Raw error:"."""
    text = str(error)
    title, code = _TITLES.get(getattr(error, "sqlite_errorname", "") or "SQLITE_ERROR", ("SQL logic error", 1))
    match = _FAILED.match(text)
    if match:
        code = _EXTENDED.get(match["kind"].lower(), code)
    return f"{title}: {text} ({code})"


def _driver_error(error: Exception) -> Exception:
    """peewee wraps the driver's error and keeps it as `orig`."""
    wrapped = getattr(error, "orig", None) if isinstance(error, peewee.PeeweeException) else None
    return wrapped if isinstance(wrapped, Exception) else error


def _constraint_error(text: str) -> ConstraintError:
    """Read `UNIQUE constraint failed: posts.title, posts.owner`. Expression indexes name no columns."""
    match = _FAILED.match(text)
    if match is None:
        return ConstraintError(f"A trigger refused the row: {text}", "trigger", ())
    kind = match["kind"].lower().replace(" ", "_")
    what = match["what"] or ""
    columns = () if what.startswith("index ") else tuple(_table_and_column(part) for part in what.split(", ") if part)
    return ConstraintError(f"constraint failed: {text} ({_EXTENDED.get(match['kind'].lower(), 19)})", kind, columns)


def _table_and_column(text: str) -> tuple[str, str]:
    table, _, column = text.partition(".")
    return table, column
