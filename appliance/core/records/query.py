"""Reading records: one by id, by values, by ids, a page of a filtered list; and asking a rule about a record.

The functions with a `request` ask the rule they are given; superusers pass every rule. The ones without are for the
house itself and see everything.

What a statement brings is kept in `app.cache` where that is exact (cache.py): a row by its id, the verdict of a rule
about it, and the total of a list. Inside a write nothing is taken from there: it knows the committed state only.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from appliance.clock import now
from appliance.core.bounded import Bounded
from appliance.core.collection import Collection
from appliance.core.record import Record
from appliance.core.records.cache import VERDICT_BYTES, StoredRow
from appliance.core.records.statement import (
    BACK,
    BY_ID,
    BY_IDS,
    DIALECT,
    EXISTS,
    EXISTS_NEW,
    EXISTS_VALUES,
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
    from appliance.storage.database import Row

MAX_SECONDS: Final = 10.0  # for one statement: paths through many records multiply, and anybody may send a filter
MAX_BACK_RECORDS: Final = 1000
TEMPORARY_ID: Final = "__new_record__"  # what a rule sees as the id of a record that has none yet
_CLOSED_ROOMS: Final = ("@collection.", "@request.")

_draft_verdicts: Final[Bounded[Hashable, bool]] = Bounded(1024 * 1024)  # bytes
_plans: Final = PlanCache()  # revisions never repeat within a process, so all apps can share it


def find_record(app: App, collection: Collection, record_id: str) -> Record | None:
    """The record of that id, or None."""
    found = find_allowed_row(app, collection, record_id, "", RequestInfo())
    return found.record(collection) if found else None


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
    if len(ids) == 1:
        stored = find_allowed_row(app, collection, ids[0], rule, request)
        return [Record.from_row(collection, stored.row)] if stored else []
    text = binding_rule(rule, request)
    if text is None or not ids:
        return []
    rows = _run(app, collection, Spec(BY_IDS, text), request, {"ids": json.dumps(list(ids))})
    found = {record.id: record for record in (Record.from_row(collection, row) for row in rows)}
    return [found[each] for each in dict.fromkeys(ids) if each in found]


def find_back_records(
    app: App, collection: Collection, via: str, ids: Sequence[str], rule: str | None, request: RequestInfo
) -> dict[str, list[Record]]:
    """For each id the records whose relation `via` holds it and that the rule lets the request see, oldest first.

    At most MAX_BACK_RECORDS for each id, as on the wire; ids without any are left out.
    """
    text = binding_rule(rule, request)
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
    text = binding_rule(rule, request)
    if text is None or text == "":
        return text == ""
    if not record.is_new:
        return bool(_run(app, record.collection, Spec(EXISTS, text), request, {"id": record.id}))
    plan = _plans.get(app.collections, record.collection, Spec(EXISTS_NEW, text), request)
    parameters = bind(plan.select.parameters, Asking(request, now(), Columns(record)))
    return _draft_passes(app, plan, parameters)


def _draft_passes(app: App, plan: Plan, parameters: list[Any]) -> bool:
    """Whether the values that a rule about a draft speaks of satisfy it. Where they alone decide, it is asked once."""
    if not plan.is_local:
        return bool(run_select(app, plan.select, parameters))
    key = answer_key(plan, parameters)
    known = _draft_verdicts.get(key)
    if known is None:
        known = bool(run_select(app, plan.select, parameters))
        size = sum(len(each) for each in parameters if isinstance(each, str | bytes))
        _draft_verdicts.put(key, known, size + VERDICT_BYTES)
    return known


def values_match(app: App, record: Record, rule: str | None, client_filter: str, request: RequestInfo) -> bool:
    """Like `matches_rule`, but a stored record too is judged by its values in memory: those of one change, whatever
    the row holds by now. Asks a client's filter beside the rule. Raises Forbidden, BadRequest, RuleError."""
    plan = values_plan(app, record, rule, client_filter, request)
    if isinstance(plan, bool):
        return plan
    asking = Asking(request, now(), Columns(record))
    return bool(run_select(app, plan.select, bind(plan.select.parameters, asking)))


