"""The deliberate differences: the table `differences.toml`, and the page for users that is made from it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from tests.oracle import ORACLE_VERSION, ROOT

PAGE = ROOT / "docs" / "reference" / "differences.md"
HEAD = f"""# Differences from PocketBase

Homeport answers every request as PocketBase {ORACLE_VERSION} does; a test run compares the two, answer by answer.
Where we differ, we do it on purpose. This page lists every such difference with its reason. It is made from
`tests/wire/differences.toml`; change it there.
"""


@dataclass(frozen=True)
class Difference:
    """A difference on purpose: what each side does, why, and what proves it."""

    title: str
    original: str
    ours: str
    reason: str
    cases: str = ""
    test: str = ""


@cache
def load_differences() -> tuple[Difference, ...]:
    """The rows of the table."""
    tables = tomllib.loads(Path(__file__).with_name("differences.toml").read_text())
    return tuple(Difference(**row) for row in tables["difference"])


def find_difference(case_id: str) -> Difference | None:
    """The deliberate difference that covers a wire case, if any."""
    return next((row for row in load_differences() if fnmatchcase(case_id, row.cases)), None)


def page() -> str:
    """The page for users, as Markdown."""
    return "\n".join([HEAD, *map(_section, load_differences())])


def _section(row: Difference) -> str:
    proof = f"`{row.test}`" if row.test else f"the wire cases `{row.cases}`"
    lines = [f"PocketBase: {row.original}", f"Homeport: {row.ours}", f"Why: {row.reason}", f"Shown by: {proof}"]
    return f"## {row.title}\n\n" + "".join(f"- {line}\n" for line in lines)
