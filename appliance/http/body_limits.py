"""How long a body may be: known at the header's end, so that a body over it is refused before it is sent."""

from __future__ import annotations

import re
from functools import lru_cache

from appliance.core.app import App
from appliance.http.routes import DEFAULT_BODY_LIMIT, ROUTES, Route

FILE_SIZE_DEFAULT = 5 * 1024 * 1024


def body_limit_for(app: App, method: str, path: str) -> int:
    """The limit in bytes for a request of this method and path. Called in the loop: no database here."""
    route, collection_name = _find_route(method, path)
    if route is None:
        return DEFAULT_BODY_LIMIT
    return route.body_limit + (_size_of_files(app, collection_name) if route.takes_files else 0)


@lru_cache(maxsize=256)
def _find_route(method: str, path: str) -> tuple[Route | None, str]:
    for route in ROUTES:
        found = _pattern(route.path).fullmatch(path) if route.method == method else None
        if found is not None:
            return route, found.groupdict().get("collection", "")
    return None, ""


@lru_cache(maxsize=256)
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
