"""A collection as a value: its schema, its rules and its options. It never changes; a change makes a new one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from appliance.core.fields import Field, field_from_json
from appliance.core.fields.base import has_own
from appliance.core.fields.text import TextField
from appliance.errors import FieldError

if TYPE_CHECKING:
    from appliance.core.app import App
    from appliance.core.record import Record

BASE: Final = "base"
AUTH: Final = "auth"
VIEW: Final = "view"
Check = Callable[["App", "Record", Any], FieldError | None]

TYPES: Final = (BASE, AUTH, VIEW)

SUPERUSERS: Final = "_superusers"
EXTERNAL_AUTHS: Final = "_externalAuths"
MFAS: Final = "_mfas"
OTPS: Final = "_otps"
AUTH_ORIGINS: Final = "_authOrigins"

RULE_NAMES: Final = ("listRule", "viewRule", "createRule", "updateRule", "deleteRule")

TOKEN_OPTIONS: Final = ("authToken", "passwordResetToken", "emailChangeToken", "verificationToken", "fileToken")

ROW_COLUMNS: Final = (
    "id",
    "system",
    "type",
    "name",
    "fields",
    "indexes",
    *RULE_NAMES,
    "options",
    "created",
    "updated",
)


@dataclass(frozen=True)
class Collection:
    """One row of `_collections`.

    `rules` maps each of RULE_NAMES to its text: None lets superusers only, "" lets everyone.
    `options` is the `options` column in the wire's own (camelCase) form: for auth collections authRule,
    manageRule, authToken {secret, duration}, passwordAuth, mfa, otp, oauth2, templates...; for views viewQuery.
    `revision` differs for every stored state of the whole schema within this process: the key of compiled plans.
    """

    id: str
    name: str
    type: str = BASE
    system: bool = False
    fields: tuple[Field, ...] = ()
    indexes: tuple[str, ...] = ()
    rules: Mapping[str, str | None] = field(default_factory=lambda: dict.fromkeys(RULE_NAMES))
    options: Mapping[str, Any] = field(default_factory=dict)
    created: str = ""
    updated: str = ""
    revision: int = 0

    @property
    def is_auth(self) -> bool:
        """Whether its records can sign in."""
        return self.type == AUTH

    @property
    def is_view(self) -> bool:
        """Whether it is a read-only SQL view."""
        return self.type == VIEW

    @cached_property
    def fields_by_name(self) -> Mapping[str, Field]:
        """Field name -> field, in schema order."""
        return {each.name: each for each in self.fields}

    @cached_property
    def fields_by_id(self) -> Mapping[str, Field]:
        """Field id -> field, in schema order."""
        return {each.id: each for each in self.fields}

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """The columns of its table or view, in schema order."""
        return tuple(each.name for each in self.fields)

    @cached_property
    def id_place(self) -> int:
        """Where in a row the id stands."""
        return self.column_names.index("id")

    @cached_property
    def _fields_by_type(self) -> Mapping[str, tuple[Field, ...]]:
        kinds = dict.fromkeys(each.type for each in self.fields)
        return {kind: tuple(each for each in self.fields if each.type == kind) for kind in kinds}

    def new_values(self) -> dict[str, Any]:
        """Field name -> value of a record of which nothing has been set."""
        values = self._zeros.copy()
        for each in self._fields_of_structures:
            values[each.name] = each.zero()
        return values

    @cached_property
    def _zeros(self) -> dict[str, Any]:
        return {each.name: each.zero() for each in self.fields}

    @cached_property
    def _fields_of_structures(self) -> tuple[Field, ...]:
        """Those whose zero is a list or dict, which every record needs of its own."""
        return tuple(each for each in self.fields if isinstance(each.zero(), (list, dict)))

    @cached_property
    def checks(self) -> tuple[tuple[str, Check], ...]:
        """Name and check of each field whose value can be refused."""
        return tuple((each.name, each.check_value) for each in self.fields if has_own(each, "check_value"))

    @cached_property
    def column_casts(self) -> tuple[tuple[int, Callable[[Any], Any]], ...]:
        """Place and cast of each column that doesn't hold its field's value as it is."""
        casts = ((place, each) for place, each in enumerate(self.fields) if has_own(each, "to_column"))
        return tuple((place, each.to_column) for place, each in casts)

    @cached_property
    def generated_fields(self) -> tuple[TextField, ...]:
        """The texts that are generated where none was given."""
        return tuple(each for each in self.fields if isinstance(each, TextField) and each.autogenerate_pattern)

    @cached_property
    def list_names(self) -> tuple[str, ...]:
        """Names of the fields whose value may be a list."""
        return tuple(each.name for each in self.fields if each.is_multiple or each.column_kind == "json")

    def find_field(self, name: str) -> Field | None:
        """The field of that name, or None."""
        return self.fields_by_name.get(name)

    def fields_of(self, kind: str) -> tuple[Field, ...]:
        """All fields of one type name ("file", "relation", ...)."""
        return self._fields_by_type.get(kind, ())

    def as_row(self) -> tuple[Any, ...]:
        """The values of ROW_COLUMNS, secrets included."""
        return (
            self.id,
            int(self.system),
            self.type,
            self.name,
            _compact([each.as_json() for each in self.fields]),
            _compact(list(self.indexes)),
            *(self.rules.get(name) for name in RULE_NAMES),
            _compact(self.options),
            self.created,
            self.updated,
        )

    def as_json(self) -> dict[str, Any]:
        """The wire's form, without token and OAuth2 secrets."""
        return {
            "id": self.id,
            **{name: self.rules.get(name) for name in RULE_NAMES},
            "name": self.name,
            "type": self.type,
            "fields": [each.as_json() for each in self.fields],
            "indexes": list(self.indexes),
            "created": self.created,
            "updated": self.updated,
            "system": self.system,
            **without_secrets(self.options),
        }


def collection_from_row(row: Sequence[Any], revision: int = 0) -> Collection:
    """Read one row of ROW_COLUMNS. Raises ValidationFailed for a field that this version does not know."""
    stored = dict(zip(ROW_COLUMNS, row, strict=True))
    return Collection(
        id=stored["id"],
        name=stored["name"],
        type=stored["type"],
        system=bool(stored["system"]),
        fields=tuple(field_from_json(each) for each in _parsed(stored["fields"]) or ()),
        indexes=tuple(_parsed(stored["indexes"]) or ()),
        rules={name: stored[name] for name in RULE_NAMES},
        options=_parsed(stored["options"]) or {},
        created=stored["created"],
        updated=stored["updated"],
        revision=revision,
    )


def without_secrets(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as answers show them: no `secret` of a token kind, no OAuth2 `clientSecret`."""
    shown = {name: _without(each, "secret") if name in TOKEN_OPTIONS else each for name, each in options.items()}
    if oauth2 := shown.get("oauth2"):
        shown["oauth2"] = {
            **oauth2,
            "providers": [_without(each, "clientSecret") for each in oauth2["providers"] or ()],
        }
    return shown


def _without(options: Mapping[str, Any], secret: str) -> dict[str, Any]:
    return {name: each for name, each in options.items() if name != secret}


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _parsed(stored: Any) -> Any:
    return json.loads(stored) if isinstance(stored, (str, bytes)) else stored
