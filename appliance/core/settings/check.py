"""What may be stored as settings: every rule of the wire's original, with its codes and sentences."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from appliance.core.cron import CronError, parse_cron
from appliance.core.option_checks import (
    by_place,
    email,
    found,
    host,
    length_in_range,
    matches,
    one_of,
    required,
    subnet,
    url,
    whole_in_range,
)
from appliance.errors import FieldError, ValidationFailed

TEXT_LENGTH: Final = 255
AUTH_METHODS: Final = ("PLAIN", "LOGIN")
AUDIENCES: Final = ("@guest", "@auth")
LABEL: Final = re.compile(r"(?:(?:\w+ )?/[\w/-]*|(?:\w+|\*):\w+|\w+)\Z", re.ASCII)
_COLOR: Final = re.compile(r"#[0-9a-fA-F]{6}\Z")
_COLOR_LENGTH: Final = 7
_BAD_COLOR_LENGTH: Final = FieldError(
    "validation_length_invalid", f"The length must be exactly {_COLOR_LENGTH}.", {"min": 7, "max": 7}
)
_BAD_COLOR: Final = FieldError("validation_is_hex_color", "Must be a valid hexadecimal color code.")


def check_settings(settings: Mapping[str, Any]) -> None:
    """Raise ValidationFailed with one entry a wrong value, nested as the settings are."""
    errors = found(
        {
            "superuserIPs": by_place(map(subnet, settings["superuserIPs"])),
            "smtp": _check_smtp(settings["smtp"]),
            "backups": _check_backups(settings["backups"]),
            "s3": _check_s3(settings["s3"]),
            "meta": _check_meta(settings["meta"]),
            "rateLimits": _check_rate_limits(settings["rateLimits"]),
            "batch": _check_batch(settings["batch"]),
            "logs": found({name: whole_in_range(settings["logs"][name], 0) for name in ("maxDays", "maxDataSize")}),
        }
    )
    if errors:
        raise ValidationFailed(errors)


def _check_meta(meta: Mapping[str, Any]) -> dict[str, Any]:
    return found(
        {
            "appName": length_in_range(meta["appName"], 1, TEXT_LENGTH),
            "appURL": required(meta["appURL"]) or url(meta["appURL"]),
            "senderName": length_in_range(meta["senderName"], 1, TEXT_LENGTH),
            "senderAddress": required(meta["senderAddress"]) or email(meta["senderAddress"]),
            "accentColor": _check_color(meta["accentColor"]),
        }
    )


def _check_color(color: str) -> FieldError | None:
    if not color or _COLOR.match(color):
        return None
    return _BAD_COLOR if len(color) == _COLOR_LENGTH else _BAD_COLOR_LENGTH


def _check_smtp(smtp: Mapping[str, Any]) -> dict[str, Any]:
    needed = required if smtp["enabled"] else _nothing
    return found(
        {
            "host": needed(smtp["host"]) or host(smtp["host"]),
            "port": needed(smtp["port"]) or whole_in_range(smtp["port"], 0),
            "authMethod": one_of(smtp["authMethod"], AUTH_METHODS),
            "localName": host(smtp["localName"]),
        }
    )


def _nothing(_: Any) -> None:
    return None


def _check_s3(s3: Mapping[str, Any]) -> dict[str, Any]:
    needed = ("bucket", "region", "endpoint", "accessKey", "secret") if s3["enabled"] else ()
    return found({"endpoint": url(s3["endpoint"])}) | found({name: required(s3[name]) for name in needed})


def _check_backups(backups: Mapping[str, Any]) -> dict[str, Any]:
    keep = backups["cronMaxKeep"]
    return found(
        {
            "cron": _check_cron(backups["cron"]),
            "cronMaxKeep": (required(keep) if backups["cron"] else None) or whole_in_range(keep, 1),
            "s3": _check_s3(backups["s3"]),
        }
    )


def _check_cron(text: str) -> FieldError | None:
    try:
        if text:
            parse_cron(text)
    except CronError as error:
        return FieldError("validation_invalid_cron", f"{error}.")
    return None


def _check_batch(batch: Mapping[str, Any]) -> dict[str, Any]:
    needed = required if batch["enabled"] else _nothing
    return found(
        {
            "maxRequests": needed(batch["maxRequests"]) or whole_in_range(batch["maxRequests"], 0),
            "timeout": needed(batch["timeout"]) or whole_in_range(batch["timeout"], 0),
            "maxBodySize": whole_in_range(batch["maxBodySize"], 0),
        }
    )


def _check_rate_limits(limits: Mapping[str, Any]) -> dict[str, Any]:
    rules = limits["rules"]
    blank = required(rules) if limits["enabled"] else None
    return found(
        {
            "rules": blank or by_place(map(_check_rate_rule, rules)) or _find_conflict(rules),
            "excludedIPs": by_place(map(subnet, limits["excludedIPs"])),
        }
    )


def _check_rate_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    return found(
        {
            "label": required(rule["label"]) or matches(rule["label"], LABEL),
            "audience": one_of(rule["audience"], AUDIENCES),
            "duration": required(rule["duration"]) or whole_in_range(rule["duration"], 1),
            "maxRequests": required(rule["maxRequests"]) or whole_in_range(rule["maxRequests"], 1),
        }
    )


def _find_conflict(rules: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The first rule whose requests an earlier one of the same label counts as well."""
    for place, rule in enumerate(rules):
        for earlier in rules[:place]:
            same_audience = earlier["audience"] == rule["audience"] or not (earlier["audience"] and rule["audience"])
            if earlier["label"] == rule["label"] and same_audience:
                return {str(place): {"label": _conflict(rule["label"])}}
    return {}


def _conflict(label: str) -> FieldError:
    return FieldError(
        "validation_conflicting_rate_limit_rule",
        f"Rate limit rule configuration with label {label} already exists or conflicts with another rule.",
        {"label": label},
    )
