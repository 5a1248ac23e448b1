"""From a request's bytes to a body: JSON, a form with files, or a BrokenBody that says why not.

JSON is read as the wire's original reads it: the first value counts and what follows it is ignored; duplicate names,
NaN, numbers beyond a double and invalid UTF-8 are errors; `null` is an empty object. Deeper than 64 levels is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, BinaryIO, Final, NoReturn, cast
from urllib.parse import unquote_to_bytes

import orjson
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from appliance.api.request import BrokenBody, FormBody
from appliance.core.upload import Upload
from appliance.errors import ApiError, BadRequest, PayloadTooLarge

JSON_TYPE: Final = "application/json"
MAX_DEPTH: Final = 64
MAX_FORM_TEXT: Final = 32 * 1024 * 1024  # all values of a form together, files apart
MAX_FORM_PARTS: Final = 1000
XML_TYPES: Final = ("application/xml", "text/xml")  # the wire's original tries to read these, and fails
UNSUPPORTED: Final = "Unsupported Content-Type."
BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")

Files = Mapping[str, list[Upload]]
Body = dict[str, Any] | FormBody | BrokenBody


class UnreadableError(ValueError):
    """The body's bytes are not what its Content-Type says."""


def read_body(content_type: str, length: int, stream: BinaryIO, unreadable: str = "") -> tuple[Body, Files]:
    """The body (`length` bytes of `stream`) and the files of a request. `unreadable` is the route's own sentence for
    a body that can't be read."""
    if not length:
        return {}, {}
    try:
        return _read(content_type, length, stream)
    except ApiError as error:
        return BrokenBody(error), {}
    except RequestEntityTooLarge:
        return BrokenBody(PayloadTooLarge("The form has too many parts or too long values.")), {}
    except ValueError as error:
        return BrokenBody(BadRequest(unreadable, hint=f"the body can't be read: {error}")), {}


def _read(content_type: str, length: int, stream: BinaryIO) -> tuple[Body, Files]:
    if content_type.startswith(JSON_TYPE):
        return read_json(stream.read()), {}
    if content_type.startswith("multipart/form-data"):
        return read_multipart(stream, content_type, length)
    if content_type.startswith("application/x-www-form-urlencoded"):
        return FormBody(read_pairs(stream.read().decode("utf-8", "replace"), strict=True)), {}
    if content_type.startswith(XML_TYPES):
        raise UnreadableError("XML")
    raise BadRequest(UNSUPPORTED)


def read_json(raw: bytes) -> dict[str, Any]:
    """The object that `raw` begins with. Raises UnreadableError."""
    try:
        value = orjson.loads(raw)
    except ValueError:
        raw = _first_value(raw)
        value = orjson.loads(raw)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UnreadableError("not an object")
    strings = _count_strings(value)
    if raw.count(b'"') != 2 * strings or b"\\" in raw:  # a name that stood twice is no longer among them
        json.loads(raw, object_pairs_hook=_refuse_duplicates)
    return value


def _first_value(raw: bytes) -> bytes:
    text = raw.decode("utf-8")
    start = len(text) - len(text.lstrip(" \t\r\n"))
    try:
        _, end = json.JSONDecoder(parse_constant=_refuse_constant).raw_decode(text, start)
    except RecursionError:
        raise UnreadableError("nested too deeply") from None
    return text[start:end].encode()


def _refuse_constant(name: str) -> NoReturn:
    raise UnreadableError(f"{name} is not JSON")


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise UnreadableError("a name stands twice in one object")


def _count_strings(value: dict[str, Any]) -> int:
    """How many strings there are, names included. Level by level, so that it needs no deep stack itself.

    Raises UnreadableError when it is nested too deeply.
    """
    types = [*map(type, value.values())]
    if dict not in types and list not in types:  # nearly all bodies are flat
        return len(value) + types.count(str)
    strings = 0
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        strings += sum(len(each) for each in level if isinstance(each, dict))
        children = [child for each in level for child in _children(each)]
        strings += len([child for child in children if isinstance(child, str)])
        level = [child for child in children if isinstance(child, (dict, list))]
        if not level:
            return strings
    raise UnreadableError(f"nested deeper than {MAX_DEPTH} levels")


def _children(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value


def read_multipart(stream: BinaryIO, content_type: str, length: int) -> tuple[FormBody, Files]:
    """Values and files of a multipart form. Raises ValueError when it is malformed."""
    _, options = parse_options_header(content_type)
    if not options.get("boundary"):
        raise UnreadableError("a multipart body without a boundary")
    parser = FormDataParser(max_form_memory_size=MAX_FORM_TEXT, max_form_parts=MAX_FORM_PARTS, silent=False)
    _, form, files = parser.parse(stream, "multipart/form-data", length, options)
    uploads = {name: [_upload(each) for each in listed] for name, listed in files.lists()}
    return FormBody(dict(form.lists())), uploads


def _upload(received: FileStorage) -> Upload:
    stream = cast(BinaryIO, received.stream)
    size = stream.seek(0, 2)
    stream.seek(0)
    return Upload(received.filename or "", size, stream, received.content_type or "")


def read_pairs(text: str, strict: bool = False) -> dict[str, list[str]]:
    """`a=1&b=2&a=3` as lists by name. A malformed pair is left out, or with `strict` raises UnreadableError."""
    lists: dict[str, list[str]] = {}
    for pair in text.split("&"):
        if not pair:
            continue
        if ";" in pair or BAD_ESCAPE.search(pair):
            if strict:
                raise UnreadableError("a form value has a malformed escape")
            continue
        name, _, value = pair.partition("=")
        lists.setdefault(_unquote(name), []).append(_unquote(value))
    return lists


def _unquote(text: str) -> str:
    return unquote_to_bytes(text.replace("+", " ")).decode("utf-8", "replace")
