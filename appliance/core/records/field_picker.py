"""`?fields=id,expand.author.name,body:excerpt(20,true)`: picks what a client asked for out of any JSON answer.

A path names a key at each level; `*` as its last part means "every key of this level"; a key named further is picked
from, whatever `*` says. What isn't there is left out; a path that goes on where a value has no keys keeps the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, Final

from appliance.core.records.excerpt import excerpt
from appliance.errors import BadRequest

Modifier = Callable[[str], str]
Paths = Mapping[str, Modifier | None]

MAX_DEPTH: Final = 100  # deeper than any answer: JSON values nest 64 levels
EXCERPT: Final = re.compile(r"\s*excerpt\(\s*(?P<limit>[^,()]*?)\s*(?:,(?P<dots>[^,()]*))?\)")
NAMED: Final = re.compile(r"(?:[^,(]++|\([^)]*+\)?)++")  # between commas, but not those in brackets
TRUE_TEXTS: Final = frozenset(("1", "t", "T", "true", "TRUE", "True"))


def pick_fields(answer: Any, fields: str) -> Any:
    """The picked part of an object or of each object of a list; everything when `fields` names nothing.

    Raises BadRequest for a modifier that can't be read.
    """
    paths = _parse(fields) if fields else None
    return _Picker(paths).pick(answer) if paths else answer


@lru_cache(maxsize=256)
def _parse(fields: str) -> Paths:
    """Path -> modifier; of a path named twice the last counts."""
    paths: dict[str, Modifier | None] = {}
    for named in NAMED.findall(fields):
        path, *modifiers = named.strip().split(":")
        if path or modifiers:
            paths[path.removesuffix(".")] = _read_modifier(modifiers, named)
    return paths


def _read_modifier(modifiers: list[str], named: str) -> Modifier | None:
    if not modifiers:
        return None
    found = EXCERPT.match(modifiers[0]) if len(modifiers) == 1 else None
    if found is None or not found["limit"].isdecimal() or len(found["limit"]) > 9 or int(found["limit"]) == 0:
        raise BadRequest(hint=f"fields: {named.strip()!r} is no path, and no path:excerpt(length,dots)")
    dots = (found["dots"] or "").strip() in TRUE_TEXTS
    return partial(excerpt, limit=int(found["limit"]), dots=dots)


class _Picker:
    """The paths of one level. What is below a key is worked out once, however many records have it."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._starts = frozenset(start for path in paths for start in _starts(path))
        self._below: dict[str, _Picker] = {}

    def pick(self, value: Any) -> Any:
        """The picked part of an object, or of each object of a list that begins with one."""
        if isinstance(value, dict):
            return self._pick_keys(value)
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return [self.pick(each) for each in value]
        return value

    def _pick_keys(self, value: dict[str, Any]) -> dict[str, Any]:
        picked = {}
        for key, each in value.items():
            if key in self._paths:
                picked[key] = _modified(each, self._paths[key])
            elif key in self._starts:
                picked[key] = self._go_below(key).pick(each)
            elif "*" in self._paths:
                picked[key] = _modified(each, self._paths["*"])
        return picked

    def _go_below(self, key: str) -> _Picker:
        found = self._below.get(key)
        if found is None:
            start = f"{key}."
            paths = {path[len(start) :]: each for path, each in self._paths.items() if path.startswith(start)}
            found = self._below[key] = _Picker(paths)
        return found


def _starts(path: str) -> list[str]:
    """`a` and `a.b` of `a.b.c`: the keys behind which a path goes on. A key may itself have dots."""
    dots = [place for place, letter in enumerate(path[: 64 * MAX_DEPTH]) if letter == "."]
    return [path[:place] for place in dots[:MAX_DEPTH]]


def _modified(value: Any, modifier: Modifier | None) -> Any:
    return modifier(value) if modifier is not None and isinstance(value, str) else value
