"""Rows as JSON values: how a row that a SELECT brings looks on the wire.

Worked out once for a state of the schema and an audience (superusers see hidden fields), and there once for each
combination of Python types that the rows bring: nearly every value stands as it is stored, so that a row costs one
dict and a call for each of the few columns that need one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from appliance.core.collection import Collection
from appliance.core.fields.base import Field, Kind, has_own

Kinds = tuple[Kind, ...]
Reader = Callable[[Any], Any]

MAX_KINDS: Final = 64  # combinations of types kept; a column that holds anything could make many


class Shape:
    """The JSON form of one collection's rows, whose columns stand in the order of `collection.fields`."""

    def __init__(self, collection: Collection, readable: Sequence[Field]) -> None:
        places = [collection.fields.index(each) for each in readable]
        self._head = {"collectionId": collection.id, "collectionName": collection.name}
        self.readable = tuple(readable)
        self._names = tuple(each.name for each in readable)
        self._casts = tuple((each.name, each.value_as_json) for each in readable if has_own(each, "value_as_json"))
        self._places = tuple(places)
        self._pick = None if len(places) == len(collection.fields) else _picker(places)
        self._readers: dict[Kinds, tuple[tuple[str, Reader], ...]] = {}

    def of_values(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A record's values as a JSON object of its own."""
        answer = self._head.copy()
        answer.update(zip(self._names, map(values.__getitem__, self._names), strict=True))
        for name, value_as_json in self._casts:
            answer[name] = value_as_json(answer[name])
        return answer

    def as_json(self, row: Sequence[Any]) -> dict[str, Any]:
        """The row as a JSON object of its own."""
        answer = self._head.copy()
        answer.update(zip(self._names, row if self._pick is None else self._pick(row), strict=True))
        kinds = tuple(map(type, row))
        for name, read in self._readers.get(kinds) or self._learn(kinds):
            answer[name] = read(answer[name])
        return answer

    def _learn(self, kinds: Kinds) -> tuple[tuple[str, Reader], ...]:
        if len(self._readers) >= MAX_KINDS:
            self._readers.clear()
        found = [each.json_reader(kinds[place]) for each, place in zip(self.readable, self._places, strict=True)]
        readers = tuple((name, read) for name, read in zip(self._names, found, strict=True) if read is not None)
        self._readers[kinds] = readers
        return readers


def _picker(places: list[int]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """`itemgetter` gives a bare value for one place, and takes none for none."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda row: tuple(row[place] for place in places)
