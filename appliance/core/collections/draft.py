"""From a request's body to a collection that is not yet checked: fields, ids, indexes and options laid together.

How fields are listed: each entry without an id gets one made of its type and name; an entry whose id (or, when it
came without one, whose name) is already listed takes that place. Then the system fields of the type are made sure of.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from appliance.core.collection import AUTH, BASE, RULE_NAMES, SUPERUSERS, TYPES, VIEW, Collection
from appliance.core.collections.indexes import default_auth_indexes, has_unique_index, parse_index
from appliance.core.collections.options import read_options
from appliance.core.collections.scaffolds import (
    AUTH_FIELDS,
    EMAIL_FIELD,
    ID_FIELD,
    ID_PATTERN,
    default_options,
)
from appliance.core.fields import Field, field_from_json
from appliance.core.fields.base import UNREADABLE
from appliance.core.fields.dates import parse_date
from appliance.core.shapes import OBJECT, TEXT_OR_NULL, WrongShape, lay_over
from appliance.errors import BadRequest, ValidationFailed

UNREADABLE_TYPE: Final = "Failed to load the collection type data due to invalid formatting."
NAMELESS: Final = "_"  # the table of indexes of a draft without a name, which is refused for its name only
_PLAIN_OPTIONS: Final = {
    "id": str,
    "name": str,
    "type": str,
    "system": bool,
    "created": str,
    "updated": str,
    "indexes": [str],
    **dict.fromkeys(RULE_NAMES, TEXT_OR_NULL),
}


def new_draft(body: Mapping[str, Any]) -> Collection:
    """A new collection as the body describes it, with the defaults of its type. Raises BadRequest."""
    try:
        kind = lay_over(str, BASE, body.get("type")) or BASE
        lay_over(str, "", body.get("name"))
    except WrongShape as error:
        raise BadRequest(UNREADABLE_TYPE) from error
    draft = changed_draft(Collection(id="", name="", type=kind, options=default_options(kind)), body)
    return replace(draft, created="", updated="")


def changed_draft(old: Collection, body: Mapping[str, Any]) -> Collection:
    """The collection after the body's values are laid over it. Raises BadRequest when one has the wrong type."""
    try:
        draft = _laid_over(old, body)
    except (WrongShape, ValidationFailed) as error:
        raise BadRequest(UNREADABLE) from error
    draft = replace(draft, fields=with_system_fields(draft.type, draft.fields))
    return _with_superusers_ways(_with_known_mapped_fields(draft))


def _laid_over(old: Collection, body: Mapping[str, Any]) -> Collection:
    plain = {"id": old.id, "name": old.name, "type": old.type, "system": old.system, "created": old.created}
    read = lay_over(_PLAIN_OPTIONS, {**plain, "indexes": old.indexes, **old.rules}, body)
    kind = read["type"] or BASE
    return Collection(
        id=read["id"],
        name=read["name"],
        type=kind,
        system=read["system"],
        fields=_read_fields(body["fields"]) if "fields" in body else old.fields,
        indexes=tuple(read["indexes"]),
        rules={name: read[name] for name in RULE_NAMES},
        options=read_options(kind, old.options, body),
        created=parse_date(read["created"]) if "created" in body else old.created,
        updated=old.updated,
    )


def _read_fields(raw: Any) -> tuple[Field, ...]:
    return list_fields([field_from_json(each) for each in lay_over([OBJECT], [], raw)])


def _with_known_mapped_fields(draft: Collection) -> Collection:
    """An OAuth2 value mapped to a field that isn't there (any more) is mapped to none."""
    if not draft.is_auth:
        return draft
    oauth2 = draft.options["oauth2"]
    mapped = {name: field if draft.find_field(field) else "" for name, field in oauth2["mappedFields"].items()}
    return replace(draft, options={**draft.options, "oauth2": {**oauth2, "mappedFields": mapped}})


def _with_superusers_ways(draft: Collection) -> Collection:
    """Superusers always sign in with their password and never through a provider; one-time passwords come second."""
    if draft.name != SUPERUSERS or not draft.is_auth:
        return draft
    options = draft.options
    ways = {
        "passwordAuth": {**options["passwordAuth"], "enabled": True},
        "oauth2": {**options["oauth2"], "enabled": False, "providers": []},
        "mfa": {**options["mfa"], "enabled": options["mfa"]["enabled"] or options["otp"]["enabled"]},
    }
    return replace(draft, options={**options, **ways})


