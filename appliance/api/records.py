"""`/api/collections/{collection}/records`: list, view, create, update and delete records.

Each handler reads as the request walks: the collection, the body, the rule, the work, the answer. Rules, checks and
the write share one transaction, so that what was allowed is what is stored.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any, Final, NamedTuple

from appliance.api.body import changes_of, read_body
from appliance.api.credentials import Credentials, check_credentials, hash_passwords, read_credentials
from appliance.api.list_query import read_list_query
from appliance.api.request import Json, Request, Response, Write
from appliance.api.steady import steady_read, steady_write
from appliance.core.app import App
from appliance.core.collection import BASE, Collection
from appliance.core.events import RecordsList, RecordView
from appliance.core.record import Record
from appliance.core.records import save as record_save
from appliance.core.records.access import (
    CREATE,
    DELETE,
    LIST,
    UPDATE,
    can_manage,
    get_allowed,
    get_rule,
    list_allowed,
    require_draft,
    require_rule,
    writable_names,
)
from appliance.core.records.expand import expand_records
from appliance.core.records.files import staged_files
from appliance.core.records.json import pick_fields, record_as_json, records_as_json
from appliance.core.records.page import RecordPage
from appliance.core.records.query import find_record
from appliance.core.records.text import has_plain_text, page_text, record_text
from appliance.core.request_info import RequestInfo
from appliance.core.resolvers.values import BodyOfRules
from appliance.errors import BadRequest, NotFound, ValidationFailed, errors_as_json

log = logging.getLogger("homeport.records")

NO_COLLECTION: Final = "Missing collection context."
NO_COLLECTION_TO_WRITE: Final = "Missing or invalid collection context."
READ_ONLY: Final = "Unsupported collection type."
NOT_CREATED: Final = "Failed to create record."
NOT_UPDATED: Final = "Failed to update record."


@steady_read
def list_records(request: Request) -> Response:
    """`GET .../records`: a page of what the list rule shows."""
    collection = _get_collection(request, NO_COLLECTION)
    info = request.as_info()
    get_rule(collection, LIST, info)
    if _needs_no_records(request, collection, info, RecordsList.name):
        query = read_list_query(request.query)
        return Response(Json(page_text(request.app, collection, query, info, request.query.get("fields", ""))))
    page = list_allowed(request.app, collection, read_list_query(request.query), info)
    event = RecordsList(app=request.app, collection=collection, records=page.records, request=info)
    waiting = request.app.hooks.before(event)
    answer = _answer_page(request, page, info)
    request.app.hooks.after(waiting)
    return answer


@steady_read
def view_record(request: Request) -> Response:
    """`GET .../records/{id}`: one record that the view rule shows."""
    collection = _get_collection(request, NO_COLLECTION)
    info = request.as_info()
    if _needs_no_records(request, collection, info, RecordView.name):
        fields = request.query.get("fields", "")
        return Response(Json(record_text(request.app, collection, request.path["id"], info, fields)))
    record = get_allowed(request.app, collection, request.path["id"], info)
    waiting = request.app.hooks.before(RecordView(app=request.app, record=record, request=info))
    answer = _answer_record(request, record, info)
    request.app.hooks.after(waiting)
    return answer


@steady_write
def create_record(request: Request) -> Response:
    """`POST .../records`: a new record that the create rule lets in."""
    wanted = _read_wanted(request, CREATE)
    with staged_files(request.app, wanted.collection, wanted.changes):
        return run_write(request.app, _creation(request, wanted))


def begin_create(request: Request) -> Write:
    """`create_record` up to its write, for whoever must not wait: the caller queues the write and answers later.

    Only for a request that `creates_quickly`. Raises what `create_record` raises before its write. `explain` gives a
    SchemaMovedError back as it is: nothing has been written then, begin again.
    """
    return _creation(request, _read_wanted(request, CREATE))


def begin_update(request: Request) -> Write:
    """`update_record` up to its write, alike. Only for a request that `updates_quickly`."""
    return _changing(request, _read_wanted(request, UPDATE, request.path["id"]))


def creates_quickly(request: Request) -> bool:
    """Whether creating needs no time beside the write: no password to hash, no file to store, no record to read for
    the answer. Whether a plugin goes on after the commit is the caller's to ask."""
    collection = request.app.collections.find(request.path["collection"])
    if collection is None or collection.type != BASE:
        return False
    return type(request.body) is dict and "expand" not in request.query and not collection.fields_of("password")


def updates_quickly(request: Request) -> bool:
    """Whether changing needs no time beside the write either: there is no file that it could remove."""
    collection = request.app.collections.find(request.path["collection"])
    return collection is not None and not collection.fields_of("file") and creates_quickly(request)


@steady_write
def update_record(request: Request) -> Response:
    """`PATCH .../records/{id}`: change what the body names in a record that the update rule opens."""
    wanted = _read_wanted(request, UPDATE, request.path["id"])
    with staged_files(request.app, wanted.collection, wanted.changes, wanted.record_id):
        return run_write(request.app, _changing(request, wanted))


@steady_write
def delete_record(request: Request) -> Response:
    """`DELETE .../records/{id}`: delete a record that the delete rule gives up."""
    collection = _get_writable(request, NO_COLLECTION)
    info = request.as_info()
    get_rule(collection, DELETE, info)
    request.app.database.write(lambda: _delete(request.app, collection, request.path["id"], info))
    return Response(status=204)


