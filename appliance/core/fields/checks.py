"""Checks that several field types share, with the wire's codes and sentences."""

from __future__ import annotations

import string
from collections.abc import Sequence

import re2

from appliance.core.fields.patterns import pattern_error
from appliance.errors import FieldError

MAX_SAFE_INTEGER = 2**53 - 1
REQUIRED = FieldError("validation_required", "Cannot be blank.")
NOT_BLANK = FieldError("validation_empty", "Must be blank.")
WRONG_FORMAT = FieldError("validation_match_invalid", "Must be in a valid format.")
WRONG_VALUE_FORMAT = FieldError("validation_invalid_format", "Invalid value format.")
IN_LIST = FieldError("validation_not_in_invalid", "Must not be in list.")
NOT_A_DOMAIN = FieldError("validation_is_domain", "Must be a valid domain.")
DOMAIN = re2.compile(r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z]{1,63}")


def at_least(value: float, least: float) -> FieldError | None:
    """An error when `value` is below `least`; 0 counts as not set."""
    if value == 0 or value >= least:
        return None
    return FieldError(
        "validation_min_greater_equal_than_required", f"Must be no less than {least}.", {"threshold": least}
    )


def at_most(value: float, most: float) -> FieldError | None:
    """An error when `value` is above `most`."""
    if value <= most:
        return None
    return FieldError(
        "validation_max_less_equal_than_required", f"Must be no greater than {most}.", {"threshold": most}
    )


def between(value: int, least: int, most: int = MAX_SAFE_INTEGER) -> FieldError | None:
    """An error when `value` is set and lies outside."""
    return at_least(value, least) or at_most(value, most)


def length_between(text: str, least: int, most: int) -> FieldError | None:
    """An error when `text` is set and has too many characters."""
    if not text or least <= len(text) <= most:
        return None
    words = f"The length must be between {least} and {most}."
    return FieldError("validation_length_out_of_range", words, {"min": least, "max": most})


def regular_expression(pattern: str) -> FieldError | None:
    """An error when `pattern` can't be compiled."""
    reason = pattern_error(pattern)
    return FieldError("validation_invalid_regex", reason) if reason else None


def domains(listed: Sequence[str], other: Sequence[str]) -> FieldError | dict[str, FieldError] | None:
    """Errors of a list of domains; only one of the two lists of a field may be set."""
    if listed and other:
        return NOT_BLANK
    wrong = {str(place): NOT_A_DOMAIN for place, each in enumerate(listed) if each and not DOMAIN.fullmatch(each)}
    return wrong or None


def plain(number: float) -> str:
    """A number in a sentence, without a needless fraction."""
    return str(int(number)) if float(number).is_integer() and abs(number) < 2**53 else str(number)


def is_word(text: str) -> bool:
    """Whether it consists of ASCII letters, digits and underscores."""
    return not set(text).difference(string.ascii_letters, string.digits, "_")


def sentence(words: str) -> str:
    """Words that may end in a client's text, as a sentence with one stop."""
    words = words.strip()
    return words if words[-1:] in (".", "!", "?") else f"{words}."
