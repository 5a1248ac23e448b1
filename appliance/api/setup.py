"""The first run's one act: create the first administrator. The dashboard's set-up page calls it."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from appliance.api.auth_response import answer_auth
from appliance.api.form import load_texts
from appliance.api.request import Request, Response
from appliance.auth import tokens
from appliance.errors import FieldError, Forbidden, ValidationFailed

PROXY_HEADERS = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")


def set_up(request: Request) -> Response:
    """Create the first administrator from `{"email", "password", "passwordConfirm", "code"?}` and sign in.

    From the box itself no code is needed. Raises Forbidden, TooManyRequests, ValidationFailed.
    """
    _require_same_origin(request)
    form = load_texts(request, "email", "password", "passwordConfirm", "code")
    if form["password"] != form["passwordConfirm"]:
        raise ValidationFailed({"passwordConfirm": FieldError("validation_values_mismatch", "Values don't match.")})
    first_run = request.app.first_run
    record = first_run.complete(form["email"], form["password"], form["code"], is_local(request))
    return answer_auth(request, record, tokens.new_auth_token(record))


def is_local(request: Request) -> bool:
    """Whether the request comes from the box itself. Threat: a proxy on the box makes everybody look local,
    so any trace of one counts as being elsewhere."""
    trusted = request.app.settings.get("trustedProxy")["headers"]
    if any(name.lower() in request.headers for name in (*PROXY_HEADERS, *trusted)):
        return False
    try:
        return ipaddress.ip_address(request.remote_ip).is_loopback
    except ValueError:
        return False


def _require_same_origin(request: Request) -> None:
    """Threat: a page on the internet that posts to 127.0.0.1 from the owner's browser would own the box."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin", "")
    if site not in ("same-origin", "none") or (origin and urlsplit(origin).netloc != request.host):
        raise Forbidden("Open the set-up page of this box itself, then try again.")
