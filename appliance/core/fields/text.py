"""Text: a line or many, with length limits in characters, a pattern, and a pattern to generate a value from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from appliance.core.fields.base import Field, option, read_flag, read_text, read_whole
from appliance.core.fields.casts import to_text


@dataclass(frozen=True, kw_only=True)
class TextField(Field):
    """A text. `max` 0 means the original's default of 5000 characters."""

    type = "text"

    min: int = option("min", read_whole, 0)
    max: int = option("max", read_whole, 0)
    pattern: str = option("pattern", read_text, "")
    autogenerate_pattern: str = option("autogeneratePattern", read_text, "")
    primary_key: bool = option("primaryKey", read_flag, False)

    def zero(self) -> str:
        """The empty text."""
        return ""

    def normalise(self, raw: Any) -> str:
        """A text; numbers and booleans are spelled out."""
        return to_text(raw)
