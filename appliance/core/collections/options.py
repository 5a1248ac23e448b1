"""The options that a collection's type brings, as a table of shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from appliance.core.collection import AUTH, BASE, TOKEN_OPTIONS, VIEW
from appliance.core.shapes import FLAG_OR_NULL, OBJECT, TEXT_OR_NULL, Shape, empty_value, lay_over

_TEMPLATE: Final = {"subject": str, "body": str}
_PROVIDER: Final = {
    "pkce": FLAG_OR_NULL,
    "name": str,
    "clientId": str,
    "clientSecret": str,
    "authURL": str,
    "tokenURL": str,
    "userInfoURL": str,
    "displayName": str,
    "extra": OBJECT,
}
_MAPPED_FIELDS: Final = {"id": str, "name": str, "username": str, "avatarURL": str}

OPTION_SHAPES: Final[Mapping[str, Mapping[str, Shape]]] = {
    BASE: {},
    VIEW: {"viewQuery": str},
    AUTH: {
        "authRule": TEXT_OR_NULL,
        "manageRule": TEXT_OR_NULL,
        "authAlert": {"enabled": bool, "emailTemplate": _TEMPLATE},
        "oauth2": {"providers": [_PROVIDER], "mappedFields": _MAPPED_FIELDS, "enabled": bool},
        "passwordAuth": {"enabled": bool, "identityFields": [str]},
        "mfa": {"enabled": bool, "duration": int, "rule": str},
        "otp": {"enabled": bool, "duration": int, "length": int, "emailTemplate": _TEMPLATE},
        **{name: {"secret": str, "duration": int} for name in TOKEN_OPTIONS},
        "verificationTemplate": _TEMPLATE,
        "resetPasswordTemplate": _TEMPLATE,
        "confirmEmailChangeTemplate": _TEMPLATE,
    },
}
_ALL_SHAPES: Final = {name: shape for shapes in OPTION_SHAPES.values() for name, shape in shapes.items()}


def read_options(kind: str, present: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a collection of type `kind` after the body's values are laid over the present ones.

    Options of other types are dropped, but a wrong type among them is refused too. Raises WrongShape.
    """
    for name in body.keys() & _ALL_SHAPES.keys():
        lay_over(_ALL_SHAPES[name], empty_value(_ALL_SHAPES[name]), body[name])
    options = lay_over(OPTION_SHAPES.get(kind, {}), present, body)
    if "oauth2" in options:
        options["oauth2"]["providers"] = _known_providers(present, body, options["oauth2"]["providers"])
    return options  # type: ignore[no-any-return]


def complete_options(kind: str, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Stored options with the empty value of every one that is missing. Raises WrongShape."""
    shape = OPTION_SHAPES.get(kind, {})
    return lay_over(shape, empty_value(shape), dict(stored))  # type: ignore[no-any-return]


def _known_providers(present: Mapping[str, Any], body: Mapping[str, Any], listed: list[Any]) -> list[Any]:
    """A provider that was there keeps what the body doesn't say, above all its secret, which no answer shows."""
    given = (body.get("oauth2") or {}).get("providers")
    if not given:
        return listed
    known = {each["name"]: each for each in (present.get("oauth2") or {}).get("providers", ())}
    return [
        lay_over(_PROVIDER, known.get(read["name"], empty_value(_PROVIDER)), raw)
        for read, raw in zip(listed, given, strict=True)
    ]
