"""What settings there are: their shape, their defaults on a new box, and which of them no answer shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_S3: Final = {
    "enabled": bool,
    "bucket": str,
    "region": str,
    "endpoint": str,
    "accessKey": str,
    "secret": str,
    "forcePathStyle": bool,
}
_S3_DEFAULTS: Final = {
    "enabled": False,
    "bucket": "",
    "region": "",
    "endpoint": "",
    "accessKey": "",
    "secret": "",
    "forcePathStyle": False,
}

SETTINGS: Final[Mapping[str, Any]] = {
    "superuserIPs": [str],
    "smtp": {
        "enabled": bool,
        "port": int,
        "host": str,
        "username": str,
        "password": str,
        "authMethod": str,
        "tls": bool,
        "localName": str,
    },
    "backups": {"cron": str, "cronMaxKeep": int, "s3": _S3},
    "s3": _S3,
    "meta": {
        "accentColor": str,
        "appName": str,
        "appURL": str,
        "senderName": str,
        "senderAddress": str,
        "hideControls": bool,
    },
    "rateLimits": {
        "rules": [{"label": str, "audience": str, "duration": int, "maxRequests": int}],
        "excludedIPs": [str],
        "enabled": bool,
    },
    "trustedProxy": {"headers": [str], "useLeftmostIP": bool},
    "batch": {"enabled": bool, "maxRequests": int, "timeout": int, "maxBodySize": int},
    "logs": {"maxDataSize": int, "maxDays": int, "minLevel": int, "logIP": bool, "logAuthId": bool},
}

# Rate limits are on, and wide: a team's phones come from one address. This machine's own addresses are free, because
# behind a proxy here whose header nobody has named yet (trustedProxy) all clients together have no other.
DEFAULTS: Final[Mapping[str, Any]] = {
    "superuserIPs": [],
    "smtp": {
        "enabled": False,
        "port": 587,
        "host": "smtp.example.com",
        "username": "",
        "password": "",
        "authMethod": "",
        "tls": False,
        "localName": "",
    },
    "backups": {"cron": "", "cronMaxKeep": 3, "s3": _S3_DEFAULTS},
    "s3": _S3_DEFAULTS,
    "meta": {
        "accentColor": "#1055c9",
        "appName": "Acme",
        "appURL": "http://localhost:8090",
        "senderName": "Support",
        "senderAddress": "support@example.com",
        "hideControls": False,
    },
    "rateLimits": {
        "rules": [
            {"label": "*:auth", "audience": "", "duration": 60, "maxRequests": 60},
            {"label": "*:create", "audience": "", "duration": 10, "maxRequests": 1000},
            {"label": "/api/batch", "audience": "", "duration": 10, "maxRequests": 200},
            {"label": "/api/", "audience": "", "duration": 10, "maxRequests": 5000},
        ],
        "excludedIPs": ["127.0.0.0/8", "::1"],
        "enabled": True,
    },
    "trustedProxy": {"headers": [], "useLeftmostIP": False},
    "batch": {"enabled": False, "maxRequests": 50, "timeout": 3, "maxBodySize": 0},
    "logs": {"maxDataSize": 0, "maxDays": 5, "minLevel": 0, "logIP": True, "logAuthId": False},
}

SECRETS: Final = (("smtp", "password"), ("s3", "secret"), ("backups", "s3", "secret"))


def without_secrets(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as answers show them."""
    return {name: _shown(value, (name,)) for name, value in settings.items()}


def _shown(value: Any, path: tuple[str, ...]) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {name: _shown(each, (*path, name)) for name, each in value.items() if (*path, name) not in SECRETS}
