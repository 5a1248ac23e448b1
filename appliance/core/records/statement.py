"""The SELECTs over one collection, built once for each combination of rule, filter and sort, then reused.

    spec (rule, filter, sort, who)  --build_plan-->  Plan: SQL texts with slots and guards  --bind-->  rows

A plan belongs to one revision of the schema. The rule and the filter share their joins, as on the wire: a rule and
a filter that speak of `members.name ?= ...` speak of the same member.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from appliance.core.bounded import Bounded
from appliance.core.collection import Collection
from appliance.core.request_info import RequestInfo
from appliance.core.resolvers.joins import Joins, Root
from appliance.core.resolvers.record import Reach, Schema
from appliance.core.resolvers.request import RequestResolver
from appliance.core.resolvers.values import Guard, RequestFacts, value_slot
from appliance.errors import RuleError
from appliance.rules.compiler import compile_expression
from appliance.rules.dialect import SqlDialect
from appliance.rules.macros import MACROS
from appliance.rules.parser import parse_expression
from appliance.rules.resolver import Kind
from appliance.rules.sorting import RANDOM, ROW_ORDER, SortKey, parse_sort
from appliance.sql import Slot, Sql, join_sql, parameter, sql
from appliance.storage.dialects.sqlite import SqliteDialect

DIALECT: Final[SqlDialect] = SqliteDialect()
ALIAS: Final = "r"
BACK_ALIAS: Final = "back"
BACK_OF: Final = "back.of"  # dots: no field can have these names
BACK_PLACE: Final = "back.place"
NEW_RECORD: Final = "new.record"  # a dot: no collection can have this name

PAGE: Final = "page"  # a page and its count
BY_ID: Final = "by id"  # the record of one id: its own purpose, because SQLite prefers a rule's index to a list of ids
BY_IDS: Final = "by ids"  # records of a list of ids
BACK: Final = "back"  # records whose relation holds one of a list of ids, at most `limit` for each, behind that id
EXISTS: Final = "exists"  # whether one stored record passes
EXISTS_NEW: Final = "exists new"  # whether a record that is not yet stored passes
EXISTS_VALUES: Final = "exists values"  # whether a stored record with other values than its row's passes

MAX_PLAN_CHARACTERS: Final = 8_000_000  # of SQL kept: one hostile filter of 3,500 bytes can make half a million
PLAN_OVERHEAD: Final = 4_000  # what a plan takes besides, so that at most 2,000 are kept
CHANGES_BY_ITSELF: Final = ("RANDOM()", "STRFTIME(")  # strftime knows the time of day
ASCENDING: Final = "ASC"
DESCENDING: Final = "DESC"

OrderKey = tuple[Sql, str]  # what to sort by, and the direction

MAX_VARIANTS: Final = 16  # statements kept for one combination, for requests of different shape


@dataclass(frozen=True, slots=True)
class Spec:
    """What decides a statement besides the request. `filter` and `sort` come from a client, `rule` never does.

    `via` is the relation field of BACK.
    """

    purpose: str
    rule: str = ""
    filter: str = ""
    sort: str = ""
    by_superuser: bool = False
    via: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A statement, and the facts about the request that it was built for. A page also has its `count`; where one pass
    over the table can bring both, `at_once` has the total as the first column of each row.

    `is_local`: what it brings depends on the rows of its own table and on its parameters, on nothing else. A statement
    about values that are not stored has no table: then on its parameters alone.
    """

    select: Sql
    guards: tuple[Guard, ...]
    is_local: bool
    count: Sql | None = None
    at_once: Sql | None = None

    @property
    def characters(self) -> int:
        """How much SQL it holds."""
        return sum(len(each.text) for each in (self.select, self.count, self.at_once) if each)

    def fits(self, request: RequestInfo) -> bool:
        """Whether the statement means the same for this request."""
        return all(guard.holds(request) for guard in self.guards)


def _order_by(keys: Sequence[OrderKey]) -> list[Sql]:
    if not keys:
        return []
    return [sql("ORDER BY {}", join_sql(", ", [sql(f"{{}} {direction}", key) for key, direction in keys]))]


class PlanCache:
    """Plans by schema revision, collection and spec. Safe between threads; a plan that is there costs no lock."""

    def __init__(self, characters: int = MAX_PLAN_CHARACTERS) -> None:
        self._plans: Bounded[tuple[int, str, Spec], tuple[Plan, ...]] = Bounded(characters)

    def get(self, schema: Schema, collection: Collection, spec: Spec, request: RequestInfo) -> Plan:
        """The plan that fits the request, built when there is none yet. Raises RuleError."""
        key = (collection.revision, collection.id, spec)
        variants = self._plans.get(key) or ()
        for plan in variants:
            if plan.fits(request):
                return plan
        plan = build_plan(schema, collection, spec, request)
        variants = (plan, *variants[: MAX_VARIANTS - 1])
        self._plans.put(key, variants, PLAN_OVERHEAD + sum(each.characters for each in variants))
        return plan

    def __len__(self) -> int:
        return len(self._plans)

    def variants(self, collection: Collection, spec: Spec) -> int:
        """How many statements are kept for a spec."""
        return len(self._plans.get((collection.revision, collection.id, spec)) or ())


