"""Headers that keep browsers from guessing types and from framing us: the wire's original's, on every answer."""

from __future__ import annotations

from werkzeug.datastructures import Headers

from appliance.core.app import App

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "X-XSS-Protection": "1; mode=block",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def add_security_headers(_app: App, method: str, _origin: str, headers: Headers) -> None:
    """Add what the answer has not set itself. A preflight gets none."""
    if method != "OPTIONS":
        for name, value in HEADERS.items():
            headers.setdefault(name, value)
