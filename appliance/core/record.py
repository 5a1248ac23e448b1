"""A record in memory: values by field name, what they were when loaded, and what was expanded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

from appliance.core.collection import SUPERUSERS, Collection

NESTED = frozenset((list, dict))
MODIFIER_SIGNS = {"+": "after", "-": "less"}


class Modifier(NamedTuple):
    """A body key like `tags+`: the field it means and what is to be done ("after", "before" or "less")."""

    field: str
    kind: str


def modifier_of(collection: Collection, key: str) -> Modifier | None:
    """The modifier that a body key spells, or None when the key is a field, no field, or the type knows no such one."""
    if not key or key in collection.fields_by_name:
        return None
    name, kind = (key[1:], "before") if key[0] == "+" else (key[:-1], MODIFIER_SIGNS.get(key[-1], ""))
    field = collection.find_field(name)
    return Modifier(name, kind) if field is not None and kind in field.modifiers else None


class Record:
    """One row of a collection. Values are normalised by their field on every assignment.

    `original` are the values as loaded (empty for a new record); `is_new` until it is stored.
    `extra` are keys that are not fields (hooks may add them; they are answered, never stored).
    `is_expanded` once a path of `expand` was followed, even to nothing: then answers have the key.
    """

    __slots__ = ("_original", "_row", "collection", "expand", "extra", "is_expanded", "is_new", "values")

    def __init__(self, collection: Collection, values: Mapping[str, Any] | None = None, is_new: bool = True) -> None:
        self.collection = collection
        self.values: dict[str, Any] = collection.new_values()
        self.values.update(values or {})
        self._start(is_new)
        if not is_new:
            self.remember()

    @classmethod
    def from_row(cls, collection: Collection, row: Sequence[Any]) -> Record:
        """A stored record from a row whose columns stand in the order of `collection.fields`."""
        record = cls.__new__(cls)
        record.collection = collection
        record.values = _values_of(collection, row)
        record._start(is_new=False, row=row)
        return record

    def _start(self, is_new: bool, row: Sequence[Any] | None = None) -> None:
        self._row = row
        self._original: dict[str, Any] | None = None
        self.expand: dict[str, Record | list[Record]] = {}
        self.is_expanded = False
        self.extra: dict[str, Any] = {}
        self.is_new = is_new

    @property
    def original(self) -> dict[str, Any]:
        """The values as stored. Worked out when first asked for: most records are only read."""
        if self._original is None:
            self._original = {} if self._row is None else _values_of(self.collection, self._row)
        return self._original

    @original.setter
    def original(self, values: dict[str, Any]) -> None:
        self._original = values

    @property
    def id(self) -> str:
        """The record's id, "" before it has one."""
        return str(self.values.get("id", ""))

    @property
    def is_superuser(self) -> bool:
        """Whether this is a record of `_superusers`."""
        return self.collection.name == SUPERUSERS

    def __getitem__(self, name: str) -> Any:
        return self.values[name] if name in self.values else self.extra[name]

    def __setitem__(self, name: str, raw: Any) -> None:
        field = self.collection.find_field(name)
        if field is None:
            self.extra[name] = raw
        else:
            self.values[name] = field.normalise(raw)

    def __contains__(self, name: str) -> bool:
        return name in self.values or name in self.extra

    def assign(self, changes: Mapping[str, Any]) -> None:
        """Set what a client or a job sent: fields by name, `name+`, `+name` and `name-` on what the record holds now.
        Keys that are no fields are left out.

        Plain fields come first, then modifiers, each in the order sent. Call it inside the write, on the freshly
        loaded record: two clients that add 1 then add 2.
        """
        fields, values = self.collection.fields_by_name, self.values
        modifiers = []
        for key, raw in changes.items():
            field = fields.get(key)
            if field is not None:
                values[key] = field.normalise(raw)
            elif modifier := modifier_of(self.collection, key):
                modifiers.append((fields[modifier.field], modifier.kind, raw))
        for field, kind, raw in modifiers:
            values[field.name] = field.modify(values[field.name], kind, raw)

    def remember(self) -> None:
        """Take the values as the stored ones. Lists are copied: a hook may change the record's own in place."""
        self._original = original = self.values.copy()
        for name in self.collection.list_names:
            if type(original[name]) is list:
                original[name] = original[name][:]

    def copy(self) -> Record:
        """The same stored record, unexpanded, for somebody who may change its values."""
        copied = Record.__new__(Record)
        copied.collection = self.collection
        copied.values = {name: deepcopy(each) if type(each) in NESTED else each for name, each in self.values.items()}
        copied._start(is_new=False, row=self._row)
        return copied

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a field or extra key, or `default`."""
        return self.values[name] if name in self.values else self.extra.get(name, default)


def _values_of(collection: Collection, row: Sequence[Any]) -> dict[str, Any]:
    return {each.name: each.from_column(stored) for each, stored in zip(collection.fields, row, strict=True)}
