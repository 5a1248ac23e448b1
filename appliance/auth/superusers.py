"""Superusers from the command line and the first run: the same records that the wire serves as `_superusers`."""

from __future__ import annotations

from appliance.auth.one_time_password import new_one_time_password
from appliance.core.app import App
from appliance.core.collection import SUPERUSERS
from appliance.core.passwords import PasswordValue
from appliance.core.record import Record
from appliance.core.records.query import find_records_by
from appliance.core.records.save import create_record, delete_record, update_record
from appliance.errors import BadRequest, NotFound

INSTALLER_EMAIL = "__pbinstaller@example.com"  # what the wire's original keeps until its first real superuser


def find_superuser(app: App, email: str) -> Record | None:
    """The superuser of that address, or None."""
    found = find_records_by(app, app.collections.get(SUPERUSERS), {"email": email})
    return found[0] if found else None


def has_superuser(app: App) -> bool:
    """Whether anybody can administer this box yet."""
    sql = f'SELECT 1 FROM "{SUPERUSERS}" WHERE "email" != ? LIMIT 1'  # noqa: S608 - a constant
    return bool(app.database.query(sql, (INSTALLER_EMAIL,)))


def draft_superuser(app: App, email: str, password: str) -> Record:
    """A superuser not yet stored, its password hashed: hashing takes 50 ms, and the writer is everybody's."""
    record = Record(app.collections.get(SUPERUSERS))
    record["email"] = email
    record["password"] = _hashed(app, password)
    return record


def create_superuser(app: App, email: str, password: str) -> Record:
    """Store a new superuser. Raises ValidationFailed."""
    return create_record(app, draft_superuser(app, email, password))


def update_superuser(app: App, email: str, password: str) -> Record:
    """Give a superuser a new password; the old tokens end. Raises NotFound, ValidationFailed."""
    record = _get(app, email)
    record["password"] = _hashed(app, password)
    return update_record(app, record)


def upsert_superuser(app: App, email: str, password: str) -> Record:
    """Create the superuser, or give the existing one a new password."""
    known = find_superuser(app, email)
    return update_superuser(app, email, password) if known else create_superuser(app, email, password)


def delete_superuser(app: App, email: str) -> None:
    """Delete a superuser; the last one stays. Raises NotFound, BadRequest."""
    delete_record(app, _get(app, email))


def new_superuser_otp(app: App, email: str) -> tuple[str, str, int]:
    """A one-time password for a superuser: its id, its digits, and for how many seconds it is good.

    Raises NotFound, and BadRequest while one-time passwords are switched off for `_superusers`.
    """
    record = _get(app, email)
    options = record.collection.options["otp"]
    if not options.get("enabled"):
        raise BadRequest(
            "OTP auth is not enabled for the _superusers collection.",
            hint='Switch it on first: PATCH /api/collections/_superusers with {"otp": {"enabled": true}}.',
        )
    return *new_one_time_password(app, record), int(options["duration"])


def _get(app: App, email: str) -> Record:
    record = find_superuser(app, email)
    if record is None:
        raise NotFound(f"There is no superuser with the email {email}.", hint="See `run.py superuser --help`.")
    return record


def _hashed(app: App, password: str) -> PasswordValue:
    return PasswordValue(password, app.passwords.hash(password))
