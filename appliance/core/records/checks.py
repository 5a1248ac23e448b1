"""Everything that must hold before a record is stored: each field's own check, and what a whole record adds.

All errors are found at once and raised as one ValidationFailed, keyed by field. What only the database can tell
(unique indexes) comes from `unique_errors`, when the row is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from appliance.core.collection import AUTH_ORIGINS, EXTERNAL_AUTHS, MFAS, OTPS, Collection
from appliance.core.collections.indexes import parse_index
from appliance.core.collections.oauth2_providers import PROVIDER_TITLES
from appliance.core.record import Record
from appliance.core.records.rows import load_where
from appliance.errors import ConstraintError, FieldError, ValidationFailed

if TYPE_CHECKING:
    from appliance.core.app import App

NOT_UNIQUE = FieldError("validation_not_unique", "Value must be unique.")
NO_COLLECTION = FieldError("validation_invalid_collection_id", "Missing or invalid collection.")
NO_AUTH_COLLECTION = FieldError("validation_invalid_collection_type", "Invalid collection type - must be auth.")
NO_RECORD = FieldError("validation_invalid_record", "Missing or invalid record.")
NO_PROVIDER = FieldError("validation_in_invalid", "Must be a valid value.")
REFERRING = frozenset((EXTERNAL_AUTHS, MFAS, OTPS, AUTH_ORIGINS))  # they name an auth record in two text fields
INDEX_NAME = re.compile(r"index '(?P<name>[^']+)'")


def check_record(app: App, record: Record) -> None:
    """Inside a write: raise ValidationFailed with the errors of all fields."""
    errors, values = {}, record.values
    for name, check in record.collection.checks:
        error = check(app, record, values[name])
        if error is not None:
            errors[name] = error
    if not errors and record.collection.name in REFERRING:
        errors = _reference_errors(app, record)
    if errors:
        raise ValidationFailed(errors)


def _reference_errors(app: App, record: Record) -> dict[str, FieldError]:
    target = app.collections.find(record["collectionRef"])
    if target is None or target.id != record["collectionRef"]:
        return {"collectionRef": NO_COLLECTION}
    if not target.is_auth:
        return {"collectionRef": NO_AUTH_COLLECTION}
    if not load_where(app, target, {"id": record["recordRef"]}):
        return {"recordRef": NO_RECORD}
    known = record.collection.name != EXTERNAL_AUTHS or record["provider"] in PROVIDER_TITLES
    return {} if known else {"provider": NO_PROVIDER}


def refused(record: Record, error: ConstraintError) -> ValidationFailed | ConstraintError:
    """What to raise when the database refused the row: the errors of the unique index's fields, or the error itself."""
    if error.kind not in ("unique", "primary_key"):
        return error
    names = [column for _, column in error.columns] or _indexed_columns(record.collection, error.message)
    errors = {name: NOT_UNIQUE for name in names if name in record.collection.fields_by_name}
    return ValidationFailed(errors) if errors else error


def _indexed_columns(collection: Collection, message: str) -> list[str]:
    """The fields that stand in the index that the database names: one on an expression has no plain columns."""
    named = INDEX_NAME.search(message)
    if named is None:
        return []
    for index in filter(None, map(parse_index, collection.indexes)):
        if index.name.lower() == named["name"].lower():
            words = {word for column in index.columns for word in re.findall(r"\w+", column.name)}
            return [each.name for each in collection.fields if each.name in words]
    return []
