"""A running server with two accounts and a collection whose rules tell them apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from appliance.auth.superusers import create_superuser
from appliance.auth.tokens import new_auth_token
from appliance.core.app import App
from appliance.core.collection import Collection
from appliance.core.collections.save import create_collection
from appliance.core.record import Record
from appliance.core.records.query import find_record
from appliance.core.records.save import create_record
from appliance.http.server import Server
from tests.boxes import add_user, open_box
from tests.http.servers import serve
from tests.realtime.streams import Stream

POSTS = {
    "name": "posts",
    "type": "base",
    "listRule": "public = true || owner = @request.auth.id",
    "viewRule": "public = true || owner = @request.auth.id || @request.headers.x_key = 'k' || @request.query.q = '1'",
    "createRule": "",
    "updateRule": "",
    "deleteRule": "",
    "fields": [
        {"name": "title", "type": "text"},
        {"name": "public", "type": "bool"},
        {"name": "secret", "type": "text", "hidden": True},
        {"name": "owner", "type": "relation", "collectionId": "_pb_users_auth_", "maxSelect": 1},
    ],
}


class World:
    """The box of one test module: accounts, their tokens, and writes."""

    def __init__(self, app: App, server: Server) -> None:
        self.app = app
        self.server = server
        self.ann = add_user(app, "ann@example.com")
        self.bob = add_user(app, "bob@example.com")
        self.root = create_superuser(app, "root@example.com", "root-password")
        self.streams: list[Stream] = []

    @property
    def posts(self) -> Collection:
        return self.app.collections.get("posts")

    def token(self, record: Record, duration: int = 0) -> str:
        now = find_record(self.app, self.app.collections.get(record.collection.id), record.id)
        assert now is not None
        return new_auth_token(now, duration)

    def open(self) -> Stream:
        stream = Stream.open(self.server)
        self.streams.append(stream)
        return stream

    def listen(self, *topics: str, as_: Record | None = None) -> Stream:
        stream = self.open()
        stream.subscribe(*topics, token=self.token(as_) if as_ else "")
        return stream

    def post(self, **values: object) -> Record:
        record = Record(self.posts)
        for name, value in values.items():
            record[name] = value
        return create_record(self.app, record)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with open_box(tmp_path_factory.mktemp("box")) as app:
        create_collection(app, POSTS)
        with serve(app) as server:
            yield World(app, server)


@pytest.fixture
def world(running: World) -> Iterator[World]:
    yield running
    for stream in running.streams:
        stream.close()
    running.streams.clear()


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    """Waits until something holds."""
    import time

    def wait(holds: Callable[[], object]) -> None:
        end = time.monotonic() + 5
        while not holds():
            assert time.monotonic() < end, "it did not come true in time"
            time.sleep(0.02)

    return wait
