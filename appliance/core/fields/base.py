"""What every field type is: a frozen set of options and a few pure functions between four forms of a value.

    JSON or form value  --normalise-->  value  --to_column-->  column value
                                        value  <--from_column--
                                        value  --value_as_json-->  JSON value

One type, one short file; `appliance.core.fields.FIELD_TYPES` is the registry. An option is a dataclass field made
by `option`, which carries its name on the wire and how it is read; `from_json` and `as_json` follow from that.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from appliance.core.fields.casts import clean_text
from appliance.core.fields.checks import IN_LIST, REQUIRED, WRONG_FORMAT, is_word, length_between
from appliance.errors import FieldError, ValidationFailed

if TYPE_CHECKING:
    from appliance.core.app import App
    from appliance.core.collection import Collection
    from appliance.core.record import Record

Default = TypeVar("Default")
Kind = type[Any]  # of a stored value: str, int, float, bytes or NoneType
RESERVED_NAMES = frozenset(("null", "true", "false", "_rowid_", "collectionId", "collectionName", "expand"))
AUTH_BODY_KEYS = frozenset(("passwordConfirm", "oldPassword"))  # they stand in a request's body beside the fields
RESERVED_NAME = FieldError("validation_reserved_field_name", "The field name is reserved and cannot be used.")
FOUND_VIA = FieldError("validation_found_via", 'The value cannot contain "_via_".')
LONGEST_NAME = 100
LONGEST_HELP = 300
UNREADABLE = "Failed to load the submitted data due to invalid formatting."


def option(wire: str, read: Callable[[Any], Any], default: Default) -> Default:
    """A dataclass field for one option: `wire` is its JSON name; `read` refuses a wrong type with TypeError."""
    made: Default = dataclasses.field(default=default, metadata={"wire": wire, "read": read})
    return made


def read_text(raw: Any) -> str:
    """A JSON string."""
    if not isinstance(raw, str):
        raise TypeError("a text is needed")
    return clean_text(raw)


def read_flag(raw: Any) -> bool:
    """A JSON boolean."""
    if not isinstance(raw, bool):
        raise TypeError("true or false is needed")
    return raw


def read_whole(raw: Any) -> int:
    """A JSON number without fraction, as the original's 64-bit integers."""
    if not isinstance(raw, int) or isinstance(raw, bool) or not -(2**63) <= raw < 2**63:
        raise TypeError("a whole number is needed")
    return raw


def read_number(raw: Any) -> float:
    """A finite JSON number."""
    if not isinstance(raw, int | float) or isinstance(raw, bool) or not math.isfinite(raw):
        raise TypeError("a number is needed")
    return raw


def read_texts(raw: Any) -> tuple[str, ...]:
    """A JSON array of strings."""
    if not isinstance(raw, list | tuple):
        raise TypeError("a list of texts is needed")
    return tuple(read_text(each) for each in raw)


