"""How long a body may be: known at the header's end, so that a body over it is refused before it is sent."""

from __future__ import annotations

import re
from collections.abc import Iterable

from appliance.core.app import App
from appliance.http.routes import DEFAULT_BODY_LIMIT, Route

FILE_SIZE_DEFAULT = 5 * 1024 * 1024


class BodyLimits:
    """The limits of a table of routes. Only routes that differ from the default are looked for."""

    def __init__(self, app: App, routes: Iterable[Route]) -> None:
        self._app = app
        special = [each for each in routes if each.takes_files or each.body_limit != DEFAULT_BODY_LIMIT]
        self.least = min((each.body_limit for each in special), default=DEFAULT_BODY_LIMIT)  # no route takes less
        self._special = [(route, _pattern(route.path)) for route in special]

    def limit_for(self, method: str, path: str) -> int:
        """The limit in bytes for a request of this method and path. Called in the loop: no database here."""
        for route, pattern in self._special:
            found = pattern.fullmatch(path) if route.method == method else None
            if found is not None:
                return route.body_limit + (self._size_of_files(found) if route.takes_files else 0)
        return DEFAULT_BODY_LIMIT

    def _size_of_files(self, found: re.Match[str]) -> int:
        return _size_of_files(self._app, found.groupdict().get("collection", ""))


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path)))


def _size_of_files(app: App, collection_name: str) -> int:
    """What all file fields of the collection together allow, as the wire's original counts it."""
    collection = app.collections.find(collection_name)
    if collection is None:
        return 0
    return sum(
        (getattr(field, "max_size", 0) or FILE_SIZE_DEFAULT) * max(getattr(field, "max_select", 1), 1)
        for field in collection.fields_of("file")
    )
