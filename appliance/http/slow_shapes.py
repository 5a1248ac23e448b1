"""What was too slow for the loop not long ago: requests by their shape, for a while.

The shape of a request is its route, its collection and its query without the values that vary from one request to
the next: `filter=views>17&sort=-created` and `filter=views>18&sort=-created` are one shape. A page's size stays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_plus

from appliance import clock

REMEMBERED_SECONDS: Final = 30.0
MOST_SHAPES: Final = 1024
VALUE = re.compile(r"'[^']*'|\"[^\"]*\"|(?<!perPage=)(?<![\w.])[0-9][0-9.]*")

Shape = tuple[str, str, str]


def shape_of(route: str, path: Mapping[str, str], query: str) -> Shape:
    """The shape of a request for `route` (its pattern) with this raw query."""
    return route, path.get("collection", "").lower(), VALUE.sub("?", unquote_plus(query)) if query else ""


class SlowShapes:
    """Shapes, each with the moment when it is forgotten."""

    def __init__(self) -> None:
        self._until: dict[Shape, float] = {}

    def has(self, shape: Shape) -> bool:
        """Whether this was slow within the last half minute."""
        until = self._until.get(shape)
        if until is None:
            return False
        if clock.monotonic() < until:
            return True
        del self._until[shape]
        return False

    def add(self, shape: Shape) -> None:
        """Remember it. When there are too many the oldest is forgotten."""
        self._until.pop(shape, None)
        if len(self._until) >= MOST_SHAPES:
            del self._until[next(iter(self._until))]
        self._until[shape] = clock.monotonic() + REMEMBERED_SECONDS
