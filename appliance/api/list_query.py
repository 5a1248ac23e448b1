"""The query of a list: page, perPage, skipTotal, filter, sort, read as strictly as the wire's original does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from appliance.core.records.page import ListQuery
from appliance.errors import BadRequest

DEFAULT_PER_PAGE: Final = 30
MAX_PER_PAGE: Final = 1000
WHOLE_NUMBER: Final = re.compile(r"[+-]?[0-9]+", re.ASCII)
FLAGS: Final = {
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True),
    **dict.fromkeys(("", "0", "f", "F", "false", "FALSE", "False"), False),
}


def read_list_query(query: Mapping[str, str]) -> ListQuery:
    """Raises BadRequest for what is no number or no flag; numbers out of range are moved into it."""
    per_page = read_number(query, "perPage")
    return ListQuery(
        page=max(read_number(query, "page"), 1),
        per_page=min(per_page, MAX_PER_PAGE) if per_page > 0 else DEFAULT_PER_PAGE,
        filter=query.get("filter", ""),
        sort=query.get("sort", ""),
        skip_total=read_flag(query, "skipTotal"),
    )


def read_number(query: Mapping[str, str], name: str) -> int:
    """A whole number of 64 bits; 0 when it is missing or empty."""
    text = query.get(name, "")
    if not text:
        return 0
    if not WHOLE_NUMBER.fullmatch(text) or not -(2**63) <= int(text[:20]) < 2**63 or len(text) > 20:
        raise BadRequest(hint=f"{name} is no whole number: {text[:40]!r}")
    return int(text)


def read_flag(query: Mapping[str, str], name: str) -> bool:
    """One of the spellings of true and false; False when it is missing."""
    text = query.get(name, "")
    if text not in FLAGS:
        raise BadRequest(hint=f"{name} is neither true nor false: {text[:40]!r}")
    return FLAGS[text]
