"""View collections: the fields that a SELECT brings, and what a SELECT must be to become a collection.

A column that comes straight from a collection's field gets a copy of that field; `id` of another collection becomes
a relation to it; COUNT, TOTAL and CAST tell their type; everything else is json.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from appliance import clock
from appliance.core.collection import Collection
from appliance.core.collections.scaffolds import ID_FIELD
from appliance.core.collections.view_words import Named, ViewQueryError, ViewText, read_view, unquoted
from appliance.core.fields import Field, field_from_json
from appliance.errors import StorageError

if TYPE_CHECKING:
    from appliance.core.app import App

TRIAL_VIEW: Final = "_homeport_view_trial"
CLONE_LETTERS: Final = 4
_MAX_COLUMN_PARTS: Final = 2

_CAST: Final = re.compile(r"cast\(.*\sas\s+(?P<type>\w+)\s*\)\Z", re.IGNORECASE | re.DOTALL)
_COUNTING: Final = re.compile(r"(?:count|total)\(", re.IGNORECASE)
_JSON: Final = {"type": "json", "maxSize": 1}
_WHOLE: Final = {"type": "number", "onlyInt": True}
_CAST_TYPES: Final[Mapping[str, Mapping[str, Any]]] = {
    "text": {"type": "text"},
    "int": _WHOLE,
    "integer": _WHOLE,
    "real": {"type": "number"},
    "decimal": {"type": "number"},
    "numeric": {"type": "number"},
    "bool": {"type": "bool"},
    "boolean": {"type": "bool"},
}
_VIEW_ID: Final = {**ID_FIELD, "min": 0, "max": 0, "autogeneratePattern": ""}

_NO_ID: Final = "missing required id column (you can use `(ROW_NUMBER() OVER()) as id` if you don't have one)"
_EMPTY_IDS: Final = "the query could return records with empty or invalid ids"
_SAME_IDS: Final = "the query could return records with non-unique ids"


def view_fields(app: App, query: str) -> tuple[Field, ...]:
    """Inside a write: the fields of a SELECT, found by making a view of it for a moment. Raises ViewQueryError."""
    text = read_view(query)
    with _trial_view(app, query) as columns:
        return fields_of(app, text, columns)


def check_ids(app: App, query: str) -> None:
    """Inside a write: refuse a SELECT whose rows can't be told apart by their id. Costs one run of the query.

    Raises ViewQueryError.
    """
    with _trial_view(app, query) as columns:
        if "id" not in columns:
            raise ViewQueryError(_NO_ID)
        if app.database.query(f"SELECT 1 FROM `{TRIAL_VIEW}` WHERE id IS NULL OR id = '' LIMIT 1"):  # noqa: S608
            raise ViewQueryError(_EMPTY_IDS)
        if app.database.query(f"SELECT 1 FROM `{TRIAL_VIEW}` GROUP BY id HAVING COUNT(*) > 1 LIMIT 1"):  # noqa: S608
            raise ViewQueryError(_SAME_IDS)


@contextmanager
def _trial_view(app: App, query: str) -> Iterator[list[str]]:
    """A view of the query that is there for a moment, as its column names."""
    schema = app.database.schema
    try:
        yield [name for name, _ in schema.create_view(TRIAL_VIEW, query)]
    except StorageError as error:
        raise ViewQueryError(error.message) from error
    finally:
        schema.drop_view(TRIAL_VIEW)


def changed_views(app: App) -> list[Collection]:
    """Inside a write: the view collections whose fields are no longer those of their sources, with the new ones.

    A view whose query names a table that isn't there (it was renamed) keeps its fields, as in the original.
    """
    tables = {each.lower() for each in app.database.schema.tables()}
    changed = []
    for view in app.collections.all():
        if view.is_view and (fields := _fields_now(app, view, tables)):
            changed += [replace(view, fields=fields)] if _differ(fields, view.fields) else []
    return changed


def _fields_now(app: App, view: Collection, tables: set[str]) -> tuple[Field, ...]:
    try:
        text = read_view(view.options["viewQuery"])
    except ViewQueryError:
        return ()
    if any(unquoted(each.source).lower() not in tables for each in text.tables if each.source[0] != "("):
        return ()
    return fields_of(app, text, app.database.schema.columns(view.name))


def _differ(fields: Sequence[Field], others: Sequence[Field]) -> bool:
    """Whether they differ in more than the ids, which are drawn anew for each copy."""
    return [replace(each, id="") for each in fields] != [replace(each, id="") for each in others]


def fields_of(app: App, text: ViewText, columns: Sequence[str]) -> tuple[Field, ...]:
    """A field for each column that SQLite says the view has."""
    sources = {each.alias: each.source for each in text.columns}
    return tuple(_field_of(app, text.tables, name, sources.get(name, "")) for name in columns)


def _field_of(app: App, tables: Sequence[Named], name: str, source: str) -> Field:
    if name == "id":
        return field_from_json(_VIEW_ID)
    if _COUNTING.match(source):
        return _new_field(_WHOLE, name)
    if cast := _CAST.match(source):
        return _new_field(_CAST_TYPES.get(cast["type"].lower(), _JSON), name)
    return _source_field(app, tables, source, name) or _new_field(_JSON, name)


def _new_field(options: Mapping[str, Any], name: str) -> Field:
    return field_from_json({**options, "name": name, "id": f"{options['type']}{zlib.crc32(name.encode())}"})


def _source_field(app: App, tables: Sequence[Named], source: str, name: str) -> Field | None:
    parts = [unquoted(part) for part in source.split(".")]
    if len(parts) > _MAX_COLUMN_PARTS:
        return None
    for table in tables:
        collection = app.collections.find(unquoted(table.source))
        wanted = len(parts) == 1 or parts[0].lower() == table.alias.lower()
        field = collection.find_field(parts[-1]) if collection and wanted else None
        if collection and field:
            return _copy(collection, field, name)
    return None


def _copy(collection: Collection, field: Field, name: str) -> Field:
    if field.name == "id":
        return _new_field({"type": "relation", "maxSelect": 1, "collectionId": collection.id}, name)
    copied = replace(field, id=f"_clone_{clock.random_text(CLONE_LETTERS, clock.TOKEN_ALPHABET)}", name=name)
    forced: dict[str, Any] = {"primary_key": False} if hasattr(field, "primary_key") else {}
    return replace(copied, **forced)
