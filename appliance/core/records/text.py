"""Records as JSON text straight from rows: how view and list answer whatever needs no Record.

No record is made, and a text that is still true is not made again (cache.py). Expanding, hooks that want to see the
records, and accounts with addresses to hide take the longer way through json.py; both ways give the same text.
"""

from __future__ import annotations

from typing import Any

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
    if read.key is None:
        return orjson.dumps(_page_json(read.page(), shape, fields))
    key = (shape, fields, read.key)
    known: bytes | None = app.cache.find_answer(collection.name, key)
    if known is not None:
        return known
    version = app.cache.version(collection.name)
    text = orjson.dumps(_page_json(read.page(), shape, fields))
    app.cache.keep_answer(collection.name, key, text, len(text), version)
    return text


def _page_json(page: RowPage, shape: Shape, fields: str) -> dict[str, Any]:
    items = [shape.as_json(row) for row in page.rows]
    return {
        "page": page.page,
        "perPage": page.per_page,
        "totalItems": page.total,
        "totalPages": page.total_pages,
        "items": pick_fields(items, fields),
    }
