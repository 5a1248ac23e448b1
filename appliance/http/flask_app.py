"""The one Flask app: the route table turned into URL rules, and the middleware around every request."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Final

import flask

from appliance.core.app import App
from appliance.http.body_limits import BodyLimits
from appliance.http.flask_answers import answer_error, as_flask
from appliance.http.incoming import call, read_request
from appliance.http.middleware import BEFORE, finish
from appliance.http.middleware.hosts import HOSTS, KnownHosts
from appliance.http.routes import ROUTES, Route

LIMITS: Final = "homeport_body_limits"


def build_flask_app(
    app: App, blueprints: Iterable[flask.Blueprint] = (), routes: Iterable[Route] = ROUTES
) -> flask.Flask:
    """A Flask app that answers the wire for `app`, and the pages of the blueprints."""
    built = flask.Flask("appliance", static_folder=None, template_folder=None)
    built.url_map.merge_slashes = False
    built.config.update(PROVIDE_AUTOMATIC_OPTIONS=False, MAX_CONTENT_LENGTH=None, MAX_FORM_MEMORY_SIZE=None)
    built.extensions["homeport"] = app
    built.extensions[HOSTS] = KnownHosts(app)
    table = tuple(routes)
    built.extensions[LIMITS] = BodyLimits(app, table)
    for step in BEFORE:
        built.before_request(partial(step, app))
    built.after_request(partial(finish, app))
    built.register_error_handler(Exception, partial(answer_error, app))
    for route in table:
        add_route(built, app, route)
    for blueprint in blueprints:
        built.register_blueprint(blueprint)
    return built


def add_route(built: flask.Flask, app: App, route: Route) -> None:
    """Add one row of the table as a URL rule."""
    rule = route.path.replace("{", "<").replace("}", ">")
    view = partial(run_route, app, route)
    built.add_url_rule(rule, f"{route.method} {route.path}", view, methods=[route.method])


def run_route(app: App, route: Route, **path: Any) -> flask.Response:
    """Read the request, call the handler, answer."""
    return as_flask(app, call(route, read_request(app, route, path)))
