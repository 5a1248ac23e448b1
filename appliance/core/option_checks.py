"""Checks of single options with the codes and sentences of the wire: each answers a FieldError, or None."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from appliance.core.fields.checks import MAX_SAFE_INTEGER, REQUIRED, WRONG_FORMAT, at_least, at_most, length_between
from appliance.core.fields.email import NOT_AN_EMAIL, is_email
from appliance.core.fields.url import is_url
from appliance.errors import FieldError

BLANK: Final = REQUIRED
BAD_VALUE: Final = FieldError("validation_in_invalid", "Must be a valid value.")
NOT_A_URL: Final = FieldError("validation_is_url", "Must be a valid URL.")
NOT_A_HOST: Final = FieldError("validation_is_host", "Must be a valid IP address or DNS name.")
NOT_A_SUBNET: Final = FieldError("validation_invlaid_ip_or_subnet", "Invalid IP or CIDR subnet.")  # sic, on the wire

LONGEST_HOST: Final = 255
_DNS_NAME: Final = re.compile(r"[a-zA-Z0-9_](?:[\w-]{0,62})(?:\.[a-zA-Z0-9_][\w-]{0,62})*\.?\Z", re.ASCII)


def found(checks: Mapping[str, Any]) -> dict[str, Any]:
    """Only the entries that say something."""
    return {name: error for name, error in checks.items() if error}


def by_place(errors: Iterable[Any]) -> dict[str, Any]:
    """The errors of a list's entries by their place, None where all is well."""
    return {str(place): error for place, error in enumerate(errors) if error}


def required(value: Any) -> FieldError | None:
    """Something that is not the empty value of its type."""
    return None if value else BLANK


def whole_in_range(value: int, low: int, high: int = MAX_SAFE_INTEGER) -> FieldError | None:
    """A number that is 0 or within the limits."""
    return at_least(value, low) or at_most(value, high)


def length_in_range(value: str, low: int, high: int) -> FieldError | None:
    """A text that is set and as long as allowed, in characters."""
    return required(value) or length_between(value, low, high)


def matches(value: str, pattern: re.Pattern[str]) -> FieldError | None:
    """A text of that form; an empty one is left to `required`."""
    return None if not value or pattern.match(value) else WRONG_FORMAT


def one_of(value: str, allowed: Sequence[str]) -> FieldError | None:
    """One of the texts, or nothing."""
    return None if not value or value in allowed else BAD_VALUE


def url(value: str) -> FieldError | None:
    """A web address, or nothing."""
    return None if not value or is_url(value) else NOT_A_URL


def email(value: str) -> FieldError | None:
    """A mail address, or nothing."""
    return None if not value or is_email(value) else NOT_AN_EMAIL


def host(value: str) -> FieldError | None:
    """An IP address or a DNS name, or nothing."""
    return None if not value or _is_address(value) or _is_dns_name(value) else NOT_A_HOST


def subnet(value: str) -> FieldError | None:
    """An IP address or a CIDR subnet."""
    if not value:
        return BLANK
    try:
        ipaddress.ip_interface(value)
    except ValueError:
        return NOT_A_SUBNET
    return None


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _is_dns_name(value: str) -> bool:
    return len(value.replace(".", "")) <= LONGEST_HOST and _DNS_NAME.match(value) is not None
