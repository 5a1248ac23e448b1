"""One small world for all rule tests: seeded into the real PocketBase once, its database copied and opened by us.

So every answer of our compiler can be compared with the original's on the very same rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pysqlite3
import pytest

from appliance.config import load_config
from appliance.core.app import App
from appliance.core.collection import SUPERUSERS
from appliance.core.records.query import find_records_by
from appliance.core.request_info import RequestInfo
from appliance.files.local import LocalStorage
from appliance.storage.sqlite import SqliteDatabase
from tests.oracle import EMAIL, Server, start_oracle
from tests.rules import world

GUEST, ANN, SUPERUSER = "guest", "ann", "superuser"
EVERYBODY = (GUEST, ANN, SUPERUSER)


@dataclass
class Original:
    """The real PocketBase with the world inside, asked as one of EVERYBODY."""

    client: httpx.Client
    tokens: dict[str, str] = field(default_factory=dict)

    def headers(self, who: str) -> dict[str, str]:
        """The sign-in of a person."""
        return {"Authorization": self.tokens[who]} if who in self.tokens else {}

    def list(self, collection: str, who: str, **query: Any) -> httpx.Response:
        """The answer to a list request."""
        return self.client.get(f"/api/collections/{collection}/records", params=query, headers=self.headers(who))

    def set_rule(self, collection: str, name: str, rule: str | None) -> httpx.Response:
        """Store one rule of a collection."""
        url = f"/api/collections/{collection}"
        return self.client.patch(url, json={name: rule}, headers=self.headers(SUPERUSER))


def _start_world(folder: Path) -> tuple[Server, Original]:
    server = start_oracle(folder)
    original = Original(httpx.Client(base_url=server.url, timeout=30))
    original.tokens[SUPERUSER] = world.sign_in(original.client, SUPERUSERS, server.email, server.password)
    with httpx.Client(base_url=server.url, timeout=30, headers=original.headers(SUPERUSER)) as admin:
        world.seed(admin)
    original.tokens[ANN] = world.sign_in(original.client, "people", "ann@example.com")
    return server, original


@pytest.fixture(scope="session")
def original_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the original keeps its data."""
    return tmp_path_factory.mktemp("world")


@pytest.fixture(scope="session")
def original(original_folder: Path) -> Iterator[Original]:
    """The seeded original."""
    server, original = _start_world(original_folder)
    yield original
    original.client.close()
    server.stop()


@pytest.fixture(scope="session")
def app(original: Original, original_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app on a copy of the original's database. Tests must not write to it."""
    folder = tmp_path_factory.mktemp("copy")
    _copy(original_folder / "pb_data" / "data.db", folder / "data.db")
    app = App(
        load_config({"dir": str(folder)}, {}), SqliteDatabase(folder / "data.db"), LocalStorage(folder / "storage")
    )
    app.collections.reload()
    yield app
    app.close()


def _copy(source: Path, target: Path) -> None:
    reader = pysqlite3.connect(f"file:{source}?mode=ro", uri=True)
    writer = pysqlite3.connect(str(target))
    reader.backup(writer)
    reader.close()
    writer.close()


def request_of(app: App, who: str, **parts: Any) -> RequestInfo:
    """The request that this person would make; `parts` are RequestInfo's other fields."""
    if who == GUEST:
        return RequestInfo(**parts)
    name, email = (SUPERUSERS, EMAIL) if who == SUPERUSER else ("people", f"{who}@example.com")
    return RequestInfo(auth=find_records_by(app, app.collections.get(name), {"email": email})[0], **parts)
