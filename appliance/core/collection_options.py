"""The options that a collection's type brings, as a table of shapes, and how a request's values are read into them.

A shape is what JSON must look like; reading lays the given values over the present ones, ignores unknown names
and refuses a wrong type as a whole request, as the wire's original does:

    str, int, bool      a value of exactly that type; null leaves what is there
    RULE, PKCE          text or null; true, false or null: null is a value of its own
    [shape]             a list, replaced as a whole; null empties it
    {name: shape}       an object, laid over name by name
    ANY                 any JSON object
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from appliance.core.collection import AUTH, BASE, TOKEN_OPTIONS, VIEW
from appliance.errors import BadRequest

RULE: Final = "rule"
PKCE: Final = "pkce"
ANY: Final = "any"
Shape = Any

MALFORMED: Final = "Failed to load the submitted data due to invalid formatting."

_TEMPLATE: Final = {"subject": str, "body": str}
_PROVIDER: Final = {
    "pkce": PKCE,
    "name": str,
    "clientId": str,
    "clientSecret": str,
    "authURL": str,
    "tokenURL": str,
    "userInfoURL": str,
    "displayName": str,
    "extra": ANY,
}
_MAPPED_FIELDS: Final = {"id": str, "name": str, "username": str, "avatarURL": str}

OPTION_SHAPES: Final[Mapping[str, Mapping[str, Shape]]] = {
    BASE: {},
    VIEW: {"viewQuery": str},
    AUTH: {
        "authRule": RULE,
        "manageRule": RULE,
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

    Options of other types are dropped, but a wrong type among them is refused too. Raises BadRequest.
    """
    for name in body.keys() & _ALL_SHAPES.keys():
        read_value(_ALL_SHAPES[name], zero_value(_ALL_SHAPES[name]), body[name])
    return {
        name: _read_option(shape, present.get(name, zero_value(shape)), body, name)
        for name, shape in OPTION_SHAPES.get(kind, {}).items()
    }


def _read_option(shape: Shape, present: Any, body: Mapping[str, Any], name: str) -> Any:
    if name not in body:
        return present
    if body[name] is None:
        return zero_value(shape)
    return read_value(shape, present, body[name])


def zero_value(shape: Shape) -> Any:
    """What an option is when nobody has set it."""
    if isinstance(shape, Mapping):
        return {name: zero_value(each) for name, each in shape.items()}
    if isinstance(shape, list):
        return []
    if shape is ANY:
        return {}
    return None if shape in (RULE, PKCE) else shape()


def read_value(shape: Shape, present: Any, raw: Any) -> Any:
    """One value laid over the present one. Raises BadRequest when its type is wrong."""
    if raw is None:
        return _value_of_null(shape, present)
    if isinstance(shape, Mapping):
        return _read_object(shape, present, raw)
    if isinstance(shape, list):
        return [read_value(shape[0], zero_value(shape[0]), each) for each in _require(raw, list)]
    expected = {RULE: str, PKCE: bool, ANY: dict}.get(shape, shape) if isinstance(shape, str) else shape
    return _require(raw, expected)


def _value_of_null(shape: Shape, present: Any) -> Any:
    if isinstance(shape, list):
        return []
    return None if shape in (RULE, PKCE) else present


def _read_object(shape: Mapping[str, Shape], present: Mapping[str, Any], raw: Any) -> dict[str, Any]:
    given = _require(raw, dict)
    return {
        name: read_value(each, present.get(name, zero_value(each)), given[name])
        if name in given
        else present.get(name, zero_value(each))
        for name, each in shape.items()
    }


def _require(raw: Any, expected: type) -> Any:
    if not isinstance(raw, expected) or (expected is int and isinstance(raw, bool)):
        raise BadRequest(MALFORMED)
    return raw
