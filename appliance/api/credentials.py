"""Changing an email, a password or the verified state of an auth record: what it takes beside the update rule.

A superuser, or whoever the manageRule lets manage the record, just sets them. Anybody else can't set `verified`, can't
change `email` (that goes through its own confirmation), and proves a password change with `oldPassword`.

Hashing takes 66 ms, so it happens before the write begins; inside the write the proof counts only if the stored
hash is still the one that `oldPassword` was verified against.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from appliance.core.app import App
from appliance.core.collection import Collection
from appliance.core.fields.casts import to_text
from appliance.core.fields.password import PasswordField
from appliance.core.passwords import PasswordValue
from appliance.core.record import Record
from appliance.core.records.query import find_record
from appliance.errors import FieldError, ValidationFailed

PASSWORD: Final = "password"  # noqa: S105 - a field's name
BLANK: Final = FieldError("validation_required", "Cannot be blank.")
MISMATCH: Final = FieldError("validation_values_mismatch", "Values don't match.")
WRONG_OLD_PASSWORD: Final = FieldError("validation_invalid_old_password", "Missing or invalid old password.")


@dataclass(frozen=True, slots=True)
class Credentials:
    """The three texts of a body that are about the password; `proven_hash` is the stored hash that `old` verified."""

    password: str = field(default="", repr=False)
    confirm: str = field(default="", repr=False)
    old: str = field(default="", repr=False)
    proven_hash: str = field(default="", repr=False)

    @property
    def is_change(self) -> bool:
        """Whether any of them was sent."""
        return bool(self.password or self.confirm or self.old)


def read_credentials(app: App, collection: Collection, body: Mapping[str, Any], record_id: str = "") -> Credentials:
    """Read and, for the stored record of that id, verify `oldPassword`. Not inside a write: it may take 66 ms."""
    if not collection.is_auth:
        return Credentials()
    password, confirm, old = (to_text(body.get(name)) for name in (PASSWORD, "passwordConfirm", "oldPassword"))
    proven = _prove(app, collection, record_id, old) if record_id and old and (password or confirm) else ""
    return Credentials(password, confirm, old, proven)


def _prove(app: App, collection: Collection, record_id: str, old: str) -> str:
    record = find_record(app, collection, record_id)
    stored = str(record[PASSWORD].hash) if record is not None else ""
    return stored if app.passwords.verify(old, stored) else ""


def hash_passwords(app: App, collection: Collection, changes: dict[str, Any], credentials: Credentials) -> None:
    """Put hashes beside the plain passwords in `changes`. Not inside a write. One that will be refused isn't hashed."""
    for each in collection.fields_of("password"):
        if each.name in changes and isinstance(each, PasswordField):
            value = each.normalise(changes[each.name])
            is_refused = collection.is_auth and each.name == PASSWORD and credentials.confirm != credentials.password
            if value.plain and not is_refused and each.check_value(app, Record(collection), value) is None:
                value = PasswordValue(value.plain, app.passwords.hash(value.plain))
            changes[each.name] = value


def check_credentials(record: Record, credentials: Credentials, is_manager: bool) -> None:
    """Refuse, with ValidationFailed, changes of an auth record that only a manager may make or that lack a proof."""
    if not record.collection.is_auth:
        return
    errors: dict[str, FieldError] = {}
    if not is_manager:
        errors.update(_check_identity(record))
    if record.is_new or credentials.is_change:
        errors.update(_check_password(record, credentials, is_manager))
    if errors:
        raise ValidationFailed(errors)


def _check_identity(record: Record) -> dict[str, FieldError]:
    errors = {}
    if not record.is_new and record["email"] != record.original["email"]:
        errors["email"] = MISMATCH
    if record["verified"] != record.original.get("verified", False):
        errors["verified"] = MISMATCH
    return errors


def _check_password(record: Record, credentials: Credentials, is_manager: bool) -> dict[str, FieldError]:
    errors = {}
    if not credentials.password:
        errors[PASSWORD] = BLANK
    if not credentials.confirm:
        errors["passwordConfirm"] = BLANK
    elif credentials.confirm != credentials.password:
        errors["passwordConfirm"] = MISMATCH
    needs_proof = not (is_manager or record.is_new) and (credentials.password or credentials.confirm)
    if needs_proof and not credentials.old:
        errors["oldPassword"] = BLANK
    elif needs_proof and credentials.proven_hash != record.original[PASSWORD].hash:
        errors["oldPassword"] = WRONG_OLD_PASSWORD
    return errors
