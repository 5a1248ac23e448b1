"""How the wire's original reads a value of the wrong type: it casts, and what it can't cast becomes the zero value.

Each function takes any JSON value (an Upload counts as nothing) and never raises. Measured against PocketBase 0.40.6.
"""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import Any

LONE_SURROGATE = re.compile("[\ud800-\udfff]")
# ++ and *+ give nothing back: 50,000 digits before a wrong character must not cost their square
DECIMAL = re.compile(r"[+-]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?", re.ASCII)
HEXADECIMAL = re.compile(r"[+-]?0[xX](?:[0-9a-fA-F]++\.?[0-9a-fA-F]*+|\.[0-9a-fA-F]++)[pP][+-]?[0-9]++", re.ASCII)
NOT_FINITE = re.compile(r"(?:[+-]?(?:inf|infinity)|nan)", re.IGNORECASE)
UNDERSCORE = re.compile(r"(?<=[0-9a-fA-F])_(?=[0-9a-fA-F])|(?<=0[xX])_")
TRUE_TEXTS = frozenset(("1", "t", "T", "true", "TRUE", "True"))
EXACT = 2**53


def to_text(raw: Any) -> str:
    """Text as it is; numbers without exponent; true and false; anything else is ""."""
    if isinstance(raw, str):
        return clean_text(raw)
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, int | float):
        return _number_text(raw)
    return clean_text(raw.decode(errors="replace")) if isinstance(raw, bytes) else ""


def clean_text(text: str) -> str:
    """A lone surrogate has no UTF-8 form: no database or client could take it."""
    return str(text) if text.isascii() else LONE_SURROGATE.sub("\ufffd", text)


def to_number(raw: Any) -> int | float:
    """A number, or the number a text spells; else 0. May be infinite or NaN, which `check_value` refuses."""
    if isinstance(raw, bool):
        return int(raw)
    if isinstance(raw, int | float):
        return plain_number(raw)
    return plain_number(_parse_number(raw)) if isinstance(raw, str) else 0


def plain_number(number: float) -> int | float:
    """The 64-bit float that the original would hold, as an int where that is exact and prints alike."""
    try:
        as_float = float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf
    return int(as_float) if as_float.is_integer() and abs(as_float) <= EXACT else as_float


def to_flag(raw: Any) -> bool:
    """A boolean; a number that isn't 0; one of Go's six spellings of true."""
    if isinstance(raw, str):
        return raw in TRUE_TEXTS
    return bool(raw) if isinstance(raw, bool | int | float) else False


def to_texts(raw: Any) -> list[str]:
    """Distinct non-empty texts of a list, of a JSON array in a text, or of one scalar, in their order.

    A list with an element that is no scalar counts as empty.
    """
    return list(dict.fromkeys(each for each in _each_text(raw) if each))


def _each_text(raw: Any) -> list[str]:
    if isinstance(raw, list | tuple):
        return [to_text(each) for each in raw] if all(map(_is_scalar, raw)) else []
    if isinstance(raw, str) and "[" in raw:
        return _texts_of_json(raw)
    return [to_text(raw)]


def _is_scalar(raw: Any) -> bool:
    return raw is None or isinstance(raw, str | int | float)


def _texts_of_json(text: str) -> list[str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return [to_text(text)]
    if isinstance(found, list) and all(each is None or isinstance(each, str) for each in found):
        return [to_text(each) for each in found]
    return [to_text(text)]


def _number_text(number: float) -> str:
    """Go's FormatFloat(f, 'f', -1, 64): the shortest digits that read back, never an exponent."""
    if isinstance(number, int) and abs(number) <= EXACT:
        return str(number)
    as_float = float(plain_number(number))
    if not math.isfinite(as_float):
        return "NaN" if math.isnan(as_float) else "+Inf" if as_float > 0 else "-Inf"
    text = format(Decimal(repr(as_float)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _parse_number(text: str) -> float:
    """Go's ParseFloat; out of range counts as unreadable."""
    plain = UNDERSCORE.sub("", text) if "_" in text else text
    if DECIMAL.fullmatch(plain):
        number = float(plain)
        return number if math.isfinite(number) else 0
    if HEXADECIMAL.fullmatch(plain):
        return _parse_hexadecimal(plain)
    return float(text) if NOT_FINITE.fullmatch(text) else 0


def _parse_hexadecimal(text: str) -> float:
    try:
        return float.fromhex(text)
    except OverflowError:
        return 0
