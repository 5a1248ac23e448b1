"""Storing collections: the row in `_collections`, the real table with its columns and indexes, or the view.

Everything of one change happens in one write: when any part fails, rows, table and memory are as before.
Files of a deleted collection go after the commit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from appliance import clock
from appliance.core.collection import ROW_COLUMNS, Collection
from appliance.core.collection_check import check_collection
from appliance.core.collection_draft import named_indexes, new_collection_id, new_draft
from appliance.core.collection_store import TABLE
from appliance.core.collection_table import create_table
from appliance.core.events import CollectionCreate, CollectionEvent

if TYPE_CHECKING:
    from appliance.core.app import App

_INSERT: Final = (
    f"INSERT INTO `{TABLE}` ({', '.join(f'`{name}`' for name in ROW_COLUMNS)}) "  # noqa: S608 - constants
    f"VALUES ({', '.join('?' for _ in ROW_COLUMNS)})"
)


def create_collection(app: App, body: Mapping[str, Any]) -> Collection:
    """Make the collection that the body (the wire's form) describes, and its table.

    Raises BadRequest when the body can't be read, ValidationFailed with one entry a wrong option.
    """
    draft = new_draft(body)
    return app.collections.change(lambda: create_from_draft(app, draft))


def create_from_draft(app: App, draft: Collection) -> Collection:
    """Inside `CollectionStore.change`: check, run the hooks, and store a new collection."""
    collection = _with_identity(app, draft)
    check_collection(app, collection, None)
    _run_hooks(app, CollectionCreate(app=app, collection=collection))
    return insert_collection(app, collection)


def _with_identity(app: App, draft: Collection) -> Collection:
    taken = {each.id for each in app.collections.all()}
    now = clock.now_text()
    identified = replace(
        draft,
        id=draft.id or new_collection_id(draft.type, draft.name, taken),
        created=draft.created or now,
        updated=draft.updated or now,
    )
    return named_indexes(identified)


def insert_collection(app: App, collection: Collection) -> Collection:
    """Inside `CollectionStore.change`: store a new collection as it stands, unchecked, with its table and indexes."""
    app.database.execute(_INSERT, collection.as_row())
    create_table(app.database.schema, collection)
    return app.collections.put(collection)


def _run_hooks(app: App, event: CollectionEvent) -> None:
    waiting = app.hooks.before(event)
    app.database.after_commit(lambda: app.hooks.after(waiting), on_rollback=lambda: app.hooks.abandon(waiting))
