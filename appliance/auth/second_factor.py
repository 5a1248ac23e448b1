"""The second factor: what is remembered between the first method that succeeded and a different second one."""

from __future__ import annotations

from appliance.auth.lifetime import is_older_than
from appliance.core.app import App
from appliance.core.collection import MFAS
from appliance.core.record import Record
from appliance.core.records.query import find_record, matches_rule
from appliance.core.records.save import create_record, delete_record
from appliance.core.request_info import RequestInfo
from appliance.errors import BadRequest


def is_needed(app: App, record: Record, request: RequestInfo) -> bool:
    """Whether the collection asks this record for a second method."""
    options = record.collection.options.get("mfa") or {}
    return bool(options.get("enabled")) and matches_rule(app, record, options.get("rule") or "", request)


def begin(app: App, record: Record, method: str) -> str:
    """Note that `method` has succeeded; the id that the client brings along with its second method."""
    mfa = Record(app.collections.get(MFAS))
    mfa["collectionRef"] = record.collection.id
    mfa["recordRef"] = record.id
    mfa["method"] = method
    return create_record(app, mfa).id


def complete(app: App, record: Record, method: str, mfa_id: str) -> None:
    """Use up what `begin` noted. Raises BadRequest unless it is this record's, fresh, and of another method."""
    app.database.write(lambda: _complete(app, record, method, mfa_id))


def _complete(app: App, record: Record, method: str, mfa_id: str) -> None:
    """Inside one write: of many parallel uses of an id exactly one finds it."""
    mfa = find_record(app, app.collections.get(MFAS), mfa_id)
    if mfa is None or mfa["collectionRef"] != record.collection.id or mfa["recordRef"] != record.id:
        raise BadRequest("Invalid or expired MFA session.")
    if is_older_than(mfa, record.collection.options["mfa"]["duration"]):
        raise BadRequest("Invalid or expired MFA session.")
    if mfa["method"] == method:
        raise BadRequest("A different authentication method is required.")
    delete_record(app, mfa)
