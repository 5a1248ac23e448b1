"""`/api/settings`: view and change the box's settings. Superusers only; secrets go in and never come out."""

from __future__ import annotations

from typing import Final

from appliance.api.request import Request, Response
from appliance.core.records.field_picker import pick_fields
from appliance.core.settings.store import update_settings
from appliance.errors import BadRequest, ValidationFailed

NOT_SAVED: Final = "An error occurred while saving the new settings."


def view_settings(request: Request) -> Response:
    """All groups, without secrets."""
    return Response(pick_fields(request.app.settings.as_json(), request.query.get("fields", "")))


def change_settings(request: Request) -> Response:
    """Lay the body over the settings; answer all of them."""
    try:
        update_settings(request.app, request.body)
    except ValidationFailed as error:
        raise BadRequest(NOT_SAVED, error.data, error.hint) from error
    return view_settings(request)
