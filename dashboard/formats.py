"""How values look on a page. Registered as template filters and functions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, url_for

from appliance.errors import ApiError
from dashboard.asking import the_app

ICONS = {
    "autodate": "clock",
    "bool": "toggle-left",
    "date": "calendar",
    "editor": "text",
    "email": "mail",
    "file": "image",
    "geoPoint": "map-pin",
    "json": "braces",
    "number": "hash",
    "password": "lock",
    "relation": "link",
    "select": "list",
    "text": "type",
    "url": "arrow-up-right",
}
LONGEST_CELL = 120
NAMING_FIELDS = ("name", "title", "label", "username", "email", "slug")


def register(panel: Blueprint) -> None:
    """Make these known to the templates."""
    panel.add_app_template_filter(icon_of)
    panel.add_app_template_filter(as_list)
    panel.add_app_template_filter(as_text)
    panel.add_app_template_filter(shortened)
    panel.add_app_template_global(page_url)
    panel.add_app_template_global(related_of)


def icon_of(field: Mapping[str, Any]) -> str:
    """The name of a field's icon."""
    return "key" if field["name"] == "id" else ICONS.get(field["type"], "type")


def is_shown(field: Mapping[str, Any]) -> bool:
    """Whether the grid has a column for this field: never for secrets."""
    return bool(field["type"] != "password" and field["name"] != "tokenKey")


def as_list(value: Any) -> list[Any]:
    """A value of one or many as a list, without empty ones."""
    values = value if isinstance(value, list) else [value]
    return [each for each in values if each not in ("", None)]


def as_text(value: Any) -> str:
    """A value as one text: JSON for what is neither text nor number."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def shortened(text: str) -> str:
    """A text fit for one cell."""
    flat = " ".join(text.split())
    return flat if len(flat) <= LONGEST_CELL else flat[: LONGEST_CELL - 1] + "…"


def related_of(record: Mapping[str, Any], field: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """What a relation points to, as (collection, id, label); the id is the label of what is gone or unnamed."""
    expanded = {each["id"]: each for each in as_list(record.get("expand", {}).get(field["name"]))}
    found = []
    for record_id in as_list(record[field["name"]]):
        related = expanded.get(record_id)
        collection = related["collectionName"] if related else ""
        found.append((collection, record_id, name_of(related) if related else record_id))
    return found


def name_of(record: Mapping[str, Any]) -> str:
    """What a record is called on a page: presentable fields, else a field that usually names things, else the id."""
    collection = the_app().collections.get(record["collectionId"])
    shown = [record.get(each.name) for each in collection.fields if each.presentable]
    usual = [record.get(name) for name in NAMING_FIELDS]
    texts = [as_text(value) for value in (shown if any(shown) else usual) if value]
    return shortened(" · ".join(texts) if any(shown) else texts[0]) if texts else str(record["id"])


def page_url(endpoint: str, **values: Any) -> str:
    """A link that leaves out empty parameters."""
    return url_for(endpoint, **{name: value for name, value in values.items() if value not in ("", None)})


def sentences(error: ApiError) -> dict[str, str]:
    """The error of each form field as a sentence."""
    entries = error.as_json()["data"]
    return {name: entry["message"] for name, entry in entries.items() if isinstance(entry, dict) and "message" in entry}
