"""A database of its own for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.storage.sqlite import SqliteDatabase
from tests.contracts.notes import make_notes


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    opened = SqliteDatabase(tmp_path / "data.db")
    make_notes(opened)
    yield opened
    opened.close()
