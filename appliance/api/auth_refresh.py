"""`POST /api/collections/{collection}/auth-refresh`"""

from __future__ import annotations

from appliance.api.auth_response import admit, answer_auth, get_collection
from appliance.api.request import Request, Response
from appliance.auth import tokens
from appliance.errors import Forbidden, Unauthorized


def auth_refresh(request: Request) -> Response:
    """A fresh token for the one that came along; a token that can't be refreshed is answered as it is."""
    collection = get_collection(request)
    record = request.auth
    if record is None:
        raise Unauthorized("The request requires valid record authorization token.")
    if record.collection.id != collection.id:
        raise Forbidden(f"The request requires auth record from {record.collection.name} collection.")
    if not tokens.is_refreshable(request.token):
        return answer_auth(request, record, request.token)
    return admit(request, record, "")
