"""Rate limits for what is no endpoint of the wire: the dashboard's pages, and paths that lead nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import flask

from appliance.api.request import Request
from appliance.auth.tokens import find_token_record
from appliance.http.addresses import client_address
from appliance.http.headers import read_headers, read_token

if TYPE_CHECKING:
    from appliance.http.edge import Edge


def limit_unrouted(edge: Edge) -> flask.Response | None:
    """Count the request; endpoints are counted by `Edge.admit`. Raises TooManyRequests."""
    asked = flask.request
    if asked.url_rule is not None and asked.blueprint is None:
        return None
    headers = read_headers(asked.environ)
    token = read_token(headers)
    edge.rate_limits.check(
        Request(
            app=edge.app,
            method=asked.method,
            url_path=asked.path,
            auth=find_token_record(edge.app, token) if token else None,
            remote_ip=client_address(edge.app, headers, str(asked.remote_addr or "")),
        )
    )
    return None
