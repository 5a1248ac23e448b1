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

LEAST_SECONDS: Final = 0.25
MOST_SECONDS: Final = 30.0
MOST_SHAPES: Final = 1024
VALUE = re.compile(r"'[^']*'|\"[^\"]*\"|(?<!perPage=)(?<![\w.])[0-9][0-9.]*")

Shape = tuple[str, str, str]


def shape_of(route: str, path: Mapping[str, str], query: str) -> Shape:
    """The shape of a request for `route` (its pattern) with this raw query."""
    return route, path.get("collection", "").lower(), VALUE.sub("?", unquote_plus(query)) if query else ""


class SlowShapes:
    """Shapes, each with how long it is remembered and until when.

    A first time may have been slow because the disk had not been asked for these pages yet, so it is soon tried again;
    what is slow each time is left alone for twice as long each time.
    """

    def __init__(self) -> None:
        self._slow: dict[Shape, tuple[float, float]] = {}  # seconds, and the end of them

    def __len__(self) -> int:
        return len(self._slow)

    def has(self, shape: Shape) -> bool:
        """Whether this has to go to a worker just now."""
        slow = self._slow.get(shape)
        return slow is not None and clock.monotonic() < slow[1]

    def add(self, shape: Shape) -> None:
        """Remember it. When there are too many the oldest is forgotten."""
        seconds, until = self._slow.pop(shape, (0.0, 0.0))
        if len(self._slow) >= MOST_SHAPES:
            del self._slow[next(iter(self._slow))]
        now = clock.monotonic()
        is_again = seconds and now < until + MOST_SECONDS
        seconds = min(2 * seconds, MOST_SECONDS) if is_again else LEAST_SECONDS
        self._slow[shape] = (seconds, now + seconds)
