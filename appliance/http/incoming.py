"""From what a client sent to the handlers' Request value, and who may ask: both lanes alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import flask

from appliance.api.request import Request
from appliance.auth.tokens import find_token_record
from appliance.core.app import App
from appliance.core.record import Record
from appliance.errors import Forbidden, Unauthorized
from appliance.http.addresses import client_address
from appliance.http.bodies import Body, Files, read_body, read_pairs
from appliance.http.headers import read_headers, read_token
from appliance.http.routes import AUTH, SUPERUSER, Route

NEEDS_TOKEN = "The request requires valid record authorization token."  # noqa: S105 - a sentence
NOT_ALLOWED = "The authorized record is not allowed to perform this action."


def read_request(app: App, route: Route, path: Mapping[str, str]) -> Request:
    """The Request value of what Flask is working on."""
    environ = flask.request.environ
    headers = read_headers(environ)
    asked = Asked(
        method=flask.request.method,
        url_path=flask.request.path,
        query=environ.get("QUERY_STRING", ""),
        headers=headers,
        token=read_token(headers),
        peer=str(environ.get("REMOTE_ADDR", "")),
        scheme=str(environ.get("wsgi.url_scheme", "http")),
    )
    length = int(environ.get("CONTENT_LENGTH") or 0)
    content_type = str(environ.get("CONTENT_TYPE") or "")
    return make_request(app, asked, path, *read_body(content_type, length, environ["wsgi.input"], route.unreadable))


class Asked(NamedTuple):
    """A request as the edge has read it, before anything of the box has been asked."""

    method: str
    url_path: str
    query: str
    headers: Mapping[str, str]
    token: str
    peer: str
    scheme: str


def make_request(app: App, asked: Asked, path: Mapping[str, str], body: Body, files: Files) -> Request:
    """The Request value. A token that is not valid makes a guest, as on the original."""
    query = asked.query
    return Request(
        app=app,
        method=asked.method,
        url_path=asked.url_path,
        path=path,
        query={name: values[0] for name, values in read_pairs(query).items()} if query else {},
        headers=asked.headers,
        body=body,
        files=files,
        auth=find_token_record(app, asked.token) if asked.token else None,
        token=asked.token,
        remote_ip=client_address(app, asked.headers, asked.peer),
        scheme=asked.scheme,
        host=asked.headers.get("host", ""),
    )


def require_who(who: str, auth: Record | None) -> None:
    """Refuse whoever a route is not for. Raises Unauthorized, Forbidden."""
    if who in (AUTH, SUPERUSER) and auth is None:
        raise Unauthorized(NEEDS_TOKEN)
    if who == SUPERUSER and auth is not None and not auth.is_superuser:
        raise Forbidden(NOT_ALLOWED)
