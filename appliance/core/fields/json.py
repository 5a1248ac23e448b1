"""Any JSON value. A text is read as JSON when it looks like JSON, as in the original; else it is a JSON string."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from appliance.core.fields.base import Field, option, read_whole
from appliance.core.fields.casts import clean_text, plain_number
from appliance.core.fields.checks import REQUIRED, between
from appliance.errors import FieldError

if TYPE_CHECKING:
    from appliance.core.app import App
    from appliance.core.collection import Collection
    from appliance.core.record import Record

LOOKS_LIKE_JSON = re.compile(r'[\[{"\-0-9]')
LITERALS = {"null": None, "true": True, "false": False}
DEFAULT_MAX_SIZE = 1024 * 1024
MAX_DEPTH = 64
LARGEST_INT = 2**63


class JsonText(str):
    """A JSON string that was already read: it isn't read as JSON once more (the text "1" stays a text)."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class InvalidJson:
    """What can't be a JSON value (a repeated key, an infinite number, nesting over 64); refused by `check_value`."""

    text: str = ""


@dataclass(frozen=True, kw_only=True)
class JsonField(Field):
    """A JSON value as Python has it; None when never set. `maxSize` in bytes of JSON text, 0 for 1 MiB."""

    type = "json"
    column_kind = "json"

    max_size: int = option("maxSize", read_whole, 0)

    def zero(self) -> None:
        """Null."""
        return

    def normalise(self, raw: Any) -> Any:
        """A JSON value, with integers over 64 bits as floats; what can't be one becomes `InvalidJson`."""
        if isinstance(raw, JsonText | InvalidJson) or raw is None:
            return raw
        try:
            return _clean(_read(raw) if isinstance(raw, str) else raw)
        except ValueError:
            return InvalidJson(clean_text(raw) if isinstance(raw, str) else "")

    def to_column(self, value: Any) -> str | None:
        """JSON text; NULL for null."""
        return None if value is None else json_text(value)

    def from_column(self, stored: Any) -> Any:
        """The value of JSON text or of a number (SQLite makes one of numeric text); broken JSON is a text."""
        if not isinstance(stored, str | bytes):
            return self.normalise(stored)
        try:
            value = _parse(stored)
        except (ValueError, RecursionError):
            value = clean_text(stored if isinstance(stored, str) else stored.decode(errors="replace"))
        return JsonText(value) if isinstance(value, str) else value

    def value_as_json(self, value: Any) -> Any:
        """The value."""
        return value.text if isinstance(value, InvalidJson) else value

    def own_option_errors(self, app: App, collection: Collection) -> dict[str, Any]:
        """The size."""
        return {"maxSize": between(self.max_size, 0)}

    def check_value(self, app: App, record: Record, value: Any) -> FieldError | None:
        """Required (null, "", [] and {} are blank), the size in bytes, and that it is JSON at all."""
        if isinstance(value, InvalidJson):
            return FieldError("validation_invalid_json", "Must be a valid json value.")
        if self.required and (value is None or value in ("", [], {})):
            return REQUIRED
        most = self.max_size or DEFAULT_MAX_SIZE
        if value is None or len(json_text(value).encode()) <= most:
            return None
        sentence = f"The maximum allowed JSON size is {most} bytes."
        return FieldError("validation_json_size_limit", sentence, {"maxSize": most})


def json_text(value: Any) -> str:
    """The compact JSON text of a value."""
    text = value.text if isinstance(value, InvalidJson) else value
    return json.dumps(text, separators=(",", ":"), ensure_ascii=False)


def _read(text: str) -> Any:
    if text in LITERALS:
        return LITERALS[text]
    if not LOOKS_LIKE_JSON.match(text):
        return JsonText(text)
    try:
        return json.loads(text, object_pairs_hook=_distinct_pairs)
    except json.JSONDecodeError:
        return JsonText(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _parse(stored: str | bytes) -> Any:
    """Text from the database. orjson reads it ten times faster, and is as strict as it must be: it refuses endless
    numbers and half characters. What may be nested deeper than it can write again goes the slow way."""
    brackets = (b"[", b"{") if isinstance(stored, bytes) else ("[", "{")
    if sum(map(stored.count, brackets)) > MAX_DEPTH:  # type: ignore[arg-type]
        return _clean(json.loads(stored))
    try:
        return orjson.loads(stored)
    except orjson.JSONDecodeError:
        return _clean(json.loads(stored))


def _distinct_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _clean(value: Any, depth: int = 0) -> Any:
    """The value with texts that have a UTF-8 form and numbers that fit 64 bits. ValueError when that can't be.

    Only the top level is a JsonText: what lies deeper is never read as JSON.
    """
    if depth >= MAX_DEPTH and isinstance(value, dict | list | tuple):
        raise ValueError("nested too deep")
    if isinstance(value, str):
        return clean_text(value) if depth else JsonText(clean_text(value))
    if isinstance(value, dict):
        return {clean_text(str(name)): _clean(each, depth + 1) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(each, depth + 1) for each in value]
    return _clean_scalar(value)


def _clean_scalar(value: Any) -> bool | int | float | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and -LARGEST_INT <= value < LARGEST_INT:
        return value
    if isinstance(value, int | float) and math.isfinite(number := plain_number(value)):
        return number
    raise ValueError("no JSON value")
