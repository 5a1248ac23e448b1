"""A password: stored as a hash, never answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from appliance.core.fields.base import Field, option, read_text, read_whole
from appliance.core.fields.casts import to_text
from appliance.core.passwords import PasswordValue


@dataclass(frozen=True, kw_only=True)
class PasswordField(Field):
    """A `PasswordValue`. `min` and `max` in characters; `cost` is bcrypt's in the original and has no effect here,
    where new hashes are argon2id."""

    type = "password"

    min: int = option("min", read_whole, 0)
    max: int = option("max", read_whole, 0)
    pattern: str = option("pattern", read_text, "")
    cost: int = option("cost", read_whole, 0)

    def zero(self) -> PasswordValue:
        """No password."""
        return PasswordValue()

    def normalise(self, raw: Any) -> PasswordValue:
        """A plain text to be hashed before it is stored."""
        return raw if isinstance(raw, PasswordValue) else PasswordValue(plain=to_text(raw))

    def to_column(self, value: Any) -> str:
        """The hash."""
        return str(value.hash)

    def from_column(self, stored: Any) -> PasswordValue:
        """The stored hash."""
        return PasswordValue(hash=to_text(stored))

    def value_as_json(self, value: Any) -> str:
        """Nothing: not even a hash leaves the house."""
        return ""
