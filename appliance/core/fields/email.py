"""One email address, optionally of chosen domains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import re2

from appliance.core.fields.checks import REQUIRED
from appliance.core.fields.domain_text import DomainTextField
from appliance.errors import FieldError

if TYPE_CHECKING:
    from appliance.core.app import App
    from appliance.core.record import Record

NOT_AN_EMAIL = FieldError("validation_is_email", "Must be a valid email address.")
_LATER = "\u00a0-\ud7ff\uf900-\ufdcf\ufdf0-\uffef"
_ATOM = rf"[a-zA-Z0-9!#$%&'*+\-/=?^_`{{|}}~{_LATER}]+"
_LABEL = rf"[a-zA-Z0-9{_LATER}](?:[a-zA-Z0-9\-._~{_LATER}]*[a-zA-Z0-9{_LATER}])?"
_TOP = rf"[a-zA-Z{_LATER}](?:[a-zA-Z0-9\-_~{_LATER}]*[a-zA-Z{_LATER}])?"
# On RE2: the labels may hold dots themselves, on which a backtracking engine takes exponential time.
EMAIL = re2.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_TOP}\.?")


@dataclass(frozen=True, kw_only=True)
class EmailField(DomainTextField):
    """An address, or "". At most one of the two domain lists may be set."""

    type = "email"

    def check_value(self, app: App, record: Record, value: Any) -> FieldError | None:
        """Required, an address, of an allowed domain (compared as written)."""
        if not value:
            return REQUIRED if self.required else None
        if not is_email(value):
            return NOT_AN_EMAIL
        domain = value.rpartition("@")[2]
        if not self.allows(domain):
            return FieldError("validation_email_domain_not_allowed", "Email domain is not allowed.")
        return None


def is_email(text: str) -> bool:
    """Whether a text has the form of an address, by the wire's rules: no quotes, no comments, a domain with a dot."""
    return EMAIL.fullmatch(text) is not None
