"""A record in memory: values by field name, what they were when loaded, and what was expanded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appliance.core.collection import SUPERUSERS, Collection


class Record:
    """One row of a collection. Values are normalised by their field on every assignment.

    `original` are the values as loaded (empty for a new record); `is_new` until it is stored.
    `extra` are keys that are not fields (hooks may add them; they are answered, never stored).
    """

    __slots__ = ("collection", "expand", "extra", "is_new", "original", "values")

    def __init__(self, collection: Collection, values: Mapping[str, Any] | None = None, is_new: bool = True) -> None:
        self.collection = collection
        self.values: dict[str, Any] = {each.name: each.zero() for each in collection.fields}
        self.values.update(values or {})
        self.original: dict[str, Any] = {} if is_new else dict(self.values)
        self.expand: dict[str, Record | list[Record]] = {}
        self.extra: dict[str, Any] = {}
        self.is_new = is_new

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

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a field or extra key, or `default`."""
        return self[name] if name in self else default
