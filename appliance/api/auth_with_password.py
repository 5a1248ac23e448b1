"""`POST /api/collections/{collection}/auth-with-password`"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appliance.api.auth_response import admit, get_auth_collection
from appliance.api.form import BLANK, load_texts
from appliance.api.request import Request, Response
from appliance.auth.guesses import try_password
from appliance.auth.sign_in import find_by_password
from appliance.core.collection import Collection
from appliance.core.request_info import CONTEXT_PASSWORD
from appliance.errors import BadRequest, FieldError, Forbidden, ValidationFailed

MAX_LENGTH = 255
OUT_OF_RANGE = FieldError(
    "validation_length_out_of_range", "The length must be between 1 and 255.", {"min": 1, "max": MAX_LENGTH}
)
NOT_AN_IDENTITY = FieldError("validation_in_invalid", "Must be a valid value.")


def auth_with_password(request: Request) -> Response:
    """Sign in with `{"identity", "password", "identityField"?}` by any of the collection's identity fields."""
    collection = get_auth_collection(request)
    if not collection.options["passwordAuth"].get("enabled"):
        raise Forbidden("The collection is not configured to allow password authentication.")
    form = load_texts(request, "identity", "password", "identityField")
    _require_valid(collection, form)
    identity = form["identity"]
    record = try_password(
        request.app,
        (collection.id, identity),
        request.remote_ip,
        lambda: find_by_password(request.app, collection, identity, form["password"], form["identityField"]),
    )
    if record is None:
        raise BadRequest("Failed to authenticate.")
    return admit(request.in_context(CONTEXT_PASSWORD), record, "password")


def _require_valid(collection: Collection, form: Mapping[str, str]) -> None:
    errors: dict[str, Any] = {}
    for name in ("identity", "password"):
        if not form[name]:
            errors[name] = BLANK
        elif len(form[name]) > MAX_LENGTH:
            errors[name] = OUT_OF_RANGE
    if form["identityField"] and form["identityField"] not in collection.options["passwordAuth"]["identityFields"]:
        errors["identityField"] = NOT_AN_IDENTITY
    if errors:
        raise ValidationFailed(errors)
