"""The sort parameter: `-created,title` becomes keys with a direction."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from appliance.errors import RuleError
from appliance.rules.limits import MAX_SORT_BYTES, MAX_SORT_KEYS

RANDOM: Final = "@random"
ROW_ORDER: Final = "@rowid"
_NAME = re.compile(r"[A-Za-z_@#][A-Za-z0-9_.:]*")


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key: a field path, @random or @rowid. `column` counts characters from 1."""

    name: str
    is_descending: bool
    column: int


def parse_sort(text: str) -> tuple[SortKey, ...]:
    """The keys of a sort text, none for "". Raises RuleError for too many keys or a malformed one."""
    if not text:
        return ()
    parts = text.split(",")
    if len(parts) > MAX_SORT_KEYS or len(text) > MAX_SORT_BYTES:
        raise RuleError("too many sort fields", 0, f"At most {MAX_SORT_KEYS} sort keys can be used at once.")
    keys = []
    column = 1
    for part in parts:
        keys.append(_parse_key(part, column))
        column += len(part) + 1
    return tuple(keys)


def _parse_key(part: str, column: int) -> SortKey:
    key = part.strip()
    name = key[1:] if key[:1] in ("-", "+") else key
    if not _NAME.fullmatch(name):
        raise RuleError("invalid sort field", column, f"Column {column}: {name or 'nothing'} is no field to sort by.")
    return SortKey(name, key.startswith("-"), column)
