"""Names in SQL. Only names of the schema come here, never a client's text."""

from __future__ import annotations


def quoted(name: str) -> str:
    """A table or column name in standard SQL quotes, which SQLite and Postgres both read."""
    return '"' + name.replace('"', '""') + '"'
