"""The steps that every change of a stored record shares, whether it is saved or only loses a reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance import clock
from appliance.core.events import RecordEvent
from appliance.core.fields.autodate import AutodateField
from appliance.core.record import Record
from appliance.core.records.rows import update_row
from appliance.errors import BadRequest, NotFound

if TYPE_CHECKING:
    from appliance.core.app import App

READ_ONLY = "Unsupported collection type."


def require_writable(record: Record) -> None:
    """Raise BadRequest for a record of a view."""
    if record.collection.is_view:
        raise BadRequest(READ_ONLY)


def use_current_collection(app: App, record: Record) -> None:
    """Inside a write: the schema may have changed since the record was made. Raises NotFound when it is gone."""
    current = app.collections.find(record.collection.id)
    if current is None:
        raise NotFound(hint=f"the collection {record.collection.name} was deleted while a record of it was being saved")
    if current.revision != record.collection.revision:
        held, before = record.values, record.original
        record.collection = current
        record.values = {each.name: each.normalise(held.get(each.name)) for each in current.fields}
        record.original = (
            {each.name: each.normalise(before.get(each.name)) for each in current.fields} if before else {}
        )


def start_hooks(app: App, event: RecordEvent) -> None:
    """Inside a write: run the before-parts now and the rest after the commit."""
    waiting = app.hooks.before(event)
    if waiting:
        app.database.after_commit(lambda: app.hooks.after(waiting), lambda: app.hooks.abandon(waiting))


def require_updated(app: App, record: Record) -> None:
    """Inside a write: store the row. Raises NotFound when it is gone."""
    if not update_row(app, record):
        raise NotFound(hint=f"record {record.id} of {record.collection.name} was deleted while it was being changed")


def mark_stored(app: App, record: Record) -> None:
    """The record is no longer new, unless the write fails. Hooks read its old values until they have run."""
    was_new = record.is_new
    record.is_new = False

    def undo() -> None:
        record.is_new = was_new

    app.database.after_commit(record.remember, undo)


def set_autodates(record: Record) -> None:
    """The server's dates, all of one save alike; what a client sent for them does not count."""
    now = clock.now_text()
    for field in record.collection.fields_of("autodate"):
        if isinstance(field, AutodateField):
            due = field.on_create if record.is_new else field.on_update
            record.values[field.name] = now if due else record.original.get(field.name, "")
