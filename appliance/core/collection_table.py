"""The real table behind a collection: one column a field, and its indexes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.core.collection import Collection
from appliance.core.collection_indexes import parse_index
from appliance.core.fields import Field
from appliance.errors import ConstraintError, FieldError, SchemaError, ValidationFailed
from appliance.storage.database import Column

if TYPE_CHECKING:
    from appliance.storage.database import Schema


def column_of(field: Field) -> Column:
    """The column that holds a field's values."""
    return Column(
        name=field.name,
        kind=field.column_kind,
        primary_key=getattr(field, "primary_key", False),
        is_list=field.is_multiple,
    )


def create_table(schema: Schema, collection: Collection) -> None:
    """Inside a write: make the table of a new base or auth collection, with its indexes."""
    schema.create_table(collection.name, [column_of(each) for each in collection.fields])
    create_indexes(schema, collection)


def create_indexes(schema: Schema, collection: Collection) -> None:
    """Make every index of the collection. Raises ValidationFailed that points at the one that can't be made."""
    for place, statement in enumerate(collection.indexes):
        index = parse_index(statement)
        if index is None:
            raise index_error(place, "Invalid CREATE INDEX expression.")
        try:
            schema.create_index(index.as_statement())
        except (SchemaError, ConstraintError) as error:
            raise index_error(place, f"Failed to create index {index.name} - {error.message}.") from error


def drop_indexes(schema: Schema, collection: Collection) -> None:
    """Drop every index that the collection has."""
    for statement in collection.indexes:
        if index := parse_index(statement):
            schema.drop_index(index.name)


def index_error(place: int, message: str, code: str = "validation_invalid_index_expression") -> ValidationFailed:
    """What to answer about the index at that place of the list."""
    return ValidationFailed({"indexes": {str(place): FieldError(code, message)}})
