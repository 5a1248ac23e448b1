"""The names of rules that start with `@`: what the request says, and other collections.

@request.method  .context  .query.x  .headers.x_y  .auth.x  .body.x        @collection.name:alias.x
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from appliance.core.collection import Collection
from appliance.core.fields.base import Field
from appliance.core.fields.relation import RelationField
from appliance.core.request_info import RequestInfo
from appliance.core.resolvers.joins import Joins, Path, Root
from appliance.core.resolvers.record import (
    ALWAYS,
    CHANGED,
    EACH,
    ISSET,
    LENGTH,
    LOWER,
    MANY_TYPES,
    MissingName,
    Reach,
    RecordResolver,
    Schema,
    left_join,
    split_modifier,
    unresolved,
)
from appliance.core.resolvers.values import (
    MISSING,
    Read,
    RequestFacts,
    body_list,
    body_parameter,
    body_texts,
    body_value,
    lower_parameter,
    request_slot,
)
from appliance.errors import RuleError
from appliance.rules.compiler import equality
from appliance.rules.resolver import NULL, Kind, Operand
from appliance.rules.scanner import quote_text
from appliance.sql import Sql, parameter, sql

_NOTHING: Final = Operand(NULL, Kind.EMPTY)

# Read from the signed-in record itself; every other `@request.auth` name joins its row, which may be newer.
_AUTH_VALUES: Final[Mapping[str, Read]] = {
    "id": lambda request: request.auth and request.auth.id,
    "collectionId": lambda request: request.auth and request.auth.collection.id,
    "collectionName": lambda request: request.auth and request.auth.collection.name,
    "email": lambda request: request.auth and request.auth.get("email"),
    "emailVisibility": lambda request: request.auth and request.auth.get("emailVisibility"),
    "verified": lambda request: request.auth and request.auth.get("verified"),
}


class RequestResolver(RecordResolver):
    """Resolves every name of the language."""

    def __init__(self, schema: Schema, root: Root, joins: Joins, reach: Reach, facts: RequestFacts) -> None:
        super().__init__(schema, root, joins, reach)
        self.facts = facts
        self._rooms: dict[str, Callable[[Sequence[str], str], Operand]] = {
            "query": self._query,
            "headers": self._headers,
            "auth": self._auth,
            "body": self._body,
        }

    def nested(self, collection: Collection, alias: str, joins: Joins) -> RequestResolver:
        """A resolver for the list rule of a joined collection, which asks the same request."""
        table = Sql(self.dialect.quote(collection.name))
        return RequestResolver(self.schema, Root(collection, table, alias, alias), joins, Reach(), self.facts)

    def resolve(self, name: str) -> Operand:
        """The operand of any name. Raises RuleError."""
        parts = name.split(".")
        if parts[0] == "@request":
            return self._request(parts[1:], name)
        if parts[0] == "@collection" and len(parts) > 2:
            return self._collection(parts[1], parts[2:], name)
        return super().resolve(name)

    def _collection(self, reference: str, parts: Sequence[str], name: str) -> Operand:
        """Every record of a collection. Names with the same alias mean the same record, others are independent."""
        found = self.schema.find(reference.partition(":")[0])
        if found is None:
            where = f"from field path {quote_text(name)}"
            raise RuleError(
                f"failed to load collection {quote_text(reference.partition(':')[0])} {where}",
                hint=f"There is no collection {reference.partition(':')[0]}.",
            )

        def clause(alias: str, _: str) -> Sql:
            return left_join(self.dialect, found, alias)

        key = ("collection", found.id, reference.partition(":")[2])
        path = Path.start(self.joins, self.root).join(key, clause, found)
        return self.walk(path.to_many(), parts)

    def _request(self, parts: Sequence[str], name: str) -> Operand:
        if list(parts) == ["method"]:
            return self.facts.operand(name, lambda request: request.method)
        if list(parts) == ["context"]:
            return self.facts.operand(name, lambda request: request.context)
        room = self._rooms.get(parts[0]) if len(parts) > 1 else None
        if room is None:
            raise unresolved(name)
        return room(parts[1:], name)

    def _query(self, parts: Sequence[str], name: str) -> Operand:
        return self._plain(parts, name, lambda request: request.query)

    def _headers(self, parts: Sequence[str], name: str) -> Operand:
        return self._plain(parts, name, lambda request: request.headers)

    def _plain(self, parts: Sequence[str], name: str, mapping: Callable[[RequestInfo], Mapping[str, str]]) -> Operand:
        last, modifier = split_modifier(parts[-1])
        key = ".".join([*parts[:-1], last])
        if modifier == ISSET:
            return _flag(name, lambda request: key in mapping(request))
        if modifier not in ("", LOWER):
            raise _bad_modifier(parts[-1])
        return self._lowered(name, lambda request: mapping(request).get(key), modifier)

    def _lowered(self, name: str, read: Read, modifier: str, missing: str | None = None) -> Operand:
        if modifier != LOWER:
            return self.facts.operand(name, read)
        operand = self.facts.operand(f"{name} as text", lower_parameter(read, missing))
        return operand if operand.kind is Kind.EMPTY else replace(operand, value=self.dialect.lower(operand.value))

    def _auth(self, parts: Sequence[str], name: str) -> Operand:
        if len(parts) == 1 and parts[0] in _AUTH_VALUES:
            return self.facts.operand(name, _AUTH_VALUES[parts[0]])
        collection_id = self.facts.fact("auth collection", _AUTH_VALUES["collectionId"])
        collection = self.schema.find(collection_id) if collection_id else None
        if collection is None:
            return _NOTHING

        def clause(alias: str, _: str) -> Sql:
            signed_in = parameter(request_slot("@request.auth.id", _AUTH_VALUES["id"]))
            return left_join(self.dialect, collection, alias, sql("{} = {}", self.joins.column(alias, "id"), signed_in))

        return self._walk_or_null(Path.start(self.joins, self.root).join("auth", clause, collection), parts)

    def _walk_or_null(self, path: Path, parts: Sequence[str]) -> Operand:
        """Which fields a signed-in record has depends on its collection, so a missing one is null, no error."""
        try:
            return self.walk(path, parts)
        except MissingName:
            return _NOTHING

    def _body(self, parts: Sequence[str], name: str) -> Operand:
        field = self.root.collection.find_field(parts[0].partition(":")[0])
        if isinstance(field, RelationField) and len(parts) > 1:
            return self._body_relation(field, parts[1:])
        last, modifier = split_modifier(parts[-1])
        path = (*parts[:-1], last)
        holder = field if len(path) == 1 else None
        if modifier == ISSET:
            return _flag(name, lambda request: body_value(request, path) is not MISSING)
        if modifier in (CHANGED, EACH, LENGTH):
            return self._body_field(holder, parts[-1], modifier)
        name = f"{name} for {self.root.collection.name}"  # another collection may have another field of that name
        return self._lowered(name, body_parameter(path, holder), modifier, missing="" if holder else None)

    def _body_field(self, field: Field | None, part: str, modifier: str) -> Operand:
        """The modifiers that only a body value of a field of the collection has."""
        if field is None:
            raise _bad_modifier(part)
        if modifier == CHANGED:
            return self._changed(field)
        if field.type not in MANY_TYPES:
            raise RuleError(
                f"field {quote_text(field.name)} doesn't support multivalue operations",
                hint=f":{modifier} works on select, relation and file fields; {field.name} is a {field.type} field.",
            )
        name = field.name
        if modifier == LENGTH:
            slot = request_slot(f"length of {name}", lambda request: len(body_texts(request, name)))
            return Operand(parameter(slot), Kind.KNOWN, constant=slot)
        return self._body_each(field)

    def _body_each(self, field: Field) -> Operand:
        slot = request_slot(f"each of {field.name}", body_list(field.name))

        def clause(alias: str, _: str) -> Sql:
            elements = self.dialect.each_of_json(parameter(slot))
            return sql("LEFT JOIN {} AS {} ON {}", elements, Sql(alias), ALWAYS)

        path = Path.start(self.joins, self.root).join(("body each", field.name), clause)
        path = path.to_many() if field.is_multiple else path
        operand = path.operand(lambda alias: self.joins.column(alias, "value"))
        return Operand(operand.value, Kind.KNOWN, many=operand.many)

    def _changed(self, field: Field) -> Operand:
        """Whether the body sets the field to another value than the stored one."""
        sent = body_parameter((field.name,), field)
        value = self.facts.operand(f"@request.body.{field.name} for {self.root.collection.name}", sent)
        is_set = _flag(f"{field.name} is set", lambda request: field.name in request.body)
        different = equality(value, self.walk(Path.start(self.joins, self.root), [field.name]), True, self.dialect)
        return Operand(sql("({} = 1 AND {})", is_set.value, different), is_exact=True)

    def _body_relation(self, field: RelationField, parts: Sequence[str]) -> Operand:
        """The records that the body wants to point to."""
        target = self.schema.find(field.collection_id)
        has_ids = self.facts.fact(f"ids in {field.name}", lambda request: bool(body_texts(request, field.name)))
        if target is None or not has_ids:
            return _NOTHING
        slot = request_slot(f"ids of {field.name}", body_list(field.name))

        def clause(alias: str, _: str) -> Sql:
            sent = self.dialect.each_of_json(parameter(slot))
            matches = sql("{} IN (SELECT value FROM {} AS sent)", self.joins.column(alias, "id"), sent)
            return left_join(self.dialect, target, alias, matches)

        path = Path.start(self.joins, self.root).join(("body", field.name), clause, target)
        return self._walk_or_null(path.to_many() if field.is_multiple else path, parts)


def _flag(name: str, read: Callable[[RequestInfo], bool]) -> Operand:
    slot = request_slot(name, lambda request: 1 if read(request) else 0)
    return Operand(parameter(slot), Kind.KNOWN, constant=slot)


def _bad_modifier(part: str) -> RuleError:
    hint = f":{part.partition(':')[2]} can't be used on {part.partition(':')[0]}."
    return RuleError(f"invalid modifier sequence {part}", hint=hint)
