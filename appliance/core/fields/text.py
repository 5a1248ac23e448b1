"""Text: a line or many, with length limits in characters, a pattern, and a pattern to generate a value from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from appliance.core.fields.base import option, read_flag, read_text, read_whole
from appliance.core.fields.checks import REQUIRED, WRONG_VALUE_FORMAT, between, regular_expression
from appliance.core.fields.patterns import ID_PATTERN, UnsupportedPattern, generate, matches
from appliance.core.fields.plain_text import PlainTextField
from appliance.core.sql_names import quoted
from appliance.errors import FieldError

if TYPE_CHECKING:
    from appliance.core.app import App
    from appliance.core.collection import Collection
    from appliance.core.record import Record

DEFAULT_MAX = 5000
FORBIDDEN_IN_KEY = frozenset("./\\|\"'`<>:?*%$\0\t\n\r ")
RESERVED_KEYS = frozenset(("CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(10))))
KEY_CHANGE = FieldError("validation_pk_change", "The record primary key cannot be changed.")
KEY_INVALID = FieldError("validation_pk_invalid", "The record primary key is invalid or already exists.")
KEY_NAME = FieldError("validation_in_invalid", 'The primary key must be named "id".')
COMPOSITE_KEY = FieldError(
    "validation_unsupported_composite_pk",
    "Composite PKs are not supported and the collection must have only 1 PK.",
)


@dataclass(frozen=True, kw_only=True)
class TextField(PlainTextField):
    """A text. `min` and `max` in characters; `max` 0 means 5000."""

    type = "text"

    min: int = option("min", read_whole, 0)
    max: int = option("max", read_whole, 0)
    pattern: str = option("pattern", read_text, "")
    autogenerate_pattern: str = option("autogeneratePattern", read_text, "")
    primary_key: bool = option("primaryKey", read_flag, False)

    @cached_property
    def longest(self) -> int:
        """The most characters a value may have."""
        return self.max or DEFAULT_MAX

    def own_option_errors(self, app: App, collection: Collection) -> dict[str, Any]:
        """Lengths, patterns, and what a primary key needs."""
        pattern = REQUIRED if self.primary_key and not self.pattern else regular_expression(self.pattern)
        return {
            "min": between(self.min, 0),
            "max": between(self.max, self.min),
            "pattern": pattern,
            "autogeneratePattern": self._generator_error(),
            **(self._primary_key_errors(collection) if self.primary_key else {}),
        }

    def _primary_key_errors(self, collection: Collection) -> dict[str, Any]:
        keys = [each for each in collection.fields_of("text") if getattr(each, "primary_key", False)]
        found: dict[str, Any] = {"primaryKey": COMPOSITE_KEY} if len(keys) > 1 else {}
        if self.name and self.name != "id":
            found["name"] = KEY_NAME
        if not self.required:
            found["required"] = REQUIRED
        return found

    def _generator_error(self) -> FieldError | None:
        if not self.autogenerate_pattern:
            return None
        if unreadable := regular_expression(self.autogenerate_pattern):
            return unreadable
        try:
            example = generate(self.autogenerate_pattern)
        except UnsupportedPattern as error:
            return FieldError("validation_invalid_autogenerate_pattern", str(error))
        if self.check_text(example) is None:
            return None
        sentence = f'The provided autogenerate pattern could produce invalid field values, ex.: "{example}".'
        return FieldError("validation_invalid_autogenerate_pattern_value", sentence)

    def generated(self) -> str:
        """A new value of `autogenerate_pattern`, "" without one or when it can't be made."""
        try:
            return generate(self.autogenerate_pattern) if self.autogenerate_pattern else ""
        except UnsupportedPattern:
            return ""

    def check_text(self, text: str) -> FieldError | None:
        """Required, lengths and pattern."""
        if not text:
            return REQUIRED if self.required else None
        if len(text) < self.min:
            sentence = f"Must be at least {self.min} character(s)."
            return FieldError("validation_min_text_constraint", sentence, {"min": self.min})
        if len(text) > self.longest:
            sentence = f"Must be no more than {self.longest} character(s)."
            return FieldError("validation_max_text_constraint", sentence, {"max": self.longest})
        return WRONG_VALUE_FORMAT if self.pattern and not matches(self.pattern, text) else None

    def check_value(self, app: App, record: Record, value: Any) -> FieldError | None:
        """Required, lengths, pattern; of a primary key also that it doesn't change and is safe in a URL and a path."""
        if not self.primary_key:
            return self.check_text(value)
        if not record.is_new and value != record.original.get(self.name):
            return KEY_CHANGE
        return self.check_text(value) or self._key_error(app, record, value)

    def _key_error(self, app: App, record: Record, key: str) -> FieldError | None:
        """The default pattern allows no dangerous key, and the table's own index refuses doubles; other patterns may
        let through characters that break URLs or file names, and names that differ in case only."""
        if self.pattern == ID_PATTERN:
            return None
        for character in key:
            if character in FORBIDDEN_IN_KEY:
                sentence = f"'{character}' is not a valid primary key character."
                return FieldError("validation_forbidden_pk_character", sentence, {"ch": character})
        if key.upper() in RESERVED_KEYS:
            sentence = f"The primary key '{key.upper()}' is reserved and cannot be used."
            return FieldError("validation_reserved_pk", sentence, {"reserved": key.upper()})
        return KEY_INVALID if record.is_new and _is_taken(app, record.collection.name, key) else None


def _is_taken(app: App, table: str, key: str) -> bool:
    sql = f"SELECT 1 FROM {quoted(table)} WHERE LOWER(id) = LOWER(?) LIMIT 1"  # noqa: S608 - a table of the schema
    return bool(app.database.query(sql, (key,)))
