"""A collection as a value: its schema, its rules and its options. It never changes; a change makes a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from appliance.core.fields.base import Field

BASE: Final = "base"
AUTH: Final = "auth"
VIEW: Final = "view"

SUPERUSERS: Final = "_superusers"
EXTERNAL_AUTHS: Final = "_externalAuths"
MFAS: Final = "_mfas"
OTPS: Final = "_otps"
AUTH_ORIGINS: Final = "_authOrigins"

RULE_NAMES: Final = ("listRule", "viewRule", "createRule", "updateRule", "deleteRule")


@dataclass(frozen=True)
class Collection:
    """One row of `_collections`.

    `rules` maps each of RULE_NAMES to its text: None lets superusers only, "" lets everyone.
    `options` is the `options` column in the wire's own (camelCase) form: for auth collections authRule,
    manageRule, authToken {secret, duration}, passwordAuth, mfa, otp, oauth2, templates...; for views viewQuery.
    `revision` differs for every stored state of the schema within this process: the key of compiled plans.
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

    def find_field(self, name: str) -> Field | None:
        """The field of that name, or None."""
        return self.fields_by_name.get(name)

    def fields_of(self, kind: str) -> tuple[Field, ...]:
        """All fields of one type name ("file", "relation", ...)."""
        return tuple(each for each in self.fields if each.type == kind)
