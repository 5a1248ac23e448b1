"""From Flask's request to the handlers' Request value: values, token, address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flask

from appliance.api.request import Request
from appliance.auth.tokens import find_token_record
from appliance.core.app import App
from appliance.core.record import Record
from appliance.errors import Forbidden, Unauthorized
from appliance.http.addresses import client_address
from appliance.http.bodies import read_body, read_pairs
from appliance.http.routes import AUTH, SUPERUSER, Route

NEEDS_TOKEN = "The request requires valid record authorization token."  # noqa: S105 - a sentence
NOT_ALLOWED = "The authorized record is not allowed to perform this action."
BEARER = "bearer "


def read_request(app: App, route: Route, path: Mapping[str, str]) -> Request:
    """The Request value of what Flask is working on. A token that is not valid makes a guest, as on the original."""
    environ = flask.request.environ
    headers = read_headers(environ)
    token = read_token(headers)
    body, files = read_body(environ, route.unreadable)
    return Request(
        app=app,
        method=flask.request.method,
        url_path=flask.request.path,
        path=path,
        query={name: values[0] for name, values in read_pairs(environ.get("QUERY_STRING", "")).items()},
        headers=headers,
        body=body,
        files=files,
        auth=find_token_record(app, token) if token else None,
        token=token,
        remote_ip=client_address(app, headers, str(environ.get("REMOTE_ADDR", ""))),
        scheme=str(environ.get("wsgi.url_scheme", "http")),
        host=headers.get("host", ""),
    )


def read_headers(environ: Mapping[str, Any]) -> dict[str, str]:
    """All headers, lower case, with dashes."""
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").lower()] = environ[name]
    return headers


def read_token(headers: Mapping[str, str]) -> str:
    """The token of the Authorization header, with or without `Bearer`."""
    text = headers.get("authorization", "")
    return text[len(BEARER) :] if text[: len(BEARER)].lower() == BEARER else text


def require_who(who: str, auth: Record | None) -> None:
    """Refuse whoever a route is not for. Raises Unauthorized, Forbidden."""
    if who in (AUTH, SUPERUSER) and auth is None:
        raise Unauthorized(NEEDS_TOKEN)
    if who == SUPERUSER and auth is not None and not auth.is_superuser:
        raise Forbidden(NOT_ALLOWED)
