"""What happens to every request, in order. Each step is a plain function of the app.

BEFORE runs top to bottom; the first that returns an answer or raises ends it there. HEADERS, top to bottom, go onto
every answer, errors included; then it is logged. The express lane asks the same questions by the same functions
(http/express.py); it has no need of the steps that it can't meet: unclean paths and preflights go the other way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import flask
from werkzeug.datastructures import Headers

from appliance.core.app import App
from appliance.http.middleware.cors import answer_preflight, let_origin_read
from appliance.http.middleware.first_run import require_set_up
from appliance.http.middleware.hosts import require_known_host
from appliance.http.middleware.paths import redirect_to_clean_path
from appliance.http.middleware.request_log import log_request, start_timer
from appliance.http.middleware.security_headers import add_security_headers
from appliance.http.middleware.unrouted import limit_unrouted

if TYPE_CHECKING:
    from appliance.http.edge import Edge

Before = Callable[["Edge"], flask.Response | None]
AddHeaders = Callable[[App, str, str, Headers], None]  # app, the request's method and Origin, the answer's headers

BEFORE: Final[tuple[Before, ...]] = (
    start_timer,
    require_known_host,
    redirect_to_clean_path,
    answer_preflight,
    require_set_up,
    limit_unrouted,
)
HEADERS: Final[tuple[AddHeaders, ...]] = (
    let_origin_read,
    add_security_headers,
)


def finish(edge: Edge, answer: flask.Response) -> flask.Response:
    """What happens to every answer of Flask's."""
    asked = flask.request
    add_headers(edge.app, asked.method, asked.headers.get("Origin", ""), answer.headers)
    return log_request(answer)


def add_headers(app: App, method: str, origin: str, headers: Headers) -> None:
    """What every answer carries."""
    for add in HEADERS:
        add(app, method, origin, headers)
