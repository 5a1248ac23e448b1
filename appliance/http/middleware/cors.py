"""Which web pages may read our answers (CORS), as the wire's original decides it: `--origins`, by default all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import flask
from werkzeug.datastructures import Headers

from appliance.core.app import App
from appliance.http.flask_answers import bare

if TYPE_CHECKING:
    from appliance.http.edge import Edge

METHODS = "GET,HEAD,PUT,PATCH,POST,DELETE"


def answer_preflight(edge: Edge) -> flask.Response | None:
    """OPTIONS is answered here for every path, known or not."""
    if flask.request.method != "OPTIONS":
        return None
    answer = bare(status=204)
    if not allowed_origin(edge.app, flask.request.headers.get("Origin", "")):
        return answer
    answer.headers["Access-Control-Allow-Methods"] = METHODS
    wanted = flask.request.headers.get("Access-Control-Request-Headers", "")
    if wanted:
        answer.headers["Access-Control-Allow-Headers"] = wanted
    answer.headers.add("Vary", "Origin")
    answer.headers.add("Vary", "Access-Control-Request-Method")
    answer.headers.add("Vary", "Access-Control-Request-Headers")
    return answer


def let_origin_read(app: App, _method: str, origin: str, headers: Headers) -> None:
    """Name the origin that may read this answer."""
    if "Origin" not in headers.getlist("Vary"):
        headers.add("Vary", "Origin")
    allowed = allowed_origin(app, origin)
    if allowed:
        headers["Access-Control-Allow-Origin"] = allowed


def allowed_origin(app: App, origin: str) -> str:
    """`*`, the request's own origin when it is listed, or "" """
    if not origin:
        return ""
    if "*" in app.config.origins:
        return "*"
    return origin if origin in app.config.origins else ""
