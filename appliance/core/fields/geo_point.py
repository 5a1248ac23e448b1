"""A point on the earth in degrees."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from appliance.core.fields.base import Field
from appliance.core.fields.casts import plain_number
from appliance.core.fields.checks import REQUIRED
from appliance.errors import FieldError

if TYPE_CHECKING:
    from appliance.core.app import App
    from appliance.core.record import Record


Point = dict[str, int | float]


@dataclass(frozen=True, kw_only=True)
class GeoPointField(Field):
    """`{"lon": -180..180, "lat": -90..90}`; both 0 when never set (Null Island counts as no point)."""

    type = "geoPoint"
    column_kind = "point"

    def zero(self) -> Point:
        """No point."""
        return {"lon": 0, "lat": 0}

    def normalise(self, raw: Any) -> Point:
        """`lon` and `lat` of an object, or of a text with one, where they are numbers; else 0."""
        if isinstance(raw, str | bytes):
            raw = _read(raw)
        found = raw if isinstance(raw, Mapping) else {}
        return {"lon": _degrees(found.get("lon")), "lat": _degrees(found.get("lat"))}

    def to_column(self, value: Any) -> str:
        """JSON text as the original stores it, `lon` first."""
        return json.dumps({"lon": value["lon"], "lat": value["lat"]}, separators=(",", ":"))

    def value_as_json(self, value: Any) -> Point:
        """A point of its own that the caller may change."""
        return dict(value)

    def check_value(self, app: App, record: Record, value: Any) -> FieldError | None:
        """Required (any point but 0, 0), and on the globe."""
        if value["lon"] == 0 and value["lat"] == 0:
            return REQUIRED if self.required else None
        if not -90 <= value["lat"] <= 90:
            return FieldError("validation_invalid_latitude", "Latitude must be between -90 and 90 degrees.")
        if not -180 <= value["lon"] <= 180:
            return FieldError("validation_invalid_longitude", "Longitude must be between -180 and 180 degrees.")
        return None


def _read(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _degrees(raw: Any) -> int | float:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return 0
    number = plain_number(raw)
    return number if math.isfinite(number) else 0
