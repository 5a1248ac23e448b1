"""Password sign-in: find the account by any identity field, verify, and re-hash what was imported."""

from __future__ import annotations

import re
from weakref import WeakKeyDictionary

from appliance.core.app import App
from appliance.core.collection import Collection
from appliance.core.passwords import PasswordValue
from appliance.core.record import Record
from appliance.core.records.query import find_records_by, matches_rule
from appliance.core.request_info import RequestInfo
from appliance.core.sql_names import quoted

_without_imported: WeakKeyDictionary[App, set[str]] = WeakKeyDictionary()
LOOKS_LIKE_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def find_by_password(
    app: App, collection: Collection, identity: str, password: str, identity_field: str = ""
) -> Record | None:
    """The record whose identity and password these are, or None.

    Unknown accounts cost one verification too, and while imported hashes are left each refusal costs one of each kind:
    the time of the answer does not tell accounts apart.
    """
    fields = [identity_field] if identity_field else _identity_fields(collection, identity)
    record = _find_by_identity(app, collection, fields, identity)
    stored = _stored_hash(record)
    if not app.passwords.verify(password, stored) or record is None:
        if _has_imported_hashes(app, collection):
            app.passwords.verify_other(password, stored)
        return None
    if app.passwords.needs_rehash(stored):
        _store_hash(app, record, app.passwords.hash(password))
    return record


def may_authenticate(app: App, record: Record, request: RequestInfo) -> bool:
    """Whether the collection's authRule lets this record in. None locks everybody out."""
    rule = record.collection.options.get("authRule")
    return rule is not None and matches_rule(app, record, rule, request)


def _identity_fields(collection: Collection, identity: str) -> list[str]:
    """All identity fields; the e-mail first when the identity looks like one, as the wire's original does."""
    names = list(collection.options["passwordAuth"].get("identityFields") or [])
    if "email" in names and LOOKS_LIKE_EMAIL.fullmatch(identity):
        names.sort(key=lambda name: name != "email")
    return names


def _find_by_identity(app: App, collection: Collection, fields: list[str], identity: str) -> Record | None:
    if not identity:
        return None
    for name in fields:
        found = find_records_by(app, collection, {name: identity}, ignore_case=_ignores_case(collection, name))
        if found:
            return found[0]
    return None


def _ignores_case(collection: Collection, name: str) -> bool:
    """Whether the field's unique index compares with NOCASE: then the sign-in does too."""
    pattern = re.compile(
        rf"unique\s+index.*\(\s*[`\"\[]?{re.escape(name)}[`\"\]]?\s+collate\s+nocase\s*\)", re.I | re.S
    )
    return any(pattern.search(statement) for statement in collection.indexes)


def _has_imported_hashes(app: App, collection: Collection) -> bool:
    """Whether any account still has a bcrypt hash. None come in while the box runs, so a no is remembered."""
    if collection.id in _without_imported.setdefault(app, set()):
        return False
    sql = f"SELECT 1 FROM {quoted(collection.name)} WHERE \"password\" LIKE '$2%' LIMIT 1"  # noqa: S608 - a collection's name
    found = bool(app.database.query(sql))
    if not found:
        _without_imported[app].add(collection.id)
    return found


def _stored_hash(record: Record | None) -> str:
    value = record.get("password") if record is not None else None
    return value.hash if isinstance(value, PasswordValue) else ""


def _store_hash(app: App, record: Record, new_hash: str) -> None:
    """Only while the hash is still the one that was verified: a password changed meanwhile stays changed.

    The tokenKey stays: tokens issued before the move go on working.
    """
    table = quoted(record.collection.name)
    sql = f'UPDATE {table} SET "password" = ? WHERE "id" = ? AND "password" = ?'  # noqa: S608 - a collection's name
    values, touched = (new_hash, record.id, _stored_hash(record)), (record.collection.name, record.id)
    app.database.write(lambda: app.database.execute(sql, values, touches=touched))
    record.values["password"] = PasswordValue(hash=new_hash)
