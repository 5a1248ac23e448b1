"""`GET /api/collections/{collection}/auth-methods`"""

from __future__ import annotations

from typing import Any

from appliance.api.auth_response import get_auth_collection
from appliance.api.request import Request, Response
from appliance.core.records.json import pick_fields


def auth_methods(request: Request) -> Response:
    """Which ways to sign in this collection offers."""
    options = get_auth_collection(request).options
    password, mfa, otp, oauth2 = (options.get(name) or {} for name in ("passwordAuth", "mfa", "otp", "oauth2"))
    identity_fields = list(password.get("identityFields") or []) if password.get("enabled") else []
    answer: dict[str, Any] = {
        "password": {"enabled": bool(password.get("enabled")), "identityFields": identity_fields},
        "oauth2": {"enabled": bool(oauth2.get("enabled")), "providers": []},
        "mfa": _with_duration(mfa),
        "otp": _with_duration(otp),
        "authProviders": [],
        "usernamePassword": "username" in identity_fields,
        "emailPassword": "email" in identity_fields,
    }
    return Response(pick_fields(answer, request.query.get("fields", "")))


def _with_duration(options: dict[str, Any]) -> dict[str, Any]:
    enabled = bool(options.get("enabled"))
    return {"enabled": enabled, "duration": int(options.get("duration") or 0) if enabled else 0}
