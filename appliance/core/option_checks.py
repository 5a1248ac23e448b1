"""Checks of single options with the codes and sentences of the wire: each answers a FieldError, or None."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from appliance.errors import FieldError

BLANK: Final = FieldError("validation_required", "Cannot be blank.")
BAD_FORMAT: Final = FieldError("validation_match_invalid", "Must be in a valid format.")
BAD_VALUE: Final = FieldError("validation_in_invalid", "Must be a valid value.")
NOT_A_URL: Final = FieldError("validation_is_url", "Must be a valid URL.")
_HOST: Final = re.compile(r"[^\s/?#@]+\Z")


def found(checks: Mapping[str, Any]) -> dict[str, Any]:
    """Only the entries that say something."""
    return {name: error for name, error in checks.items() if error}


def required(value: Any) -> FieldError | None:
    """Something that is not the empty value of its type."""
    return None if value else BLANK


def whole_in_range(value: int, low: int, high: int | None = None) -> FieldError | None:
    """A number that is set and within the limits."""
    if not value:
        return BLANK
    if value < low:
        return FieldError(
            "validation_min_greater_equal_than_required", f"Must be no less than {low}.", {"threshold": low}
        )
    if high is not None and value > high:
        return FieldError(
            "validation_max_less_equal_than_required", f"Must be no greater than {high}.", {"threshold": high}
        )
    return None


def length_in_range(value: str, low: int, high: int) -> FieldError | None:
    """A text that is set and as long as allowed, in characters."""
    if not value:
        return BLANK
    if low <= len(value) <= high:
        return None
    return FieldError(
        "validation_length_out_of_range",
        f"The length must be between {low} and {high}.",
        {"min": low, "max": high},
    )


def matches(value: str, pattern: re.Pattern[str]) -> FieldError | None:
    """A text of that form; an empty one is left to `required`."""
    return None if not value or pattern.match(value) else BAD_FORMAT


def url(value: str) -> FieldError | None:
    """An absolute http(s) address, or nothing."""
    return None if not value or _is_url(value) else NOT_A_URL


def _is_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return bool(_HOST.match(parts.netloc)) and parts.port != 0
    except ValueError:
        return False
