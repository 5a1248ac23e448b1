"""The reference page names the whole language and its limits as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.core import request_info
from appliance.core.records import query as record_query
from appliance.core.resolvers import record as record_resolver
from appliance.rules import functions, limits, macros, scanner, sorting

PAGE = (Path(__file__).parents[2] / "docs/reference/rules-and-filters.md").read_text()
CONTEXTS = [value for name, value in vars(request_info).items() if name.startswith("CONTEXT_")]


@pytest.mark.parametrize(
    "name",
    [
        *(f"`{sign}`" for sign in sorted(scanner.SIGNS)),
        *(f"`{name}`" for name in macros.MACROS),
        *(f"`{name}(" for name in functions.FUNCTIONS),
        *(f"`:{name}`" for name in sorted(record_resolver.MODIFIERS)),
        *(f"`{name}`" for name in (sorting.RANDOM, sorting.ROW_ORDER, *CONTEXTS)),
    ],
)
def test_the_page_names_it(name: str) -> None:
    assert name in PAGE


@pytest.mark.parametrize(
    ("what", "limit"),
    [
        ("a client's filter", f"{limits.MAX_FILTER_BYTES:,} bytes"),
        ("comparisons in one text", str(limits.MAX_EXPRESSIONS)),
        ("nested brackets or calls", str(limits.MAX_DEPTH)),
        ("relations in one path", str(limits.MAX_RELATIONS)),
        ("tables joined by one request", str(limits.MAX_JOINS)),
        ("sort fields", str(limits.MAX_SORT_KEYS)),
        ("running time", f"{record_query.MAX_SECONDS:.0f} seconds"),
    ],
)
def test_the_page_has_the_limit(what: str, limit: str) -> None:
    assert f"| {what} | {limit} |" in PAGE
