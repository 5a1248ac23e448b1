"""The `@request.*` values of a rule, and how a compiled statement depends on them.

Most of a request only fills parameters. A few facts change the statement itself: whether somebody is signed in and
from which collection, whether a value is missing or empty (null and '' are the same in rules, so the comparison is
spelled differently). Each such fact becomes a `Guard`; a statement is reused for every request that its guards fit.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from appliance.core.collection import Collection
from appliance.core.fields.base import Field
from appliance.core.fields.json import json_text
from appliance.core.passwords import PasswordValue
from appliance.core.record import Record, modifier_of
from appliance.core.request_info import RequestInfo
from appliance.core.upload import Upload
from appliance.rules.resolver import EMPTY_TEXT, NULL, Kind, Operand
from appliance.sql import Slot, parameter

MISSING: Final = object()
EXACT: Final = 2**53  # up to here a float holds every whole number
Read = Callable[[RequestInfo], Any]


@dataclass(frozen=True, slots=True)
class Asking:
    """What the slots of a statement read when it runs: the request, the macros' moment, and named values
    (a record id, a page, the columns of a record not yet stored)."""

    request: RequestInfo
    moment: datetime
    values: Mapping[str, Any] = field(default_factory=dict)


def value_slot(name: str) -> Slot:
    """A slot for one of `Asking.values`."""
    return Slot(name, lambda asking: asking.values[name])


@dataclass(frozen=True, slots=True)
class Guard:
    """A fact about the request that a statement was built for."""

    name: str
    read: Read
    expected: Any

    def holds(self, request: RequestInfo) -> bool:
        """Whether the fact is the same for this request."""
        return bool(self.read(request) == self.expected)


class RequestFacts:
    """Reads the request while a statement is built, and keeps a guard of everything that was asked."""

    def __init__(self, request: RequestInfo) -> None:
        self.request = request
        self.guards: dict[str, Guard] = {}

    def fact(self, name: str, read: Read) -> Any:
        """A value on which the statement's text depends."""
        value = read(self.request)
        self.guards.setdefault(name, Guard(name, read, value))
        return value

    def operand(self, name: str, read: Read) -> Operand:
        """An operand for a value of the request: bound by each execution, spelled by its emptiness."""
        emptiness = self.fact(f"emptiness of {name}", lambda request: _emptiness(read(request)))
        if emptiness == "null":
            return Operand(NULL, Kind.EMPTY)
        if emptiness == "empty":
            return Operand(EMPTY_TEXT, Kind.EMPTY)
        slot = request_slot(name, read)
        return Operand(parameter(slot), Kind.KNOWN, constant=slot)


def request_slot(name: str, read: Read) -> Slot:
    """A parameter that each execution reads from its request."""
    return Slot(name, lambda asking: read(asking.request))


def _emptiness(value: Any) -> str:
    if value is None:
        return "null"
    return "empty" if isinstance(value, str) and value == "" else "filled"


def as_parameter(value: Any) -> Any:
    """A JSON value as SQL compares it: lists and objects as JSON text."""
    if isinstance(value, Upload):
        return value.name
    if isinstance(value, int) and not isinstance(value, bool) and -EXACT <= value <= EXACT:
        return float(value)  # JSON has one kind of number: as a text 7 is "7.0", as in the original
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)
    return value


def body_value(request: RequestInfo, path: Sequence[str]) -> Any:
    """What stands at a path of the body (keys of objects, places of lists), MISSING when nothing does."""
    value: Any = request.body
    for part in path:
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list | tuple) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return MISSING
    return value


def body_parameter(path: Sequence[str], holder: Field | None) -> Read:
    """How to read one body value as a parameter. `holder` is the field whose whole value it is, if any."""

    def read(request: RequestInfo) -> Any:
        value = body_value(request, path)
        if value is MISSING:
            return None
        return json_text(value) if holder is not None and holder.type == "json" else as_parameter(value)

    return read


def body_list(name: str) -> Read:
    """How to read a body value as the JSON text of a list of texts; an empty or missing value is an empty list."""

    def read(request: RequestInfo) -> str:
        return json.dumps(body_texts(request, name), ensure_ascii=False)

    return read


def body_texts(request: RequestInfo, name: str) -> list[str]:
    """The non-empty texts of a select, relation or file value of the body."""
    value = body_value(request, (name,))
    if value is MISSING or value is None:
        return []
    values = value if isinstance(value, list | tuple) else [value]
    return [str(as_parameter(each)) for each in values if each not in ("", None)]


def lower_parameter(read: Read, missing: str | None = None) -> Read:
    """A value as the text that `:lower` lowers; a list or object has no plain text and counts as ''."""

    def read_lower(request: RequestInfo) -> str | None:
        value = read(request)
        if isinstance(value, bool):
            return "true" if value else "false"
        if value is None:
            return missing
        return "" if _is_structure(value) else str(plain_number(value))

    return read_lower


def plain_number(value: Any) -> Any:
    """A whole float as an int, which prints without its point."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_structure(value: Any) -> bool:
    return isinstance(value, str) and value[:1] in ("[", "{")


class BodyOfRules(Mapping[str, Any]):
    """The body as `@request.body` shows it: a field that the client sent has the value which it would get (cast by
    its type, modifiers applied), other keys stand as sent. `record` carries the changes by now.

    Hidden fields that a client may not set are left out, as if they had not been sent. Worked out when somebody asks.
    """

    __slots__ = ("_collection", "_is_superuser", "_sent", "_shown", "_values")

    def __init__(self, record: Record, sent: Mapping[str, Any], is_superuser: bool) -> None:
        self._collection = record.collection
        self._values = record.values.copy()  # what hooks change later is not what the client sent
        self._sent = sent
        self._is_superuser = is_superuser
        self._shown: dict[str, Any] | None = None

    def _body(self) -> dict[str, Any]:
        if self._shown is None:
            self._shown = _body_for_rules(self._collection, self._values, self._sent, self._is_superuser)
        return self._shown

    def __getitem__(self, name: str) -> Any:
        return self._body()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._body())

    def __len__(self) -> int:
        return len(self._body())


def _body_for_rules(
    collection: Collection, values: Mapping[str, Any], sent: Mapping[str, Any], is_superuser: bool
) -> dict[str, Any]:
    body: dict[str, Any] = {}
    fields = collection.fields_by_name
    for key, raw in sent.items():
        found = fields.get(key)
        if found is None and (modifier := modifier_of(collection, key)):
            found = fields[modifier.field]
        if found is None:
            body[key] = raw
        elif is_superuser or not found.hidden or found.type == "password":
            value = values[found.name]
            body[found.name] = value.plain if isinstance(value, PasswordValue) else value
    return body
