"""True or false."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from appliance.core.fields.base import Field, Kind
from appliance.core.fields.casts import to_flag
from appliance.core.fields.checks import REQUIRED
from appliance.errors import FieldError

if TYPE_CHECKING:
    from appliance.core.app import App
    from appliance.core.record import Record


@dataclass(frozen=True, kw_only=True)
class BoolField(Field):
    """A boolean; `required` means it must be true."""

    type = "bool"
    column_kind = "boolean"

    def zero(self) -> builtins.bool:
        """False."""
        return False

    def normalise(self, raw: Any) -> builtins.bool:
        """A boolean; a number that isn't 0; Go's spellings of true ("1", "t", "true", ...)."""
        return to_flag(raw)

    def json_reader(self, kind: Kind) -> Callable[[Any], Any] | None:
        """A column of SQLite's holds 0 and 1."""
        return builtins.bool if kind is int else to_flag

    def check_value(self, app: App, record: Record, value: Any) -> FieldError | None:
        """Required means true."""
        return REQUIRED if self.required and not value else None
