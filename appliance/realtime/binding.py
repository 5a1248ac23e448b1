"""Hangs realtime on the app's hooks. wiring.py calls `bind` once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from appliance.core.app import App
from appliance.core.events import CollectionDelete, CollectionUpdate, RecordCreate, RecordDelete, RecordUpdate, Stop
from appliance.core.record import Record
from appliance.realtime.broadcast import CREATE, UPDATE, Broadcaster, snapshot
from appliance.realtime.room import Realtime

LAST = 1000  # after every hook that may still change the record or veto the write


def bind(app: App) -> None:
    """Make `app.realtime` and let it follow records, accounts and collections."""
    room = Realtime()
    app.realtime = room
    bind_records(app, Broadcaster(app, room))
    bind_accounts(app, room)

    @app.on.stop()
    def end_streams(_event: Stop) -> None:
        room.stop()


def bind_records(app: App, broadcaster: Broadcaster) -> None:
    """Tell of created, updated and deleted records."""

    @app.on.record_create(priority=LAST)
    def tell_create(event: RecordCreate) -> None:
        event.on_commit(partial(_tell, broadcaster, CREATE, event.record))

    @app.on.record_update(priority=LAST)
    def tell_update(event: RecordUpdate) -> None:
        event.on_commit(partial(_tell, broadcaster, UPDATE, event.record))

    @app.on.record_delete(priority=LAST)
    def tell_delete(event: RecordDelete) -> None:
        if broadcaster.is_watched(event.record):
            deliveries = broadcaster.judge_delete(event.record)
            event.on_commit(partial(broadcaster.tell_judged, event.record, deliveries))


def _tell(broadcaster: Broadcaster, action: str, record: Record) -> None:
    if broadcaster.is_watched(record):
        broadcaster.tell_change(action, record)


def bind_accounts(app: App, room: Realtime) -> None:
    """Streams follow their accounts: new values count for the next event; when the tokens end, so do the streams."""
    clients = room.clients

    @app.on.record_update(priority=LAST)
    def follow_account(event: RecordUpdate) -> None:
        if event.record.collection.is_auth:
            had_key = event.record.original.get("tokenKey")
            event.on_commit(partial(_follow, room, event.record, had_key))

    @app.on.record_delete(priority=LAST)
    def sign_out(event: RecordDelete) -> None:
        record = event.record
        if record.collection.is_auth:
            event.on_commit(lambda: room.end(clients.of_account((record.collection.id, record.id))))

    @app.on.collection_update(priority=LAST)
    def sign_out_when_secret_changes(event: CollectionUpdate) -> None:
        old, new = event.old, event.collection
        if old is not None and old.is_auth and _secret(old.options) != _secret(new.options):
            event.on_commit(lambda: room.end(clients.of_collection(new.id)))

    @app.on.collection_delete(priority=LAST)
    def sign_out_all(event: CollectionDelete) -> None:
        event.on_commit(lambda: room.end(clients.of_collection(event.collection.id)))


def _follow(room: Realtime, record: Record, had_key: str | None) -> None:
    """After the commit. A new tokenKey has ended every token that was issued before."""
    account = (record.collection.id, record.id)
    if record.get("tokenKey") == had_key:
        room.clients.update_auth(account, snapshot(record))
    else:
        room.end(room.clients.of_account(account))


def _secret(options: Mapping[str, Any]) -> Any:
    return (options.get("authToken") or {}).get("secret")
