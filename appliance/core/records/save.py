"""Stores records: what happens between "may they?" and COMMIT.

    create / update          id, generated texts -> before-hooks -> autodates, token key -> checks -> files -> row
    delete                   before-hooks -> row -> what points to it (delete.py)

All of it runs inside one `database.write`, so whatever was checked still holds when it is stored; calls join a
surrounding write. After the commit hooks go on, and files that nobody names any more are deleted; after a rollback
hooks are closed and new files deleted. Errors are ValidationFailed with one entry a field; api/ puts the sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from appliance import clock
from appliance.core.collection import SUPERUSERS
from appliance.core.events import RecordCreate, RecordUpdate
from appliance.core.fields.password import PasswordField
from appliance.core.fields.text import TextField
from appliance.core.passwords import PasswordValue
from appliance.core.record import Record
from appliance.core.records.checks import check_record, refused
from appliance.core.records.delete import delete_inside, delete_record, drop_stale_links
from appliance.core.records.files import drop_old_files, put_new_files
from appliance.core.records.rows import insert_row
from appliance.core.records.write import (
    mark_stored,
    require_updated,
    require_writable,
    set_autodates,
    start_hooks,
    use_current_collection,
)
from appliance.core.request_info import RequestInfo
from appliance.errors import ConstraintError

if TYPE_CHECKING:
    from appliance.core.app import App

__all__ = ["create_inside", "create_record", "delete_inside", "delete_record", "update_inside", "update_record"]

TOKEN_KEY = "tokenKey"  # noqa: S105 - a field's name


def create_record(app: App, record: Record, request: RequestInfo | None = None) -> Record:
    """Store a new record. Raises ValidationFailed; BadRequest for a view; whatever a before-hook vetoes with."""
    return app.database.write(lambda: create_inside(app, record, request))


def update_record(app: App, record: Record, request: RequestInfo | None = None) -> Record:
    """Store the changes of a record loaded in the same write. Raises as `create_record`, and NotFound when it went."""
    return app.database.write(lambda: update_inside(app, record, request))


def fill_generated(record: Record) -> None:
    """Give a new record its id and the other texts that are generated; what is set stays."""
    values = record.values
    for field in record.collection.generated_fields:
        if not values[field.name]:
            values[field.name] = field.normalise(field.generated())


def create_inside(app: App, record: Record, request: RequestInfo | None = None) -> Record:
    """Inside a write that fails when this does: `create_record` without a savepoint of its own."""
    require_writable(record)
    use_current_collection(app, record)
    fill_generated(record)
    start_hooks(app, RecordCreate(app=app, record=record, request=request))
    _store(app, record, lambda: insert_row(app, record))
    return record


def update_inside(app: App, record: Record, request: RequestInfo | None = None) -> Record:
    """Inside a write that fails when this does: `update_record` without a savepoint of its own."""
    require_writable(record)
    use_current_collection(app, record)
    start_hooks(app, RecordUpdate(app=app, record=record, request=request))
    _renew_token_key(record)
    drop_stale_links(app, record, request)
    _store(app, record, lambda: require_updated(app, record))
    drop_old_files(app, record)
    return record


def _store(app: App, record: Record, write_row: Callable[[], None]) -> None:
    """What creating and updating share from the checks on."""
    if record.collection.name == SUPERUSERS:
        record["verified"] = True
    set_autodates(record)
    check_record(app, record)
    _hash_passwords(app, record)
    put_new_files(app, record)
    try:
        write_row()
    except ConstraintError as error:
        raise refused(record, error) from error
    mark_stored(app, record)


def _renew_token_key(record: Record) -> None:
    """A new email or password ends all tokens, unless the key was changed by hand anyway."""
    key = record.collection.find_field(TOKEN_KEY)
    if not record.collection.is_auth or not isinstance(key, TextField) or _is_changed(record, TOKEN_KEY):
        return
    if _is_changed(record, "email") or record["password"].plain:
        record[TOKEN_KEY] = key.generated() or clock.random_secret()


def _is_changed(record: Record, name: str) -> bool:
    return bool(record.get(name) != record.original.get(name))


def _hash_passwords(app: App, record: Record) -> None:
    """Hash what a job or a hook set. api/ has hashed before the write, where nobody waits for it."""
    for field in record.collection.fields_of("password"):
        if isinstance(field, PasswordField) and record[field.name].plain:
            value: PasswordValue = record[field.name]
            record.values[field.name] = PasswordValue(hash=value.hash or app.passwords.hash(value.plain))
