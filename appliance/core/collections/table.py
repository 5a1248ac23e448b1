"""The real table or view behind a collection, and the steps from one state of it to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.core.collection import Collection
from appliance.core.collections.indexes import parse_index
from appliance.core.fields import Field
from appliance.core.sql_names import quoted
from appliance.errors import ConstraintError, FieldError, SchemaError, ValidationFailed
from appliance.storage.database import Column

if TYPE_CHECKING:
    from appliance.storage.database import Schema

TEXT_ID: Final = "TEXT"
INVALID_INDEX: Final = "validation_invalid_index_expression"


def column_of(field: Field) -> Column:
    """The column that holds a field's values."""
    return Column(
        name=field.name,
        kind=field.column_kind,
        primary_key=getattr(field, "primary_key", False),
        is_list=field.is_multiple,
    )


def create_table(schema: Schema, collection: Collection) -> None:
    """Inside a write: make the table of a new collection with its indexes, or its view."""
    if collection.is_view:
        _create_view(schema, collection.name, collection.options["viewQuery"])
        return
    schema.create_table(collection.name, [column_of(each) for each in collection.fields])
    create_indexes(schema, collection)


def _create_view(schema: Schema, name: str, query: str) -> None:
    """Ids are texts: one that the query computes (ROW_NUMBER() OVER()) is made one, or no id would ever match it. The
    id of a table stays as it is, so that its index is used."""
    columns = dict(schema.create_view(name, query))
    if columns.get("id", TEXT_ID).upper() != TEXT_ID:
        schema.drop_view(name)
        kept = [f"CAST({quoted(each)} AS TEXT) AS {quoted(each)}" if each == "id" else quoted(each) for each in columns]
        schema.create_view(name, f"SELECT {', '.join(kept)} FROM ({query.strip().rstrip(';')}\n)")  # noqa: S608


def drop_table(schema: Schema, collection: Collection) -> None:
    """Inside a write: drop the table with its rows, or the view."""
    if collection.is_view:
        schema.drop_view(collection.name)
    else:
        schema.drop_table(collection.name)


def change_table(schema: Schema, old: Collection, new: Collection) -> None:
    """Inside a write: bring the table or view from the old to the new state; values of kept fields stay."""
    if new.is_view:
        _change_view(schema, old, new)
    elif _layout(old) != _layout(new):
        drop_indexes(schema, old)
        if old.name != new.name:
            schema.rename_table(old.name, new.name)
        _change_columns(schema, old, new)
        create_indexes(schema, new)


def _layout(collection: Collection) -> tuple[object, ...]:
    columns = tuple((each.id, column_of(each)) for each in collection.fields)
    return collection.name, collection.indexes, columns


def _change_view(schema: Schema, old: Collection, new: Collection) -> None:
    if (old.name, old.options["viewQuery"]) != (new.name, new.options["viewQuery"]):
        drop_table(schema, old)
        create_table(schema, new)


def _change_columns(schema: Schema, old: Collection, new: Collection) -> None:
    """Drop, rename, retype, add: in this order names that are freed can be taken again."""
    for field in old.fields:
        if field.id not in new.fields_by_id:
            schema.drop_column(new.name, field.name)
    kept = [(old.fields_by_id[each.id], each) for each in new.fields if each.id in old.fields_by_id]
    _rename_columns(schema, new.name, [(before.name, after.name) for before, after in kept])
    for before, after in kept:
        if column_of(before).kind != column_of(after).kind or before.is_multiple != after.is_multiple:
            schema.retype_column(new.name, _named(column_of(before), after.name), column_of(after))
    for field in new.fields:
        if field.id not in old.fields_by_id:
            schema.add_column(new.name, column_of(field))


def _named(column: Column, name: str) -> Column:
    return Column(name, column.kind, column.primary_key, column.is_list)


def _rename_columns(schema: Schema, table: str, names: list[tuple[str, str]]) -> None:
    """Rename; names that two columns exchange go over a name in between."""
    renamed = [(before, after) for before, after in names if before != after]
    taken = {before.lower() for before, _ in names}
    in_between = [(f"_renamed_{place}", after) for place, (_, after) in enumerate(renamed)]
    if any(after.lower() in taken - {before.lower()} for before, after in renamed):
        for (before, _), (between, _) in zip(renamed, in_between, strict=True):
            _rename(schema, table, before, between)
        renamed = in_between
    for before, after in renamed:
        _rename(schema, table, before, after)


def _rename(schema: Schema, table: str, before: str, after: str) -> None:
    try:
        schema.rename_column(table, before, after)
    except SchemaError as error:
        raise SchemaError(f"failed to rename column {before} - {error.message}", error.hint) from error


def create_indexes(schema: Schema, collection: Collection) -> None:
    """Make every index of the collection. Raises ValidationFailed that points at each one that can't be made."""
    made = ((str(place), _try_index(schema, statement)) for place, statement in enumerate(collection.indexes))
    if failed := {place: reason for place, reason in made if reason}:
        raise ValidationFailed({"indexes": {place: FieldError(INVALID_INDEX, why) for place, why in failed.items()}})


def _try_index(schema: Schema, statement: str) -> str:
    """Why the index can't be made; empty when it stands."""
    index = parse_index(statement)
    if index is None:
        return "Invalid CREATE INDEX expression."
    try:
        schema.create_index(index.as_statement())
    except (SchemaError, ConstraintError) as error:
        return f"Failed to create index {index.name} - {error.message}."
    return ""


def drop_indexes(schema: Schema, collection: Collection) -> None:
    """Drop every index that the collection has."""
    for statement in collection.indexes:
        if index := parse_index(statement):
            schema.drop_index(index.name)
