"""`POST /api/collections/{collection}/auth-with-otp`"""

from __future__ import annotations

from appliance.api.auth_response import admit, get_auth_collection
from appliance.api.form import BLANK, load_texts
from appliance.api.request import Request, Response
from appliance.auth.one_time_password import find_by_one_time_password
from appliance.core.request_info import CONTEXT_OTP
from appliance.errors import BadRequest, Forbidden, ValidationFailed


def auth_with_otp(request: Request) -> Response:
    """Sign in with `{"otpId", "password"}`, each good for one sign-in."""
    collection = get_auth_collection(request)
    if not collection.options["otp"].get("enabled"):
        raise Forbidden("The collection is not configured to allow OTP authentication.")
    form = load_texts(request, "otpId", "password")
    if not all(form.values()):
        raise ValidationFailed({name: BLANK for name, text in form.items() if not text})
    record = find_by_one_time_password(request.app, collection, form["otpId"], form["password"])
    if record is None:
        raise BadRequest("Invalid or expired OTP.")
    return admit(request.in_context(CONTEXT_OTP), record, "otp")
