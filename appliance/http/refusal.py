"""What the edge says when it refuses a request before any route has seen it: the wire's JSON, then close."""

from __future__ import annotations

import orjson

REASONS = {
    400: "Bad Request",
    413: "Request Entity Too Large",
    417: "Expectation Failed",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
}


class Refusal(Exception):
    """An answer made by the gate. Shaped like waitress's own error values, whose `to_response` its tasks call."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status

    def to_response(self, _ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
        """Status line, headers and body."""
        body = orjson.dumps({"status": self.status, "message": self.message, "data": {}})
        headers = [("Content-Type", "application/json")]
        if self.status == 503:
            headers.append(("Retry-After", "1"))
        return f"{self.status} {REASONS[self.status]}", headers, body
