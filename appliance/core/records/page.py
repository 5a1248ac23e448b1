"""Reading a page of a collection: what the list rule and a client's filter leave, in the client's order.

The total of a list, and in text.py whole pages, are kept in `app.cache` where that is exact (cache.py).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from appliance.clock import now
from appliance.core.collection import Collection
from appliance.core.record import Record
from appliance.core.records.query import answer_key, binding_rule, check_client_text, plan_for, run_select
from appliance.core.records.statement import PAGE, Spec
from appliance.core.request_info import RequestInfo
from appliance.core.resolvers.values import Asking
from appliance.errors import BadRequest, Forbidden, RuleError
from appliance.sql import Sql, bind

if TYPE_CHECKING:
    from appliance.core.app import App
    from appliance.storage.database import Row

DEFAULT_PER_PAGE: Final = 30
MAX_PER_PAGE: Final = 1000
MAX_PAGE: Final = 2**40  # its offset still fits SQLite's integer
SUPERUSERS_ONLY: Final = "Only superusers can perform this action."
NOT_ASKED: Final = -1


@dataclass(frozen=True, slots=True)
class ListQuery:
    """A client's list parameters, as sent. Pages count from 1; out-of-range numbers are moved into range."""

    filter: str = ""
    sort: str = ""
    page: int = 1
    per_page: int = DEFAULT_PER_PAGE
    skip_total: bool = False


@dataclass(frozen=True, slots=True)
class RowPage:
    """One page as rows, whose columns stand in the order of the collection's fields. `total` is -1 when it was not
    asked for."""

    rows: list[Row]
    page: int
    per_page: int
    total: int

    @property
    def total_pages(self) -> int:
        """Pages in all, -1 when the total was not asked for."""
        return -1 if self.total < 0 else -(-self.total // self.per_page)


@dataclass(frozen=True, slots=True)
class RecordPage:
    """One page as records, otherwise like RowPage."""

    records: list[Record]
    page: int
    per_page: int
    total: int
    total_pages: int


def list_records(app: App, collection: Collection, query: ListQuery, request: RequestInfo) -> RecordPage:
    """Like `read_page`, as records."""
    page = read_page(app, collection, query, request)
    records = [Record.from_row(collection, row) for row in page.rows]
    return RecordPage(records, page.page, page.per_page, page.total, page.total_pages)


def read_page(app: App, collection: Collection, query: ListQuery, request: RequestInfo) -> RowPage:
    """A page of the rows that the collection's list rule and the client's filter leave.

    Raises Forbidden when only superusers may list, or use a name that the filter uses; BadRequest, which says nothing
    more to the client, for a filter or sort that can't be read: its `hint` tells the operator what and where.
    """
    return PageRead(app, collection, query, request).page()


class PageRead:
    """One page to read: its plan and parameters. `key` names its answer among those of the table's version; None where
    it can't be kept. Raises as `read_page` does, when made and when read."""

    def __init__(self, app: App, collection: Collection, query: ListQuery, request: RequestInfo) -> None:
        rule = binding_rule(collection.rules.get("listRule"), request)
        if rule is None:
            raise Forbidden(SUPERUSERS_ONLY)
        for text in (query.filter, query.sort):
            check_client_text(text, request)
        self._app = app
        self._table = collection.name
        self._number = min(max(query.page, 1), MAX_PAGE)
        self._size = min(query.per_page, MAX_PER_PAGE) if query.per_page > 0 else DEFAULT_PER_PAGE
        self._wants_total = not query.skip_total
        self._asking = Asking(request, now(), {"limit": self._size, "offset": (self._number - 1) * self._size})
        with _client_errors():
            spec = Spec(PAGE, rule, query.filter, query.sort, request.is_superuser)
            self._plan = plan_for(app, collection, spec, request)
        self._parameters = self._bound(self._plan.select)
        can_keep = self._plan.is_local and not app.database.is_writing
        self.key = answer_key(self._plan, self._parameters, self._wants_total) if can_keep else None

    def page(self) -> RowPage:
        """The rows; none are asked for when the total is 0."""
        with _client_errors():
            total, rows = self._read()
        return RowPage(rows, self._number, self._size, total)

    def _read(self) -> tuple[int, list[Row]]:
        total = self._known_total() if self._wants_total else NOT_ASKED
        if total is None:
            found = self._read_at_once()
            if found is not None:
                return found
            total = self._count()
        return total, run_select(self._app, self._plan.select, self._parameters) if total else []

    def _read_at_once(self) -> tuple[int, list[Row]] | None:
        """Both in one pass; a page behind the last says nothing of the total."""
        statement = self._plan.at_once
        if statement is None:
            return None
        version = self._app.cache.version(self._table)
        rows = run_select(self._app, statement, self._bound(statement))
        if not rows:
            return None
        self._keep_total(rows[0][0], version)
        return rows[0][0], [row[1:] for row in rows]

    def _count(self) -> int:
        statement = self._plan.count
        assert statement is not None  # noqa: S101 - every plan of a page has one
        version = self._app.cache.version(self._table)
        total = int(run_select(self._app, statement, self._bound(statement))[0][0])
        self._keep_total(total, version)
        return total

    def _known_total(self) -> int | None:
        known: int | None = (
            self._app.cache.find_answer(self._table, self._total_key()) if self.key is not None else None
        )
        return known

    def _keep_total(self, total: int, version: int) -> None:
        if self.key is not None:
            self._app.cache.keep_answer(self._table, self._total_key(), total, 0, version)

    def _total_key(self) -> Hashable:
        """All pages of a list share their total."""
        statement = self._plan.count
        return answer_key(statement, self._bound(statement)) if statement else None

    def _bound(self, statement: Sql) -> list[Any]:
        return bind(statement.parameters, self._asking)


@contextmanager
def _client_errors() -> Iterator[None]:
    """A filter or sort that can't be compiled or evaluated is the client's mistake."""
    try:
        yield
    except RuleError as error:
        raise BadRequest(hint=error.hint or error.message) from error
