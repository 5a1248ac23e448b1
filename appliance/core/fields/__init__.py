"""The field types, one short file each, and the registry of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appliance.core.fields.autodate import AutodateField
from appliance.core.fields.base import UNREADABLE, Field
from appliance.core.fields.bool import BoolField
from appliance.core.fields.date import DateField
from appliance.core.fields.editor import EditorField
from appliance.core.fields.email import EmailField
from appliance.core.fields.file import FileField
from appliance.core.fields.geo_point import GeoPointField
from appliance.core.fields.json import JsonField
from appliance.core.fields.number import NumberField
from appliance.core.fields.password import PasswordField
from appliance.core.fields.relation import RelationField
from appliance.core.fields.select import SelectField
from appliance.core.fields.text import TextField
from appliance.core.fields.url import UrlField
from appliance.errors import ValidationFailed

FIELD_TYPES: dict[str, type[Field]] = {
    each.type: each
    for each in (
        TextField,
        EditorField,
        NumberField,
        BoolField,
        EmailField,
        UrlField,
        DateField,
        AutodateField,
        SelectField,
        FileField,
        RelationField,
        JsonField,
        GeoPointField,
        PasswordField,
    )
}


def field_from_json(options: Mapping[str, Any]) -> Field:
    """A field of the wire's form. Raises ValidationFailed (the original's "invalid formatting") on an unknown type,
    on an option of the wrong JSON type, and on what is no object at all."""
    kind = options.get("type") if isinstance(options, Mapping) else None
    if not isinstance(kind, str) or kind not in FIELD_TYPES:
        raise ValidationFailed({}, UNREADABLE, hint=f"{kind!r} is no field type; there are: {', '.join(FIELD_TYPES)}")
    return FIELD_TYPES[kind].from_json(options)


__all__ = ["FIELD_TYPES", "Field", "field_from_json"]
