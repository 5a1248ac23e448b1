"""What `build` leaves behind when a data folder can't be used."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from appliance.errors import StorageError
from tests.boxes import open_box


def test_a_box_that_cannot_be_built_leaves_no_thread(tmp_path: Path) -> None:
    with open_box(tmp_path):
        pass
    (tmp_path / "settings.key").write_bytes(b"another key")
    before = set(threading.enumerate())
    with pytest.raises(StorageError, match="key of the settings"), open_box(tmp_path):
        pass
    assert set(threading.enumerate()) <= before
