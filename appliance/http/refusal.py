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
        return f"{self.status} {REASONS[self.status]}", [("Content-Type", "application/json")], body
