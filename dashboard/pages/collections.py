"""`/_/collections`: every collection with its type, its records and who may do what."""

from __future__ import annotations

from typing import Any

from flask import redirect, render_template, url_for

from appliance.api.collections import list_collections
from appliance.api.records import list_records
from appliance.core.collection import RULE_NAMES
from dashboard.asking import ask

MOST = "1000"
RULE_LABELS = {name: name.removesuffix("Rule").capitalize() for name in RULE_NAMES}


def show_home() -> Any:
    """The first page after sign-in."""
    return redirect(url_for("dashboard.show_collections"))


def show_collections() -> str:
    """The list; the system's own collections come last."""
    found = ask(list_collections, query={"perPage": MOST, "sort": "name"})["items"]
    rows = [{**each, "total": count_records(each["name"])} for each in found]
    rows.sort(key=lambda each: each["system"])
    return render_template("dashboard/collections.html", collections=rows, rule_labels=RULE_LABELS)


def count_records(collection: str) -> int:
    """How many records a collection has."""
    page = ask(list_records, path={"collection": collection}, query={"perPage": "1", "fields": "id"})
    return int(page["totalItems"])
