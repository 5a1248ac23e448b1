"""Who is told of a change when subscriptions come and go while it waits to be judged."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.core.collections.save import create_collection
from appliance.core.record import Record
from appliance.realtime.broadcast import CREATE, Broadcaster
from appliance.realtime.clients import Client
from appliance.realtime.frames import Frame
from appliance.realtime.hub import Delivery
from appliance.realtime.room import Realtime
from appliance.realtime.topics import read_subscription
from tests.boxes import open_box
from tests.realtime.conftest import POSTS


class Told(Realtime):
    """A room that keeps what it is given to deliver; its first delivery waits, so that later changes queue up."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()
        self.clients_told: list[str] = []

    def deliver(self, deliveries: list[Delivery]) -> None:
        assert self.go_on.wait(5)
        self.clients_told += [client.id for delivery in deliveries for client in delivery.clients]

    def client(self, *topics: str) -> Client:
        client = Client(f"client {len(self.clients)}")
        self.clients.add(client)
        self.listen(client, *topics)
        return client

    def listen(self, client: Client, *topics: str) -> None:
        self.clients.subscribe(client, map(read_subscription, topics), None)


class Scene:
    """A broadcaster that is held up, and a record about to be told of."""

    def __init__(self, broadcaster: Broadcaster, room: Told, record: Record) -> None:
        self.broadcaster = broadcaster
        self.room = room
        self.record = record

    def finish(self) -> list[str]:
        """Let the broadcaster go on to its end; the clients it told."""
        self.room.go_on.set()
        self.room.changes.stop()
        return self.room.clients_told


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with open_box(tmp_path) as app:
        room = Told()
        record = Record(create_collection(app, POSTS), {"id": "a" * 15, "public": True})
        scene = Scene(Broadcaster(app, room), room, record)
        scene.broadcaster.tell_judged(record, [Delivery(Frame("first", b"{}"), [])])
        yield scene
        room.stop()


def test_who_listens_at_the_change_is_told(scene: Scene) -> None:
    client = scene.room.client("posts/*")
    scene.broadcaster.tell_change(CREATE, scene.record)
    assert scene.finish() == [client.id]


def test_who_subscribes_after_the_change_does_not_hear_of_it(scene: Scene) -> None:
    early, late = scene.room.client("posts/*"), scene.room.client()
    scene.broadcaster.tell_change(CREATE, scene.record)
    scene.room.listen(late, "posts/*")
    assert scene.finish() == [early.id]


def test_who_subscribes_to_more_after_the_change_hears_once_by_the_old_topic(scene: Scene) -> None:
    client = scene.room.client("posts/*")
    scene.broadcaster.tell_change(CREATE, scene.record)
    scene.room.listen(client, "posts/*", f"posts/{scene.record.id}")
    assert scene.finish() == [client.id]


def test_who_leaves_after_the_change_is_not_told(scene: Scene) -> None:
    client = scene.room.client("posts/*")
    scene.broadcaster.tell_change(CREATE, scene.record)
    scene.room.listen(client)
    assert scene.finish() == []
