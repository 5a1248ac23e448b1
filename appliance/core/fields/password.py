"""A password: stored as a hash, never answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from appliance.core.fields.base import Field, option, read_text, read_whole
from appliance.core.fields.casts import to_text
from appliance.core.fields.checks import REQUIRED, WRONG_VALUE_FORMAT, between, regular_expression
from appliance.core.fields.patterns import matches
from appliance.core.passwords import PasswordValue
from appliance.errors import FieldError

if TYPE_CHECKING:
    from appliance.core.app import App
    from appliance.core.collection import Collection
    from appliance.core.record import Record

MAX_CHARACTERS = 71
MAX_BYTES = 72  # bcrypt's, kept so that what is accepted here is accepted by the wire's original and back


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

    def own_option_errors(self, app: App, collection: Collection) -> dict[str, Any]:
        """Lengths, the pattern, and bcrypt's cost."""
        return {
            "min": between(self.min, 1, MAX_CHARACTERS),
            "max": between(self.max, self.min, MAX_CHARACTERS),
            "cost": between(self.cost, 4, 31),
            "pattern": regular_expression(self.pattern),
        }

    def check_value(self, app: App, record: Record, value: Any) -> FieldError | None:
        """Required, lengths and pattern of a newly set password. One over the limit is refused, never cut."""
        if not value:
            return REQUIRED if self.required else None
        if not value.plain:
            return None
        if len(value.plain.encode()) > MAX_BYTES:
            return FieldError("validation_invalid_value", "Invalid value.")
        if len(value.plain) < self.min:
            return FieldError("validation_min_text_constraint", f"Must be at least {self.min} character(s).")
        most = self.max or MAX_CHARACTERS
        if len(value.plain) > most:
            return FieldError("validation_max_text_constraint", f"Must be less than {most} character(s).")
        return WRONG_VALUE_FORMAT if self.pattern and not matches(self.pattern, value.plain) else None
