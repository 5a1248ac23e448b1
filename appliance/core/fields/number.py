"""A 64-bit float, as JavaScript and the original have it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from appliance.core.fields.base import Field, Kind, option, read_flag, read_number
from appliance.core.fields.casts import EXACT, to_number
from appliance.core.fields.checks import REQUIRED, plain
from appliance.errors import FieldError

if TYPE_CHECKING:
    from appliance.core.app import App
    from appliance.core.collection import Collection
    from appliance.core.record import Record

DECIMALS = FieldError("validation_only_int_constraint", "Decimal numbers are not allowed.")


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
        return raw if type(raw) is int and -EXACT <= raw <= EXACT else to_number(raw)

    @property
    def modifiers(self) -> frozenset[str]:
        """`name+` and `name-`."""
        return frozenset(("after", "less"))

    def modify(self, current: Any, modifier: str, raw: Any) -> int | float:
        """Add or subtract."""
        amount = to_number(raw)
        return to_number(current + amount if modifier == "after" else current - amount)

    def from_column(self, stored: Any) -> int | float:
        """The number, as JavaScript would hold it."""
        return stored if type(stored) is int and -EXACT <= stored <= EXACT else to_number(stored)

    def json_reader(self, kind: Kind) -> Callable[[Any], Any] | None:
        """As `from_column`."""
        return self.from_column

    def own_option_errors(self, app: App, collection: Collection) -> dict[str, Any]:
        """Bounds that are whole where values must be, and in order."""
        return {"min": self._bound_error(self.min), "max": self._bound_error(self.max) or self._order_error()}

    def _bound_error(self, bound: float | None) -> FieldError | None:
        return DECIMALS if bound is not None and self.only_int and not _is_whole(bound) else None

    def _order_error(self) -> FieldError | None:
        return _below(self.max, self.min) if self.max is not None else None

    def check_value(self, app: App, record: Record, value: Any) -> FieldError | None:
        """Finite, required, whole, bounds. 0 counts as not set: bounds don't bind it."""
        if not math.isfinite(value):
            return FieldError("validation_not_a_number", "The submitted number is not properly formatted.")
        if value == 0:
            return REQUIRED if self.required else None
        if self.only_int and not _is_whole(value):
            return DECIMALS
        return _below(value, self.min) or _above(value, self.max)


def _is_whole(number: float) -> bool:
    """Without fraction, and within the 64 bits that the original holds whole numbers in."""
    return float(number).is_integer() and -(2**63) <= number < 2**63


def _below(value: float, least: float | None) -> FieldError | None:
    if least is None or value >= least:
        return None
    sentence = f"Must be greater or equal than {plain(least)}."
    return FieldError("validation_min_number_constraint", sentence, {"min": least})


def _above(value: float, most: float | None) -> FieldError | None:
    if most is None or value <= most:
        return None
    return FieldError("validation_max_number_constraint", f"Must be less or equal than {plain(most)}.", {"max": most})
