"""Who really asks, when a proxy that the administrator trusts stands in front (settings: trustedProxy)."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from appliance.core.app import App


def client_address(app: App, headers: Mapping[str, str], peer: str) -> str:
    """The client's address: from the first trusted header that holds a valid one, else the connection's own.

    Threat: anybody can send these headers; they count only when the administrator has named them.
    """
    trusted: Mapping[str, Any] = app.settings.get("trustedProxy") or {}
    for name in trusted.get("headers") or ():
        parts = [part.strip() for part in headers.get(str(name).lower(), "").split(",")]
        for part in parts if trusted.get("useLeftmostIP") else reversed(parts):
            if is_address(part):
                return part
    return peer


def is_address(text: str) -> bool:
    """Whether this is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
