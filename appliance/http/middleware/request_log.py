"""One line for each request, when logging is on for `homeport.requests`. Nothing from the request is written raw."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import flask

from appliance import clock

if TYPE_CHECKING:
    from appliance.http.edge import Edge

log = logging.getLogger("homeport.requests")


def start_timer(_edge: Edge) -> flask.Response | None:
    """Note when the request began."""
    flask.g.started = clock.monotonic()
    return None


def log_request(answer: flask.Response) -> flask.Response:
    """Write Flask's request and answer."""
    asked = flask.request
    started = flask.g.get("started", 0.0) or clock.monotonic()
    log_answer(asked.method, asked.path, asked.remote_addr or "", started, answer.status_code)
    return answer


def log_answer(method: str, path: str, peer: str, started: float, status: int) -> None:
    """Write method, path, status, milliseconds and address."""
    if log.isEnabledFor(logging.INFO):
        spent = (clock.monotonic() - started) * 1000
        log.info("%s %s %d %.1fms %s", method, ascii(path), status, spent, peer)
