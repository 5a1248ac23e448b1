"""What both lanes share of one app's edge: the table of routes, and everything that is asked before a handler runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from appliance.api.request import Request
from appliance.core.app import App
from appliance.http.body_limits import BodyLimits
from appliance.http.incoming import require_who
from appliance.http.middleware.hosts import KnownHosts
from appliance.http.rate_limits import RateLimits
from appliance.http.routes import Route

EDGE: Final = "homeport_edge"  # where the Flask app keeps it, among its extensions


class Edge:
    """One a server."""

    def __init__(self, app: App, routes: Iterable[Route]) -> None:
        self.app = app
        self.routes = tuple(routes)
        self.hosts = KnownHosts(app)
        self.body_limits = BodyLimits(app, self.routes)
        self.rate_limits = RateLimits(app)

    def admit(self, route: Route, request: Request) -> None:
        """Ask whether this request may have its handler. Raises TooManyRequests, Unauthorized, Forbidden."""
        self.rate_limits.check(request, route.tag)
        require_who(route.who, request.auth)
