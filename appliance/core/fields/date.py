"""A moment in UTC, held as the wire's text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from appliance.core.fields.base import Field, Kind, option, read_text
from appliance.core.fields.checks import REQUIRED
from appliance.core.fields.dates import parse_date
from appliance.errors import FieldError

if TYPE_CHECKING:
    from appliance.core.app import App
    from appliance.core.record import Record


def read_date(raw: Any) -> str:
    """A JSON string with a date; one that is no date counts as none, as in the original."""
    return parse_date(read_text(raw))


@dataclass(frozen=True, kw_only=True)
class DateField(Field):
    """`2006-01-02 15:04:05.000Z`, or "" for no date. It sorts as text."""

    type = "date"

    min: str = option("min", read_date, "")
    max: str = option("max", read_date, "")

    def zero(self) -> str:
        """No date."""
        return ""

    def normalise(self, raw: Any) -> str:
        """The date that a text spells in one of the known layouts; else ""."""
        return parse_date(raw) if isinstance(raw, str) else ""

    def json_reader(self, kind: Kind) -> Callable[[Any], Any] | None:
        """As `normalise`."""
        return parse_date if kind is str else self.normalise

    def check_value(self, app: App, record: Record, value: Any) -> FieldError | None:
        """Required, and the bounds."""
        if not value:
            return REQUIRED if self.required else None
        if self.min and value < self.min:
            return _bound("validation_min_greater_equal_than_required", "no less than", self.min)
        if self.max and value > self.max:
            return _bound("validation_max_less_equal_than_required", "no greater than", self.max)
        return None


def _bound(code: str, words: str, bound: str) -> FieldError:
    """The original shows a bound as Go prints it, and as RFC 3339 in the params; neither has needless zeros."""
    moment = bound.removesuffix("Z").rstrip("0").removesuffix(".") if "." in bound else bound
    return FieldError(code, f"Must be {words} {moment} +0000 UTC.", {"threshold": f"{moment.replace(' ', 'T')}Z"})
