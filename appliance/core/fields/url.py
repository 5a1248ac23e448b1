"""One URL, optionally of chosen hosts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from appliance.core.fields.base import Field, option, read_texts
from appliance.core.fields.casts import to_text


@dataclass(frozen=True, kw_only=True)
class UrlField(Field):
    """A URL, or "". At most one of the two domain lists may be set."""

    type = "url"

    except_domains: tuple[str, ...] = option("exceptDomains", read_texts, ())
    only_domains: tuple[str, ...] = option("onlyDomains", read_texts, ())

    def zero(self) -> str:
        """The empty text."""
        return ""

    def normalise(self, raw: Any) -> str:
        """A text; numbers and booleans are spelled out (and refused later)."""
        return to_text(raw)
