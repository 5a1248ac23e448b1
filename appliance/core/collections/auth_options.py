"""What may be stored as the options of an auth collection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from appliance.core.collection import TOKEN_OPTIONS, Collection
from appliance.core.collections.indexes import has_unique_index
from appliance.core.collections.oauth2_providers import PROVIDER_NAMES
from appliance.core.option_checks import found, length_in_range, required, url, whole_in_range
from appliance.core.resolvers.check import check_rule
from appliance.errors import FieldError

if TYPE_CHECKING:
    from appliance.core.app import App

SECRET_LENGTH: Final = (30, 255)
TOKEN_SECONDS: Final = (10, 94_670_856)
CODE_SECONDS: Final = (10, 86_400)
OTP_MIN_LENGTH: Final = 4

_SYSTEM_RULE_CHANGE: Final = FieldError(
    "validation_collection_system_rule_change", "System collection API rule cannot be changed."
)
_EMPTY_MANAGE_RULE: Final = FieldError("validation_nil_or_not_empty_required", "Cannot be blank.")
_ONE_METHOD: Final = FieldError(
    "validation_mfa_not_enough_auths", "MFA requires at least 2 auth methods to be enabled."
)


def check_auth_options(app: App, collection: Collection, old: Collection | None) -> dict[str, Any]:
    """Every wrong option, nested as the options are."""
    options = collection.options
    return found(
        {
            "authRule": _check_rule(app, collection, old, "authRule"),
            "manageRule": _check_rule(app, collection, old, "manageRule"),
            "authAlert": _nested("emailTemplate", _check_template(options["authAlert"]["emailTemplate"])),
            "oauth2": _check_oauth2(options["oauth2"]),
            "passwordAuth": _check_password_auth(collection),
            "mfa": _check_mfa(app, collection),
            "otp": _check_otp(options["otp"]),
            **{name: _check_token(options[name]) for name in TOKEN_OPTIONS},
            **{
                name: _check_template(options[name])
                for name in ("verificationTemplate", "resetPasswordTemplate", "confirmEmailChangeTemplate")
            },
        }
    )


def _nested(name: str, errors: Mapping[str, Any]) -> dict[str, Any]:
    return {name: errors} if errors else {}


def _check_rule(app: App, collection: Collection, old: Collection | None, name: str) -> FieldError | None:
    rule = collection.options[name]
    if name == "manageRule" and rule == "":
        return _EMPTY_MANAGE_RULE
    if wrong := check_rule(app, collection, rule):
        return wrong
    return _SYSTEM_RULE_CHANGE if old is not None and old.system and old.options[name] != rule else None


def _check_template(template: Mapping[str, Any]) -> dict[str, Any]:
    return found({name: required(template[name]) for name in ("subject", "body")})


def _check_token(token: Mapping[str, Any]) -> dict[str, Any]:
    return found(
        {
            "secret": length_in_range(token["secret"], *SECRET_LENGTH),
            "duration": required(token["duration"]) or whole_in_range(token["duration"], *TOKEN_SECONDS),
        }
    )


def _check_otp(otp: Mapping[str, Any]) -> dict[str, Any]:
    limits = {
        "duration": required(otp["duration"]) or whole_in_range(otp["duration"], *CODE_SECONDS),
        "length": required(otp["length"]) or whole_in_range(otp["length"], OTP_MIN_LENGTH),
    }
    template = _nested("emailTemplate", _check_template(otp["emailTemplate"]))
    return {**found(limits if otp["enabled"] else {}), **template}


def _check_mfa(app: App, collection: Collection) -> dict[str, Any]:
    mfa = collection.options["mfa"]
    if not mfa["enabled"]:
        return {}
    methods = sum(collection.options[name]["enabled"] for name in ("passwordAuth", "otp", "oauth2"))
    return found(
        {
            "enabled": None if methods > 1 else _ONE_METHOD,
            "duration": required(mfa["duration"]) or whole_in_range(mfa["duration"], *CODE_SECONDS),
            "rule": check_rule(app, collection, mfa["rule"]),
        }
    )


def _check_password_auth(collection: Collection) -> dict[str, Any]:
    options = collection.options["passwordAuth"]
    if not options["enabled"]:
        return {}
    names = options["identityFields"]
    wrong = required(names) or next(filter(None, (_check_identity_field(collection, each) for each in names)), None)
    return found({"identityFields": wrong})


def _check_identity_field(collection: Collection, name: str) -> FieldError | None:
    if collection.find_field(name) is None:
        return FieldError("validation_missing_field", f"Invalid or missing field {name}.", {"fieldName": name})
    if not has_unique_index(collection.indexes, name):
        return FieldError(
            "validation_missing_unique_constraint",
            f"The field {name} doesn't have a UNIQUE constraint.",
            {"fieldName": name},
        )
    return None


def _check_oauth2(oauth2: Mapping[str, Any]) -> dict[str, Any]:
    if not oauth2["enabled"]:
        return {}
    errors: dict[str, Any] = {}
    seen: set[str] = set()
    for place, provider in enumerate(oauth2["providers"]):
        if provider["name"] and provider["name"] in seen:
            return {"providers": {str(place): {"name": _provider_twice(provider["name"])}}}
        seen.add(provider["name"])
        if wrong := _check_provider(provider):
            errors[str(place)] = wrong
    return _nested("providers", errors)


def _provider_twice(name: str) -> FieldError:
    return FieldError("validation_duplicated_provider", f"The provider {name} is already registered.", {"name": name})


def _check_provider(provider: Mapping[str, Any]) -> dict[str, Any]:
    return found(
        {
            "name": required(provider["name"]) or _check_provider_name(provider["name"]),
            "clientId": required(provider["clientId"]),
            "clientSecret": required(provider["clientSecret"]),
            **{name: url(provider[name]) for name in ("authURL", "tokenURL", "userInfoURL")},
        }
    )


def _check_provider_name(name: str) -> FieldError | None:
    if name in PROVIDER_NAMES:
        return None
    return FieldError("validation_missing_provider", f"Invalid or missing provider with name {name}.", {"name": name})
