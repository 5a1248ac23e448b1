"""The files of a record on their way in and out, tied to the fate of the write.

In: an upload's bytes are flushed to the disk before the row that names them commits; when the write is rolled back
they are deleted again. Out: files that a record no longer names are deleted after the commit, never before.
A crash between the two leaves a file that nobody names, never a name without its file.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from appliance.core.collection import Collection
from appliance.core.fields.file import FileField
from appliance.core.fields.file_names import NewFile
from appliance.core.fields.text import TextField
from appliance.core.record import Record
from appliance.errors import StorageError

if TYPE_CHECKING:
    from appliance.core.app import App

SAFE_ID = re.compile(r"[A-Za-z0-9_-]+")
log = logging.getLogger("homeport.files")


def file_key(collection: Collection, record_id: str, name: str) -> str:
    """The storage key of a record's file."""
    return f"{collection.id}/{record_id}/{name}"


def thumbs_prefix(collection: Collection, record_id: str, name: str) -> str:
    """Where the thumbs of a record's file lie."""
    return f"{collection.id}/{record_id}/thumbs_{name}/"


@contextmanager
def staged_files(app: App, collection: Collection, changes: dict[str, Any], record_id: str = "") -> Iterator[None]:
    """Outside a write: put the uploads of `changes` where `record_id` will look for them, so that no write waits for
    the disk. A new record (no `record_id`) gets its id here, in `changes`. What no write has adopted at the end,
    because it was refused or failed, is deleted again."""
    uploads = [each for value in changes.values() for each in _new_files(value)]
    if uploads and not record_id:
        record_id = _choose_id(collection, changes)
    if not SAFE_ID.fullmatch(record_id):  # the checks refuse it, or the write puts the files itself
        yield
        return
    try:
        for upload in uploads:
            put_file(app, collection, record_id, upload)
        yield
    finally:
        strays = [file_key(collection, record_id, str(each)) for each in uploads if each.is_stored and not each.owner]
        _delete_each(app, strays)


def _choose_id(collection: Collection, changes: dict[str, Any]) -> str:
    """The id that a new record is to have: the one sent, else a generated one."""
    field = collection.find_field("id")
    if isinstance(field, TextField):
        changes["id"] = field.normalise(changes.get("id")) or field.generated()
    return str(changes.get("id", ""))


def put_file(app: App, collection: Collection, record_id: str, name: NewFile) -> None:
    """Store an upload durably, unless that was done."""
    if not name.is_stored:
        name.upload.stream.seek(0)
        key = file_key(collection, record_id, str(name))
        app.files.put(key, name.upload.stream, original_name=name.upload.name)
        name.is_stored = True


def put_new_files(app: App, record: Record) -> None:
    """Inside a write: store the record's uploads and tie them to it."""
    if not record.collection.fields_of("file"):
        return
    uploads = [each for field in _file_fields(record) for each in _new_files(record[field.name])]
    if not uploads:
        return
    app.database.after_commit(lambda: _settle(record), on_rollback=lambda: _forget(app, record, uploads))
    for upload in uploads:
        put_file(app, record.collection, record.id, upload)
        upload.owner = record.id


def drop_old_files(app: App, record: Record) -> None:
    """Inside a write: after its commit, delete the files that the record named before and names no longer."""
    for field in _file_fields(record):
        held = field.elements(record[field.name])
        gone = [each for each in field.elements(record.original.get(field.name)) if each not in held]
        if gone:
            app.database.after_commit(_deletion(app, record, gone))


def drop_all_files(app: App, record: Record) -> None:
    """Inside a write: after its commit, delete every file of a deleted record. By their names, which are random, not
    by the folder: a new record of the same id may have put files there already."""
    names = [each for field in _file_fields(record) for each in field.elements(record.original.get(field.name))]
    if names:
        app.database.after_commit(_deletion(app, record, names))


def _file_fields(record: Record) -> list[FileField]:
    return [each for each in record.collection.fields_of("file") if isinstance(each, FileField)]


def _new_files(value: Any) -> list[NewFile]:
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, NewFile)]


def _deletion(app: App, record: Record, names: list[str]) -> Callable[[], None]:
    collection, record_id = record.collection, record.id

    def delete() -> None:
        for each in names:
            _guarded(app.files.delete_prefix, thumbs_prefix(collection, record_id, each))
        _delete_each(app, [file_key(collection, record_id, each) for each in names])

    return delete


def _settle(record: Record) -> None:
    """What is stored is a name like any other."""
    for field in _file_fields(record):
        record.values[field.name] = field.shaped([str(each) for each in field.elements(record[field.name])])


def _forget(app: App, record: Record, uploads: list[NewFile]) -> None:
    stored = [each for each in uploads if each.is_stored]
    for each in stored:
        each.is_stored = False
        each.owner = ""
    _delete_each(app, [file_key(record.collection, record.id, str(each)) for each in stored])


def _delete_each(app: App, keys: list[str]) -> None:
    for key in keys:
        _guarded(app.files.delete, key)


def _guarded(delete: Callable[[str], None], key: str) -> None:
    """A file that can't be deleted costs space only: the change itself stands."""
    try:
        delete(key)
    except (OSError, StorageError, ValueError):
        log.exception("the file %s could not be deleted; delete it by hand", key)
