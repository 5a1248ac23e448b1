"""From a request's body to what it wants of a record.

    read_body       JSON or a form, as one dict of JSON values; uploads stand in it by field
    changes_of      the part that the caller may set: field names and `name+`, `+name`, `name-`

`BodyOfRules` of core/resolvers/values.py then is `@request.body`.
A form has texts only: `true`, `false` and numbers are read as what they spell, a name sent twice becomes a list, and
`@jsonPayload` holds JSON objects that are merged in. All of it as the wire's original does, measured.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from appliance.api.request import FormBody, Request
from appliance.core.collection import Collection
from appliance.core.fields.base import Field
from appliance.core.fields.casts import to_number, to_text
from appliance.core.fields.file import FileField
from appliance.core.fields.file_names import NewFile
from appliance.core.record import modifier_of
from appliance.core.records.access import writable_names
from appliance.core.request_info import RequestInfo
from appliance.core.upload import Upload
from appliance.errors import BadRequest

JSON_PAYLOAD: Final = "@jsonPayload"
FLAGS: Final = {"true": True, "false": False}
NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?")


def read_body(request: Request, collection: Collection) -> dict[str, Any]:
    """The body's values, with the uploads of file fields. Raises BadRequest when it can't be read."""
    body = request.body
    values = _read_form(body) if isinstance(body, FormBody) else dict(body)
    for key, uploads in request.files.items():
        if isinstance(find_target(collection, key), FileField):
            values[key] = _joined(values.get(key), uploads)
    return values


def changes_of(collection: Collection, body: Mapping[str, Any], request: RequestInfo) -> dict[str, Any]:
    """What of a body goes into the record: no unknown key, nothing that the caller may not set."""
    writable = writable_names(collection, request.is_superuser)
    if writable.issuperset(body):
        return dict(body)
    targets = {key: find_target(collection, key) for key in body}
    return {key: body[key] for key, field in targets.items() if field is not None and field.name in writable}


def find_target(collection: Collection, key: str) -> Field | None:
    """The field that a body's key sets or modifies, or None."""
    field = collection.find_field(key)
    if field is not None:
        return field
    modifier = modifier_of(collection, key)
    return collection.find_field(modifier.field) if modifier is not None else None


def _joined(sent: Any, uploads: list[Upload]) -> list[Any]:
    """Values and uploads of one name. Naming an upload reads its first bytes: better here than inside the write."""
    kept = sent if isinstance(sent, list) else [] if sent is None else [sent]
    return [*kept, *(NewFile.of(upload) for upload in uploads)]


def _read_form(form: FormBody) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, texts in form.lists.items():
        if name != JSON_PAYLOAD and texts:
            inferred = [infer(text) for text in texts]
            values[name] = inferred if len(inferred) > 1 else inferred[0]
    for payload in form.lists.get(JSON_PAYLOAD, ()):
        _merge(values, _read_payload(payload))
    return values


def infer(text: str) -> str | bool | int | float:
    """What a form's text spells: a flag, a number that is written as it prints, else the text."""
    if text in FLAGS:
        return FLAGS[text]
    if NUMBER.fullmatch(text) and to_text(number := to_number(text)) == text:
        return number
    return text


def _read_payload(text: str) -> dict[str, Any]:
    try:
        payload = json.loads(text, object_pairs_hook=_distinct, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise BadRequest(hint=f"{JSON_PAYLOAD} is no JSON: {error}") from error
    if payload is None:
        return {}
    if not isinstance(payload, dict):
        raise BadRequest(hint=f"{JSON_PAYLOAD} must hold a JSON object")
    return payload


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _merge(values: dict[str, Any], payload: dict[str, Any]) -> None:
    """Objects merge, anything else is replaced; by a value of another kind it can't be."""
    for name, value in payload.items():
        held = values.get(name)
        if isinstance(held, dict) and isinstance(value, dict):
            _merge(held, value)
        elif held is None or value is None or _kind(held) is _kind(value):
            values[name] = value
        else:
            raise BadRequest(hint=f"{name!r} was sent twice, with values of different kinds")


def _kind(value: Any) -> type:
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)
