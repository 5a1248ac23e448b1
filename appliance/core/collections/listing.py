"""Listing collections: `_collections` read like a collection of its own, by its plain columns only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from appliance.core.collection import Collection
from appliance.core.collections.store import TABLE
from appliance.core.fields import field_from_json
from appliance.core.records.page import ListQuery, list_records
from appliance.core.request_info import RequestInfo

if TYPE_CHECKING:
    from appliance.core.app import App

_COLUMNS: Final = {
    "id": "text",
    "created": "text",
    "updated": "text",
    "name": "text",
    "type": "text",
    "system": "bool",
}
_AS_COLLECTION: Final = Collection(
    id=TABLE,
    name=TABLE,
    fields=tuple(field_from_json({"name": name, "type": kind}) for name, kind in _COLUMNS.items()),
)


def list_collections(app: App, query: ListQuery, request: RequestInfo) -> dict[str, Any]:
    """One page in the wire's form, `items` holding Collection values. Raises BadRequest, Forbidden."""
    page = list_records(app, _AS_COLLECTION, query, request)
    return {
        "items": [app.collections.get(each.id) for each in page.records],
        "page": page.page,
        "perPage": page.per_page,
        "totalItems": page.total,
        "totalPages": page.total_pages,
    }
