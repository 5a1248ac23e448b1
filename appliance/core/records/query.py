"""Reading records: one by id, by values, by ids, a page of a filtered list; and asking a rule about a record.

The functions with a `request` ask the rule they are given; superusers pass every rule. The ones without are for the
house itself and see everything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from appliance.clock import now
from appliance.core.collection import Collection
from appliance.core.record import Record
from appliance.core.records.statement import (
    BACK,
    BY_ID,
    BY_IDS,
    DIALECT,
    EXISTS,
    EXISTS_NEW,
    EXISTS_VALUES,
    PAGE,
    Plan,
    PlanCache,
    Spec,
)
from appliance.core.request_info import RequestInfo
from appliance.core.resolvers.values import Asking, as_parameter
from appliance.errors import BadRequest, Forbidden, RuleError, StatementError
from appliance.rules.limits import MAX_FILTER_BYTES
from appliance.sql import Sql, bind

if TYPE_CHECKING:
    from appliance.core.app import App

DEFAULT_PER_PAGE: Final = 30
MAX_PER_PAGE: Final = 1000
MAX_SECONDS: Final = 10.0  # for one statement: paths through many records multiply, and anybody may send a filter
MAX_BACK_RECORDS: Final = 1000
MAX_PAGE: Final = 2**40  # its offset still fits SQLite's integer
SUPERUSERS_ONLY: Final = "Only superusers can perform this action."
TEMPORARY_ID: Final = "__new_record__"  # what a rule sees as the id of a record that has none yet
_CLOSED_ROOMS: Final = ("@collection.", "@request.")

_plans: Final = PlanCache()  # revisions never repeat within a process, so all apps can share it


@dataclass(frozen=True, slots=True)
class ListQuery:
    """A client's list parameters, as sent. Pages count from 1; out-of-range numbers are moved into range."""

    filter: str = ""
    sort: str = ""
    page: int = 1
    per_page: int = DEFAULT_PER_PAGE
    skip_total: bool = False


