"""What text, editor, email and url have in common: the value is a str, and the column holds it as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from appliance.core.fields.base import Field, Kind
from appliance.core.fields.casts import to_text


class PlainTextField(Field):
    """A str; "" when never set."""

    def zero(self) -> str:
        """The empty text."""
        return ""

    def normalise(self, raw: Any) -> str:
        """A text; numbers and booleans are spelled out."""
        return raw if type(raw) is str and raw.isascii() else to_text(raw)

    def from_column(self, stored: Any) -> str:
        """The text; a view's column may hold something else."""
        return stored if type(stored) is str else to_text(stored)

    def json_reader(self, kind: Kind) -> Callable[[Any], Any] | None:
        """A text stands as it is."""
        return None if kind is str else to_text
