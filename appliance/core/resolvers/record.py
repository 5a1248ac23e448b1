"""The meaning of names in a collection's rules and filters: fields, relations and back-relations, JSON paths,
`@request...`, `@collection...` and modifiers.

    title              meta.a.0.b          owner.company.name          tasks_via_project.assignees.name
    labels:each        members:length      title:lower                 @request.body.title:changed
    @request.auth.role                     @collection.tasks:mine.project
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from appliance.core.collection import Collection
from appliance.core.collections.indexes import has_unique_index
from appliance.core.fields.base import Field
from appliance.core.fields.relation import RelationField
from appliance.core.resolvers.joins import ForAlias, JoinClause, Joins, Path, Root
from appliance.errors import RuleError
from appliance.rules.compiler import compile_expression
from appliance.rules.dialect import SqlDialect
from appliance.rules.limits import MAX_RELATIONS
from appliance.rules.parser import parse_expression
from appliance.rules.resolver import Operand
from appliance.rules.scanner import quote_text
from appliance.sql import Sql, sql

EACH: Final = "each"
LENGTH: Final = "length"
LOWER: Final = "lower"
ISSET: Final = "isset"
CHANGED: Final = "changed"
MODIFIERS: Final = frozenset((EACH, LENGTH, LOWER, ISSET, CHANGED))
MANY_TYPES: Final = frozenset(("select", "file", "relation"))
JSON_TYPES: Final = frozenset(("json", "geoPoint"))
BACK: Final = "_via_"
ALWAYS: Final = Sql("1 = 1")


class Schema(Protocol):
    """Where collections are looked up; `CollectionStore` is one."""

    def find(self, name_or_id: str) -> Collection | None:
        """The collection of that name or id."""


class MissingName(RuleError):
    """A name that isn't there. `@request.auth` and `@request.body` paths take it as null."""


@dataclass(frozen=True)
class Reach:
    """What the author of an expression may see. Rules see everything. A client's filter sees no hidden field, no
    e-mail address that its owner hides, and only those joined records that their list rules let it list."""

    hidden: bool = True
    unlisted: bool = True


def split_modifier(name: str) -> tuple[str, str]:
    """`title:lower` as name and modifier. Raises RuleError for an unknown modifier."""
    base, colon, modifier = name.partition(":")
    if not colon or ":" in modifier:
        return name, ""
    if modifier not in MODIFIERS:
        hint = f"There is no modifier :{modifier}; there are {', '.join(sorted(':' + each for each in MODIFIERS))}."
        raise RuleError(f"unknown modifier in {quote_text(name)}", hint=hint)
    return base, modifier