def run_write(app: App, begun: Write) -> Response:
    """Run a request's write here and wait for it."""
    try:
        result = app.database.write(begun.work)
    except Exception as error:
        explained = begun.explain(error)
        if explained is error:
            raise
        raise explained from error
    return begun.answer(result)


class Wanted(NamedTuple):
    """What a request wants to write: `body` as sent, `changes` the part that its caller may set."""

    collection: Collection
    info: RequestInfo
    body: Mapping[str, Any]
    changes: dict[str, Any]
    credentials: Credentials
    record_id: str = ""


def _read_wanted(request: Request, action: str, record_id: str = "") -> Wanted:
    """Read the body and do what is too slow for the write: verify and hash passwords."""
    collection = _get_writable(request, NO_COLLECTION_TO_WRITE)
    body = read_body(request, collection)
    info = request.as_info(body)
    get_rule(collection, action, info)
    changes = changes_of(collection, body, info)
    credentials = read_credentials(request.app, collection, body, record_id)
    hash_passwords(request.app, collection, changes, credentials)
    return Wanted(collection, info, body, changes, credentials, record_id)


def _creation(request: Request, wanted: Wanted) -> Write:
    return Write(
        partial(_create, request.app, wanted),
        partial(_answer_record, request, info=wanted.info),
        partial(_explain, NOT_CREATED, wanted),
    )


def _changing(request: Request, wanted: Wanted) -> Write:
    return Write(
        partial(_update, request.app, wanted),
        partial(_answer_record, request, info=wanted.info),
        partial(_explain, NOT_UPDATED, wanted),
    )


def _create(app: App, wanted: Wanted) -> Record:
    app.collections.require_current(wanted.collection)
    record = Record(wanted.collection)
    record.assign(wanted.changes)
    info = _info_of(record, wanted)
    require_draft(app, record, info)
    if record.collection.is_auth:
        check_credentials(record, wanted.credentials, can_manage(app, record, info))
    return record_save.create_inside(app, record, info)


def _update(app: App, wanted: Wanted) -> Record:
    """Rules are asked about the record as it is stored; `@request.body` has what it would become."""
    collection = wanted.collection
    app.collections.require_current(collection)
    stored = _get_record(app, collection, wanted.record_id)
    record = Record(collection, stored.values, is_new=False)
    record.assign(wanted.changes)
    info = _info_of(record, wanted)
    require_rule(app, stored, UPDATE, info)
    check_credentials(record, wanted.credentials, can_manage(app, stored, info))
    return record_save.update_inside(app, record, info)


def _delete(app: App, collection: Collection, record_id: str, info: RequestInfo) -> None:
    app.collections.require_current(collection)
    record = _get_record(app, collection, record_id)
    require_rule(app, record, DELETE, info)
    record_save.delete_inside(app, record, info)


def _info_of(record: Record, wanted: Wanted) -> RequestInfo:
    return wanted.info.with_body(BodyOfRules(record, wanted.body, wanted.info.is_superuser))


def _needs_no_records(request: Request, collection: Collection, info: RequestInfo, event: str) -> bool:
    """Whether an answer can be made of rows alone (core/records/text.py)."""
    wants_records = request.query.get("expand") or request.app.hooks.has(event)
    return not wants_records and has_plain_text(collection, info)


def _get_collection(request: Request, missing: str) -> Collection:
    collection = request.app.collections.find(request.path["collection"])
    if collection is None:
        raise NotFound(missing)
    return collection


def _get_writable(request: Request, missing: str) -> Collection:
    collection = _get_collection(request, missing)
    if collection.is_view:
        raise BadRequest(READ_ONLY)
    return collection


def _get_record(app: App, collection: Collection, record_id: str) -> Record:
    record = find_record(app, collection, record_id)
    if record is None:
        raise NotFound()
    return record


def _explain(sentence: str, wanted: Wanted, error: Exception) -> Exception:
    """Core knows which field is wrong, not what the client was about to do: its errors get the answer's sentence.

    A field that the client can't see or set isn't named to it; the operator finds it in the log.
    """
    if not isinstance(error, ValidationFailed):
        return error
    collection = wanted.collection
    writable = writable_names(collection, wanted.info.is_superuser)
    shown: dict[str, Any] = {}
    kept_back: dict[str, Any] = {}
    for name, entry in error.data.items():
        field = collection.find_field(name)
        is_shown = field is None or field.name in writable
        (shown if is_shown else kept_back)[name] = entry
    if kept_back:
        log.warning("%s %s: hidden fields: %s", collection.name, sentence, errors_as_json(kept_back))
    return ValidationFailed(shown, sentence, error.hint)


def _answer_record(request: Request, record: Record, info: RequestInfo) -> Response:
    expand_records(request.app, [record], request.query.get("expand", ""), info)
    answer = record_as_json(request.app, record, info)
    return Response(pick_fields(answer, request.query.get("fields", "")))


def _answer_page(request: Request, page: RecordPage, info: RequestInfo) -> Response:
    expand_records(request.app, page.records, request.query.get("expand", ""), info)
    items = records_as_json(request.app, page.records, info)
    return Response(
        {
            "page": page.page,
            "perPage": page.per_page,
            "totalItems": page.total,
            "totalPages": page.total_pages,
            "items": pick_fields(items, request.query.get("fields", "")),
        }
    )
