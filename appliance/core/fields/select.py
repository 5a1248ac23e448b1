"""One or many of a fixed list of texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from appliance.core.fields.base import option, read_texts
from appliance.core.fields.checks import REQUIRED, between, sentence
from appliance.core.fields.many import ManyField
from appliance.errors import FieldError

if TYPE_CHECKING:
    from appliance.core.app import App
    from appliance.core.collection import Collection
    from appliance.core.record import Record


@dataclass(frozen=True, kw_only=True)
class SelectField(ManyField):
    """A choice among `values`."""

    type = "select"

    values: tuple[str, ...] = option("values", read_texts, ())

    def own_option_errors(self, app: App, collection: Collection) -> dict[str, Any]:
        """Values to choose from, and how many of them."""
        return {
            "values": None if self.values else REQUIRED,
            "maxSelect": between(self.max_select, 0, max(len(self.values), 1)),
        }

    def check_value(self, app: App, record: Record, value: Any) -> FieldError | None:
        """Required, how many, and each one of `values`."""
        chosen = self.elements(value)
        if not chosen:
            return REQUIRED if self.required else None
        most = max(self.max_select, 1)
        if len(chosen) > most:
            return FieldError("validation_too_many_values", f"Select no more than {most}.", {"maxSelect": most})
        wrong = next((each for each in chosen if each not in self.values), None)
        if wrong is None:
            return None
        return FieldError("validation_invalid_value", sentence(f"Invalid value {wrong}"), {"value": wrong})
