"""What every field type is: a frozen set of options and a few pure functions between four forms of a value.

    JSON or form value  --normalise-->  value  --to_column-->  column value
                                        value  <--from_column--
                                        value  --as_json-->    JSON value

One type, one short file; `appliance.core.fields.FIELD_TYPES` is the registry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from appliance.core.app import App
    from appliance.core.collection import Collection
    from appliance.core.record import Record
    from appliance.errors import FieldError


@dataclass(frozen=True, kw_only=True)
class Field:
    """The options that every type has. Subclasses add theirs as dataclass fields named in snake_case;
    `options_as_json` and `from_json` speak the wire's camelCase."""

    type: ClassVar[str] = ""
    column_kind: ClassVar[str] = "text"  # text | number | boolean | json : storage/ turns it into SQL

    id: str = ""
    name: str = ""
    system: bool = False
    hidden: bool = False
    presentable: bool = False
    required: bool = False
    help: str = ""

    @property
    def is_multiple(self) -> bool:
        """Whether a value is a list (select, file, relation with maxSelect > 1)."""
        return False

    @classmethod
    def from_json(cls, options: Mapping[str, Any]) -> Field:
        """Read the wire's form; unknown options are ignored, wrong types raise ValidationFailed."""
        raise NotImplementedError

    def as_json(self) -> dict[str, Any]:
        """The field in the wire's form, as collections answer it."""
        raise NotImplementedError

    def check_options(self, app: App, collection: Collection) -> Mapping[str, FieldError]:
        """Errors of the options, keyed by the wire's option name; empty when all is well."""
        raise NotImplementedError

    def zero(self) -> Any:
        """The value of a field that was never set."""
        raise NotImplementedError

    def normalise(self, raw: Any) -> Any:
        """Turn whatever JSON, a form or a hook gave into this type's value, as the wire's original casts it."""
        raise NotImplementedError

    def to_column(self, value: Any) -> Any:
        """The value as it is bound into SQL."""
        raise NotImplementedError

    def from_column(self, stored: Any) -> Any:
        """The value of what a SELECT brought."""
        raise NotImplementedError

    def value_as_json(self, value: Any) -> Any:
        """The value as records answer it."""
        raise NotImplementedError

    def check_value(self, app: App, record: Record, value: Any) -> FieldError | None:
        """What is wrong with the value of this record, or None. Runs inside the write's transaction."""
        raise NotImplementedError