@dataclass(frozen=True, kw_only=True)
class Field:
    """The options that every type has, and what a type can do.

    `unlisted` names options of this base that a type has not (on the wire an autodate can't be required).
    """

    type: ClassVar[str] = ""
    column_kind: ClassVar[str] = "text"  # text | number | boolean | json | point : storage/ turns it into SQL
    unlisted: ClassVar[frozenset[str]] = frozenset()

    id: str = option("id", read_text, "")
    name: str = option("name", read_text, "")
    system: bool = option("system", read_flag, False)
    hidden: bool = option("hidden", read_flag, False)
    presentable: bool = option("presentable", read_flag, False)
    required: bool = option("required", read_flag, False)
    help: str = option("help", read_text, "")

    @property
    def is_multiple(self) -> bool:
        """Whether a value is a list (select, file, relation with maxSelect > 1)."""
        return False

    @classmethod
    def from_json(cls, options: Mapping[str, Any]) -> Self:
        """Read the wire's form; unknown options are ignored, wrong types raise ValidationFailed."""
        values = {}
        for attribute, wire, read in _options_of(cls):
            if options.get(wire) is not None:
                values[attribute] = _read(read, options[wire], wire)
        return cls(**values)

    def as_json(self) -> dict[str, Any]:
        """The field in the wire's form, as collections answer it."""
        answer: dict[str, Any] = {"type": self.type}
        for attribute, wire, _ in _options_of(type(self)):
            value = getattr(self, attribute)
            answer[wire] = list(value) if isinstance(value, tuple) else value
        return answer

    def check_options(self, app: App, collection: Collection) -> dict[str, Any]:
        """Errors of the options, keyed by the wire's option name (a list's are keyed by place); empty when all is well.

        Whether another field has the same name or id is the collection's business.
        """
        found = {
            "id": REQUIRED if not self.id else length_between(self.id, 1, LONGEST_NAME),
            "name": self._name_error(collection),
            "help": length_between(self.help, 1, LONGEST_HELP),
            **self.own_option_errors(app, collection),
        }
        return {option: error for option, error in found.items() if error}

    def own_option_errors(self, app: App, collection: Collection) -> dict[str, Any]:
        """What is wrong with the options that only this type has; None where all is well."""
        return {}

    def _name_error(self, collection: Collection) -> FieldError | None:
        if not self.name:
            return REQUIRED
        if wrong_length := length_between(self.name, 1, LONGEST_NAME):
            return wrong_length
        if not is_word(self.name):
            return WRONG_FORMAT
        if self.name in RESERVED_NAMES:
            return IN_LIST
        if collection.is_auth and self.name in AUTH_BODY_KEYS:
            return RESERVED_NAME
        return FOUND_VIA if "_via_" in self.name.lower() else None

    def zero(self) -> Any:
        """The value of a field that was never set."""
        raise NotImplementedError

    def normalise(self, raw: Any) -> Any:
        """Turn whatever JSON, a form or a hook gave into this type's value, as the wire's original casts it.

        Never raises; what makes no sense becomes the zero value or something that `check_value` refuses.
        """
        raise NotImplementedError

    def to_column(self, value: Any) -> Any:
        """The value as it is bound into SQL."""
        return value

    def from_column(self, stored: Any) -> Any:
        """The value of what a SELECT brought, be it from a view or from an older database."""
        return self.normalise(stored)

    def value_as_json(self, value: Any) -> Any:
        """The value as records answer it."""
        return value

    def json_reader(self, kind: Kind) -> Callable[[Any], Any] | None:
        """How a stored value of this Python type becomes what records answer; None where it stands as it is.

        `value_as_json(from_column(stored))` in one step: a list of records is made of nothing else.
        """
        return lambda stored: self.value_as_json(self.from_column(stored))

    def check_value(self, app: App, record: Record, value: Any) -> FieldError | None:
        """What is wrong with the value of this record, or None. Runs inside the write's transaction."""
        return None

    def modify(self, current: Any, modifier: str, raw: Any) -> Any:
        """`current` after a modifier of the wire: "after" (`name+`), "before" (`+name`) or "less" (`name-`)."""
        raise NotImplementedError

    @property
    def modifiers(self) -> frozenset[str]:
        """The modifiers that this type knows; a key with another one is no field of the record."""
        return frozenset()


def has_own(field: Field, method: str) -> bool:
    """Whether the field's type does something of its own there. Field's methods let every value pass as it is."""
    return getattr(type(field), method) is not getattr(Field, method)


_Option = tuple[str, str, Callable[[Any], Any]]
_OPTIONS: dict[type[Field], tuple[_Option, ...]] = {}


def _options_of(kind: type[Field]) -> tuple[_Option, ...]:
    """(attribute, wire name, reader) of each option, worked out once a type."""
    if kind not in _OPTIONS:
        _OPTIONS[kind] = tuple(_each_option(kind))
    return _OPTIONS[kind]


def _each_option(kind: type[Field]) -> Iterator[_Option]:
    for each in dataclasses.fields(kind):
        wire = each.metadata["wire"]
        if wire not in kind.unlisted:
            yield each.name, wire, each.metadata["read"]


def _read(read: Callable[[Any], Any], raw: Any, wire: str) -> Any:
    try:
        return read(raw)
    except TypeError as error:
        raise ValidationFailed({}, UNREADABLE, hint=f"field option {wire}: {error}") from error