def build_plan(schema: Schema, collection: Collection, spec: Spec, request: RequestInfo) -> Plan:
    """Compile the statement of a spec for requests like this one. Raises RuleError."""
    return _Builder(schema, collection, spec, request).build()


class _Builder:
    """Collects the conditions, the order and the joins of one statement."""

    def __init__(self, schema: Schema, collection: Collection, spec: Spec, request: RequestInfo) -> None:
        self.schema = schema
        self.collection = collection
        self.spec = spec
        is_draft = spec.purpose == EXISTS_NEW
        by_values = is_draft or spec.purpose == EXISTS_VALUES
        table = Sql(DIALECT.quote(NEW_RECORD if by_values else collection.name))
        self.root = Root(collection, table, ALIAS, is_draft=is_draft)
        self.joins = Joins(DIALECT)
        self.facts = RequestFacts(request)

    def build(self) -> Plan:
        """The plan."""
        conditions = [self._condition(self.spec.rule, Reach())] if self.spec.rule else []
        if self.spec.filter:
            conditions.append(self._condition(self.spec.filter, self._client_reach()))
        order = self._order(parse_sort(self.spec.sort))
        conditions += self.joins.conditions
        if self.spec.purpose == PAGE:
            return self._page(conditions, order)
        select = self._single(conditions)
        return Plan(select, tuple(self.facts.guards.values()), self._is_local(select))

    def _client_reach(self) -> Reach:
        return Reach(hidden=self.spec.by_superuser, unlisted=self.spec.by_superuser)

    def _resolver(self, reach: Reach) -> RequestResolver:
        return RequestResolver(self.schema, self.root, self.joins, reach, self.facts)

    def _condition(self, text: str, reach: Reach) -> Sql:
        return sql("({})", compile_expression(parse_expression(text), self._resolver(reach), DIALECT))

    def _order(self, keys: Sequence[SortKey]) -> list[OrderKey]:
        if not keys:
            return []
        resolver = self._resolver(self._client_reach())
        return [(self._sort_key(key, resolver), DESCENDING if key.is_descending else ASCENDING) for key in keys]

    def _sort_key(self, key: SortKey, resolver: RequestResolver) -> Sql:
        if key.name == RANDOM:
            return DIALECT.random()
        if key.name == ROW_ORDER and not self.collection.is_view:  # a view's rows have no order of their own
            return DIALECT.row_order(ALIAS)
        try:
            operand = resolver.resolve(key.name)
        except RuleError as error:
            raise RuleError(error.message, key.column, f"Column {key.column}: {error.hint}") from error
        if operand.kind is not Kind.COLUMN:
            raise RuleError("invalid sort field", key.column, f"Column {key.column}: {key.name} is no field.")
        if operand.visible is not None:
            return sql("CASE WHEN {} THEN {} END", operand.visible, operand.value)
        return operand.value

    def _from(self, conditions: Sequence[Sql]) -> Sql:
        pieces = [sql(f"FROM {{}} AS {ALIAS}", self.root.table), *self.joins.clauses]
        if conditions:
            pieces.append(sql("WHERE {}", join_sql(" AND ", conditions)))
        return join_sql(" ", pieces)

    def _columns(self) -> Sql:
        columns = join_sql(", ", [self.joins.column(ALIAS, each.name) for each in self.collection.fields])
        return sql("SELECT DISTINCT {}" if self.joins.clauses else "SELECT {}", columns)

    def _page(self, conditions: Sequence[Sql], order: Sequence[OrderKey]) -> Plan:
        """DISTINCT only where joins can repeat a record: it costs a sort or a table."""
        source = self._from(conditions)
        limits = sql("LIMIT {} OFFSET {}", parameter(value_slot("limit")), parameter(value_slot("offset")))
        select = join_sql(" ", [self._columns(), source, *_order_by(order), limits])
        counted = sql("COUNT(DISTINCT {})", self._id()) if self.joins.clauses else Sql("COUNT(*)")
        is_local = self._is_local(select)
        at_once = self._at_once(source, order, limits) if is_local and conditions and order else None
        guards = tuple(self.facts.guards.values())
        return Plan(select, guards, is_local, sql("SELECT {} {}", counted, source), at_once)

    def _at_once(self, source: Sql, order: Sequence[OrderKey], limits: Sql) -> Sql:
        """A sorted page looks at every row that matches anyway: so they are counted on the way, and only those on the
        page are read whole. One pass instead of two; where few rows match it costs little more than the count."""
        keys = [(sql(f"{{}} AS key{place}", key), direction) for place, (key, direction) in enumerate(order)]
        named = [(Sql(f"key{place}"), direction) for place, (_, direction) in enumerate(order)]
        row = DIALECT.row_order(ALIAS)
        matched = sql("SELECT {} AS place, {} {}", row, join_sql(", ", [key for key, _ in keys]), source)
        shown = join_sql(" ", [Sql("SELECT place FROM matched"), *_order_by(named), limits])
        columns = join_sql(", ", [self.joins.column(ALIAS, each.name) for each in self.collection.fields])
        found = sql("WITH matched AS MATERIALIZED ({}), shown AS ({})", matched, shown)
        wanted = sql("SELECT (SELECT COUNT(*) FROM matched), {} FROM shown", columns)
        whole = sql("CROSS JOIN {} AS {} ON {} = shown.place", self.root.table, Sql(ALIAS), row)
        return join_sql(" ", (found, wanted, whole))

    def _is_local(self, select: Sql) -> bool:
        """A statement with a moment in it could be kept, but no moment comes twice."""
        if self.joins.clauses or self.collection.is_view:
            return False
        text = select.text.upper()
        names = {each.name for each in select.parameters if isinstance(each, Slot)}
        return not any(word in text for word in CHANGES_BY_ITSELF) and names.isdisjoint(MACROS)

    def _id(self) -> Sql:
        return self.joins.column(ALIAS, "id")

    def _single(self, conditions: Sequence[Sql]) -> Sql:
        if self.spec.purpose == BY_IDS:
            ids = DIALECT.each_of_json(parameter(value_slot("ids")))
            chosen = sql("{} IN (SELECT value FROM {} AS chosen)", self._id(), ids)
            return join_sql(" ", [self._columns(), self._from([chosen, *conditions])])
        if self.spec.purpose == BACK:
            return self._back(conditions)
        if self.spec.purpose in (BY_ID, EXISTS):
            chosen = sql("{} = {}", self._id(), parameter(value_slot("id")))
            shown = self._columns() if self.spec.purpose == BY_ID else Sql("SELECT 1")
            return sql("{} {} LIMIT 1", shown, self._from([chosen, *conditions]))
        source = self._from(conditions)
        return sql("WITH {} AS ({}) SELECT 1 {} LIMIT 1", self.root.table, self._new_row(source), source)

    def _back(self, conditions: Sequence[Sql]) -> Sql:
        """Ranked inside each id, so that one id with a million records costs no other its own. A join may repeat a
        record: DENSE_RANK counts it once, DISTINCT returns it once."""
        via = self.collection.fields_by_name[self.spec.via]
        holder = self.joins.column(ALIAS, via.name)
        if via.is_multiple:
            self.joins.clauses.insert(0, sql(f"JOIN {{}} AS {BACK_ALIAS} ON 1 = 1", DIALECT.each(holder)))
            holder = self.joins.column(BACK_ALIAS, "value")
        ids = DIALECT.each_of_json(parameter(value_slot("ids")))
        chosen = sql("{} IN (SELECT value FROM {} AS chosen)", holder, ids)
        kept = [DIALECT.quote(each.name) for each in self.collection.fields]
        columns = [self.joins.column(ALIAS, each.name).text for each in self.collection.fields]
        order = self._id() if self.collection.is_view else DIALECT.row_order(ALIAS)
        place = sql(f'DENSE_RANK() OVER (PARTITION BY {{}} ORDER BY {{}}) AS "{BACK_PLACE}"', holder, order)
        named = sql(f'{{}} AS "{BACK_OF}", {", ".join(columns)}, {{}}', holder, place)
        ranked = sql("SELECT {} {}", named, self._from([chosen, *conditions]))
        shown = Sql(", ".join((f'"{BACK_OF}"', *kept, f'"{BACK_PLACE}"')))
        within = sql(f'"{BACK_PLACE}" <= {{}}', parameter(value_slot("limit")))
        in_order = Sql(f'"{BACK_OF}", "{BACK_PLACE}"')
        return sql("SELECT DISTINCT {} FROM ({}) WHERE {} ORDER BY {}", shown, ranked, within, in_order)

    def _new_row(self, source: Sql) -> Sql:
        """The one row of the record: those values that `source` asks for, as parameters.

        Those of a stored record compare as its columns do. Those of a new one are bare, as in the original: there
        `score > @request.query.least` compares a number with a text.
        """
        named = []
        for field in self.collection.fields:
            if DIALECT.quote(field.name) not in source.text:
                continue
            value = parameter(value_slot(f"column {field.name}"))
            if self.spec.purpose == EXISTS_VALUES and not field.is_multiple:
                value = DIALECT.typed(value, field.column_kind)
            named.append(sql("{} AS {}", value, Sql(DIALECT.quote(field.name))))
        return sql("SELECT {}", join_sql(", ", named or [Sql("1")]))
