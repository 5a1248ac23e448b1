"""One-time passwords: made for a record, used once, gone after their time or after the last try."""

from __future__ import annotations

import threading
from typing import Final

from appliance import clock
from appliance.auth.lifetime import is_older_than
from appliance.core.app import App
from appliance.core.collection import OTPS, Collection
from appliance.core.passwords import PasswordValue
from appliance.core.record import Record
from appliance.core.records.query import find_record
from appliance.core.records.save import create_record, delete_record, update_record

DIGITS: Final = "0123456789"
TRIES: Final = 5


class Tries:
    """Wrong tries by id. Threat: eight digits are few; an id that has seen TRIES of them is spent.

    Kept in memory, for the most recent ids only: an id lives for minutes, and a restart costs an attacker more.
    """

    def __init__(self, most: int = 10_000) -> None:
        self._counts: dict[str, int] = {}
        self._most = most
        self._lock = threading.Lock()

    def count(self, key: str) -> int:
        """Count one more try; how many that makes."""
        with self._lock:
            tries = self._counts.pop(key, 0) + 1
            self._counts[key] = tries
            if len(self._counts) > self._most:
                del self._counts[next(iter(self._counts))]
            return tries


tries_of_ids = Tries()


def new_one_time_password(app: App, record: Record, sent_to: str = "") -> tuple[str, str]:
    """Make one for `record`; its id and its digits. `sent_to` is the address that a mail will prove."""
    digits = clock.random_text(int(record.collection.options["otp"]["length"]), DIGITS)
    otp = Record(app.collections.get(OTPS))
    otp["collectionRef"] = record.collection.id
    otp["recordRef"] = record.id
    otp["sentTo"] = sent_to
    otp["password"] = PasswordValue(digits, app.passwords.hash(digits))
    return create_record(app, otp).id, digits


def find_by_one_time_password(app: App, collection: Collection, otp_id: str, password: str) -> Record | None:
    """The record that this one-time password signs in, or None. It is used up: no second use finds it."""
    otp = _find_usable(app, collection, otp_id)
    stored = otp["password"].hash if otp is not None else ""
    if not app.passwords.verify(password, stored) or otp is None:
        return None
    return app.database.write(lambda: _use_up(app, collection, otp_id))


def _find_usable(app: App, collection: Collection, otp_id: str) -> Record | None:
    otp = find_record(app, app.collections.get(OTPS), otp_id)
    if otp is None or otp["collectionRef"] != collection.id:
        return None
    if is_older_than(otp, collection.options["otp"]["duration"]) or tries_of_ids.count(otp_id) > TRIES:
        delete_record(app, otp)
        return None
    return otp


def _use_up(app: App, collection: Collection, otp_id: str) -> Record | None:
    """Inside one write: of many parallel uses of an id exactly one finds it."""
    otp = find_record(app, app.collections.get(OTPS), otp_id)
    if otp is None:
        return None
    delete_record(app, otp)
    record = find_record(app, collection, str(otp["recordRef"]))
    if record is not None and otp["sentTo"] and otp["sentTo"] == record["email"] and not record["verified"]:
        _mark_verified(app, record)
    return record


def _mark_verified(app: App, record: Record) -> None:
    """The password reached the address, so the address is the record's."""
    record["verified"] = True
    update_record(app, record)
