"""A 64-bit float, as JavaScript and the original have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from appliance.core.fields.base import Field, option, read_flag, read_number
from appliance.core.fields.casts import to_number


@dataclass(frozen=True, kw_only=True)
class NumberField(Field):
    """A number; 0 when never set. Held as int where that is exact, so that it prints without a fraction."""

    type = "number"
    column_kind = "number"

    min: float | None = option("min", read_number, None)
    max: float | None = option("max", read_number, None)
    only_int: bool = option("onlyInt", read_flag, False)

    def zero(self) -> int:
        """Zero."""
        return 0

    def normalise(self, raw: Any) -> int | float:
        """A number, or the number a text spells; else 0."""
        return to_number(raw)

    @property
    def modifiers(self) -> frozenset[str]:
        """`name+` and `name-`."""
        return frozenset(("after", "less"))

    def modify(self, current: Any, modifier: str, raw: Any) -> int | float:
        """Add or subtract."""
        amount = to_number(raw)
        return to_number(current + amount if modifier == "after" else current - amount)
