"""What a new collection of each type starts with: its system fields, token lifetimes and mail texts.

The values are part of the wire: `GET /api/collections/meta/scaffolds` answers them, and whatever a client leaves
out of a new collection is taken from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from appliance import clock
from appliance.core.collection import (
    AUTH,
    RULE_NAMES,
    TOKEN_OPTIONS,
    TYPES,
    VIEW,
    without_secrets,
)
from appliance.core.collections.indexes import default_auth_indexes
from appliance.core.fields import field_from_json

ID_PATTERN: Final = "^[a-z0-9]+$"
DEFAULT_SUFFIX_LENGTH: Final = 10

_SIGNATURE: Final = "<p>\n  Thanks,<br/>\n  {APP_NAME} team\n</p>"

ID_FIELD: Final[Mapping[str, Any]] = {
    "type": "text",
    "id": "text3208210256",
    "name": "id",
    "system": True,
    "required": True,
    "primaryKey": True,
    "min": 15,
    "max": 15,
    "pattern": ID_PATTERN,
    "autogeneratePattern": "[a-z0-9]{15}",
}
PASSWORD_FIELD: Final[Mapping[str, Any]] = {
    "type": "password",
    "id": "password901924565",
    "name": "password",
    "system": True,
    "hidden": True,
    "required": True,
    "min": 8,
}
TOKEN_KEY_FIELD: Final[Mapping[str, Any]] = {
    "type": "text",
    "id": "text2504183744",
    "name": "tokenKey",
    "system": True,
    "hidden": True,
    "required": True,
    "min": 30,
    "max": 60,
    "autogeneratePattern": "[a-zA-Z0-9]{50}",
}
EMAIL_FIELD: Final[Mapping[str, Any]] = {
    "type": "email",
    "id": "email3885137012",
    "name": "email",
    "system": True,
    "required": True,
}
EMAIL_VISIBILITY_FIELD: Final[Mapping[str, Any]] = {
    "type": "bool",
    "id": "bool1547992806",
    "name": "emailVisibility",
    "system": True,
}
VERIFIED_FIELD: Final[Mapping[str, Any]] = {
    "type": "bool",
    "id": "bool256245529",
    "name": "verified",
    "system": True,
}
AUTH_FIELDS: Final = (PASSWORD_FIELD, TOKEN_KEY_FIELD, EMAIL_FIELD, EMAIL_VISIBILITY_FIELD, VERIFIED_FIELD)

TOKEN_DURATIONS: Final[Mapping[str, int]] = {
    "authToken": 432_000,
    "passwordResetToken": 1_800,
    "emailChangeToken": 1_800,
    "verificationToken": 86_400,
    "fileToken": 180,
}


def _link_mail(opening: str, action: str, page: str, button: str, closing: str) -> str:
    return (
        f"<p>Hello,</p>\n{opening}<p>Click on the button below to {action}.</p>\n<p>\n"
        f'  <a class="btn" href="{{APP_URL}}/_/#/auth/{page}/{{TOKEN}}" target="_blank" rel="noopener">{button}</a>\n'
        f"</p>\n<p><i>If you didn't {closing}, please ignore this email.</i></p>\n{_SIGNATURE}"
    )


VERIFICATION_TEMPLATE: Final = {
    "subject": "Verify your {APP_NAME} email",
    "body": _link_mail(
        "<p>Thank you for joining us at {APP_NAME}.</p>\n",
        "verify your email address",
        "confirm-verification",
        "Verify",
        "recently register",
    ),
}
RESET_PASSWORD_TEMPLATE: Final = {
    "subject": "Reset your {APP_NAME} password",
    "body": _link_mail(
        "", "reset your password", "confirm-password-reset", "Reset password", "ask to reset your password"
    ),
}
CONFIRM_EMAIL_CHANGE_TEMPLATE: Final = {
    "subject": "Confirm your {APP_NAME} new email address",
    "body": _link_mail(
        "",
        "confirm your new email address",
        "confirm-email-change",
        "Confirm new email",
        "ask to change your email address",
    ),
}
OTP_TEMPLATE: Final = {
    "subject": "OTP for {APP_NAME}",
    "body": "<p>Hello,</p>\n<p>Your one-time password is: <strong>{OTP}</strong></p>\n<p><i>If you didn't ask for the "
    f"one-time password, you can ignore this email.</i></p>\n{_SIGNATURE}",
}
AUTH_ALERT_TEMPLATE: Final = {
    "subject": "Login from a new location",
    "body": "<p>Hello,</p>\n<p>We noticed a login to your {APP_NAME} account from a new location:</p>\n"
    "<p><em>{ALERT_INFO}</em></p>\n<p><strong>If this wasn't you, you should immediately change your {APP_NAME} "
    "account password to revoke access from all other locations.</strong></p>\n"
    f"<p>If this was you, you may disregard this email.</p>\n{_SIGNATURE}",
}


def default_options(kind: str) -> dict[str, Any]:
    """The options of a new collection of that type; token secrets are drawn anew on each call."""
    if kind == VIEW:
        return {"viewQuery": ""}
    return _auth_options() if kind == AUTH else {}


def _auth_options() -> dict[str, Any]:
    return {
        "authRule": "",
        "manageRule": None,
        "authAlert": {"enabled": True, "emailTemplate": AUTH_ALERT_TEMPLATE},
        "oauth2": {
            "providers": [],
            "mappedFields": {"id": "", "name": "", "username": "", "avatarURL": ""},
            "enabled": False,
        },
        "passwordAuth": {"enabled": True, "identityFields": ["email"]},
        "mfa": {"enabled": False, "duration": 600, "rule": ""},
        "otp": {"enabled": False, "duration": 180, "length": 8, "emailTemplate": OTP_TEMPLATE},
        **{name: {"secret": clock.random_secret(), "duration": TOKEN_DURATIONS[name]} for name in TOKEN_OPTIONS},
        "verificationTemplate": VERIFICATION_TEMPLATE,
        "resetPasswordTemplate": RESET_PASSWORD_TEMPLATE,
        "confirmEmailChangeTemplate": CONFIRM_EMAIL_CHANGE_TEMPLATE,
    }


def system_fields(kind: str) -> tuple[Mapping[str, Any], ...]:
    """The fields that a collection of that type can't be without, as JSON options."""
    if kind == VIEW:
        return ()
    return (ID_FIELD, *AUTH_FIELDS) if kind == AUTH else (ID_FIELD,)


def scaffolds() -> dict[str, dict[str, Any]]:
    """Type -> the wire's form of an empty new collection of that type."""
    return {kind: _scaffold(kind) for kind in TYPES}


def _scaffold(kind: str) -> dict[str, Any]:
    suffix = clock.random_text(DEFAULT_SUFFIX_LENGTH)
    return {
        "id": "",
        **dict.fromkeys(RULE_NAMES),
        "name": "",
        "type": kind,
        "fields": [field_from_json(each).as_json() for each in system_fields(kind)],
        "indexes": list(default_auth_indexes("", suffix)) if kind == AUTH else [],
        "created": "",
        "updated": "",
        "system": False,
        **without_secrets(default_options(kind)),
    }
