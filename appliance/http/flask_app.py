"""The one Flask app: the route table turned into URL rules, and the middleware around every request."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import flask
from werkzeug.routing import MapAdapter

from appliance.core.app import App
from appliance.http.edge import EDGE, Edge
from appliance.http.flask_answers import answer_error, as_flask
from appliance.http.incoming import read_request
from appliance.http.middleware import BEFORE, finish
from appliance.http.routes import ROUTES, Route


class _FlaskApp(flask.Flask):
    def create_url_adapter(self, request: flask.Request | None) -> MapAdapter | None:
        """Match routes alike with and without `Upgrade: websocket`, which a server may ignore (RFC 9110 7.8):
        werkzeug would look for routes of WebSockets only, and find none."""
        adapter = super().create_url_adapter(request)
        if adapter is not None:
            adapter.websocket = False
        return adapter


def build_flask_app(
    app: App, blueprints: Iterable[flask.Blueprint] = (), routes: Iterable[Route] = ROUTES
) -> flask.Flask:
    """A Flask app that answers the wire for `app`, and the pages of the blueprints."""
    built = _FlaskApp("appliance", static_folder=None, template_folder=None)
    built.url_map.merge_slashes = False
    built.config.update(PROVIDE_AUTOMATIC_OPTIONS=False, MAX_CONTENT_LENGTH=None, MAX_FORM_MEMORY_SIZE=None)
    built.extensions["homeport"] = app
    edge = built.extensions[EDGE] = Edge(app, routes)
    for step in BEFORE:
        built.before_request(partial(step, edge))
    built.after_request(partial(finish, edge))
    built.register_error_handler(Exception, partial(answer_error, app))
    for route in edge.routes:
        add_route(built, edge, route)
    for blueprint in blueprints:
        built.register_blueprint(blueprint)
    return built


def add_route(built: flask.Flask, edge: Edge, route: Route) -> None:
    """Add one row of the table as a URL rule."""
    rule = route.path.replace("{", "<").replace("}", ">")
    view = partial(run_route, edge, route)
    built.add_url_rule(rule, f"{route.method} {route.path}", view, methods=[route.method])


def run_route(edge: Edge, route: Route, **path: Any) -> flask.Response:
    """Read the request, ask whether it is admitted, call the handler, answer."""
    request = read_request(edge.app, route, path)
    edge.admit(route, request)
    return as_flask(edge.app, route.handler(request))
