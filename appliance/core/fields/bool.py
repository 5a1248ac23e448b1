"""True or false."""

from __future__ import annotations

import builtins
from dataclasses import dataclass
from typing import Any

from appliance.core.fields.base import Field
from appliance.core.fields.casts import to_flag


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
