"""What the faults are let loose on: the network's on a server in this process, the disk's and the clock's on a server
of its own under a preloaded library."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.auth.superusers import create_superuser
from appliance.core.collections.save import create_collection
from appliance.core.record import Record
from appliance.core.records.save import create_record
from appliance.http import server as servers
from appliance.http.server import Server
from tests.boxes import open_box
from tests.faults.shim import Shim, ground_in_memory, require_shim
from tests.http.conftest import MORE
from tests.http.raw_cases import RECORD
from tests.http.servers import serve

CHECK_SECONDS = 0.2
NOTES = {
    "name": "notes",
    "type": "base",
    "viewRule": "",
    "createRule": "",
    "fields": [{"name": "title", "type": "text"}],
}


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server in this process with a collection `notes` and the routes of the edge's own tests. It looks for slow
    clients more often than others do."""
    with pytest.MonkeyPatch.context() as patch, open_box(tmp_path_factory.mktemp("door")) as app:
        patch.setattr(servers, "CHECK_SECONDS", CHECK_SECONDS)
        create_superuser(app, "root@example.com", "root-password")
        create_collection(app, NOTES)
        create_record(app, Record(app.collections.get("notes"), {"id": RECORD, "title": "a note"}))
        with serve(app, MORE) as server:
            yield server


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """shim/*.c, compiled."""
    return require_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def ground() -> Iterator[Path]:
    with ground_in_memory() as folder:
        yield folder


@pytest.fixture
def shim(ground: Path, library: Path) -> Shim:
    return Shim(library, ground)
