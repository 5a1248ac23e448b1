"""The collections of a new box: the five that the system itself needs, and `users` to start with.

Ids, fields, rules and indexes are those of the wire's original, so that its data folder and ours look alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from appliance import clock
from appliance.core.collection import (
    AUTH,
    AUTH_ORIGINS,
    BASE,
    EXTERNAL_AUTHS,
    MFAS,
    OTPS,
    SUPERUSERS,
    Collection,
)
from appliance.core.collections.draft import list_fields, named_indexes, new_collection_id, with_system_fields
from appliance.core.collections.save import insert_collection
from appliance.core.collections.scaffolds import default_options
from appliance.core.fields import field_from_json

if TYPE_CHECKING:
    from appliance.core.app import App

USERS_ID: Final = "_pb_users_auth_"
SUPERUSER_TOKEN_SECONDS: Final = 86_400
OTP_HASH_COST: Final = 8

FieldOptions = Mapping[str, Any]

_OWNER_RULE: Final = (
    "@request.auth.id != '' && recordRef = @request.auth.id && collectionRef = @request.auth.collectionId"
)
_USER_RULE: Final = "id = @request.auth.id"


def _text(name: str, **options: Any) -> FieldOptions:
    return {"type": "text", "name": name, "system": True, "required": True, **options}


def _dates(system: bool) -> list[FieldOptions]:
    return [
        {"type": "autodate", "name": "created", "system": system, "onCreate": True},
        {"type": "autodate", "name": "updated", "system": system, "onCreate": True, "onUpdate": True},
    ]


_REFERENCES: Final = (_text("collectionRef"), _text("recordRef"))
_OTP_SECRET: Final = {
    "type": "password",
    "name": "password",
    "system": True,
    "hidden": True,
    "required": True,
    "cost": OTP_HASH_COST,
}
_AVATAR: Final = {
    "type": "file",
    "name": "avatar",
    "maxSelect": 1,
    "mimeTypes": ["image/jpeg", "image/png", "image/svg+xml", "image/gif", "image/webp"],
}


def create_system_collections(app: App) -> None:
    """Fill a fresh database: everything in one write, so a box is either empty or complete. Else does nothing."""

    def fill() -> None:
        if app.database.query("SELECT 1 FROM `_collections` LIMIT 1"):
            return
        for collection in (*_reference_collections(), _superusers(), _users()):
            insert_collection(app, collection)

    app.collections.change(fill)


def _reference_collections() -> Sequence[Collection]:
    return (
        _reference(
            MFAS,
            [_text("method")],
            ["CREATE INDEX `idx_mfas_collectionRef_recordRef` ON `_mfas` (collectionRef,recordRef)"],
        ),
        _reference(
            OTPS,
            [_OTP_SECRET, _text("sentTo", required=False, hidden=True)],
            ["CREATE INDEX `idx_otps_collectionRef_recordRef` ON `_otps` (collectionRef, recordRef)"],
        ),
        _reference(
            EXTERNAL_AUTHS,
            [_text("provider"), _text("providerId")],
            [
                "CREATE UNIQUE INDEX `idx_externalAuths_record_provider` ON `_externalAuths` "
                "(collectionRef, recordRef, provider)",
                "CREATE UNIQUE INDEX `idx_externalAuths_collection_provider` ON `_externalAuths` "
                "(collectionRef, provider, providerId)",
            ],
            deleteRule=_OWNER_RULE,
        ),
        _reference(
            AUTH_ORIGINS,
            [_text("fingerprint")],
            [
                "CREATE UNIQUE INDEX `idx_authOrigins_unique_pairs` ON `_authOrigins` "
                "(collectionRef, recordRef, fingerprint)"
            ],
            deleteRule=_OWNER_RULE,
        ),
    )


def _reference(name: str, fields: Sequence[FieldOptions], indexes: Sequence[str], **rules: str) -> Collection:
    """A system collection whose rows belong to an auth record, which may list them."""
    return _collection(
        name,
        BASE,
        [*_REFERENCES, *fields, *_dates(system=True)],
        system=True,
        indexes=tuple(indexes),
        rules={
            **dict.fromkeys(("createRule", "updateRule", "deleteRule")),
            "listRule": _OWNER_RULE,
            "viewRule": _OWNER_RULE,
            **rules,
        },
    )


def _superusers() -> Collection:
    options = default_options(AUTH)
    options["authToken"]["duration"] = SUPERUSER_TOKEN_SECONDS
    return _collection(SUPERUSERS, AUTH, _dates(system=True), system=True, options=options)


def _users() -> Collection:
    options = default_options(AUTH)
    options["oauth2"]["mappedFields"].update(name="name", avatarURL="avatar")
    return _collection(
        "users",
        AUTH,
        [{"type": "text", "name": "name", "max": 255}, _AVATAR, *_dates(system=False)],
        id=USERS_ID,
        options=options,
        rules={
            **dict.fromkeys(("listRule", "viewRule", "updateRule", "deleteRule"), _USER_RULE),
            "createRule": "",
        },
    )


def _collection(name: str, kind: str, fields: Sequence[FieldOptions], **options: Any) -> Collection:
    now = clock.now_text()
    system_fields = with_system_fields(kind, ())
    return named_indexes(
        Collection(
            **{"id": new_collection_id(kind, name, set()), **options},
            name=name,
            type=kind,
            fields=list_fields([*system_fields, *(field_from_json(each) for each in fields)]),
            created=now,
            updated=now,
        )
    )
