"""Streams follow their accounts: new values count for the next event; when the tokens end, so do the streams.

Hooks tell of nearly every change. Of what another program writes (the command line, beside a running server), and of
raw SQL, only the commit is known: then every account that listens is looked at again, at most once in CHECK_SECONDS.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from appliance.core.app import App
from appliance.core.events import CollectionDelete, CollectionUpdate, RecordDelete, RecordUpdate
from appliance.core.record import Record
from appliance.core.records.query import find_records
from appliance.realtime.broadcast import snapshot
from appliance.realtime.hub import Delivery
from appliance.realtime.room import Realtime
from appliance.storage.database import Touched

LAST: Final = 1000  # after every hook that may still change the record or veto the write
CHECK_SECONDS: Final = 0.8
AT_ONCE: Final = 500  # accounts in one SELECT


def bind_accounts(app: App, room: Realtime) -> None:
    """Let streams follow their accounts."""
    clients = room.clients
    app.database.follow(Rechecks(app, room))

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


class Rechecks:
    """Follows the database's commits, for those that no hook tells of."""

    def __init__(self, app: App, room: Realtime) -> None:
        self._app = app
        self._room = room
        self._is_due = False

    def committing(self, touched: Touched) -> None:
        """Nothing is kept that would have to go before the commit."""

    def settled(self, touched: Touched) -> None:
        """Look again soon, when anything may have changed."""
        if touched.everything and not self._is_due and self._room.clients.has_accounts:
            self._is_due = True
            self._room.hub.after(CHECK_SECONDS, self._queue)

    def _queue(self) -> None:
        """In the hub's thread."""
        if not self._room.changes.put(self._check, 0):
            self._room.hub.after(CHECK_SECONDS, self._queue)

    def _check(self) -> list[Delivery]:
        """On the room's thread: end the streams of accounts that are gone or have another tokenKey."""
        self._is_due = False
        for collection_id, keys in self._room.clients.token_keys().items():
            ids = list(keys)
            for start in range(0, len(ids), AT_ONCE):
                self._end_others(collection_id, {each: keys[each] for each in ids[start : start + AT_ONCE]})
        return []

    def _end_others(self, collection_id: str, keys: Mapping[str, str]) -> None:
        collection = self._app.collections.find(collection_id)
        stored = find_records(self._app, collection, list(keys)) if collection else []
        valid = {each.id for each in stored if each.get("tokenKey") == keys[each.id]}
        for record_id in keys.keys() - valid:
            self._room.end(self._room.clients.of_account((collection_id, record_id)))
