"""Tokens of auth records, exactly as on the wire: JWT, HS256, signed with tokenKey + the collection's secret.

Claims: `{"id", "type", "collectionId", "exp"}`, and `"refreshable"` on auth tokens. A new tokenKey ends every token
of the record, a new secret those of the collection. Each purpose has its own secret and its own `type`, and a
token of one is refused for every other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from appliance import clock
from appliance.auth.lean_jwt import jwt
from appliance.core.app import App
from appliance.core.bounded import Bounded
from appliance.core.collection import Collection
from appliance.core.record import Record
from appliance.core.records.query import find_record

ALGORITHM: Final = "HS256"
AUTH: Final = "auth"
FILE: Final = "file"

# What is a matter of arithmetic alone stays true: what a token states, and that a key has signed it and until when.
# Whether that key is still the record's, and the record still there, is asked each time.
_claims_of: Final[Bounded[str, Mapping[str, Any]]] = Bounded(1_000_000)  # characters of tokens
_signed: Final[Bounded[str, tuple[str, int]]] = Bounded(4096)  # token -> its key, and when it ends in unix seconds

# The option of a collection that holds the secret and the duration (seconds) of each purpose.
OPTION_OF: Final = {
    AUTH: "authToken",
    FILE: "fileToken",
    "verification": "verificationToken",
    "passwordReset": "passwordResetToken",
    "emailChange": "emailChangeToken",
}


def new_auth_token(record: Record, duration: int = 0, refreshable: bool = True) -> str:
    """A token that signs in as `record`. `duration` in seconds; 0 takes the collection's own."""
    lasting = duration or _duration(record.collection, AUTH)
    claims = {"refreshable": refreshable, **_claims(record, AUTH, lasting)}
    return jwt.encode(claims, _key(record, AUTH), ALGORITHM)


def new_file_token(record: Record) -> str:
    """A short-lived token for the protected files that `record` may see; it goes into URLs and opens nothing else."""
    return jwt.encode(_claims(record, FILE, _duration(record.collection, FILE)), _key(record, FILE), ALGORITHM)


def find_token_record(app: App, token: str, kind: str = AUTH) -> Record | None:
    """The record that a token of this kind stands for, or None when anything about it is wrong or old."""
    claims = unverified_claims(token)
    if claims.get("type") != kind:
        return None
    collection = app.collections.find(str(claims.get("collectionId") or ""))
    if collection is None or not collection.is_auth:
        return None
    record = find_record(app, collection, str(claims.get("id") or ""))
    return record if record is not None and _is_signed_by(record, token, kind) else None


def is_refreshable(token: str) -> bool:
    """Whether an already verified auth token may be exchanged for a fresh one."""
    return bool(unverified_claims(token).get("refreshable"))


def unverified_claims(token: str) -> Mapping[str, Any]:
    """The claims as the token states them, or {}: only good for finding the key to verify them with."""
    claims = _claims_of.get(token)
    if claims is None:
        try:
            claims = jwt.decode(token, options={"verify_signature": False}, algorithms=[ALGORITHM])
        except (jwt.PyJWTError, ValueError, TypeError):
            claims = {}
        _claims_of.put(token, claims, len(token))
    return claims


def _is_signed_by(record: Record, token: str, kind: str) -> bool:
    try:
        key = _key(record, kind)
        signed = _signed.get(token)
        if signed is None or signed[0] != key:
            claims = jwt.decode(token, key, algorithms=[ALGORITHM], options={"require": ["exp"]})
            signed = (key, int(claims["exp"]))
            _signed.put(token, signed)
    except (jwt.PyJWTError, ValueError, TypeError):
        return False
    return signed[1] > clock.unix_seconds()


def _claims(record: Record, kind: str, duration: int) -> dict[str, Any]:
    return {
        "id": record.id,
        "type": kind,
        "collectionId": record.collection.id,
        "exp": clock.unix_seconds() + duration,
    }


def _key(record: Record, kind: str) -> str:
    """Threat: an empty key would let anybody sign; a record without tokenKey or secret has no valid token."""
    token_key = str(record.get("tokenKey") or "")
    secret = str(record.collection.options.get(OPTION_OF[kind], {}).get("secret") or "")
    if not token_key or not secret:
        raise ValueError("this record has no tokenKey, or its collection no secret")
    return token_key + secret


def _duration(collection: Collection, kind: str) -> int:
    return int(collection.options[OPTION_OF[kind]]["duration"])
