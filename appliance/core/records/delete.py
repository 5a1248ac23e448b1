"""Deletes a record and keeps every reference to it true.

A relation with cascadeDelete takes the referring record along when nothing else is left in it; any other loses the
id; a required one that would become empty refuses the whole deletion. A row goes first and what points to it
after, so that circles end; a chain of any length needs no deep stack.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from appliance.core.collection import Collection
from appliance.core.events import RecordDelete, RecordUpdate
from appliance.core.fields.relation import RelationField
from appliance.core.record import Record
from appliance.core.records.files import drop_all_files
from appliance.core.records.links import links_of, stale_links
from appliance.core.records.rows import count_rows, delete_row, load_referring, load_where
from appliance.core.records.write import mark_stored, require_updated, require_writable, set_autodates, start_hooks
from appliance.core.request_info import RequestInfo
from appliance.errors import BadRequest

if TYPE_CHECKING:
    from appliance.core.app import App

LAST_SUPERUSER = "You can't delete the only existing superuser."
STILL_REQUIRED = "Failed to delete record. Make sure that the record is not part of a required relation reference."


def delete_record(app: App, record: Record, request: RequestInfo | None = None) -> None:
    """Delete a stored record with what hangs on it. Raises BadRequest when a required relation holds it, when it is
    the last superuser, or for a view; whatever a before-hook vetoes with."""
    app.database.write(lambda: delete_inside(app, record, request))


def drop_stale_links(app: App, record: Record, request: RequestInfo | None) -> None:
    """Inside a write: delete what a change of an auth record makes worthless."""
    for link in stale_links(app, record):
        delete_inside(app, link, request)


def delete_inside(app: App, record: Record, request: RequestInfo | None = None) -> None:
    """Inside a write that fails when this does: `delete_record` without a savepoint of its own.

    Depth first, as the original, but on a stack of our own.
    """
    require_writable(record)
    if record.is_superuser and count_rows(app, record.collection, 2) < 2:
        raise BadRequest(LAST_SUPERUSER)
    stack = [_deletion(app, record, request)]
    while stack:
        follower = next(stack[-1], None)
        if follower is None:
            stack.pop()
        else:
            stack.append(_deletion(app, follower, request))


def _deletion(app: App, record: Record, request: RequestInfo | None) -> Iterator[Record]:
    """Delete one row and release what points to it; yield each record that has to go too, before going on."""
    start_hooks(app, RecordDelete(app=app, record=record, request=request))
    if not delete_row(app, record):
        return
    drop_all_files(app, record)
    yield from links_of(app, record)
    for collection, field in _referring_fields(app, record.collection):
        for referring in load_referring(app, collection, field, record.id):
            current = _still_referring(app, field, referring, record.id)
            if current is not None and _has_to_go(field, current, record.id):
                yield current
            elif current is not None:
                _unlink(app, current, field, record.id)


def _referring_fields(app: App, target: Collection) -> Iterator[tuple[Collection, RelationField]]:
    for collection in app.collections.all():
        if collection.is_view:
            continue
        for field in collection.fields:
            if isinstance(field, RelationField) and field.collection_id == target.id:
                yield collection, field


def _still_referring(app: App, field: RelationField, referring: Record, gone: str) -> Record | None:
    """The record as it is now: what followed an earlier one may have changed or deleted it."""
    found = load_where(app, referring.collection, {"id": referring.id})
    return found[0] if found and gone in field.elements(found[0][field.name]) else None


def _has_to_go(field: RelationField, referring: Record, gone: str) -> bool:
    """Whether the referring record follows. Raises BadRequest when it can neither follow nor lose the reference."""
    if any(each != gone for each in field.elements(referring[field.name])):
        return False
    if field.required and not field.cascade_delete:
        place = f"{referring.collection.name}.{field.name} of {referring.id}"
        raise BadRequest(STILL_REQUIRED, hint=f"{place} needs {gone}; point it elsewhere or delete it first")
    return field.cascade_delete


def _unlink(app: App, record: Record, field: RelationField, gone: str) -> None:
    """Store a record without the id. Its other values are not checked: they are none of this change's business."""
    record.values[field.name] = field.shaped([each for each in field.elements(record[field.name]) if each != gone])
    start_hooks(app, RecordUpdate(app=app, record=record))
    set_autodates(record)
    require_updated(app, record)
    mark_stored(app, record)
