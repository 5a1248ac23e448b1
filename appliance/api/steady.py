"""Requests and schema changes at the same time: each request runs against one schema, never half on the next."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Final

from appliance.api.request import Request, Response
from appliance.errors import SchemaMovedError, Unavailable

Handler = Callable[[Request], Response]
TRIES: Final = 5


def steady_read(handler: Handler) -> Handler:
    """Run a handler that only reads again when a schema change committed while it ran."""

    @wraps(handler)
    def run(request: Request) -> Response:
        return request.app.collections.steady(lambda: handler(request))

    return run


def steady_write(handler: Handler) -> Handler:
    """Run a handler again when the schema changed before its write began: nothing has been written then."""

    @wraps(handler)
    def run(request: Request) -> Response:
        for _ in range(TRIES):
            try:
                return handler(request)
            except SchemaMovedError:
                continue
        raise Unavailable(hint="Something changes collections in a loop. Stop it.")

    return run