def values_plan(app: App, record: Record, rule: str | None, client_filter: str, request: RequestInfo) -> Plan | bool:
    """How `values_match` finds its answer for this request and whatever values, or the answer itself where no value
    matters. Raises Forbidden, BadRequest, RuleError."""
    text = binding_rule(rule, request)
    if text is None or not (text or client_filter):
        return text is not None
    check_client_text(client_filter, request)
    purpose = EXISTS_NEW if record.is_new else EXISTS_VALUES
    spec = Spec(purpose, text, client_filter, by_superuser=request.is_superuser)
    return _plans.get(app.collections, record.collection, spec, request)


def find_allowed_row(
    app: App, collection: Collection, record_id: str, rule: str | None, request: RequestInfo
) -> StoredRow | None:
    """The row of that id when it is there and the rule lets the request see it, else None.

    A verdict is remembered about one state of the row: a new state is a new StoredRow. Raises RuleError.
    """
    text = binding_rule(rule, request)
    if text is None:
        return None
    is_writing = app.database.is_writing
    known = None if is_writing else app.cache.find_row(collection, record_id)
    if known is not None and not text:
        return known
    plan = _plans.get(app.collections, collection, Spec(BY_ID, text), request)
    parameters = bind(plan.select.parameters, Asking(request, now(), {"id": record_id}))
    if is_writing or not plan.is_local:
        rows = run_select(app, plan.select, parameters)
        return StoredRow(collection, rows[0]) if rows else None
    verdict = answer_key(plan, parameters) if text else None
    if known is not None and app.cache.find_verdict(verdict) is known:
        return known
    version = app.cache.version(collection.name)
    rows = run_select(app, plan.select, parameters)
    return app.cache.keep_row(collection, record_id, rows[0], version, verdict) if rows else None


def answer_key(statement: object, parameters: Sequence[Any], *more: object) -> Hashable:
    """What an answer is kept under. Types count: SQL tells 1 from 1.0, Python's dict doesn't."""
    return (statement, *parameters, *map(type, parameters), *more)


def check_client_text(text: str, request: RequestInfo) -> None:
    """What a client may write into a filter or sort: Raises BadRequest, Forbidden."""
    if len(text.encode()) > MAX_FILTER_BYTES:
        raise BadRequest(hint=f"A filter may have {MAX_FILTER_BYTES} bytes.")
    if request.is_superuser:
        return
    for room in _CLOSED_ROOMS:
        if room in text:
            raise Forbidden(f"Only superusers can filter by {room}")


def plan_for(app: App, collection: Collection, spec: Spec, request: RequestInfo) -> Plan:
    """The plan of a spec that fits the request. Raises RuleError."""
    return _plans.get(app.collections, collection, spec, request)


def binding_rule(rule: str | None, request: RequestInfo) -> str | None:
    """The rule that binds this request: none for superusers."""
    return "" if request.is_superuser else rule


def _run(
    app: App, collection: Collection, spec: Spec, request: RequestInfo, values: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    plan = _plans.get(app.collections, collection, spec, request)
    return run_select(app, plan.select, bind(plan.select.parameters, Asking(request, now(), values)))


def run_select(app: App, statement: Sql, parameters: Sequence[Any], seconds: float = MAX_SECONDS) -> list[Row]:
    """Run a plan. What the database refuses (a JSON path, a pattern of megabytes) is the rule's fault, not ours: raises
    RuleError."""
    try:
        return app.database.query(statement.text, parameters, seconds)
    except StatementError as error:
        raise RuleError("the expression can't be evaluated", hint=error.message) from error


class Columns(dict[str, Any]):
    """The values of a record as the slots of its columns, each worked out when a statement asks for it. Numbers of one
    that no column holds yet are floats, as JSON sent them."""

    def __init__(self, record: Record) -> None:
        super().__init__()
        self._record = record

    def __missing__(self, slot: str) -> Any:
        name = slot.removeprefix("column ")
        field = self._record.collection.fields_by_name[name]
        value = field.to_column(self._record.values[name])
        if name == "id":
            value = value or TEMPORARY_ID
        elif self._record.is_new and field.type == "number":
            value = as_parameter(value)
        self[slot] = value
        return value


def _column(collection: Collection, name: str) -> str:
    """A column name that comes from the schema, never from outside."""
    return collection.fields_by_name[name].name
