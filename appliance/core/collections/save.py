"""Storing collections: the row in `_collections`, the real table with its columns and indexes, or the view.

Everything of one change happens in one write: when any part fails, rows, table and memory are as before.
Files of a deleted collection go after the commit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from appliance import clock
from appliance.core.collection import AUTH_ORIGINS, EXTERNAL_AUTHS, MFAS, OTPS, ROW_COLUMNS, Collection
from appliance.core.collections.check import check_collection
from appliance.core.collections.draft import changed_draft, named_indexes, new_collection_id, new_draft
from appliance.core.collections.store import TABLE
from appliance.core.collections.table import change_table, create_table, drop_table
from appliance.core.collections.view_query import changed_views, view_fields
from appliance.core.collections.view_words import ViewQueryError
from appliance.core.events import CollectionCreate, CollectionDelete, CollectionEvent, CollectionUpdate
from appliance.core.fields.relation import RelationField
from appliance.core.record import Record
from appliance.core.records.delete import delete_record
from appliance.core.records.query import find_record, find_records_by
from appliance.errors import BadRequest, NotFound, SchemaError, StorageError

if TYPE_CHECKING:
    from appliance.core.app import App

NOT_DELETED: Final = "Failed to delete collection."
TRUNCATE_STEP: Final = 500
NOT_TRUNCATED: Final = "Failed to truncate collection (most likely due to required cascade delete record references)."
NO_ROWS: Final = "View collections cannot be truncated since they don't store their own records."

_INSERT: Final = (
    f"INSERT INTO `{TABLE}` ({', '.join(f'`{name}`' for name in ROW_COLUMNS)}) "  # noqa: S608 - constants
    f"VALUES ({', '.join('?' for _ in ROW_COLUMNS)})"
)
_UPDATE: Final = f"UPDATE `{TABLE}` SET {', '.join(f'`{name}` = ?' for name in ROW_COLUMNS)} WHERE `id` = ?"  # noqa: S608


def create_collection(app: App, body: Mapping[str, Any]) -> Collection:
    """Make the collection that the body (the wire's form) describes, and its table.

    Raises BadRequest when the body can't be read, ValidationFailed with one entry a wrong option, SchemaError.
    """
    draft = new_draft(body)
    return app.collections.change(lambda: _create(app, with_identity(app, draft, body)))


def _create(app: App, draft: Collection) -> Collection:
    collection = with_view_fields(app, draft)
    check_collection(app, collection, None)
    run_hooks(app, CollectionCreate(app=app, collection=collection))
    return insert_collection(app, collection)


def with_identity(app: App, draft: Collection, body: Mapping[str, Any]) -> Collection:
    """A new collection with its id, its dates and its indexes.

    Default indexes are named after the id that the collection would have got, even when the body brings its own id;
    those that complete a given list after the real one: so the original names them.
    """
    automatic = new_collection_id(draft.type, draft.name, {each.id for each in app.collections.all()})
    now = clock.now_text()
    if "indexes" not in body:
        draft = replace(draft, indexes=named_indexes(replace(draft, id=automatic)).indexes)
    return named_indexes(replace(draft, id=draft.id or automatic, created=now, updated=now))


def with_view_fields(app: App, draft: Collection) -> Collection:
    """A view's fields are what its query says, whatever the body said. None when the query can't be read: the check
    says why."""
    if not draft.is_view:
        return draft
    try:
        return replace(draft, fields=view_fields(app, draft.options["viewQuery"]))
    except ViewQueryError:
        return replace(draft, fields=())


def insert_collection(app: App, collection: Collection) -> Collection:
    """Inside `CollectionStore.change`: store a new collection as it stands, unchecked, with its table and indexes."""
    app.database.execute(_INSERT, collection.as_row())
    create_table(app.database.schema, collection)
    return app.collections.put(collection)


def update_collection(app: App, name_or_id: str, body: Mapping[str, Any]) -> Collection:
    """Lay the body over a stored collection and bring its table along; the rows are kept.

    Raises NotFound, BadRequest, ValidationFailed, SchemaError.
    """

    def work() -> Collection:
        old = app.collections.get(name_or_id)
        draft = changed_draft(old, body)
        if draft.id != old.id:
            raise NotFound(hint="The id of a collection can't be changed.")
        return update_from_draft(app, old, draft)

    return app.collections.change(work)


def update_from_draft(app: App, old: Collection, draft: Collection) -> Collection:
    """Inside `CollectionStore.change`: check, run the hooks, and store a changed collection."""
    collection = with_view_fields(app, named_indexes(replace(draft, updated=clock.now_text())))
    check_collection(app, collection, old)
    run_hooks(app, CollectionUpdate(app=app, collection=collection, old=old))
    usable = usable_views(app)
    change_table(app.database.schema, old, collection)
    stored = store_changed(app, collection)
    follow_views(app, {collection.id})
    require_usable(app, [each for each in usable if each.id != old.id])
    return stored


def store_changed(app: App, collection: Collection) -> Collection:
    """Inside `CollectionStore.change`: write the row of a changed collection, and let memory follow."""
    app.database.execute(_UPDATE, (*collection.as_row(), collection.id))
    return app.collections.put(collection)


def follow_views(app: App, done: set[str]) -> None:
    """Views show the fields of their sources: when these change, the views' fields change, and so on."""
    for view in changed_views(app):
        if view.id not in done:
            store_changed(app, replace(view, updated=clock.now_text()))
            follow_views(app, {*done, view.id})
            return


def usable_views(app: App) -> list[Collection]:
    """The views that can be read now."""
    return [each for each in app.collections.all() if each.is_view and _why_unusable(app, each) is None]


def require_usable(app: App, views: list[Collection]) -> None:
    """Refuse a change that would break a view that worked before it. Raises SchemaError."""
    for view in views:
        if reason := _why_unusable(app, view):
            raise SchemaError(f"view {view.name} - {reason}", f"Change or delete the view {view.name} first.")


def _why_unusable(app: App, view: Collection) -> str | None:
    try:
        app.database.query(f"SELECT 1 FROM `{view.name}` LIMIT 0")  # noqa: S608 - a checked name
    except StorageError as error:
        return error.message
    return None


def delete_collection(app: App, name_or_id: str) -> None:
    """Delete a collection, its records, its files, and what the system keeps about its auth records.

    Raises NotFound; BadRequest for a system collection and for one that a relation or a view still needs.
    """

    def work() -> None:
        delete_stored(app, app.collections.get(name_or_id))

    app.collections.change(work)


def delete_stored(app: App, collection: Collection) -> None:
    """Inside `CollectionStore.change`: check, run the hooks, and delete."""
    if collection.system:
        raise BadRequest(NOT_DELETED, hint="System collections can't be deleted.")
    if users := _referring(app, collection):
        reason = f" probably due to existing reference in {', '.join(users)}."
        raise BadRequest(NOT_DELETED.removesuffix(".") + reason)
    run_hooks(app, CollectionDelete(app=app, collection=collection))
    usable = [each for each in usable_views(app) if each.id != collection.id]
    drop_stored(app, collection)
    _require_no_view(app, usable)


def drop_stored(app: App, collection: Collection) -> None:
    """Inside `CollectionStore.change`: delete table, row, what is kept about its auth records, and the files."""
    drop_table(app.database.schema, collection)
    _forget_auth_records(app, collection)
    app.database.execute(f"DELETE FROM `{TABLE}` WHERE `id` = ?", (collection.id,))  # noqa: S608 - a constant
    app.collections.drop(collection)
    app.database.after_commit(lambda: app.files.delete_prefix(f"{collection.id}/"))


def _referring(app: App, collection: Collection) -> list[str]:
    return [
        other.name
        for other in app.collections.all()
        if other.id != collection.id
        and any(isinstance(each, RelationField) and each.collection_id == collection.id for each in other.fields)
    ]


def _require_no_view(app: App, usable: list[Collection]) -> None:
    try:
        require_usable(app, usable)
    except SchemaError as error:
        raise BadRequest(NOT_DELETED, hint=error.hint) from error


def _forget_auth_records(app: App, collection: Collection) -> None:
    for table in (EXTERNAL_AUTHS, MFAS, OTPS, AUTH_ORIGINS) if collection.is_auth else ():
        app.database.execute(f"DELETE FROM `{table}` WHERE `collectionRef` = ?", (collection.id,))  # noqa: S608


def truncate_collection(app: App, name_or_id: str) -> None:
    """Delete every record, one by one, so that hooks, cascades and files get their due: all of them or none.

    Raises NotFound; BadRequest for a view, and when a record is still needed by a required relation.
    """

    def work() -> None:
        collection = app.collections.get(name_or_id)
        if collection.is_view:
            raise BadRequest(NO_ROWS)
        while records := find_records_by(app, collection, {}, limit=TRUNCATE_STEP):
            for record in records:
                _delete_if_there(app, record)

    app.database.write(work)


def _delete_if_there(app: App, record: Record) -> None:
    """A cascade of an earlier one may have taken it along."""
    if find_record(app, record.collection, record.id) is None:
        return
    try:
        delete_record(app, record)
    except BadRequest as error:
        raise BadRequest(NOT_TRUNCATED, hint=error.hint or error.message) from error


def run_hooks(app: App, event: CollectionEvent) -> None:
    """Inside a write: run what hangs before the event; the rest follows the commit."""
    waiting = app.hooks.before(event)
    app.database.after_commit(lambda: app.hooks.after(waiting), on_rollback=lambda: app.hooks.abandon(waiting))