def list_fields(fields: Sequence[Field]) -> tuple[Field, ...]:
    """The fields one after the other, each with an id, later ones taking the place of earlier ones they repeat."""
    listed: list[Field] = []
    for each in fields:
        place, field = _place_of(each, listed)
        listed[place : place + 1] = [field]
    return tuple(listed)


def _place_of(field: Field, listed: Sequence[Field]) -> tuple[int, Field]:
    """Where the field belongs (after the last when it is new), and the field with its id."""
    if field.id:
        return next((place for place, each in enumerate(listed) if each.id == field.id), len(listed)), field
    for place, each in enumerate(listed):
        if field.name and each.name == field.name:
            return place, replace(field, id=each.id)
    return len(listed), replace(field, id=new_field_id(field.type, field.name, {each.id for each in listed}))


def new_field_id(kind: str, name: str, taken: set[str]) -> str:
    """The id of a field that came without one: type and checksum of its name, numbered from 2 when taken."""
    return _first_free(f"{kind}{_checksum(name)}", taken)


def new_collection_id(kind: str, name: str, taken: set[str]) -> str:
    """The id of a collection that came without one."""
    return _first_free(f"pbc_{_checksum(kind + name)}", taken)


def _first_free(wish: str, taken: set[str]) -> str:
    number, free = 1, wish
    while free in taken:
        number += 1
        free = f"{wish}{number}"
    return free


def _checksum(text: str) -> int:
    return zlib.crc32(text.encode())


def with_system_fields(kind: str, fields: Sequence[Field]) -> tuple[Field, ...]:
    """The fields with those that a collection of this type can't be without."""
    if kind == VIEW or (kind not in TYPES and fields):
        return tuple(fields)
    listed = _with_id_field(fields)
    return _with_auth_fields(listed) if kind == AUTH else listed


def _with_id_field(fields: Sequence[Field]) -> tuple[Field, ...]:
    for place, each in enumerate(fields):
        if each.name == "id" and each.type == "text":
            return (*fields[:place], _as_id_field(each), *fields[place + 1 :])
    if any(each.id == ID_FIELD["id"] for each in fields):
        return tuple(fields)
    return (field_from_json(ID_FIELD), *fields)


def _as_id_field(field: Field) -> Field:
    pattern = getattr(field, "pattern", "") or ID_PATTERN
    forced: dict[str, Any] = {"primary_key": True, "pattern": pattern}
    return replace(field, system=True, required=True, hidden=False, **forced)


def _with_auth_fields(fields: Sequence[Field]) -> tuple[Field, ...]:
    listed = list(fields)
    for wanted in AUTH_FIELDS:
        place = next((place for place, each in enumerate(listed) if each.name == wanted["name"]), None)
        if place is None:
            taken = {each.id for each in listed}
            listed.append(field_from_json({**wanted, "id": new_field_id(wanted["type"], wanted["name"], taken)}))
        else:
            listed[place] = _as_auth_field(listed[place], wanted)
    return tuple(listed)


def _as_auth_field(present: Field, wanted: Mapping[str, Any]) -> Field:
    """The present field with the flags that the system needs, or the default one in its place."""
    if present.type != wanted["type"]:
        return field_from_json({**wanted, "id": present.id})
    if wanted.get("hidden"):
        return replace(present, system=True, hidden=True, required=True)
    return replace(present, system=True, hidden=present.hidden and wanted is not EMAIL_FIELD)


def named_indexes(draft: Collection) -> Collection:
    """The draft with its indexes on its own table, and the unique ones that an auth collection needs.

    A statement that can't be read stays as it is, for the check to find.
    """
    if draft.is_view:
        return draft
    table = draft.name or NAMELESS
    indexes = [_on_table(each, table) for each in draft.indexes]
    if draft.is_auth:
        defaults = zip(("tokenKey", "email"), default_auth_indexes(table, draft.id), strict=True)
        indexes += [statement for field, statement in defaults if not has_unique_index(indexes, field)]
    return replace(draft, indexes=tuple(indexes))


def _on_table(statement: str, table: str) -> str:
    index = parse_index(statement)
    if index is None or index.table == table:
        return statement
    return index.on_table(table).as_sql()
