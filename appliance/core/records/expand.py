"""`?expand=author.team,comments_via_post`: puts related records into records, as far as the caller may view them.

Each path goes over all records of a level at once: one SELECT per level and relation, however many records there are.
Every level asks the view rule of its collection as the requester. A path that names what isn't there, or what the
requester may not view at all, is left out whole; the others go on. After six levels the rest of a path is ignored.

A path that was followed leaves `expand` in the record even when nothing was found: clients tell the two apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from appliance.core.app import App
from appliance.core.collection import Collection
from appliance.core.collections.indexes import has_unique_index
from appliance.core.fields.base import Field
from appliance.core.fields.relation import RelationField
from appliance.core.record import Record
from appliance.core.records.access import VIEW, can_read_field, find_allowed, find_allowed_back, rule_of
from appliance.core.request_info import RequestInfo

MAX_LEVELS: Final = 6
VIA: Final = "_via_"

Found = list[list[Record]]  # for each record of a level, in their order, what is related to it


class CannotExpandError(LookupError):
    """A path names what isn't there for this requester."""


@dataclass(frozen=True, slots=True)
class Relation:
    """One step of a path: to `collection` through `field`, which is the other side's when `is_back`."""

    collection: Collection
    field: RelationField
    is_back: bool
    is_single: bool


def expand_records(app: App, records: Sequence[Record], expand: str, request: RequestInfo) -> None:
    """Expand records of one collection in place along the paths of `expand`, parted by commas."""
    if not records or not expand:
        return
    expander = _Expander(app, request)
    for path in _split_paths(expand):
        try:
            expander.follow(records, path, ())
        except CannotExpandError:
            continue


def _split_paths(expand: str) -> list[tuple[str, ...]]:
    """The names of each path, once. One that another goes on from is left to that other, and fails with it."""
    paths = dict.fromkeys(_names(path) for path in expand.split(","))
    continued = {path[:cut] for path in paths for cut in range(1, len(path))}
    return [path for path in paths if path not in continued]


def _names(path: str) -> tuple[str, ...]:
    names = path.strip().strip(".").split(".", MAX_LEVELS)
    return tuple(name.strip() for name in names[:MAX_LEVELS])


class _Expander:
    """Follows paths; what two paths have in common is loaded once and carries what both find below it."""

    def __init__(self, app: App, request: RequestInfo) -> None:
        self._app = app
        self._request = request
        self._loaded: dict[tuple[str, ...], tuple[Relation, Found]] = {}

    def follow(self, records: Sequence[Record], names: Sequence[str], above: tuple[str, ...]) -> None:
        """Expand `names[0]` in the records, and the rest of the path in what was found.

        Raises CannotExpandError before anything is put into a record.
        """
        here = (*above, names[0])
        relation, found = self._loaded.get(here) or self._load(records, here)
        below = [each for listed in found for each in listed]
        if below and len(names) > 1:
            self.follow(below, names[1:], here)
        for record, listed in zip(records, found, strict=True):
            _put(record, names[0], listed, relation)

    def _load(self, records: Sequence[Record], here: tuple[str, ...]) -> tuple[Relation, Found]:
        relation = self._get_relation(records[0].collection, here[-1])
        find = self._find_back if relation.is_back else self._find_forward
        self._loaded[here] = relation, find(records, relation)
        return self._loaded[here]

    def _get_relation(self, collection: Collection, name: str) -> Relation:
        relation = _find_relation(self._app, collection, name)
        if relation is None:
            raise CannotExpandError
        owner = relation.collection if relation.is_back else collection
        may_read = can_read_field(owner, relation.field, self._request.is_superuser)
        if not may_read or rule_of(relation.collection, VIEW, self._request) is None:
            raise CannotExpandError
        return relation

    def _find_forward(self, records: Sequence[Record], relation: Relation) -> Found:
        wanted = [_ids(record, relation.field) for record in records]
        unique = list(dict.fromkeys(found for ids in wanted for found in ids))
        related = find_allowed(self._app, relation.collection, unique, self._request)
        return [[related[found] for found in ids if found in related] for ids in wanted]

    def _find_back(self, records: Sequence[Record], relation: Relation) -> Found:
        unique = list(dict.fromkeys(record.id for record in records))
        related = find_allowed_back(self._app, relation.collection, relation.field.name, unique, self._request)
        return [related.get(record.id, []) for record in records]


def _find_relation(app: App, collection: Collection, name: str) -> Relation | None:
    """The relation that a name of a path means: a field, or `collection_via_field` of another collection."""
    field = collection.find_field(name)
    if isinstance(field, RelationField):
        target = app.collections.find(field.collection_id)
        return Relation(target, field, False, not field.is_multiple) if target else None
    return None if field else _find_back_relation(app, collection, name)


def _find_back_relation(app: App, collection: Collection, name: str) -> Relation | None:
    """No collection and no field may have `_via_` in its name, so a name can be read in one way only."""
    source_name, _, field_name = name.partition(VIA)
    source = app.collections.find(source_name)
    field = source.find_field(field_name) if source else None
    if not source or not isinstance(field, RelationField) or field.collection_id != collection.id:
        return None
    return Relation(source, field, True, has_unique_index(source.indexes, field.name))


def _ids(record: Record, field: Field) -> list[str]:
    value = record.values[field.name]
    return list(value) if isinstance(value, list) else [value] if value else []


def _put(record: Record, name: str, found: list[Record], relation: Relation) -> None:
    record.is_expanded = True
    if found:
        record.expand[name] = found[0] if relation.is_single else found
