"""A date that the server sets, on create, on update or on both. What a client sends for it is ignored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from appliance.core.fields.base import Field, Kind, option, read_flag
from appliance.core.fields.dates import parse_date
from appliance.errors import FieldError

if TYPE_CHECKING:
    from appliance.core.app import App
    from appliance.core.collection import Collection

NEVER_SET = FieldError("validation_required", "Either onCreate or onUpdate must be enabled.")


@dataclass(frozen=True, kw_only=True)
class AutodateField(Field):
    """`2006-01-02 15:04:05.000Z`; core/records/save.py sets it."""

    type = "autodate"
    unlisted = frozenset(("help", "required"))

    on_create: bool = option("onCreate", read_flag, False)
    on_update: bool = option("onUpdate", read_flag, False)

    def zero(self) -> str:
        """No date."""
        return ""

    def normalise(self, raw: Any) -> str:
        """The date that a text spells in one of the known layouts; else ""."""
        return parse_date(raw) if isinstance(raw, str) else ""

    def json_reader(self, kind: Kind) -> Callable[[Any], Any] | None:
        """As `normalise`."""
        return parse_date if kind is str else self.normalise

    def own_option_errors(self, app: App, collection: Collection) -> dict[str, Any]:
        """It must be set sometime."""
        return {} if self.on_create or self.on_update else {"onCreate": NEVER_SET, "onUpdate": NEVER_SET}
