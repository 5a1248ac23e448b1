"""Reads the scenario tables: TOML files of cases, expanded into plain values.

A case is one request, or a list of `steps` (which inherit `who`, `method` and `path`):

    who         guest, root, ada, bob, carol, dora, eve (a list makes one case for each)
    method path query headers
    body        JSON; `raw` sends a text as it stands; `multipart` a list of [name, value] pairs
    capture     {name = "dotted.path"}: keeps a value of this answer; later steps write it as "{name}"
    stream      opens a realtime connection under this name and captures its client id under the same name
    events      the events that this stream got up to now (it must be subscribed to `sentinel/*`)
    close       closes a stream
    bare        true: this step's answer is not compared, it only prepares

`each` is a list of tables: one case for each, with "{key}" replaced; its `id` is appended to the case's.
TOML has no null: the text "<null>" stands for it. A file's `[defaults]` hold for all its cases.
`compare_headers` names headers compared beside Content-Type; `fresh` makes the world anew before the case.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "scenarios"
PLACEHOLDER = re.compile(r"\{([a-z_0-9]+)\}")


@dataclass(frozen=True)
class Case:
    """One comparable scenario: its full id (`file: sentence`) and the steps that both servers go through."""

    id: str
    file: str
    steps: tuple[Mapping[str, Any], ...]
    compare_headers: tuple[str, ...] = ()
    fresh: bool = False

    @property
    def is_read_only(self) -> bool:
        """True when no step can change the world."""
        return all(step.get("method", "GET") in {"GET", "HEAD", "OPTIONS"} for step in self.steps)

    @property
    def requests(self) -> int:
        """How many compared answers the case brings."""
        return sum(1 for step in self.steps if not step.get("bare"))


@cache
def load_cases() -> tuple[Case, ...]:
    """All cases of all files, files in alphabetical order, cases as they stand."""
    return tuple(case for path in sorted(FOLDER.glob("*.toml")) for case in load_file(path))


def find_cases(pattern: str | None) -> list[Case]:
    """The cases whose id holds `pattern` (a substring, or a glob when it has a star)."""
    if not pattern:
        return list(load_cases())
    glob = pattern if "*" in pattern else f"*{pattern}*"
    return [case for case in load_cases() if fnmatchcase(case.id, glob)]


def fill_in(value: Any, values: Mapping[str, Any]) -> Any:
    """Replace "{name}" inside strings, deeply; a string that is nothing but one placeholder takes the value's type."""
    if isinstance(value, Mapping):
        return {fill_in(key, values): fill_in(inner, values) for key, inner in value.items()}
    if isinstance(value, list):
        return [fill_in(inner, values) for inner in value]
    return _fill_in_text(value, values) if isinstance(value, str) else value


def _fill_in_text(text: str, values: Mapping[str, Any]) -> Any:
    whole = PLACEHOLDER.fullmatch(text)
    if whole and whole[1] in values:
        return values[whole[1]]
    return PLACEHOLDER.sub(lambda found: str(values.get(found[1], found[0])), text)


def load_file(path: Path) -> Iterator[Case]:
    """The cases of one table, as they stand."""
    tables = read_tables(path)
    for table in tables["case"]:
        for flat in _expand({**tables.get("defaults", {}), **table}):
            yield _to_case(path.stem, flat)


def read_tables(path: Path) -> dict[str, Any]:
    """A TOML file with the text "<null>" turned into nulls."""
    return {key: _with_nulls(value) for key, value in tomllib.loads(path.read_text()).items()}


def _with_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_nulls(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_nulls(inner) for inner in value]
    return None if value == "<null>" else value


def _expand(table: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for row in table.get("each", [{}]):
        flat = {key: fill_in(value, row) for key, value in table.items() if key not in {"each", "id"}}
        flat["id"] = _title(table["id"], row)
        yield from _expand_people(flat)


def _title(title: str, row: Mapping[str, Any]) -> str:
    filled = str(fill_in(title, row))
    suffix = str(row.get("id", ""))
    return f"{filled}: {suffix}" if suffix else filled


def _expand_people(flat: dict[str, Any]) -> Iterator[dict[str, Any]]:
    people = flat.get("who", "guest")
    if isinstance(people, str):
        yield flat
        return
    for who in people:
        yield {**flat, "who": who, "id": f"{flat['id']}, as {who}"}


def _to_case(file: str, flat: dict[str, Any]) -> Case:
    own = {key: value for key, value in flat.items() if key not in {"id", "steps", "compare_headers", "fresh"}}
    shared = {key: own[key] for key in ("who", "method", "path") if key in own}
    steps = tuple({**shared, **step} for step in flat["steps"]) if "steps" in flat else (own,)
    headers = tuple(flat.get("compare_headers", ()))
    return Case(f"{file}: {flat['id']}", file, steps, headers, bool(flat.get("fresh")))


@cache
def known_words() -> frozenset[str]:
    """Every 15-character id written by hand in the world or a scenario: these are never taken for generated ones."""
    texts = [path.read_text() for path in (*FOLDER.glob("*.toml"), *FOLDER.parent.glob("*.toml"))]
    return frozenset(word for text in texts for word in re.findall(r"\b\w{15}\b", text))


def as_text(value: Any) -> str:
    """One value as stable, readable JSON."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)
