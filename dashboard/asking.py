"""How a page asks: it builds the same Request value as the network edge and calls the same handler."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import flask
from flask_login import current_user

from appliance.api.request import Request, Response
from appliance.core.app import App
from dashboard.session import APP

Handler = Callable[[Request], Response]


def the_app() -> App:
    """The app behind the page that is being made."""
    app: App = flask.current_app.extensions[APP]
    return app


def build_request(
    method: str = "GET",
    path: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
) -> Request:
    """The page's request as the handlers know it, in the signed-in administrator's name."""
    return Request(
        app=the_app(),
        method=method,
        url_path=flask.request.path,
        path=path or {},
        query=query or {},
        headers={name.lower(): value for name, value in flask.request.headers.items()},
        body=dict(body or {}),
        auth=current_user.record if current_user.is_authenticated else None,
        remote_ip=flask.request.remote_addr or "",
        scheme=flask.request.scheme,
        host=flask.request.host,
    )


def ask(handler: Handler, **parts: Any) -> Any:
    """The body that a handler answers. Raises the handler's ApiError. `parts` are those of `build_request`."""
    return handler(build_request(**parts)).value
