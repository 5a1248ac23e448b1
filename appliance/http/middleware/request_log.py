"""One line for each request, when logging is on for `homeport.requests`. Nothing from the request is written raw."""

from __future__ import annotations

import logging

import flask

from appliance import clock
from appliance.core.app import App

log = logging.getLogger("homeport.requests")


def start_timer(_app: App) -> flask.Response | None:
    """Note when the request began."""
    flask.g.started = clock.monotonic()
    return None


def log_request(_app: App, answer: flask.Response) -> flask.Response:
    """Write method, path, status, milliseconds and address."""
    if log.isEnabledFor(logging.INFO):
        spent = (clock.monotonic() - flask.g.get("started", clock.monotonic())) * 1000
        asked = flask.request
        log.info("%s %s %d %.1fms %s", asked.method, ascii(asked.path), answer.status_code, spent, asked.remote_addr)
    return answer
