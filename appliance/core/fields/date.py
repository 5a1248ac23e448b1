"""A moment in UTC, held as the wire's text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from appliance.core.fields.base import Field, option, read_text
from appliance.core.fields.dates import parse_date


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
