"""Until an administrator exists only set-up, health and static files answer."""

from __future__ import annotations

import flask

from appliance.core.app import App
from appliance.errors import Unavailable
from appliance.http.answers import bare

SET_UP = "/_/setup"
OPEN_PATHS = frozenset(("/api/health", SET_UP))
OPEN_PREFIXES = (f"{SET_UP}/", "/_/static/")
MESSAGE = "This server has no administrator yet. Open /_/setup in a browser to set it up."


def require_set_up(app: App) -> flask.Response | None:
    """Send people to set-up and tell programs why nothing else answers. Raises Unavailable."""
    path = flask.request.path
    if path in OPEN_PATHS or path.startswith(OPEN_PREFIXES) or not app.first_run.is_open:
        return None
    if flask.request.method in ("GET", "HEAD") and (path == "/" or path.startswith("/_")):
        return bare(status=307, headers={"Location": SET_UP})
    raise Unavailable(MESSAGE)
