"""What select, relation and file have in common: one text, or a list of distinct texts when maxSelect is above 1.

In memory a value of one is a str, "" for none; a value of many is a list of str. In the database it is the text
itself, or a JSON array of texts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from appliance.core.fields.base import Field, Kind, option, read_whole
from appliance.core.fields.casts import to_texts


@dataclass(frozen=True, kw_only=True)
class ManyField(Field):
    """One or many texts."""

    max_select: int = option("maxSelect", read_whole, 0)

    @property
    def is_multiple(self) -> bool:
        """Whether a value is a list."""
        return self.max_select > 1

    def zero(self) -> str | list[str]:
        """None chosen."""
        return [] if self.is_multiple else ""

    def normalise(self, raw: Any) -> str | list[str]:
        """Distinct non-empty texts in their order; a field of one keeps the last."""
        return self.shaped(self.elements(raw))

    def elements(self, raw: Any) -> list[str]:
        """The elements that any raw value stands for, as a list."""
        return to_texts(raw)

    def shaped(self, elements: Sequence[str]) -> str | list[str]:
        """A list of elements as a value of this field."""
        if self.is_multiple:
            return list(elements)
        return _last(elements)

    def to_column(self, value: Any) -> str:
        """The text, or a JSON array."""
        return orjson.dumps([str(each) for each in value]).decode() if self.is_multiple else str(value)

    def from_column(self, stored: Any) -> str | list[str]:
        """The text or the list; a column that was made for the other reads as well."""
        if self.is_multiple:
            return [] if stored == "[]" else self.shaped(to_texts(stored))
        return stored if type(stored) is str and "[" not in stored else self.shaped(to_texts(stored))

    def json_reader(self, kind: Kind) -> Callable[[Any], Any] | None:
        """A column of our own holds one text, or a JSON array of distinct texts; anything else is read with care."""
        if kind is not str:
            return super().json_reader(kind)
        return self._quick_list if self.is_multiple else self.from_column

    def _quick_list(self, stored: str) -> Any:
        found: Any
        try:
            found = orjson.loads(stored) if stored[:1] == "[" else None
        except orjson.JSONDecodeError:
            found = None
        is_plain = type(found) is list and all(type(each) is str and each for each in found)
        return found if is_plain and len(set(found)) == len(found) else self.value_as_json(self.from_column(stored))

    def value_as_json(self, value: Any) -> str | list[str]:
        """The text, or a list of its own that the caller may change."""
        return list(value) if self.is_multiple else value

    @property
    def modifiers(self) -> frozenset[str]:
        """`name+`, `+name` and `name-`."""
        return frozenset(("after", "before", "less"))

    def modify(self, current: Any, modifier: str, raw: Any) -> str | list[str]:
        """Add elements after or before the current ones, or take some away."""
        held, given = self.elements(current), self.elements(raw)
        if modifier == "less":
            return self.shaped([each for each in held if each not in given])
        joined = [*held, *given] if modifier == "after" else [*given, *held]
        return self.normalise(joined)


def _last(elements: Sequence[str]) -> str:
    """The last element; one that spells a JSON array stands for the last of that, however often."""
    value = elements[-1] if elements else ""
    while "[" in value and (inner := to_texts(value)) != [value]:
        value = inner[-1] if inner else ""
    return value