@dataclass(frozen=True, slots=True)
class RecordPage:
    """One page. `total` is -1 when it was not asked for."""

    records: list[Record]
    page: int
    per_page: int
    total: int

    @property
    def total_pages(self) -> int:
        """Pages in all, -1 when the total was not asked for."""
        return -1 if self.total < 0 else -(-self.total // self.per_page)


def find_record(app: App, collection: Collection, record_id: str) -> Record | None:
    """The record of that id, or None."""
    found = find_records_by(app, collection, {"id": record_id}, limit=1)
    return found[0] if found else None


def find_records_by(
    app: App, collection: Collection, values: Mapping[str, Any], ignore_case: bool = False, limit: int = -1
) -> list[Record]:
    """Records whose columns have exactly these values. `values` maps field names to column values."""
    columns = tuple(collection.fields_by_name)
    statement = _by_values_sql(
        collection.name, columns, tuple(_column(collection, name) for name in values), ignore_case
    )
    rows = app.database.query(statement, bind([*values.values(), limit], None))
    return [Record.from_row(collection, row) for row in rows]


@lru_cache(maxsize=512)
def _by_values_sql(table: str, columns: tuple[str, ...], names: tuple[str, ...], ignore_case: bool) -> str:
    """The SELECT of `find_records_by`: every name in it is the schema's."""
    collation = " COLLATE NOCASE" if ignore_case else ""
    wanted = " AND ".join(f"{DIALECT.quote(name)} = ?{collation}" for name in names) or "1 = 1"
    return f"SELECT {', '.join(map(DIALECT.quote, columns))} FROM {DIALECT.quote(table)} WHERE {wanted} LIMIT ?"  # noqa: S608


def find_records(app: App, collection: Collection, ids: Sequence[str]) -> list[Record]:
    """Records of these ids, in the order of the ids; missing ones are left out."""
    return find_allowed_records(app, collection, ids, "", RequestInfo())


def find_allowed_records(
    app: App, collection: Collection, ids: Sequence[str], rule: str | None, request: RequestInfo
) -> list[Record]:
    """Those records of the ids that the rule lets the request see, in the order of the ids."""
    text = _rule_for(rule, request)
    if text is None or not ids:
        return []
    purpose, values = (BY_ID, {"id": ids[0]}) if len(ids) == 1 else (BY_IDS, {"ids": json.dumps(list(ids))})
    rows = _run(app, collection, Spec(purpose, text), request, values)
    found = {record.id: record for record in (Record.from_row(collection, row) for row in rows)}
    return [found[each] for each in dict.fromkeys(ids) if each in found]


def find_back_records(
    app: App, collection: Collection, via: str, ids: Sequence[str], rule: str | None, request: RequestInfo
) -> dict[str, list[Record]]:
    """For each id the records whose relation `via` holds it and that the rule lets the request see, oldest first.

    At most MAX_BACK_RECORDS for each id, as on the wire; ids without any are left out.
    """
    text = _rule_for(rule, request)
    if text is None or not ids:
        return {}
    asked = {"ids": json.dumps(list(ids)), "limit": MAX_BACK_RECORDS}
    found: dict[str, list[Record]] = {}
    for of, *row, _place in _run(app, collection, Spec(BACK, text, via=via), request, asked):
        found.setdefault(of, []).append(Record.from_row(collection, row))
    return found


def find_allowed_record(
    app: App, collection: Collection, record_id: str, rule: str | None, request: RequestInfo
) -> Record | None:
    """The record when it is there and the rule lets the request see it, else None."""
    found = find_allowed_records(app, collection, [record_id], rule, request)
    return found[0] if found else None


def matches_rule(app: App, record: Record, rule: str | None, request: RequestInfo) -> bool:
    """Whether the rule lets the request do what it wants with the record. None: superusers only.

    A stored record is judged by its row. A new one by the values it would get, with '' as its dates and with
    a placeholder as its id while it has none. Raises RuleError when the stored rule can't be compiled.
    """
    text = _rule_for(rule, request)
    if text is None or text == "":
        return text == ""
    if not record.is_new:
        return bool(_run(app, record.collection, Spec(EXISTS, text), request, {"id": record.id}))
    return bool(_run(app, record.collection, Spec(EXISTS_NEW, text), request, _new_columns(record)))


def values_match(app: App, record: Record, rule: str | None, client_filter: str, request: RequestInfo) -> bool:
    """Like `matches_rule`, but a stored record too is judged by its values in memory: those of one change, whatever
    the row holds by now. Asks a client's filter beside the rule. Raises Forbidden, BadRequest, RuleError."""
    text = _rule_for(rule, request)
    if text is None or not (text or client_filter):
        return text is not None
    _check_client_text(ListQuery(client_filter), request)
    purpose = EXISTS_NEW if record.is_new else EXISTS_VALUES
    spec = Spec(purpose, text, client_filter, by_superuser=request.is_superuser)
    return bool(_run(app, record.collection, spec, request, _new_columns(record)))


def list_records(app: App, collection: Collection, query: ListQuery, request: RequestInfo) -> RecordPage:
    """A page of the records that the collection's list rule and the client's filter leave.

    Raises Forbidden when only superusers may list, or use a name that the filter uses; BadRequest, which says nothing
    more to the client, for a filter or sort that can't be read: its `hint` tells the operator what and where.
    """
    rule = _rule_for(collection.rules.get("listRule"), request)
    if rule is None:
        raise Forbidden(SUPERUSERS_ONLY)
    _check_client_text(query, request)
    try:
        spec = Spec(PAGE, rule, query.filter, query.sort, request.is_superuser)
        plan = _plans.get(app.collections, collection, spec, request)
        return _read_page(app, collection, plan, query, request)
    except RuleError as error:
        raise BadRequest(hint=error.hint or error.message) from error


def _read_page(app: App, collection: Collection, plan: Plan, query: ListQuery, request: RequestInfo) -> RecordPage:
    page = min(max(query.page, 1), MAX_PAGE)
    per_page = min(query.per_page, MAX_PER_PAGE) if query.per_page > 0 else DEFAULT_PER_PAGE
    asking = Asking(request, now(), {"limit": per_page, "offset": (page - 1) * per_page})
    total = -1
    if not query.skip_total and plan.count is not None:
        total = int(_query(app, plan.count, asking)[0][0])
    rows = _query(app, plan.select, asking) if total else []
    return RecordPage([Record.from_row(collection, row) for row in rows], page, per_page, total)


def _check_client_text(query: ListQuery, request: RequestInfo) -> None:
    if len(query.filter.encode()) > MAX_FILTER_BYTES:
        raise BadRequest(hint=f"A filter may have {MAX_FILTER_BYTES} bytes.")
    if request.is_superuser:
        return
    for room in _CLOSED_ROOMS:
        if room in query.filter or room in query.sort:
            raise Forbidden(f"Only superusers can filter by {room}")


def _rule_for(rule: str | None, request: RequestInfo) -> str | None:
    """The rule that binds this request: none for superusers."""
    return "" if request.is_superuser else rule


def _run(
    app: App, collection: Collection, spec: Spec, request: RequestInfo, values: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    plan = _plans.get(app.collections, collection, spec, request)
    return _query(app, plan.select, Asking(request, now(), values))


def _query(app: App, statement: Sql, asking: Asking) -> list[tuple[Any, ...]]:
    """Run a plan. What the database refuses (a JSON path, a pattern of megabytes) is the rule's fault, not ours."""
    try:
        return app.database.query(statement.text, bind(statement.parameters, asking), MAX_SECONDS)
    except StatementError as error:
        raise RuleError("the expression can't be evaluated", hint=error.message) from error


def _new_columns(record: Record) -> dict[str, Any]:
    """The values of a record as columns. Numbers of one that no column holds yet are floats, as JSON sent them."""
    columns = {f"column {each.name}": each.to_column(record.values[each.name]) for each in record.collection.fields}
    for field in record.collection.fields_of("number") if record.is_new else ():
        columns[f"column {field.name}"] = as_parameter(columns[f"column {field.name}"])
    columns["column id"] = columns.get("column id") or TEMPORARY_ID
    return columns


def _column(collection: Collection, name: str) -> str:
    """A column name that comes from the schema, never from outside."""
    return collection.fields_by_name[name].name
