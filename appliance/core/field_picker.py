"""`?fields=id,expand.author.name,body:excerpt(20,true)`: picks what a client asked for out of any JSON answer.

A path names a key at each level; `*` as its last part means "every key of this level"; a key named further is picked
from, whatever `*` says. What isn't there is left out; a path that goes on where a value has no keys keeps the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, Final

from appliance.core.excerpt import excerpt
from appliance.errors import BadRequest

Modifier = Callable[[str], str]
Picks = Mapping[str, Modifier | None]

EXCERPT: Final = re.compile(r"\s*excerpt\(\s*(?P<limit>[^,()]*?)\s*(?:,(?P<dots>[^,()]*))?\)")
SEPARATOR: Final = re.compile(r",(?![^()]*\))")
TRUE_TEXTS: Final = frozenset(("1", "t", "T", "true", "TRUE", "True"))


def pick_fields(answer: Any, fields: str) -> Any:
    """The picked part of an object or of each object of a list; everything when `fields` names nothing.

    Raises BadRequest for a modifier that can't be read.
    """
    picks = _parse(fields) if fields else None
    return _pick(answer, picks) if picks else answer


@lru_cache(maxsize=256)
def _parse(fields: str) -> Picks:
    """Path -> modifier, in the order named; of a path named twice the last counts."""
    picks: dict[str, Modifier | None] = {}
    for named in SEPARATOR.split(fields):
        path, *modifiers = named.strip().split(":")
        if path or modifiers:
            picks[path.removesuffix(".")] = _read_modifier(modifiers, named)
    return picks


def _read_modifier(modifiers: list[str], named: str) -> Modifier | None:
    if not modifiers:
        return None
    found = EXCERPT.match(modifiers[0]) if len(modifiers) == 1 else None
    if found is None or not found["limit"].isdecimal() or int(found["limit"]) == 0:
        raise BadRequest(hint=f"fields: {named.strip()!r} is no path, and no path:excerpt(length,dots)")
    dots = (found["dots"] or "").strip() in TRUE_TEXTS
    return partial(excerpt, limit=int(found["limit"]), dots=dots)


def _pick(value: Any, picks: Picks) -> Any:
    if isinstance(value, dict):
        return _pick_keys(value, picks)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [_pick(each, picks) for each in value]
    return value


def _pick_keys(value: dict[str, Any], picks: Picks) -> dict[str, Any]:
    picked = {}
    for key, each in value.items():
        if key in picks:
            picked[key] = _modified(each, picks[key])
        elif deeper := _below(picks, f"{key}."):
            picked[key] = _pick(each, deeper)
        elif "*" in picks:
            picked[key] = _modified(each, picks["*"])
    return picked


def _below(picks: Picks, prefix: str) -> Picks:
    return {path[len(prefix) :]: modifier for path, modifier in picks.items() if path.startswith(prefix)}


def _modified(value: Any, modifier: Modifier | None) -> Any:
    return modifier(value) if modifier is not None and isinstance(value, str) else value
