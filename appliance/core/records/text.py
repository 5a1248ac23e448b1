"""Records as JSON text straight from rows: how view and list answer whatever needs no Record.

No record is made, and a text that is still true is not made again (cache.py). Expanding, hooks that want to see the
records, and accounts with addresses to hide take the longer way through json.py; both ways give the same text.
"""

from __future__ import annotations

import orjson

from appliance.core.app import App
from appliance.core.collection import Collection
from appliance.core.records.access import allowed_page, get_allowed_row
from appliance.core.records.field_picker import pick_fields
from appliance.core.records.json import shape_of
from appliance.core.records.page import ListQuery, RowPage
from appliance.core.records.shape import Shape
from appliance.core.request_info import RequestInfo


def has_plain_text(collection: Collection, request: RequestInfo) -> bool:
    """Whether every caller of this kind sees the same of a record: accounts hide addresses from some."""
    return not collection.is_auth or request.is_superuser


def record_text(app: App, collection: Collection, record_id: str, request: RequestInfo, fields: str = "") -> bytes:
    """The record of that id, if the view rule shows it. Raises Forbidden, NotFound, BadRequest for `fields`."""
    stored = get_allowed_row(app, collection, record_id, request)
    shape = shape_of(collection, request.is_superuser)
    return orjson.dumps(pick_fields(shape.as_json(stored.row), fields)) if fields else stored.text(shape)


def page_text(app: App, collection: Collection, query: ListQuery, request: RequestInfo, fields: str = "") -> bytes:
    """A page of what the list rule shows. Raises Forbidden, BadRequest."""
    shape = shape_of(collection, request.is_superuser)
    read = allowed_page(app, collection, query, request)
    key = (shape, fields, read.key)
    known: bytes | None = app.cache.find_answer(collection.name, key) if read.key is not None else None
    if known is not None:
        return known
    version = app.cache.version(collection.name)
    page = read.page()
    items = _picked_texts(page, shape, fields) if fields else _texts(app, collection, page, shape, version)
    head = b'{"page":%d,"perPage":%d,"totalItems":%d,"totalPages":%d,"items":['
    text = head % (page.page, page.per_page, page.total, page.total_pages) + b",".join(items) + b"]}"
    if read.key is not None:
        app.cache.keep_answer(collection.name, key, text, len(text), version)
    return text


def _picked_texts(page: RowPage, shape: Shape, fields: str) -> list[bytes]:
    return [orjson.dumps(each) for each in pick_fields([shape.as_json(row) for row in page.rows], fields)]


def _texts(app: App, collection: Collection, page: RowPage, shape: Shape, version: int) -> list[bytes]:
    """The text of each row, made anew only where the row has changed since it was made: the rows themselves tell."""
    if collection.is_view or app.database.is_writing:
        return [orjson.dumps(shape.as_json(row)) for row in page.rows]
    return [app.cache.row_of(collection, row, version).text(shape) for row in page.rows]
