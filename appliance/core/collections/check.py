"""What may be stored as a collection: every rule of the wire's original, with its codes and sentences.

Runs inside the write, against the schema as the transaction sees it. One entry a wrong option; an empty result
means that the collection may be stored. What only the database can tell (does this index build?) comes later.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from appliance.core.collection import RULE_NAMES, TYPES, Collection
from appliance.core.collections.auth_options import check_auth_options
from appliance.core.collections.indexes import Index, parse_index
from appliance.core.collections.view_query import check_ids, view_fields
from appliance.core.collections.view_words import ViewQueryError
from appliance.core.fields import Field
from appliance.core.fields.base import FOUND_VIA
from appliance.core.option_checks import BAD_VALUE, BLANK, found, length_in_range, matches
from appliance.core.resolvers.check import check_rule
from appliance.errors import FieldError, ValidationFailed

if TYPE_CHECKING:
    from appliance.core.app import App

NAME: Final = re.compile(r"\w+\Z", re.ASCII)
NAME_LENGTH: Final = 255
ID_LENGTH: Final = 100
INTERNAL_PREFIX: Final = "_homeport"
INTERNAL_NAMES: Final = frozenset(("_collections", "_params", "_migrations"))
VIEW_RULES: Final = ("listRule", "viewRule")

_NAME_TAKEN: Final = FieldError(
    "validation_collection_name_exists", "Collection name must be unique (case insensitive)."
)
_NAME_IS_ID: Final = FieldError(
    "validation_collection_name_id_duplicate", "The name must not match an existing collection id."
)
_NAME_IS_TABLE: Final = FieldError(
    "validation_collection_name_invalid", "The name shouldn't match with an existing internal table."
)
_ID_TAKEN: Final = FieldError("validation_invalid_or_existing_id", "The model id is invalid or already exists.")
_TYPE_CHANGE: Final = FieldError("validation_collection_type_change", "Collection type cannot be changed.")
_SYSTEM_CHANGE: Final = FieldError(
    "validation_collection_system_flag_change", "System collection state cannot be changed."
)
_SYSTEM_NAME_CHANGE: Final = FieldError(
    "validation_collection_system_name_change", "System collection name cannot be changed."
)
_SYSTEM_RULE_CHANGE: Final = FieldError(
    "validation_collection_system_rule_change", "System collection API rule cannot be changed."
)
_SYSTEM_FIELD_CHANGE: Final = FieldError(
    "validation_system_field_change", "System fields cannot be deleted or renamed."
)
_FIELD_TYPE_CHANGE: Final = FieldError("validation_field_type_change", "Field type cannot be changed.")
_NO_PRIMARY_KEY: Final = FieldError("validation_missing_primary_key", 'Missing or invalid "id" PK field.')
_TWO_PRIMARY_KEYS: Final = FieldError(
    "validation_unsupported_composite_pk",
    "Composite PKs are not supported and the collection must have only 1 PK.",
)
_PRIMARY_KEY_NAME: Final = FieldError("validation_in_invalid", 'The primary key must be named "id".')
_NOT_NULL: Final = FieldError("validation_nil", "Must be blank.")
_VIEW_INDEXES: Final = FieldError("validation_indexes_not_supported", "View collections don't support indexes.")
_BAD_INDEX: Final = FieldError("validation_invalid_index_expression", "Invalid CREATE INDEX expression.")
_INDEX_NAME_TWICE: Final = FieldError("validation_duplicated_index_name", "The index name already exists.")
_INDEX_TWICE: Final = FieldError("validation_duplicated_index_definition", "The index definition already exists.")


def check_collection(app: App, collection: Collection, old: Collection | None) -> None:
    """Raise ValidationFailed when the collection may not be stored. `old` is its stored state, None for a new one."""
    if errors := find_errors(app, collection, old):
        raise ValidationFailed(errors)


def find_errors(app: App, collection: Collection, old: Collection | None) -> dict[str, Any]:
    """Every wrong option, as `ValidationFailed.data` wants it."""
    errors = found(
        {
            "id": _check_id(app, collection, old),
            "name": _check_name(app, collection, old),
            "type": _check_type(collection, old),
            "system": _SYSTEM_CHANGE if old and old.system != collection.system else None,
            "fields": check_fields(app, collection, old),
            "indexes": check_indexes(app, collection),
            **{name: _check_rule(app, collection, old, name) for name in RULE_NAMES},
        }
    )
    if collection.is_auth:
        errors.update(check_auth_options(app, collection, old))
    if collection.is_view:
        errors.update(found({"viewQuery": _check_view_query(app, collection, errors.get("fields"))}))
    return errors


def _check_view_query(app: App, collection: Collection, field_errors: Any) -> FieldError | None:
    query = collection.options["viewQuery"]
    if not query:
        return BLANK
    try:
        view_fields(app, query)
        if wrong := _first_wrong_name(collection, field_errors):
            return FieldError("validation_invalid_view_query", f"Invalid query - {wrong}")
        check_ids(app, query)
    except ViewQueryError as error:
        return FieldError("validation_invalid_view_query", f"Invalid query - {error}.")
    return None


def _first_wrong_name(collection: Collection, field_errors: Any) -> str:
    """What the wire says about the first column whose name can't be a field's."""
    for place, errors in field_errors.items() if isinstance(field_errors, Mapping) else ():
        if "name" in errors:
            reason = errors["name"].message
            name = collection.fields[int(place)].name
            return f'invalid field "{name}" ({place}): name: {reason[:1].lower()}{reason[1:]}'
    return ""


def _check_id(app: App, collection: Collection, old: Collection | None) -> FieldError | None:
    if old is not None:
        return None
    if app.database.query("SELECT 1 FROM `_collections` WHERE `id` = ?", (collection.id,)):
        return _ID_TAKEN
    return length_in_range(collection.id, 1, ID_LENGTH) or matches(collection.id, NAME)


def _check_name(app: App, collection: Collection, old: Collection | None) -> FieldError | None:
    name = collection.name
    if old is not None and old.system and name != old.name:
        return _SYSTEM_NAME_CHANGE
    wrong = length_in_range(name, 1, NAME_LENGTH) or matches(name, NAME)
    return wrong or (FOUND_VIA if "_via_" in name.lower() else _check_free_name(app, collection, old))


def _check_free_name(app: App, collection: Collection, old: Collection | None) -> FieldError | None:
    name = collection.name.lower()
    others = [each for each in app.collections.all() if each.id != collection.id]
    if any(each.name.lower() == name for each in others):
        return _NAME_TAKEN
    if any(each.id == collection.name for each in others):
        return _NAME_IS_ID
    if old is not None and old.name.lower() == name:
        return None
    is_table = name in INTERNAL_NAMES or name in {each.lower() for each in app.database.schema.tables()}
    return _NAME_IS_TABLE if is_table or name.startswith(INTERNAL_PREFIX) else None


def _check_type(collection: Collection, old: Collection | None) -> FieldError | None:
    if collection.type not in TYPES:
        return BAD_VALUE
    return _TYPE_CHANGE if old and old.type != collection.type else None


def check_fields(app: App, collection: Collection, old: Collection | None) -> Any:
    """A FieldError of the list as a whole, or field place -> its errors. A doubled name is told alone."""
    if collection.is_view and not collection.fields:
        return BLANK
    if doubled := _find_doubled_name(collection.fields):
        return doubled
    if not any(each.name == "id" and getattr(each, "primary_key", False) for each in collection.fields):
        return _NO_PRIMARY_KEY
    if collection.is_view:
        return _check_field_list(app, collection, None)
    if old is not None and _lost_system_field(collection, old):
        return _SYSTEM_FIELD_CHANGE
    return _check_field_list(app, collection, old)


def _lost_system_field(collection: Collection, old: Collection) -> bool:
    kept = {(each.id, each.name) for each in collection.fields}
    return any(each.system and (each.id, each.name) not in kept for each in old.fields)


def _check_field_list(app: App, collection: Collection, old: Collection | None) -> dict[str, Any]:
    checked = ((str(place), _check_field(app, collection, old, field)) for place, field in enumerate(collection.fields))
    return {place: wrong for place, wrong in checked if wrong}


def _find_doubled_name(fields: Sequence[Field]) -> dict[str, Any]:
    names: set[str] = set()
    for place, field in enumerate(fields):
        if field.name and field.name.lower() in names:
            return {str(place): {"name": _duplicated(field.name)}}
        names.add(field.name.lower())
    return {}


def _duplicated(name: str) -> FieldError:
    return FieldError(
        "validation_duplicated_field_name", f"Duplicated or invalid field name {name}.", {"fieldName": name}
    )


def _check_field(app: App, collection: Collection, old: Collection | None, field: Field) -> Any:
    before = old.fields_by_id.get(field.id) if old else None
    if before is not None and before.type != field.type:
        return _FIELD_TYPE_CHANGE
    return {**field.check_options(app, collection), **found(_check_primary_key(collection, field))}


def _check_primary_key(collection: Collection, field: Field) -> Mapping[str, FieldError | None]:
    if not getattr(field, "primary_key", False):
        return {}
    keys = [each for each in collection.fields if getattr(each, "primary_key", False)]
    return {
        "primaryKey": _TWO_PRIMARY_KEYS if len(keys) > 1 else None,
        "pattern": None if getattr(field, "pattern", "") else BLANK,
        "required": None if field.required else BLANK,
        **({} if field.name == "id" else {"name": _PRIMARY_KEY_NAME}),
    }


def check_indexes(app: App, collection: Collection) -> Any:
    """A FieldError for a view that has indexes, or index place -> what is wrong with it: the first one only."""
    if collection.is_view:
        return _VIEW_INDEXES if collection.indexes else None
    seen: list[Index] = []
    for place, statement in enumerate(collection.indexes):
        index = parse_index(statement)
        wrong = _check_index(app, collection, index, seen)
        if index is None or wrong is not None:
            return {str(place): wrong}
        seen.append(index)
    return None


def _check_index(app: App, collection: Collection, index: Index | None, seen: list[Index]) -> FieldError | None:
    if index is None:
        return _BAD_INDEX
    if any(each.name.lower() == index.name.lower() for each in seen):
        return _INDEX_NAME_TWICE
    if any(each.is_same_definition(index) for each in seen):
        return _INDEX_TWICE
    for other, name in _other_indexes(app, collection):
        if name.lower() == index.name.lower():
            return FieldError(
                "validation_existing_index_name",
                f"The index name is already used in {other} collection.",
                {"usedTableName": other},
            )
    return None


def _other_indexes(app: App, collection: Collection) -> Iterator[tuple[str, str]]:
    for other in app.collections.all():
        for statement in other.indexes if other.id != collection.id else ():
            if index := parse_index(statement):
                yield other.name, index.name


def _check_rule(app: App, collection: Collection, old: Collection | None, name: str) -> FieldError | None:
    rule = collection.rules[name]
    if collection.is_view and name not in VIEW_RULES:
        return None if rule is None else _NOT_NULL
    if wrong := check_rule(app, collection, rule):
        return wrong
    return _SYSTEM_RULE_CHANGE if old is not None and old.system and old.rules[name] != rule else None
