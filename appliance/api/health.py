"""`GET /api/health`: whether the server answers; a superuser also learns what it sees of a proxy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appliance.api.request import Request, Response
from appliance.core.records.field_picker import pick_fields

PROXY_HEADERS = ("CF-Connecting-IP", "Fly-Client-IP", "X-Forwarded-For")


def health(request: Request) -> Response:
    """`{"code": 200, "message": "API is healthy.", "data": {...}}`"""
    data: dict[str, Any] = {}
    if request.auth is not None and request.auth.is_superuser:
        data = {
            "canBackup": True,
            "realIP": request.remote_ip,
            "possibleProxyHeader": find_proxy_header(request.headers),
        }
    answer = {"code": 200, "message": "API is healthy.", "data": data}
    return Response(pick_fields(answer, request.query.get("fields", "")))


def find_proxy_header(headers: Mapping[str, str]) -> str:
    """The first header that a proxy seems to have added, as the settings page offers it; "" without one."""
    for name in PROXY_HEADERS:
        if headers.get(name.lower()):
            return name
    return ""
