"""What is built once and sent to many is, for each of them, what would have been built for them alone."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from appliance.auth.superusers import create_superuser
from appliance.core.app import App
from appliance.core.collections.save import create_collection, update_collection
from appliance.core.record import Record
from appliance.core.records.access import can_watch
from appliance.core.records.expand import expand_records
from appliance.core.records.json import pick_fields, record_as_json
from appliance.realtime import broadcast
from appliance.realtime.broadcast import CREATE, Broadcaster, snapshot
from appliance.realtime.clients import Client, Clients, new_client_id
from appliance.realtime.room import Realtime
from appliance.realtime.topics import read_subscription
from tests.boxes import add_user, open_box
from tests.realtime.conftest import POSTS

QUERIES: tuple[dict[str, str], ...] = (
    {},
    {"fields": "id,title,email"},
    {"fields": "*,expand.owner.email"},
    {"expand": "owner"},
    {"expand": "owner,posts_via_owner", "fields": "id,email,expand.owner.id,expand.posts_via_owner.title"},
    {"filter": "id != 'never'"},
)


class Scene:
    """Accounts, clients of every kind, and one change at a time."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.room = app.realtime
        assert isinstance(self.room, Realtime)
        create_collection(app, POSTS)
        rule = "@request.auth.email = 'boss@example.com'"
        update_collection(app, "users", {"listRule": "", "viewRule": "id != ''", "manageRule": rule})
        people = [add_user(app, f"{name}@example.com") for name in ("ann", "bob", "boss")]
        self.open = add_user(app, "open@example.com", emailVisibility=True)
        self.ann = people[0]
        self.people: list[Record | None] = [
            None,
            *people,
            self.open,
            create_superuser(app, "root@example.com", "pw" * 8),
        ]
        self.broadcaster = Broadcaster(app, self.room)

    @property
    def clients(self) -> Clients:
        assert isinstance(self.app.realtime, Realtime)
        return self.app.realtime.clients

    def listen(self, collection: str) -> None:
        """Every account with every query, twice."""
        for person, query, _ in itertools.product(self.people, QUERIES, range(2)):
            client = Client(new_client_id())
            self.clients.add(client)
            topic = f"{collection}/*?options={json.dumps({'query': query})}"
            self.clients.subscribe(client, [read_subscription(topic)], person)

    def told(self, record: Record) -> dict[Client, Any]:
        """What each client gets of a change."""
        deliveries = self.broadcaster._judge(CREATE, record, self.clients.next_number(), 10.0)
        return {
            client: data_of(each.frame.bytes_for(client.id, False)) for each in deliveries for client in each.clients
        }

    def alone(self, record: Record) -> dict[Client, Any]:
        """The same, each worked out for its client alone."""
        found = {}
        for audience in self.clients.watching((f"{record.collection.name}/*",)):
            request = audience.request
            if can_watch(self.app, record, audience.action, request, audience.filter):
                copy = snapshot(record)
                expand_records(self.app, [copy], request.query.get("expand", ""), request)
                shown = pick_fields(record_as_json(self.app, copy, request), request.query.get("fields", ""))
                event = {"action": CREATE, "record": shown}
                found.update(dict.fromkeys(audience.members, orjson.loads(orjson.dumps(event))))
        return found


def data_of(frame: bytes) -> Any:
    return orjson.loads(frame.split(b"\ndata:", 1)[1])


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with open_box(tmp_path) as app:
        yield Scene(app)
        app.realtime.stop()  # type: ignore[attr-defined]


def posts_of(scene: Scene) -> Iterator[Record]:
    posts = scene.app.collections.get("posts")
    for owner, public in itertools.product((scene.ann.id, scene.open.id, ""), (True, False)):
        values = {"id": "p" * 15, "title": "t", "secret": "s", "owner": owner, "public": public}
        yield Record(posts, values, is_new=False)


def test_each_hears_of_a_record_what_is_theirs_to_see(scene: Scene) -> None:
    scene.listen("posts")
    for record in posts_of(scene):
        assert scene.told(record) == scene.alone(record)


def test_each_hears_of_an_account_what_is_theirs_to_see(scene: Scene) -> None:
    scene.listen("users")
    for person in (scene.ann, scene.open):
        assert scene.told(person) == scene.alone(person)
    told = scene.told(scene.ann)
    saw = {client.auth.get("email") if client.auth else "" for client in told if "email" in told[client]["record"]}
    assert saw == {"ann@example.com", "boss@example.com", "root@example.com"}


def test_a_shape_shared_too_widely_would_be_found(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    monkeypatch.setattr(broadcast._Telling, "_shape", lambda self, audience: audience.request.query.get("fields"))
    scene.listen("users")
    assert scene.told(scene.ann) != scene.alone(scene.ann)


def test_what_looks_alike_is_built_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    built = []
    build = broadcast._Telling._build
    monkeypatch.setattr(broadcast._Telling, "_build", lambda self, asking: built.append(asking) or build(self, asking))
    scene.listen("posts")
    record = next(posts_of(scene))
    told = scene.told(record)
    assert len(told) == len(scene.people) * len(QUERIES) * 2
    shared = 2 * len({query.get("fields", "") for query in QUERIES if "expand" not in query})  # superusers and others
    expanded = len(scene.people) * sum("expand" in query for query in QUERIES)
    assert len(built) == shared + expanded
