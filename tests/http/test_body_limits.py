"""How long a body may be, by route and by the files that a collection takes."""

from __future__ import annotations

import pytest

from appliance.core.app import App
from appliance.core.collections.save import create_collection
from appliance.http.body_limits import BodyLimits
from appliance.http.routes import DEFAULT_BODY_LIMIT, MIB, ROUTES

PHOTOS = {
    "name": "photos",
    "type": "base",
    "fields": [
        {"name": "one", "type": "file", "maxSize": 100 * MIB},
        {"name": "many", "type": "file", "maxSelect": 3},
    ],
}


@pytest.fixture(scope="module")
def limits(box: App) -> BodyLimits:
    create_collection(box, PHOTOS)
    return BodyLimits(box, ROUTES)


FILES = (100 + 3 * 5) * MIB


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        pytest.param("POST", "/api/collections/photos/records", FILES, id="a new record with files"),
        pytest.param("PATCH", "/api/collections/photos/records/abc", FILES, id="a changed record with files"),
        pytest.param("GET", "/api/collections/photos/records", 0, id="a method that takes none"),
        pytest.param("POST", "/api/collections/users/records", 5 * MIB, id="an avatar"),
        pytest.param("POST", "/api/collections/nope/records", 0, id="an unknown collection"),
        pytest.param("POST", "/api/collections/photos/records/x/y", 0, id="an unknown path"),
        pytest.param("POST", "/api/health", 0, id="any other path"),
    ],
)
def test_limit(limits: BodyLimits, method: str, path: str, more: int) -> None:
    assert limits.limit_for(method, path) == DEFAULT_BODY_LIMIT + more