class RecordResolver:
    """Resolves the names of one statement (or of one joined collection's list rule inside it).

    It implements `appliance.rules.resolver.Resolver` for field paths; `RequestResolver` adds the `@` names.
    """

    def __init__(self, schema: Schema, root: Root, joins: Joins, reach: Reach) -> None:
        self.schema = schema
        self.root = root
        self.joins = joins
        self.dialect = joins.dialect
        self.reach = reach

    def resolve(self, name: str) -> Operand:
        """The operand of a field path of the root's collection."""
        if name[0] in "@#":
            raise unresolved(name)
        return self.walk(Path.start(self.joins, self.root), name.split("."))

    def nested(self, collection: Collection, alias: str, joins: Joins) -> RecordResolver:
        """A resolver for the rules of a joined collection: it sees everything and joins on its own."""
        table = Sql(self.dialect.quote(collection.name))
        return RecordResolver(self.schema, Root(collection, table, alias, alias), joins, Reach())

    def walk(self, path: Path, parts: Sequence[str]) -> Operand:
        """Follow a path to its last part."""
        for place, part in enumerate(parts[:-1]):
            rest = parts[place + 1 :]
            field = self._find_visible_field(path.collection, part)
            if field is not None and field.type in JSON_TYPES:
                return self._json_value(path, field, rest)
            if field is not None and not isinstance(field, RelationField):
                raise RuleError(
                    f"field {quote_text(part)} is not a valid relation",
                    hint=f"{path.collection.name}.{part} is a {field.type} field: a path can't go on behind it.",
                )
            if isinstance(field, RelationField) and not field.is_multiple and list(rest) == ["id"]:
                return self._column(path, field)
            path = self._step(path, part, field)
        return self._last(path, parts[-1])

    def _find_visible_field(self, collection: Collection, name: str) -> Field | None:
        field = collection.find_field(name)
        return None if field is not None and field.hidden and not self.reach.hidden else field

    def _step(self, path: Path, part: str, field: Field | None) -> Path:
        """Cross one relation or back-relation."""
        if path.relations >= MAX_RELATIONS and (field is not None or BACK in part):
            raise RuleError(
                f"max nested relations reached for field {quote_text(part)}",
                hint=f"A path may cross {MAX_RELATIONS} relations.",
            )
        path = replace(path, relations=path.relations + 1)
        if isinstance(field, RelationField):
            return self._forward(path, field)
        if BACK in part:
            return self._backward(path, part)
        raise self._unknown(path.collection, part, f"failed to resolve field {quote_text(part)}")

    def _forward(self, path: Path, field: RelationField) -> Path:
        target = self.schema.find(field.collection_id)
        if target is None:
            raise RuleError(f"failed to load field {quote_text(field.name)} collection", hint="Its collection is gone.")
        if field.is_multiple:
            path = self._each(path, field).to_many()
            match = "value"
        else:
            match = field.name

        def clause(alias: str, before: str) -> Sql:
            ids = self.joins.column(alias, "id"), self.joins.column(before, match)
            return left_join(self.dialect, target, alias, sql("{} = {}", *ids))

        return self._joined(path, ("relation", match), clause, target)

    def _each(self, path: Path, field: Field) -> Path:
        def clause(alias: str, before: str) -> Sql:
            elements = self.dialect.each(self.joins.column(before, field.name))
            return sql("LEFT JOIN {} AS {} ON {}", elements, Sql(alias), ALWAYS)

        return path.join(("each", field.name), clause)

    def _joined(self, path: Path, key: tuple[str, str], clause: JoinClause, target: Collection) -> Path:
        further = path.join(key, clause, target)
        if self.reach.unlisted:
            return further
        if further.alias not in self.joins.listed:
            self.joins.listed.add(further.alias)
            self.joins.conditions += self._listed(target, further.alias, self.joins)
        apart = self.joins.apart()
        for condition in self._listed(target, further.twin, apart):
            further = further.only_twins(apart, condition)
        return further

    def _listed(self, target: Collection, alias: str, joins: Joins) -> list[Sql]:
        """The condition that ends a path at rows which the client may not list; none when it may list all."""
        rule = target.rules.get("listRule")
        if rule is None:
            raise RuleError(
                f"only superusers can list {target.name}", hint=f"{target.name} has no list rule: superusers only."
            )
        if not rule:
            return []
        allowed = compile_expression(parse_expression(rule), self.nested(target, alias, joins), self.dialect)
        key = joins.column(alias, "id")
        return [sql("(({} = '' OR {} IS NULL) OR {})", key, key, allowed)]

    def _backward(self, path: Path, part: str) -> Path:
        name, _, field_name = part.partition(BACK)
        source = self.schema.find(name)
        if source is None:
            raise self._unknown(
                path.collection, part, f"failed to load back relation field {quote_text(part)} collection"
            )
        if path.is_at_draft:
            raise RuleError(
                f"invalid collection reference of a back relation field {quote_text(field_name)}",
                hint=f"{part} can't be asked of a record that is not stored yet. The original refuses it, too.",
            )
        field = self._check_back_field(path.collection, source, field_name)

        def clause(alias: str, before: str) -> Sql:
            key, column = self.joins.column(before, "id"), self.joins.column(alias, field.name)
            matches = sql("{} = {}", column, key)
            if field.is_multiple:
                matches = sql("{} IN (SELECT value FROM {} AS each_id)", key, self.dialect.each(column))
            return left_join(self.dialect, source, alias, matches)

        path = self._joined(path, ("back", f"{source.id}.{field.name}"), clause, source)
        is_one = not field.is_multiple and has_unique_index(source.indexes, field.name)
        return path if is_one else path.to_many()

    def _check_back_field(self, target: Collection, source: Collection, name: str) -> RelationField:
        field = self._find_visible_field(source, name)
        if field is None:
            raise MissingName(f"missing back relation field {quote_text(name)}", hint=self._hint(source, name))
        if not isinstance(field, RelationField):
            raise MissingName(
                f"invalid back relation field {quote_text(name)}",
                hint=f"{source.name}.{name} is a {field.type} field, not a relation.",
            )
        if field.collection_id != target.id:
            raise MissingName(
                f"invalid collection reference of a back relation field {quote_text(name)}",
                hint=f"{source.name}.{name} does not point to {target.name}.",
            )
        return field

    def _last(self, path: Path, part: str) -> Operand:
        name, modifier = split_modifier(part)
        field = self._find_visible_field(path.collection, name)
        if field is None:
            raise self._unknown(path.collection, name, f"unknown field {quote_text(name)}")
        if modifier == EACH and field.type in MANY_TYPES:
            path = self._each(path, field)
            path = path.to_many() if field.is_multiple else path
            return path.operand(lambda alias: self.joins.column(alias, "value"))
        if modifier == LENGTH and field.type in MANY_TYPES:
            return path.operand(lambda alias: self.dialect.length(self.joins.column(alias, field.name)))
        return self._column(path, field, modifier)

    def _column(self, path: Path, field: Field, modifier: str = "") -> Operand:
        def value(alias: str) -> Sql:
            column = self.joins.column(alias, field.name)
            column = self.dialect.json_value(column, ()) if field.type == "json" else column
            return self.dialect.lower(column) if modifier == LOWER else column

        visible = self._email_condition(path, field)
        return path.operand(value, is_exact=field.type == "json", visible=visible)

    def _email_condition(self, path: Path, field: Field) -> ForAlias | None:
        if self.reach.hidden or field.name != "email" or not path.collection.is_auth:
            return None
        return lambda alias: sql("{} = TRUE", self.joins.column(alias, "emailVisibility"))

    def _json_value(self, path: Path, field: Field, rest: Sequence[str]) -> Operand:
        keys = [part.replace(":", "") for part in rest]
        if not all(keys):
            raise RuleError(f"failed to resolve field {quote_text('.'.join(rest))}", hint="A JSON path has a gap.")
        return path.operand(
            lambda alias: self.dialect.json_value(self.joins.column(alias, field.name), keys), is_exact=True
        )

    def _unknown(self, collection: Collection, name: str, message: str) -> MissingName:
        return MissingName(message, hint=self._hint(collection, name))

    def _hint(self, collection: Collection, name: str) -> str:
        names = [each.name for each in collection.fields if self.reach.hidden or not each.hidden]
        close = difflib.get_close_matches(name, names, n=1)
        guess = f" Did you mean {close[0]}?" if close else ""
        return f"{collection.name} has no field {name}.{guess}"


def left_join(dialect: SqlDialect, collection: Collection, alias: str, condition: Sql = ALWAYS) -> Sql:
    """Join a collection's table."""
    return sql("LEFT JOIN {} AS {} ON {}", Sql(dialect.quote(collection.name)), Sql(alias), condition)


def unresolved(name: str) -> MissingName:
    """The error for a name that has no meaning at all."""
    hint = f"{name} is no field, no macro and none of @request.*, @collection.*."
    return MissingName(f"failed to resolve field {quote_text(name)}", hint=hint)
