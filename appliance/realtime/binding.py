"""Hangs realtime on the app's hooks. wiring.py calls `bind` once."""

from __future__ import annotations

from functools import partial

from appliance.core.app import App
from appliance.core.events import RecordCreate, RecordDelete, RecordUpdate, Stop
from appliance.core.record import Record
from appliance.realtime.accounts import LAST, bind_accounts
from appliance.realtime.broadcast import CREATE, UPDATE, Broadcaster
from appliance.realtime.room import Realtime


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
