"""Turns an answer into what must be the same on every server: volatile values become placeholders.

A placeholder stands only for a value of the right shape, so a wrong shape still shows as a difference:

    <id1>, <id2>     a generated record id, 15 of a-z0-9; numbered as they turn up, so the same id keeps its number
    <now> <earlier>  a date of the wire's form, since the case began / of today but before it
    <jwt {...}>      a token: its own claims, the expiry as seconds from now rounded to a minute
    name_<10>.txt    the random part of a stored file's name; names of one or two letters get two: a<10>_<10>.txt
    <code>           a text made by the pattern [A-Z]{3}-[0-9]{4} of the world's `kinds`
    _clone_<4>       the id of a view's field copied from another collection
    idx_email_<10>   the index names of a collection that has no id yet (scaffolds)
    in a, b          collection names in a message of references come in no fixed order: sorted
    <client>         a realtime client id, 40 letters and digits
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from tests.wire.scenarios import known_words

TOKEN = re.compile(r"\b(eyJ[\w-]+)\.([\w-]+)\.([\w-]+)")
DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z")
CLIENT = re.compile(r"(?<!\w)[A-Za-z0-9]{40}(?!\w)")
CODE = re.compile(r"\b[A-Z]{3}-\d{4}\b")
CLONE = re.compile(r"\b_clone_\w{4}\b")
SCAFFOLD_INDEX = re.compile(r"\b(idx_(?:tokenKey|email))_[a-z0-9]{10}\b")
REFERENCES = re.compile(r"(?<=existing reference in )[\w, ]+")
FIELD_ID = re.compile(r"(text|editor|number|bool|email|url|date|autodate|select|file|relation|json|password)\d+")
STORED_NAME = re.compile(r"_[a-z0-9]{10}(?=\.[A-Za-z0-9]+\b)")
SHORT_STORED_NAME = re.compile(r"(?<![a-z0-9_])([a-z0-9_]{0,2})[a-z0-9]{10}_[a-z0-9]{10}(?=\.[A-Za-z0-9]+\b)")
RECORD_ID = re.compile(r"(?<![A-Za-z0-9_])[a-z0-9]{15}(?![A-Za-z0-9_])")
SLACK_SECONDS = 0.002


class Normaliser:
    """Normalises all answers of one case from one server; remembers the ids seen and when the case began."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._began = time.time() - SLACK_SECONDS

    def normalise(self, value: Any) -> Any:
        """The same structure with placeholders; keys in sorted order, so that ids are numbered alike."""
        if isinstance(value, Mapping):
            return {self._text(key): self.normalise(value[key]) for key in sorted(value)}
        if isinstance(value, list):
            return [self.normalise(inner) for inner in value]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return _number(value)
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> str:
        text = TOKEN.sub(self._token, text)
        text = DATE.sub(self._date, text)
        text = CLIENT.sub("<client>", text)
        text = CODE.sub("<code>", text)
        text = CLONE.sub("_clone_<4>", text)
        text = SCAFFOLD_INDEX.sub(r"\1_<10>", text)
        text = REFERENCES.sub(lambda found: ", ".join(sorted(found[0].split(", "))), text)
        text = SHORT_STORED_NAME.sub(r"\1<10>_<10>", text)
        text = STORED_NAME.sub("_<10>", text)
        return RECORD_ID.sub(self._id, text)

    def _token(self, found: re.Match[str]) -> str:
        claims = {**_decode(found[1]), **_decode(found[2])}
        if "exp" in claims:
            claims["exp"] = f"+{round((claims['exp'] - time.time()) / 60)} min"
        shown = partial(json.dumps, sort_keys=True)
        return f"<jwt {shown(self.normalise(claims))}>"

    def _date(self, found: re.Match[str]) -> str:
        moment = datetime.strptime(found[0], "%Y-%m-%d %H:%M:%S.%fZ").replace(tzinfo=UTC).timestamp()
        if abs(moment - time.time()) > 6 * 3600:
            return found[0]
        return "<now>" if moment >= self._began - SLACK_SECONDS else "<earlier>"

    def _id(self, found: re.Match[str]) -> str:
        if found[0] in known_words() or FIELD_ID.fullmatch(found[0]):
            return found[0]
        number = self._numbers.setdefault(found[0], len(self._numbers) + 1)
        return f"<id{number}>"


def _number(value: float) -> int | float:
    """One spelling for 1 and 1.0; whole numbers beyond 2^53 are as exact as a double, on every server."""
    return int(value) if abs(value) <= 2**53 and value == int(value) else float(value)


def _decode(part: str) -> dict[str, Any]:
    padded = part + "=" * (-len(part) % 4)
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(padded))
    return decoded
