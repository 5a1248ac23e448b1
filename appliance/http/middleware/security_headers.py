"""Headers that keep browsers from guessing types and from framing us: the wire's original's, on every answer."""

from __future__ import annotations

import flask

from appliance.core.app import App

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "X-XSS-Protection": "1; mode=block",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def add_security_headers(_app: App, answer: flask.Response) -> flask.Response:
    """Add what the answer has not set itself. A preflight gets none."""
    if flask.request.method != "OPTIONS":
        for name, value in HEADERS.items():
            answer.headers.setdefault(name, value)
    return answer
