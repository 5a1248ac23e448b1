"""The joins of one statement, and dotted paths on their way through them.

Every path is walked twice at once: with the statement's own joins, which paths share, and with a set of its own
inside a sub-select. When the path reaches many records the sub-select lists all its values, so that a plain
operator can require all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count

from appliance.core.collection import Collection
from appliance.errors import RuleError
from appliance.rules.dialect import SqlDialect
from appliance.rules.limits import MAX_JOINS
from appliance.rules.resolver import Operand
from appliance.sql import Sql, join_sql, sql

ForAlias = Callable[[str], Sql]
JoinClause = Callable[[str, str], Sql]  # (alias of the new table, alias of the table before it) -> LEFT JOIN ...


@dataclass
class Joins:
    """What the statement joins. `conditions` must hold besides: the list rules of joined collections.

    `listed` are the aliases whose list rule is among them. A rule sees every row of a table that it joins; when a
    client's filter comes to share that join, its list rule is added then.
    """

    dialect: SqlDialect
    clauses: list[Sql] = field(default_factory=list)
    conditions: list[Sql] = field(default_factory=list)
    listed: set[str] = field(default_factory=set)
    _aliases: dict[Hashable, str] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def new_alias(self, prefix: str) -> str:
        """A name that no other table of the statement has."""
        return f"{prefix}{next(self._numbers)}"

    def apart(self) -> Joins:
        """Joins of a sub-select of the same statement."""
        return Joins(self.dialect, _numbers=self._numbers)

    def join(self, key: Hashable, before: str, clause: JoinClause) -> str:
        """The alias of a join. Equal keys share one join."""
        known = self._aliases.get(key)
        if known is not None:
            return known
        if len(self.clauses) >= MAX_JOINS:
            raise RuleError("too many relations", hint=f"An expression can join at most {MAX_JOINS} tables.")
        alias = self._aliases[key] = self.new_alias("j")
        self.clauses.append(clause(alias, before))
        return alias

    def column(self, alias: str, name: str) -> Sql:
        """`alias."name"`."""
        return Sql(f"{alias}.{self.dialect.quote(name)}")


@dataclass(frozen=True)
class Root:
    """The table that the statement selects from: a collection's, or the one row of a record not yet stored.

    `namespace` keeps the joins of a nested rule apart from those of the statement around it.
    `is_draft`: the record is not stored yet, so nothing can point to it.
    """

    collection: Collection
    table: Sql
    alias: str
    namespace: str = ""
    is_draft: bool = False


@dataclass(frozen=True)
class Path:
    """A dotted path so far. `alias` is its table in the statement, `twin` the same table in the sub-select.

    `conditions` leave out of the sub-select what the asker may not see: else "all of" would tell of hidden rows.
    """

    joins: Joins
    root: Root
    collection: Collection
    alias: str
    twin: str
    twins: tuple[Sql, ...] = ()
    conditions: tuple[Sql, ...] = ()
    root_twin: str = ""
    is_many: bool = False
    relations: int = 0

    @classmethod
    def start(cls, joins: Joins, root: Root) -> Path:
        """A path that has not left its root."""
        twin = joins.new_alias("m")
        return cls(joins, root, root.collection, root.alias, twin, root_twin=twin)

    @property
    def is_at_draft(self) -> bool:
        """Whether the path still stands on a record that is not stored yet."""
        return self.root.is_draft and self.alias == self.root.alias

    def join(self, key: Hashable, clause: JoinClause, collection: Collection | None = None) -> Path:
        """One table further."""
        alias = self.joins.join((self.root.namespace, self.alias, key), self.alias, clause)
        twin = self.joins.new_alias("m")
        return replace(
            self,
            collection=collection or self.collection,
            alias=alias,
            twin=twin,
            twins=(*self.twins, clause(twin, self.twin)),
        )

    def to_many(self) -> Path:
        """The same path, marked as reaching many records."""
        return replace(self, is_many=True)

    def only_twins(self, joins: Joins, condition: Sql) -> Path:
        """The same path, whose sub-select has more joins and must hold one more condition."""
        return replace(self, twins=(*self.twins, *joins.clauses), conditions=(*self.conditions, condition))

    def operand(self, value: ForAlias, is_exact: bool = False, visible: ForAlias | None = None) -> Operand:
        """The operand at the end of the path; `value` gives the expression for an alias, `visible` the condition
        under which the asker may see it."""
        shown = visible(self.alias) if visible else None
        return Operand(value(self.alias), is_exact=is_exact, many=self._all(value, visible), visible=shown)

    def _all(self, value: ForAlias, visible: ForAlias | None) -> Sql | None:
        if not self.is_many:
            return None
        named = sql("{} AS {}", value(self.twin), Sql(self.joins.dialect.quote("value")))
        source = sql("{} AS {} {}", self.root.table, Sql(self.root_twin), join_sql(" ", self.twins))
        same = sql("{} = {}", self.joins.column(self.root_twin, "id"), self.joins.column(self.root.alias, "id"))
        shown = (visible(self.twin),) if visible else ()
        return sql("SELECT {} FROM {} WHERE {}", named, source, join_sql(" AND ", (same, *self.conditions, *shown)))
