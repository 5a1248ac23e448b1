"""`/_/collections/{collection}`: its records in pages, with the wire's own filter; one record; deleting it."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for

from appliance.api.collections import view_collection
from appliance.api.records import delete_record, list_records, view_record
from appliance.errors import ApiError, NotFound
from dashboard.asking import ask
from dashboard.formats import is_shown, name_of
from dashboard.pages.errors import show_not_found

PER_PAGE = 50


def show_records(collection: str) -> Any:
    """One page of records. A filter that can't be read is said beside the box, and what was typed stays."""
    try:
        schema = ask(view_collection, path={"collection": collection})
    except NotFound:
        return show_not_found()
    query = {name: request.args.get(name, "") for name in ("filter", "sort", "page")}
    page, problem = find_page(schema, query)
    fields = [each for each in schema["fields"] if is_shown(each)]
    return render_template(
        "dashboard/records.html", collection=schema, fields=fields, page=page, query=query, problem=problem
    )


def all_relations(schema: dict[str, Any]) -> str:
    """The `expand` that brings every related record along, so that a page can name it."""
    return ",".join(each["name"] for each in schema["fields"] if each["type"] == "relation")


def find_page(schema: dict[str, Any], query: dict[str, str]) -> tuple[dict[str, Any], str]:
    """The page that was asked for and "", or an empty one and what is wrong with the filter or sort."""
    asked = {"perPage": str(PER_PAGE), "expand": all_relations(schema)}
    asked |= {name: text for name, text in query.items() if text}
    try:
        return ask(list_records, path={"collection": schema["name"]}, query=asked), ""
    except ApiError as error:
        nothing = {"items": [], "page": 1, "perPage": PER_PAGE, "totalItems": 0, "totalPages": 0}
        return nothing, error.hint or "This filter or sort can't be read. Check the field names and the quotes."


def show_record(collection: str, record_id: str) -> Any:
    """Every value of one record."""
    try:
        schema = ask(view_collection, path={"collection": collection})
        path = {"collection": collection, "id": record_id}
        record = ask(view_record, path=path, query={"expand": all_relations(schema)})
    except NotFound:
        return show_not_found()
    fields = [each for each in schema["fields"] if each["name"] in record]
    return render_template(
        "dashboard/record.html", collection=schema, fields=fields, record=record, label=name_of(record)
    )


def do_delete_record(collection: str, record_id: str) -> Any:
    """Delete, and say so on the list; when it is refused, say why on the record."""
    try:
        ask(delete_record, method="DELETE", path={"collection": collection, "id": record_id})
    except NotFound:
        return show_not_found()
    except ApiError as error:
        flash(error.message, "bad")
        return redirect(url_for("dashboard.show_record", collection=collection, record_id=record_id))
    flash(f"Deleted record {record_id}.", "ok")
    return redirect(url_for("dashboard.show_records", collection=collection))
