"""Records as JSON: which fields a caller sees, and how each looks on the wire.

What is worked out once per state of the schema: the names and value shapes that superusers and everybody else see.
What is worked out once per answer: whose email addresses the caller may read. A record then costs one loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from appliance.core.app import App
from appliance.core.bounded import Bounded
from appliance.core.collection import Collection
from appliance.core.record import Record
from appliance.core.records.access import readable_emails, readable_fields
from appliance.core.records.field_picker import pick_fields
from appliance.core.records.shape import Shape
from appliance.core.request_info import RequestInfo

__all__ = ["pick_fields", "record_as_json", "records_as_json", "shape_of"]

EMAIL: Final = "email"

Emails = Mapping[str, frozenset[str]]

_shapes: Final[Bounded[tuple[str, int, bool], Shape]] = Bounded(4096)  # of one collection each


def record_as_json(app: App, record: Record, request: RequestInfo) -> dict[str, Any]:
    """One record with what was expanded, as this request may see it."""
    return _as_json(record, request, _readable_emails(app, [record], request))


def records_as_json(app: App, records: Sequence[Record], request: RequestInfo) -> list[dict[str, Any]]:
    """Many records, as this request may see them; at most one SELECT per auth collection among them."""
    emails = _readable_emails(app, records, request)
    return [_as_json(each, request, emails) for each in records]


def _as_json(record: Record, request: RequestInfo, emails: Emails) -> dict[str, Any]:
    collection = record.collection
    answer = shape_of(collection, request.is_superuser).of_values(record.values)
    if collection.is_auth and record.id not in emails[collection.id]:
        answer.pop(EMAIL, None)
    if record.extra:
        answer.update(record.extra)
    if record.is_expanded:
        answer["expand"] = {name: _expanded_as_json(each, request, emails) for name, each in record.expand.items()}
    return answer


def _expanded_as_json(expanded: Record | list[Record], request: RequestInfo, emails: Emails) -> Any:
    if isinstance(expanded, list):
        return [_as_json(each, request, emails) for each in expanded]
    return _as_json(expanded, request, emails)


def shape_of(collection: Collection, is_superuser: bool) -> Shape:
    """What superusers, or everybody else, see of a collection's records. A revision is never used twice, so no entry
    can be stale."""
    key = (collection.id, collection.revision, is_superuser)
    shape = _shapes.get(key)
    if shape is None:
        shape = Shape(collection, readable_fields(collection, is_superuser))
        if collection.revision:
            _shapes.put(key, shape)
    return shape


def _readable_emails(app: App, records: Sequence[Record], request: RequestInfo) -> Emails:
    """Collection id -> ids of the records whose email may be read, expanded records included."""
    if not any(each.collection.is_auth or each.expand for each in records):
        return {}
    met: dict[str, list[Record]] = {}
    for record in _each(records):
        if record.collection.is_auth:
            met.setdefault(record.collection.id, []).append(record)
    return {
        collection_id: readable_emails(app, listed[0].collection, listed, request)
        for collection_id, listed in met.items()
    }


def _each(records: Iterable[Record]) -> Iterator[Record]:
    """Every record, and every record expanded in it."""
    for record in records:
        yield record
        for expanded in record.expand.values():
            yield from _each(expanded if isinstance(expanded, list) else [expanded])
