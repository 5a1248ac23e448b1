"""Until an administrator exists only set-up, health and static files answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import flask

from appliance.core.app import App
from appliance.errors import Unavailable
from appliance.http.flask_answers import bare

if TYPE_CHECKING:
    from appliance.http.edge import Edge

SET_UP = "/_/setup"
OPEN_PATHS = frozenset(("/api/health", "/readyz", SET_UP))
OPEN_PREFIXES = (f"{SET_UP}/", "/_/static/")
MESSAGE = "This server has no administrator yet. Open /_/setup in a browser to set it up."


def require_set_up(edge: Edge) -> flask.Response | None:
    """Send people to set-up and tell programs why nothing else answers. Raises Unavailable."""
    asked = flask.request
    is_page = asked.path == "/" or asked.path.startswith("/_")
    if is_page and asked.method in ("GET", "HEAD") and not is_answered(edge.app, asked.path):
        return bare(status=307, headers={"Location": SET_UP})
    refuse_until_set_up(edge.app, asked.path)
    return None


def refuse_until_set_up(app: App, path: str) -> None:
    """Raises Unavailable."""
    if not is_answered(app, path):
        raise Unavailable(MESSAGE)


def is_answered(app: App, path: str) -> bool:
    """Whether this path has an answer of its own by now."""
    return path in OPEN_PATHS or not app.first_run.is_open or path.startswith(OPEN_PREFIXES)
